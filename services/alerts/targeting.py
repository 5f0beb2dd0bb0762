"""Targeting: the accounts that an issued alert reaches, one row for each, and how many of them have read it.

The rows are written in chunks, each in a transaction of its own that also stores the progress. A process that dies
leaves a whole number of chunks; the process that receives the event again continues after them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict, cast
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Text,
    Uuid,
    case,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import insert

from services.alerts import declared_targets, paths, private_reads
from services.alerts.counters import counted
from services.alerts.models import (
    SHARDS,
    alert_reach,
    alert_targeting,
    alert_targets,
    alerts,
    audience_members,
)
from services.alerts.policy import REACH, REGION, TARGETS, USER, Target, audience_of, in_order
from services.alerts.visibility import holds, shows_addressees
from shared.client.errors import NotFound
from shared.domain.permissions import ALERT_READ_REACH
from shared.platform.db import paging
from shared.platform.db.conditions import one_of
from shared.platform.db.context import with_event_context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection
    from sqlalchemy.sql.dml import ReturningUpdate

    from services.alerts.schemas import types
    from shared.platform.db.conditions import Condition
    from shared.platform.rpc.context import Caller

CHUNK: Final = 10_000
"""Accounts in a transaction: a fraction of a second of work, so that a crash loses little."""

_TARGETS: Final[paging.Order] = ((alert_targets.c.target_type, "asc"), (alert_targets.c.target_id, "asc"))
"""The order of pages, which is that of the unique key within an alert."""


def begin_targeting(connection: Connection, alert_id: UUID) -> None:
    """Prepare the counters of an alert. Calling it again changes nothing.

    Targets that were not written by this service are numbered, and give their alert its class. An alert without
    targets is for the people of its region. From now on, accounts that begin to belong to the alert join it, see
    `joining`.

    Args:
        connection: In a transaction.
        alert_id: The id of an issued alert.
    """
    if connection.scalar(select(alert_targeting.c.alert_id).where(alert_targeting.c.alert_id == alert_id)):
        return
    paths.lock_audience(connection, alone=True)
    begun = insert(alert_targeting).values(alert_id=alert_id).on_conflict_do_nothing()
    if connection.execute(begun.returning(alert_targeting.c.alert_id)).one_or_none() is None:
        return
    of_alert = alert_targets.c.alert_id == alert_id
    connection.execute(
        insert(alert_targets).from_select(
            ["alert_id", "target_type", "target_id"],
            select(alerts.c.id, literal(REGION), sql_cast(alerts.c.region_id, Text)).where(
                alerts.c.id == alert_id, ~select(alert_targets.c.id).where(of_alert).exists()
            ),
        )
    )
    is_person = alert_targets.c.target_type == USER
    numbered = (
        select(
            alert_targets.c.id,
            func.row_number()
            .over(order_by=(is_person, alert_targets.c.position, alert_targets.c.id))
            .label("number"),
        )
        .where(of_alert)
        .subquery()
    )
    connection.execute(
        update(alert_targets)
        .where(alert_targets.c.id == numbered.c.id, alert_targets.c.position.is_(None))
        .values(position=numbered.c.number)
    )
    # Other writers leave the class at its default, the narrowest.
    of_targets = audience_of(declared_targets.declared(connection, alert_id))
    connection.execute(
        update(alerts)
        .where(alerts.c.id == alert_id, alerts.c.audience_class != of_targets["audience_class"])
        .values(**of_targets)
    )
    counted = (
        select(alert_targets.c.position).where(of_alert, ~is_person).union_all(select(literal(0))).subquery()
    )
    shards = func.generate_series(0, SHARDS - 1).table_valued("shard", name="shards").render_derived()
    connection.execute(
        insert(alert_reach).from_select(
            ["alert_id", "position", "shard"],
            select(literal(alert_id, Uuid), counted.c.position, shards.c.shard).join_from(
                counted, shards, literal(value=True)
            ),
        )
    )
    paths.reopen(connection, [alert_id])


def expand_targets(
    connection: Connection, alert_id: UUID, size: int = CHUNK, *, correlation_id: str = ""
) -> bool:
    """Write the rows of the next chunk of accounts, count them and store the progress.

    The database emits `alert_targeted` with the last chunk.

    Args:
        connection: In a transaction of its own.
        alert_id: The id of an alert that `begin_targeting` has prepared.
        size: The maximal number of accounts in the chunk.
        correlation_id: The correlation id of the event that is emitted.

    Returns:
        Whether every account that the alert is for has a row now.
    """
    # The lock lets one process at a time work on an alert; accounts that join it meanwhile see how far it is.
    progress = connection.execute(
        select(
            alert_targeting.c.reached_to, alert_targeting.c.finished_at, with_event_context(correlation_id)
        )
        .where(alert_targeting.c.alert_id == alert_id)
        .with_for_update()
    ).one()
    if progress.finished_at is not None:
        return True
    declared = connection.execute(
        select(alert_targets.c.position, alert_targets.c.target_type, alert_targets.c.target_id)
        .where(alert_targets.c.alert_id == alert_id, alert_targets.c.position.is_not(None))
        .order_by(alert_targets.c.position)
    ).all()
    people = [UUID(row.target_id) for row in declared if row.target_type == USER]
    groups_and_regions = [
        (row.position, Target(row.target_type, row.target_id)) for row in declared if row.target_type != USER
    ]
    belongs = paths.conditions(paths.paths_of(connection, groups_and_regions))
    statement = _chunk(
        alert_id, progress.reached_to, size, belongs, people, _quietly_replaced(connection, alert_id)
    )
    # A plan for any values walks through all accounts; with these values, a few followers are found by their index.
    connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    return connection.execute(statement).scalar_one() is not None


def _quietly_replaced(connection: Connection, alert_id: UUID) -> UUID | None:
    """Return the id of the alert whose words alone the alert changes, if it is such an update."""
    replaced = alerts.c.references[func.cardinality(alerts.c.references)]
    return connection.scalar(select(replaced).where(alerts.c.id == alert_id, alerts.c.is_quiet))


def _chunk(
    alert_id: UUID,
    reached_to: UUID,
    size: int,
    ways: list[tuple[int, Condition]],
    people: list[UUID],
    quietly_replaced: UUID | None,
) -> ReturningUpdate[Any]:
    """Return the statement that chooses the accounts of a chunk, writes and counts their rows and stores the progress.

    Accounts are taken in the order of their ids, from ``reached_to`` on, so none is met twice and a plain INSERT
    suffices, which costs much less than one that looks for conflicts. An account that was declared as a target has a
    row already; that row is marked instead. Of an update that changes words alone, those who have read what it replaces
    have read the update.
    """
    is_named = one_of(audience_members.c.user_id, people)
    chosen = (
        select(audience_members.c.user_id, _reached_by(ways, alone=not people).label("reached_by"))
        .where(
            audience_members.c.is_active,
            audience_members.c.user_id > reached_to,
            or_(*(belongs for _, belongs in ways), *([is_named] if people else [])),
        )
        .order_by(audience_members.c.user_id)
        .limit(size)
        .cte("chosen")
    )
    read_at: ColumnElement[Any] = sql_cast(null(), alert_targets.c.read_at.type)
    if quietly_replaced is not None:
        former = alert_targets.alias("former")
        read_at = (
            select(former.c.read_at)
            .where(
                former.c.alert_id == quietly_replaced,
                former.c.target_type == USER,
                former.c.target_id == sql_cast(chosen.c.user_id, Text),
                former.c.is_read,
            )
            .scalar_subquery()
        )
    new = select(
        literal(alert_id, Uuid),
        literal(USER),
        sql_cast(chosen.c.user_id, Text),
        chosen.c.reached_by,
        read_at.is_not(None),
        read_at,
    )
    if people:
        new = new.where(not_(one_of(chosen.c.user_id, people)))
    made = (
        insert(alert_targets)
        .from_select(
            ["alert_id", "target_type", "target_id", "reached_by", "is_read", "read_at"],
            new.order_by(chosen.c.user_id),
        )
        .returning(alert_targets.c.alert_id, alert_targets.c.reached_by, alert_targets.c.is_read)
        .cte("made")
    )
    placed: Any = select(made.c.alert_id, made.c.reached_by.label("bits"), made.c.is_read)
    if people:
        marked = (
            update(alert_targets)
            .where(
                alert_targets.c.alert_id == alert_id,
                alert_targets.c.target_type == USER,
                alert_targets.c.target_id == sql_cast(chosen.c.user_id, Text),
                one_of(chosen.c.user_id, people),
            )
            # The lists of accounts are in the order of these ids, and a draft can be old when it is issued.
            .values(
                id=func.alerts.uuid7(),
                reached_by=chosen.c.reached_by,
                is_read=read_at.is_not(None),
                read_at=read_at,
            )
            .returning(alert_targets.c.alert_id, alert_targets.c.reached_by, alert_targets.c.is_read)
            .cte("marked")
        )
        placed = placed.union_all(select(marked.c.alert_id, marked.c.reached_by, marked.c.is_read))
    added = placed.cte("added")
    last = select(chosen.c.user_id).order_by(chosen.c.user_id.desc()).limit(1).scalar_subquery()
    is_last = select(func.count()).select_from(chosen).scalar_subquery() < size
    total = select(func.count()).select_from(added).scalar_subquery()
    return (
        update(alert_targeting)
        .where(alert_targeting.c.alert_id == alert_id)
        .values(
            reached_to=func.coalesce(last, alert_targeting.c.reached_to),
            targeted=alert_targeting.c.targeted + total,
            finished_at=case((is_last, func.clock_timestamp())),
        )
        .returning(alert_targeting.c.finished_at)
        .add_cte(counted(added))
    )


def _reached_by(paths: list[tuple[int, Condition]], *, alone: bool) -> ColumnElement[int]:
    """Return an account's bits: bit 0, and the bit of each position through which the alert reached the account."""
    marks: ColumnElement[int] = literal(1, BigInteger)
    for position, belongs in paths:
        bit = literal(1 << position, BigInteger)
        # With a single path, every chosen account was reached through it.
        mark = bit if alone and len(paths) == 1 else case((belongs, bit), else_=literal(0, BigInteger))
        marks = marks.op("|")(mark)
    return marks


def count_people(connection: Connection, targets: Sequence[Target]) -> int:
    """Return how many accounts an alert with these declared targets would reach now."""
    belongs = paths.conditions(paths.paths_of(connection, list(enumerate(in_order(targets), start=1))))
    statement = select(func.count()).where(audience_members.c.is_active, or_(*(one for _, one in belongs)))
    return int(connection.scalar(statement) or 0)


def count_reached(connection: Connection, alert_id: UUID) -> int:
    """Return how many accounts an alert has reached until now."""
    reached = select(func.coalesce(func.sum(alert_reach.c.targets), 0)).where(
        alert_reach.c.alert_id == alert_id, alert_reach.c.position == 0
    )
    return int(connection.scalar(reached) or 0)


def list_alert_targets(
    connection: Connection, caller: Caller, filters: types.ListAlertTargets
) -> types.PageOfTarget:
    """Return a page of the targets of an alert: groups, then regions, then accounts, each in the order of their ids.

    Raises:
        NotFound: The alert does not exist, or the caller may not see its reach.
    """
    alert_id = filters["alert_id"]
    _check_reach_is_shown(connection, caller, alert_id, TARGETS)
    statement = select(alert_targets, alert_targets.c.position.is_not(None).label("declared")).where(
        alert_targets.c.alert_id == alert_id
    )
    if filters.get("target_type") is not None:
        statement = statement.where(alert_targets.c.target_type == filters["target_type"])
    return cast("types.PageOfTarget", paging.fetch_page(connection, statement, _TARGETS, filters))


def get_alert_reach(connection: Connection, caller: Caller, alert_id: UUID) -> types.Reach:
    """Return how many accounts an alert reached and how many have read it, in total and by declared target.

    It adds up counters, and costs the same for ten accounts and for ten million.

    Raises:
        NotFound: The alert does not exist, or the caller may not see its reach.
    """
    _check_reach_is_shown(connection, caller, alert_id, REACH)
    # Before the counts: each statement sees what was committed when it began, and counts that are reported as final
    # must not be older than the end of the targeting.
    targeted_at = connection.scalar(
        select(alert_targeting.c.finished_at).where(alert_targeting.c.alert_id == alert_id)
    )
    groups_and_regions = connection.execute(
        select(alert_targets.c.position, alert_targets.c.target_type, alert_targets.c.target_id)
        .where(
            alert_targets.c.alert_id == alert_id,
            alert_targets.c.position.is_not(None),
            alert_targets.c.target_type != USER,
        )
        .order_by(alert_targets.c.position)
    ).all()
    sums = connection.execute(
        select(
            alert_reach.c.position,
            func.sum(alert_reach.c.targets).label("targets"),
            func.sum(alert_reach.c.reads).label("read"),
        )
        .where(alert_reach.c.alert_id == alert_id)
        .group_by(alert_reach.c.position)
    )
    counts = {row.position: _counts(row.targets, row.read) for row in sums}
    nobody = _counts(0, 0)
    return {
        "alert_id": alert_id,
        "targeted_at": targeted_at,
        **counts.get(0, nobody),
        "by_target": [
            {
                "target_type": row.target_type,
                "target_id": row.target_id,
                **counts.get(row.position, nobody),
            }
            for row in groups_and_regions
        ],
    }


class _Counts(TypedDict):
    targets: int
    read: int
    unread: int


def _counts(targets: int, read: int) -> _Counts:
    return {"targets": targets, "read": read, "unread": targets - read}


def _check_reach_is_shown(connection: Connection, caller: Caller, alert_id: UUID, way: str) -> None:
    statement = select(alerts.c.id, *private_reads.mark(caller)).where(
        alerts.c.id == alert_id,
        holds(connection, caller, ALERT_READ_REACH),
        shows_addressees(connection, caller),
    )
    rows = connection.execute(statement).mappings().all()
    if not rows:
        raise NotFound("Alert not found.")
    private_reads.record(connection, caller, way, rows)

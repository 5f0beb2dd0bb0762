"""Joining and leaving: who an alert is for changes while it is in force, and who has it follows.

An account that belongs to an alert in force and does not have it gets a row, as in targeting: when it is registered or
reactivated, follows a region or is given a role, and when a region moves. An account that no longer belongs to the
alert keeps the row, because its owner was told, and the row is marked with the time, so that what was not sent yet can
be stopped.

An alert whose targeting has not come to an account yet is left to the targeting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    column,
    false,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import insert

from services.alerts.counters import counted
from services.alerts.models import (
    COVERS,
    FOLLOWS,
    HOLDS,
    IS,
    NO_REGION,
    alert_targeting,
    alert_targets,
    alerts,
    audience_members,
    open_paths,
)
from services.alerts.policy import USER
from services.alerts.visibility import in_force

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from sqlalchemy import CTE, ColumnElement, Connection, Update


def follow_members(connection: Connection, user_ids: Collection[UUID]) -> None:
    """Let the alerts in force reach the accounts that they are for now, and mark the rows of those who have left.

    The accounts that get an alert are counted, and the database emits `alert_targeted` with the new number.

    Args:
        connection: In a transaction that holds the audience's lock and has locked the rows of the accounts.
        user_ids: The ids of the accounts.
    """
    if not user_ids:
        return
    people = {"user_ids": sorted(user_ids)}
    alert_ids = connection.scalars(_CHANGING, people).all()
    if not alert_ids:
        return
    # Before the rows are looked at again: a chunk of the targeting may be writing some of them.
    connection.execute(_LOCK, {"alert_ids": alert_ids})
    connection.execute(_FOLLOW, {**people, "alert_ids": alert_ids})


_USER_IDS: Final = bindparam("user_ids", type_=ARRAY(Uuid))
_ALERT_IDS: Final = bindparam("alert_ids", type_=ARRAY(Uuid))


def _belonging() -> CTE:
    """Return the accounts and the alerts in force that they belong to, with the bits of the positions through which."""
    members = (
        select(audience_members)
        .where(audience_members.c.user_id == any_(_USER_IDS), audience_members.c.is_active)
        .cte("members")
    )

    def having(kind: str, key: ColumnElement[Any]) -> Any:
        return select(members.c.user_id, members.c.roles, literal(kind).label("kind"), key.label("key"))

    keys = union_all(
        having(FOLLOWS, func.unnest(members.c.regions)),
        having(FOLLOWS, literal(NO_REGION)).where(func.cardinality(members.c.regions) == 0),
        having(COVERS, func.unnest(members.c.covers)),
        having(HOLDS, func.unnest(members.c.roles)),
        having(IS, sql_cast(members.c.user_id, Text)),
    ).subquery("keys")
    bits = literal(1, BigInteger).op("|")(
        literal(1, BigInteger).op("<<")(sql_cast(open_paths.c.position, Integer))
    )
    return (
        select(keys.c.user_id, open_paths.c.alert_id, func.bit_or(bits, type_=BigInteger).label("bits"))
        .join_from(keys, open_paths, and_(open_paths.c.kind == keys.c.kind, open_paths.c.key == keys.c.key))
        .join(alerts, alerts.c.id == open_paths.c.alert_id)
        .where(in_force(), or_(open_paths.c.role.is_(None), open_paths.c.role == any_(keys.c.roles)))
        .group_by(keys.c.user_id, open_paths.c.alert_id)
        .cte("belonging")
    )


def _row_of(rows: Any, belonging: CTE) -> ColumnElement[bool]:
    return and_(
        rows.c.alert_id == belonging.c.alert_id,
        rows.c.target_type == USER,
        rows.c.target_id == sql_cast(belonging.c.user_id, Text),
    )


def _lacks(rows: Any, belonging: CTE) -> ColumnElement[bool]:
    """Return whether a row, where there is one, does not say that the account belongs, or not through every path."""
    return or_(
        rows.c.reached_by.is_(None),
        rows.c.left_at.is_not(None),
        rows.c.reached_by.op("|")(belonging.c.bits) != rows.c.reached_by,
    )


def _leaving(belonging: CTE) -> Any:
    """Return the rows of accounts that an alert in force has reached and that no longer belong to it."""
    people = func.unnest(_USER_IDS).table_valued(column("user_id", Uuid), name="people").render_derived()
    return (
        select(alert_targets.c.id, alert_targets.c.alert_id)
        .join_from(people, alert_targets, alert_targets.c.target_id == sql_cast(people.c.user_id, Text))
        .join(alerts, alerts.c.id == alert_targets.c.alert_id)
        .outerjoin(
            belonging, and_(belonging.c.alert_id == alerts.c.id, belonging.c.user_id == people.c.user_id)
        )
        .where(
            alert_targets.c.target_type == USER,
            alert_targets.c.reached_by.is_not(None),
            alert_targets.c.left_at.is_(None),
            in_force(),
            belonging.c.user_id.is_(None),
        )
    )


def _changing() -> Any:
    """Return the statement that finds the alerts that somebody joins or leaves."""
    belonging = _belonging()
    joining = select(belonging.c.alert_id).outerjoin_from(
        belonging, alert_targets, _row_of(alert_targets, belonging)
    ).where(_lacks(alert_targets, belonging))  # fmt: skip
    leaving = _leaving(belonging).subquery("leaving")
    return joining.union(select(leaving.c.alert_id)).order_by("alert_id")


def _follow() -> Update:
    """Return the statement that writes the rows of the locked alerts and counts those who joined."""
    belonging = _belonging()
    # What the targeting has not come to is left to it.
    come_to = and_(
        alert_targeting.c.alert_id == belonging.c.alert_id,
        alert_targeting.c.alert_id == any_(_ALERT_IDS),
        or_(alert_targeting.c.finished_at.is_not(None), belonging.c.user_id <= alert_targeting.c.reached_to),
    )
    new = (
        select(belonging.c.alert_id, literal(USER), sql_cast(belonging.c.user_id, Text), belonging.c.bits)
        .join_from(belonging, alert_targeting, come_to)
        .where(~select(alert_targets.c.id).where(_row_of(alert_targets, belonging)).exists())
        .order_by(belonging.c.alert_id, belonging.c.user_id)
    )
    made = (
        insert(alert_targets)
        .from_select(["alert_id", "target_type", "target_id", "reached_by"], new)
        .returning(alert_targets.c.alert_id, alert_targets.c.reached_by.label("bits"))
        .cte("made")
    )
    # As they were: RETURNING shows only what they are then.
    before = alert_targets.alias("before")
    joined = (
        select(
            before.c.id,
            (before.c.reached_by.is_(None)).label("is_new"),
            belonging.c.bits,
            (belonging.c.bits - belonging.c.bits.op("&")(func.coalesce(before.c.reached_by, 0))).label(
                "added"
            ),
        )
        .select_from(before)
        .join(belonging, _row_of(before, belonging))
        .join(alert_targeting, come_to)
        .where(_lacks(before, belonging))
        .subquery("joined")
    )
    marked = (
        update(alert_targets)
        .where(alert_targets.c.id == joined.c.id)
        .values(
            # The lists of accounts are in the order of these ids: it is now that the account is told.
            id=case((joined.c.is_new, func.alerts.uuid7()), else_=alert_targets.c.id),
            reached_by=func.coalesce(alert_targets.c.reached_by, 0).op("|")(joined.c.bits),
            left_at=None,
        )
        .returning(alert_targets.c.alert_id, joined.c.added.label("bits"), alert_targets.c.is_read)
        .cte("marked")
    )
    leaving = _leaving(belonging).subquery("leaving")
    left = (
        update(alert_targets)
        .where(alert_targets.c.id == leaving.c.id, leaving.c.alert_id == any_(_ALERT_IDS))
        .values(left_at=func.clock_timestamp())
        .cte("left")
    )
    added = union_all(
        select(made.c.alert_id, made.c.bits, false().label("is_read")),
        select(marked.c.alert_id, marked.c.bits, marked.c.is_read),
    ).cte("added")
    new_people = (
        select(added.c.alert_id, func.count().label("people"))
        .where(added.c.bits.op("&")(literal(1, BigInteger)) == 1)
        .group_by(added.c.alert_id)
        .subquery("new_people")
    )
    return (
        update(alert_targeting)
        .where(alert_targeting.c.alert_id == new_people.c.alert_id)
        .values(targeted=alert_targeting.c.targeted + new_people.c.people)
        .add_cte(left, counted(added))
    )


_CHANGING: Final = _changing()
_FOLLOW: Final = _follow()
_LOCK: Final = (
    select(alert_targeting.c.alert_id)
    .where(alert_targeting.c.alert_id == any_(_ALERT_IDS))
    .order_by(alert_targeting.c.alert_id)
    .with_for_update()
)

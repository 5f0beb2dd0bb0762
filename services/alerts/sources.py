"""The reports and resources that alert rules are about: their present facts, copied from events, and their locks.

Whatever decides about the alerts of a report or resource locks it first: the rule engine, a person who updates,
approves or cancels such an alert. The order of locks is the same everywhere: the rules, reports and resources in the
order of their ids, their facts, their alerts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ARRAY, Uuid, and_, bindparam, exists, false, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from services.alerts.matching import UNKNOWN_REGION, Entry, Facts, Region, held_statuses
from services.alerts.models import REGIONS, alert_rules, audience_regions, rule_standings, source_facts
from shared.platform.db.conditions import one_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.outbox.event import Event

_RULES_LOCK: Final = func.hashtextextended("impactx.alert_rules", 0)


def lock_sources(connection: Connection, source_ids: Collection[UUID]) -> None:
    """Lock reports or resources until the transaction ends, in the order of their ids to avoid deadlocks."""
    if source_ids:
        connection.execute(select(func.pg_advisory_xact_lock(_key(sorted(source_ids)))))


def try_lock_source(connection: Connection, source_id: UUID) -> bool:
    """Lock a report or resource, unless somebody else has locked it; return whether it is locked now."""
    return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(_key([source_id])))))


def _key(source_ids: list[UUID]) -> Any:
    listed = func.unnest(bindparam("source_ids", source_ids, ARRAY(Uuid))).column_valued("source_id")
    return func.hashtextextended(func.concat("impactx.rules.", listed), 0)


def hold_rules(connection: Connection) -> None:
    """Keep the rules as they are until the transaction ends. Any number of transactions may do so."""
    connection.execute(select(func.pg_advisory_xact_lock_shared(_RULES_LOCK)))


def lock_rules(connection: Connection) -> None:
    """Wait until nobody follows the rules as they are, and let nobody begin to until the transaction ends."""
    connection.execute(select(func.pg_advisory_xact_lock(_RULES_LOCK)))


def record_facts(connection: Connection, events: Iterable[Event]) -> dict[UUID, Event]:
    """Store the facts that events carry, the newest of each report and resource.

    Args:
        connection: In a transaction that has locked the reports and resources.
        events: Events of reports and resources, in any order and as often as they come.

    Returns:
        The newest event of each report and resource of which something new was stored, in the order of their ids.
    """
    by_source: dict[UUID, list[Event]] = {}
    for event in events:
        by_source.setdefault(event.subject, []).append(event)
    stored = read_facts(connection, by_source)
    changed: dict[UUID, Event] = {}
    rows = []
    for source_id in sorted(by_source):
        facts = stored.get(source_id)
        for event in by_source[source_id]:
            given = Facts.of(event.type, event.data, event.time)
            facts = given if facts is None else facts.followed_by(given)
        if facts is not None and facts != stored.get(source_id):
            rows.append(_row(facts))
            changed[source_id] = max(by_source[source_id], key=lambda event: event.sequence)
    if rows:
        statement = insert(source_facts)
        columns = {name: statement.excluded[name] for name in rows[0] if name != "source_id"}
        connection.execute(statement.on_conflict_do_update(index_elements=["source_id"], set_=columns), rows)
    return changed


def _row(facts: Facts) -> dict[str, Any]:
    entry = facts.entry
    return {
        "source_id": facts.source_id,
        "kind": facts.kind,
        "version": facts.version,
        "status": facts.status,
        "severity_level": facts.severity_level,
        "type_id": facts.type_id,
        "region_id": facts.region_id,
        "title": facts.title,
        "changed_at": facts.changed_at,
        "entered_version": entry.version if entry else None,
        "entered_status": entry.status if entry else None,
        "previous_status": entry.previous_status if entry else None,
        "notes": entry.notes if entry else None,
        # Its rules are looked at in this transaction.
        "evaluate_at": None,
        "waits_for_region": False,
    }


def read_facts(connection: Connection, source_ids: Iterable[UUID]) -> dict[UUID, Facts]:
    """Return the present facts of reports and resources, as far as events have brought them."""
    statement = select(source_facts).where(one_of(source_facts.c.source_id, sorted(source_ids)))
    return {row["source_id"]: _facts(row) for row in connection.execute(statement).mappings()}


def _facts(row: RowMapping) -> Facts:
    entry = None
    if row["entered_version"] is not None:
        entry = Entry(row["entered_version"], row["entered_status"], row["previous_status"], row["notes"])
    return Facts(
        kind=row["kind"],
        source_id=row["source_id"],
        version=row["version"],
        status=row["status"],
        severity_level=row["severity_level"],
        type_id=row["type_id"],
        region_id=row["region_id"],
        title=row["title"],
        changed_at=row["changed_at"],
        entry=entry,
    )


def read_regions(connection: Connection, region_ids: Iterable[UUID]) -> dict[UUID, Region]:
    """Return the regions that are known, by id, among them the reserved one."""
    columns = audience_regions.c
    rows = connection.execute(
        select(columns.region_id, columns.code, columns.name, columns.lineage).where(
            one_of(columns.region_id, sorted(set(region_ids)))
        )
    )
    found = {
        row.region_id: Region(row.region_id, row.code, row.name, frozenset({*row.lineage, row.region_id}))
        for row in rows
    }
    return {UNKNOWN_REGION.id: UNKNOWN_REGION, **found}


def plan_evaluation(
    connection: Connection, source_id: UUID, due_at: dt.datetime | None, *, waits: bool
) -> None:
    """Note when the rules have to be looked at again for a report or resource; None if nothing is left to do.

    Args:
        connection: In a transaction that has locked the report or resource.
        source_id: Its id.
        due_at: When.
        waits: Whether it waits for its region.
    """
    connection.execute(
        update(source_facts)
        .where(source_facts.c.source_id == source_id)
        .values(evaluate_at=due_at, waits_for_region=waits)
    )


def due_sources(connection: Connection, limit: int) -> list[UUID]:
    """Return the reports and resources for which the rules have to be looked at now, those longest due first."""
    statement = (
        select(source_facts.c.source_id)
        .where(source_facts.c.evaluate_at <= func.clock_timestamp())
        .order_by(source_facts.c.evaluate_at)
        .limit(limit)
    )
    return list(connection.scalars(statement))


def touch_rule(connection: Connection, rule_id: UUID) -> None:
    """Have the rules looked at for the reports and resources of which a rule has made an alert."""
    _touch(
        connection,
        exists().where(
            rule_standings.c.source_id == source_facts.c.source_id, rule_standings.c.rule_id == rule_id
        ),
    )


def touch_regions(connection: Connection, region_ids: Collection[UUID]) -> None:
    """Have the rules looked at for what lies in regions that have changed, moved or arrived.

    These are the reports and resources that wait for the region or have been alerted about, and, as long as there is
    a rule for a region, all those of the statuses that such rules enter.
    """
    if not region_ids:
        return
    alerted = exists().where(rule_standings.c.source_id == source_facts.c.source_id)
    narrowed = select(alert_rules).where(alert_rules.c.is_active, alert_rules.c.region_id.is_not(None))
    statuses = {
        status for rule in connection.execute(narrowed).mappings() for status in held_statuses(dict(rule))
    }
    _touch(
        connection,
        and_(
            REGIONS.within(connection, source_facts.c.region_id, region_ids),
            or_(
                source_facts.c.waits_for_region,
                alerted,
                source_facts.c.status.in_(sorted(statuses)) if statuses else false(),
            ),
        ),
    )


def _touch(connection: Connection, which: Any) -> None:
    # In the order of their ids, as everywhere.
    found = select(source_facts.c.source_id).where(which).order_by(source_facts.c.source_id).with_for_update()
    touched = found.cte("touched").prefix_with("MATERIALIZED")
    connection.execute(
        update(source_facts)
        .where(source_facts.c.source_id == touched.c.source_id)
        .values(evaluate_at=func.least(source_facts.c.evaluate_at, func.clock_timestamp()))
    )


def postpone(connection: Connection, source_id: UUID, seconds: int) -> None:
    """Look at the rules of a report or resource later, because it went wrong now."""
    connection.execute(
        update(source_facts)
        .where(source_facts.c.source_id == source_id, source_facts.c.evaluate_at.is_not(None))
        .values(evaluate_at=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, seconds))
    )

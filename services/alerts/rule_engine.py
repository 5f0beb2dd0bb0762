"""The rule engine: issues, drafts and cancels alerts as changes of reports and resources require.

However often and in whatever order events arrive, a rule issues one alert for one version of a report or resource, and
none if a later version has ended it. Both are decided under a lock of the report or resource, so that two processes
with two events of it see each other's writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from sqlalchemy import ARRAY, Uuid, bindparam, exists, func, select, text
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.alerts import templates
from services.alerts.cancellation import cancel_locked
from services.alerts.declared_targets import declare
from services.alerts.matching import DRAFT_ONLY, ISSUE, REQUEST_APPROVAL, Change, ends, issues
from services.alerts.models import alert_rules, alerts, audience_regions, ending_statuses
from services.alerts.policy import GROUP, REGION, Target, cap_fields, class_of
from shared.client.errors import Unavailable
from shared.domain.alerts import ACTIVE, DRAFT, OPEN, PENDING_APPROVAL
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.platform.db.conditions import one_of
from shared.platform.db.context import with_event_context
from shared.platform.db.tables import SYSTEM_USER_ID
from shared.platform.outbox.event import work_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from services.alerts.alerts import StoredAlert
    from services.alerts.schemas import types
    from shared.platform.outbox.event import Event

MAX_TITLE_LENGTH: Final = 255

_STATUS_OF: Final = {ISSUE: ACTIVE, DRAFT_ONLY: DRAFT, REQUEST_APPROVAL: PENDING_APPROVAL}
"""The status with which an alert begins, by the action of its rule."""


class _Region(NamedTuple):
    name: str
    code: str


_UNKNOWN_REGION: Final = _Region("Unknown region", "UNKNOWN")


def follow_rules(connection: Connection, sender: str, events: Sequence[Event]) -> None:
    """Issue, draft and cancel alerts as the rules say.

    Args:
        connection: In a transaction.
        sender: The sender in CAP.
        events: `report_status_changed` and `resource_status_changed`, in any order.

    Raises:
        Unavailable: The event of identity about a region has not arrived yet.
    """
    rules = cast("list[types.AlertRule]", connection.execute(select(alert_rules)).mappings().all())
    followed = [(event, Change.of(event.type, event.data)) for event in events]
    ending = [(event, change, rule) for event, change in followed for rule in rules if ends(rule, change)]
    issuing = [(event, change, rule) for event, change in followed for rule in rules if issues(rule, change)]
    if not ending and not issuing:
        return
    _lock(connection, {change.source_id for _, change, _ in (*ending, *issuing)})
    _record_endings(connection, (change for _, change, _ in ending))
    for event, change, rule in ending:
        with work_on(event):
            _cancel(connection, sender, event, change, rule["id"])
    regions = _regions(connection, {change.region_id for _, change, _ in issuing})
    for event, change, rule in issuing:
        if not _has_ended(connection, change, rule["cancelled_by_statuses"]):
            with work_on(event):
                _issue(connection, sender, event, change, rule, regions[change.region_id])


def _lock(connection: Connection, source_ids: set[UUID]) -> None:
    """Lock reports or resources until the transaction ends, in the order of their ids to avoid deadlocks."""
    listed = func.unnest(bindparam("source_ids", sorted(source_ids), ARRAY(Uuid))).column_valued("source_id")
    connection.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(func.concat("impactx.rules.", listed), 0)))
    )


def _record_endings(connection: Connection, changes: Iterable[Change]) -> None:
    """Store the newest version at which each report or resource entered a status that ends alerts."""
    newest: dict[tuple[UUID, str], int] = {}
    for change in changes:
        key = change.source_id, change.status
        newest[key] = max(newest.get(key, 0), change.version)
    if not newest:
        return
    statement = insert(ending_statuses)
    statement = statement.on_conflict_do_update(
        index_elements=["source_id", "status"],
        set_={"version": func.greatest(ending_statuses.c.version, statement.excluded.version)},
    )
    rows = [
        {"source_id": source_id, "status": status, "version": version}
        for (source_id, status), version in sorted(newest.items())
    ]
    connection.execute(statement, rows)


def _cancel(connection: Connection, sender: str, event: Event, change: Change, rule_id: UUID) -> None:
    """Cancel the alerts that the rule issued for earlier versions of the report or resource, and their updates."""
    statement = (
        select(alerts)
        .where(
            alerts.c.source_id == change.source_id,
            alerts.c.rule_id == rule_id,
            alerts.c.source_version < change.version,
            alerts.c.status.in_(OPEN),
        )
        .with_for_update()
    )
    notes = f"{change.title}: {change.status.replace('_', ' ')}."
    for row in cast("list[StoredAlert]", connection.execute(statement).mappings().all()):
        cancel_locked(connection, event.correlation_id, sender, row, SYSTEM_USER_ID, notes)


def _has_ended(connection: Connection, change: Change, statuses: Sequence[str]) -> bool:
    """Return whether the report or resource has entered one of the statuses in a later version."""
    return bool(
        statuses
        and connection.scalar(
            select(
                exists().where(
                    ending_statuses.c.source_id == change.source_id,
                    one_of(ending_statuses.c.status, list(statuses)),
                    ending_statuses.c.version > change.version,
                )
            )
        )
    )


def _regions(connection: Connection, region_ids: set[UUID]) -> dict[UUID, _Region]:
    """Return the regions by id.

    The reserved region needs no event of identity, because alerts about it are for groups and accounts.

    Raises:
        Unavailable: The event of identity about a region has not arrived yet.
    """
    if not region_ids:
        return {}
    columns = audience_regions.c.region_id, audience_regions.c.name, audience_regions.c.code
    rows = connection.execute(select(*columns).where(one_of(audience_regions.c.region_id, list(region_ids))))
    found = {UNKNOWN_REGION_ID: _UNKNOWN_REGION}
    found |= {row.region_id: _Region(row.name, row.code) for row in rows}
    unknown = region_ids - found.keys()
    if unknown:
        raise Unavailable(f"The alerts service has not received the region {min(unknown)} yet.")
    return found


def _issue(
    connection: Connection,
    sender: str,
    event: Event,
    change: Change,
    rule: types.AlertRule,
    region: _Region,
) -> None:
    """Issue or draft the alert, unless that was done before."""
    placeholders = change.placeholders(region.name, region.code)
    targets = [_target(rule, change, region.code)]
    alert_id = uuid7()
    # A template that consists of {notes} can become empty.
    title = templates.fill(rule["title_template"], placeholders, MAX_TITLE_LENGTH) or change.title
    values: dict[str, Any] = {
        "id": alert_id,
        "title": title,
        "message": templates.fill(rule["message_template"], placeholders) or title,
        "region_id": change.region_id,
        "issued_by": SYSTEM_USER_ID,
        "expires_at": _expiry(rule["lifetime_seconds"]),
        "priority": rule["priority"],
        "status": _STATUS_OF[rule["action"]],
        "rule_id": rule["id"],
        "source_id": change.source_id,
        "source_version": change.version,
        "audience_class": class_of(targets),
    }
    if rule["action"] == ISSUE:
        values |= {**cap_fields(values), "sender": sender}
    created = connection.execute(
        insert(alerts)
        .values(**values)
        .on_conflict_do_nothing(
            index_elements=["rule_id", "source_id", "source_version"],
            index_where=text("msg_type = 'Alert'"),
        )
        .returning(alerts.c.id, with_event_context(event.correlation_id))
    ).one_or_none()
    if created is not None:
        declare(connection, alert_id, targets)


def _target(rule: types.AlertRule, change: Change, code: str) -> Target:
    target_id = rule["target_id"]
    if target_id is None:
        return Target(REGION, str(change.region_id))
    filled = templates.fill(target_id, {"region_code": code}) if rule["target_type"] == GROUP else target_id
    return Target(rule["target_type"], filled)


def _expiry(lifetime_seconds: int | None) -> ColumnElement[Any] | None:
    if lifetime_seconds is None:
        return None
    return func.current_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, lifetime_seconds)

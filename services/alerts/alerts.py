"""Alerts: their rows written, locked and checked; and one, a page of many, those that hold now."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, column, func, or_, select, table, update
from sqlalchemy.dialects.postgresql import insert

from services.alerts.models import SCHEMA, alert_areas, alerts, audience_regions
from services.alerts.policy import ACTIVE, CANCEL, CANCELLED
from services.alerts.visibility import holds, public, reached, visible
from shared.client.errors import NotFound, Unavailable
from shared.domain.permissions import ALERT_READ
from shared.platform.db import paging
from shared.platform.db.conditions import conditions_of, one_of
from shared.platform.db.context import with_event_context
from shared.platform.db.errors import field_errors
from shared.platform.db.writes import content_digest, id_taken, is_repeat, stale

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.db.conditions import Condition
    from shared.platform.rpc.context import Caller

CONTENT: Final = (
    "title",
    "message",
    "region_id",
    "priority",
    "expires_at",
    "category",
    "event",
    "urgency",
    "severity",
    "certainty",
    "instruction",
    "language",
    "translations",
    "cap_status",
    "onset_at",
    "area",
)
"""The columns that the author of an alert fills."""

CONSTRAINTS: Final = {"fk_alerts_region": "region_id", "fk_alerts_issued_by": "issued_by"}

_INTERNAL: Final = frozenset({"content_digest", "source_version", "sender", "area_version"})

COLUMNS: Final = tuple(column for column in alerts.c if column.key not in _INTERNAL)
"""What an alert shows of itself."""

_STORED: Final = (*COLUMNS, alerts.c.area_version, alerts.c.content_digest)

_ORDER: Final[paging.Order] = ((alerts.c.issued_at, "desc"), (alerts.c.id, "desc"))

CANCEL_LASTS: Final = dt.timedelta(days=7)
"""For how long a Cancel is told whose alert had no end."""

_RECENT: Final = table(
    "recent_alerts", column("id"), column("region_name"), column("issuer_name"), schema=SCHEMA
)
"""The seed's view; it alone may look at the names of regions and people."""

_CONDITIONS: Final[dict[str, Callable[[Any], Condition]]] = {
    "status": lambda values: one_of(alerts.c.status, values),
    "priority": lambda values: one_of(alerts.c.priority, values),
    "msg_type": lambda values: one_of(alerts.c.msg_type, values),
    "region_id": lambda values: one_of(alerts.c.region_id, values),
    "source_id": lambda value: alerts.c.source_id == value,
    "issued_from": lambda value: alerts.c.issued_at >= value,
    "issued_to": lambda value: alerts.c.issued_at < value,
    "changed_since": lambda value: alerts.c.updated_at >= value,
}


def digest_of(caller: Caller, arguments: Mapping[str, Any]) -> bytes:
    """Tells a repeated create of the same person from any other; a draft's issuer can change, its digest does not."""
    said = {**arguments, "author": caller.user_id}
    if "targets" in said:
        said["targets"] = [list(target) for target in said["targets"]]
    return content_digest(said)


def add(connection: Connection, caller: Caller | str, values: Mapping[str, Any]) -> RowMapping | None:
    """Writes an alert; None when there is one with its id.

    Args:
        connection: In a transaction.
        caller: Whose correlation id the events carry, or that id itself.
        values: By column.

    Raises:
        Invalid: There is no such region.
        Unavailable: There is, but it is not known here yet, so where the alert holds could not be kept.
    """
    statement = (
        insert(alerts)
        .values(**values)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(*_STORED, with_event_context(caller))
    )
    with field_errors(CONSTRAINTS):
        row = connection.execute(statement).mappings().one_or_none()
    if row is not None:
        check_area(row)
    return row


def check_area(row: RowMapping) -> None:
    """Refuses an active alert of a region that identity's events have not told of yet.

    Raises:
        Unavailable: It passes by itself within moments, or with `rebuild_audience`.
    """
    if row["status"] == ACTIVE and row["area_version"] is None:
        raise Unavailable("This region is not known to the alerts yet; try again in a moment.")


def made_before(connection: Connection, alert_id: UUID, digest: bytes) -> RowMapping:
    """The alert that a repeated create made the first time.

    Raises:
        Conflict: It is another one.
    """
    row = connection.execute(select(*_STORED).where(alerts.c.id == alert_id)).mappings().one()
    if row["content_digest"] != digest:
        raise id_taken("alert")
    return row


def change(
    connection: Connection, caller: Caller | str, alert_id: UUID, values: Mapping[str, Any]
) -> RowMapping:
    """Writes columns of an alert that `locked` holds.

    Args:
        connection: In a transaction.
        caller: Whose correlation id the events carry, or that id itself.
        alert_id: The alert.
        values: By column.
    """
    statement = (
        update(alerts)
        .where(alerts.c.id == alert_id)
        .values(**values)
        .returning(*_STORED, with_event_context(caller))
    )
    return connection.execute(statement).mappings().one()


def locked(connection: Connection, caller: Caller, alert_id: UUID, permission: str) -> RowMapping:
    """The alert, kept from others until the transaction ends.

    Raises:
        NotFound: There is none, or the caller may not see it.
        Forbidden: The caller may see it, but does not hold the permission in its region.
    """
    statement = select(alerts).where(alerts.c.id == alert_id, holds(caller, permission)).with_for_update()
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        seen = get_alert(connection, caller, alert_id)
        caller.require(permission, seen["region_id"])
        row = connection.execute(statement).mappings().one()
    return row


def check_version(caller: Caller, row: RowMapping, version: int, values: Mapping[str, Any]) -> bool:
    """Whether this very change was made before; False is leave to make it.

    Raises:
        Conflict: The alert was changed meanwhile, in another way or by somebody else.
    """
    if row["version"] == version:
        return False
    if is_repeat(caller, row, version, values):
        return True
    raise stale("alert", row)


def get_alert(connection: Connection, caller: Caller, alert_id: UUID) -> RowMapping:
    """One alert that the caller may see, or that reached the caller.

    Raises:
        NotFound: There is none.
    """
    statement = select(*COLUMNS).where(alerts.c.id == alert_id, or_(visible(caller), reached(caller)))
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such alert.")
    return row


def list_alerts(connection: Connection, caller: Caller, filters: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the alerts that the caller may see and that all filters let pass, the newest first."""
    statement = select(*COLUMNS).where(visible(caller), *conditions_of(filters, _CONDITIONS))
    rows = connection.execute(paging.keyset(statement, _ORDER, filters["cursor"], filters["limit"])).all()
    return paging.page(rows, filters["limit"], _ORDER)


def list_recent_alerts(connection: Connection, caller: Caller, filters: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the alerts that are active and not over, with what the seed's view ``recent_alerts`` shows of each.

    Without ``expires_at`` an alert holds until somebody ends it. One that is over and not yet marked so is left out.
    """
    return _list_current(connection, holds(caller, ALERT_READ), filters)


def list_public_alerts(connection: Connection, filters: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the alerts that are active, not over, and for everybody, and of the messages that call such ones off.

    A Cancel is among them for as long as the alert would have held that it calls off; where that would have held until
    somebody had ended it, for `CANCEL_LASTS`.
    """
    told_until = func.coalesce(alerts.c.expires_at, alerts.c.issued_at + CANCEL_LASTS)
    cancels = and_(
        alerts.c.msg_type == CANCEL, alerts.c.status == CANCELLED, told_until > func.current_timestamp()
    )
    frozen = and_(
        alert_areas.c.region_id == alerts.c.region_id, alert_areas.c.version == alerts.c.area_version
    )
    region_name = func.coalesce(audience_regions.c.name, alert_areas.c.name, "").label("region_name")
    statement = (
        select(*COLUMNS, region_name)
        .select_from(
            alerts.outerjoin(alert_areas, frozen).outerjoin(
                audience_regions, audience_regions.c.region_id == alerts.c.region_id
            )
        )
        .where(or_(_current(), cancels), public(), *conditions_of(filters, _CONDITIONS))
    )
    rows: Any = connection.execute(
        paging.keyset(statement, _ORDER, filters["cursor"], filters["limit"])
    ).all()
    return paging.page(rows, filters["limit"], _ORDER)


def _current() -> Condition:
    """Active alerts that are not over; one that is over and not yet marked so is left out."""
    return and_(
        alerts.c.status == ACTIVE,
        or_(alerts.c.expires_at.is_(None), alerts.c.expires_at > func.current_timestamp()),
    )


def _list_current(connection: Connection, shown: Condition, filters: Mapping[str, Any]) -> dict[str, Any]:
    names = (found for found in _RECENT.c if found.key != "id")
    statement = (
        select(*COLUMNS, *names)
        .join_from(alerts, _RECENT, _RECENT.c.id == alerts.c.id)
        .where(_current(), shown, *conditions_of(filters, _CONDITIONS))
    )
    rows = connection.execute(paging.keyset(statement, _ORDER, filters["cursor"], filters["limit"])).all()
    return paging.page(rows, filters["limit"], _ORDER)

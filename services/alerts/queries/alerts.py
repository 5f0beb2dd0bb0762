"""Reads of alerts: one, a page of many, those that hold now."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, column, func, or_, select, table

from services.alerts.models import SCHEMA, alert_areas, alerts, audience_regions
from services.alerts.queries.columns import COLUMNS
from services.alerts.queries.visibility import holds, public, reached, visible
from services.alerts.rules import ACTIVE, CANCEL, CANCELLED
from shared.client.errors import NotFound
from shared.domain.permissions import ALERT_READ
from shared.platform.db import paging
from shared.platform.db.conditions import conditions_of, one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.db.conditions import Condition
    from shared.platform.rpc.context import Caller

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

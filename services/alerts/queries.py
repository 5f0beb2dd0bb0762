"""The reads of the alerts service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, or_, select

from services.alerts.models import alerts
from services.alerts.rules import DRAFT
from shared.contracts.permissions import ALERT_READ, ALERT_READ_DRAFT
from shared.db import paging
from shared.db.conditions import conditions_of, in_regions_of, one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from shared.db.conditions import Condition
    from shared.rpc.context import Caller

_UNSEEN: Final = frozenset({"content_digest", "source_id", "source_version"})
_COLUMNS: Final = tuple(column for column in alerts.c if column.key not in _UNSEEN)
_ORDER: Final[paging.Order] = ((alerts.c.issued_at, "desc"), (alerts.c.id, "desc"))

_CONDITIONS: Final[dict[str, Callable[[Any], Condition]]] = {
    "status": lambda values: one_of(alerts.c.status, values),
    "priority": lambda values: one_of(alerts.c.priority, values),
    "region_id": lambda values: one_of(alerts.c.region_id, values),
    "issued_from": lambda value: alerts.c.issued_at >= value,
    "issued_to": lambda value: alerts.c.issued_at < value,
    "changed_since": lambda value: alerts.c.updated_at >= value,
}


def visible(caller: Caller) -> Condition:
    """Issued alerts of the regions that the caller may read, and drafts where it may read those."""
    return or_(
        and_(alerts.c.status != DRAFT, in_regions_of(caller, ALERT_READ, alerts.c.region_id)),
        and_(alerts.c.status == DRAFT, in_regions_of(caller, ALERT_READ_DRAFT, alerts.c.region_id)),
    )


def list_alerts(connection: Connection, caller: Caller, filters: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the alerts that the caller may see and that all filters let pass, the newest first."""
    statement = select(*_COLUMNS).where(visible(caller), *conditions_of(filters, _CONDITIONS))
    rows = connection.execute(paging.keyset(statement, _ORDER, filters["cursor"], filters["limit"])).all()
    return paging.page(rows, filters["limit"], _ORDER)

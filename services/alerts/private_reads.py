"""The record of who has read private alerts of others, by a permission or in order to approve them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import insert, select

from services.alerts.models import alerts, private_alert_reads
from services.alerts.visibility import holds, is_private_to_others
from shared.domain.permissions import ALERT_APPROVE, ALERT_READ_PRIVATE
from shared.platform.db import paging
from shared.platform.db.conditions import conditions_of, one_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy import ColumnElement, Connection

    from services.alerts.schemas import types
    from shared.platform.db.conditions import Condition
    from shared.platform.rpc.context import Caller

_MARK: Final = "is_private_to_others"

_ORDER: Final[paging.Order] = ((private_alert_reads.c.read_at, "desc"), (private_alert_reads.c.id, "desc"))

_CONDITIONS: Final[dict[str, Callable[[Any], Condition]]] = {
    "alert_id": lambda value: private_alert_reads.c.alert_id == value,
    "user_id": lambda value: private_alert_reads.c.user_id == value,
    "way": lambda values: one_of(private_alert_reads.c.way, values),
    "read_from": lambda value: private_alert_reads.c.read_at >= value,
    "read_to": lambda value: private_alert_reads.c.read_at < value,
}


def mark(caller: Caller) -> list[ColumnElement[bool]]:
    """Return the column by which `record` knows what to record; none for callers who cannot see such alerts."""
    if not (caller.may(ALERT_READ_PRIVATE) or caller.may(ALERT_APPROVE)):
        return []
    return [is_private_to_others(caller).label(_MARK)]


def record(connection: Connection, caller: Caller, way: str, rows: Iterable[Mapping[Any, Any]]) -> None:
    """Record which of the alerts that the caller is about to see are private to others.

    Args:
        connection: In autocommit or in a transaction.
        caller: The caller.
        way: One of `policy.WAYS`.
        rows: Rows of alerts with their ``id`` and the columns of `mark`.
    """
    seen = [
        {
            "alert_id": row["id"],
            "user_id": caller.user_id,
            "way": way,
            "correlation_id": caller.correlation_id,
        }
        for row in rows
        if row.get(_MARK)
    ]
    if seen:
        connection.execute(insert(private_alert_reads).values(seen))


def list_private_alert_reads(
    connection: Connection, caller: Caller, filters: types.ListPrivateAlertReads
) -> types.PageOfPrivateAlertRead:
    """Return a page of the records about alerts in the regions where the caller may read private ones."""
    statement = (
        select(private_alert_reads)
        .join(alerts, alerts.c.id == private_alert_reads.c.alert_id)
        .where(holds(connection, caller, ALERT_READ_PRIVATE), *conditions_of(filters, _CONDITIONS))
    )
    return cast("types.PageOfPrivateAlertRead", paging.fetch_page(connection, statement, _ORDER, filters))

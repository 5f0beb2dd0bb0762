"""The status history, written from the service's own events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.reports.models import report_status_history
from shared.domain.history import StatusHistory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from shared.platform.outbox.event import Event

_HISTORY: Final = StatusHistory(report_status_history, "report_id")


def record_history(connection: Connection, events: Sequence[Event]) -> None:
    """Writes one history row for each event, in one statement; an event that is repeated writes nothing.

    The row's id is the event's, and a report has one row a version.

    Args:
        connection: Its one statement is the transaction.
        events: `report_created` and `report_status_changed`, in any order.
    """
    _HISTORY.record(connection, events)

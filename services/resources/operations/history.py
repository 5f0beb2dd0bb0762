"""The status history, written from the service's own events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.resources.models import resource_status_history
from shared.domain.history import StatusHistory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from shared.platform.outbox.event import Event

_HISTORY: Final = StatusHistory(resource_status_history, "resource_id")


def record_history(connection: Connection, events: Sequence[Event]) -> None:
    """Writes one history row for each event, in one statement; an event that is repeated writes nothing.

    Args:
        connection: Its one statement is the transaction.
        events: `resource_created` and `resource_status_changed`, in any order.
    """
    _HISTORY.record(connection, events)

"""The status history, written from the service's own events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import JSON, DateTime, Integer, Text, Uuid, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import insert

from services.reports.models import report_status_history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from shared.messaging.event import Event

_GIVEN: Final = (
    func.json_to_recordset(bindparam("entries", type_=JSON))
    .table_valued(
        column("id", Uuid),
        column("report_id", Uuid),
        column("status", Text),
        column("changed_by", Uuid),
        column("notes", Text),
        column("changed_at", DateTime(timezone=True)),
        column("version", Integer),
    )
    .render_derived(name="given", with_types=True)
)
_RECORD: Final = (
    insert(report_status_history)
    .from_select([found.key for found in _GIVEN.c], select(*_GIVEN.c))
    .on_conflict_do_nothing()
)


def record_history(connection: Connection, events: Sequence[Event]) -> None:
    """Writes one history row for each event, in one statement; an event that is repeated writes nothing.

    The row's id is the event's, and a report has one row a version.

    Args:
        connection: Its one statement is the transaction.
        events: `report_created` and `report_status_changed`, in any order.
    """
    entries = [
        {
            "id": event.id,
            "report_id": event.data["report_id"],
            "status": event.data["status"],
            "changed_by": event.data["changed_by"],
            "notes": event.data["notes"],
            "changed_at": event.data["changed_at"],
            "version": event.data["version"],
        }
        for event in events
    ]
    # In one order everywhere, so that two processes with the same events wait for and do not lock out each other.
    entries.sort(key=lambda entry: (entry["report_id"], entry["version"]))
    connection.execute(_RECORD, {"entries": entries})

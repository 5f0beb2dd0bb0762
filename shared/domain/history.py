"""The status histories, written from a service's own events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import JSON, DateTime, Integer, Text, Uuid, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import insert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Table

    from shared.platform.outbox.event import Event

FACTS: Final = ("status", "changed_by", "notes", "changed_at", "version")
"""What of an event goes into the history, beside its id and the thing it is about."""


class StatusHistory:
    """Writes one row of a history for each event, however often and in whatever order the events come.

    Args:
        table: The history: ``id`` is the event's, ``version`` that of the thing, which has one row a version.
        thing: The column, and the fact of the event, that names the thing: ``report_id``.
    """

    def __init__(self, table: Table, thing: str) -> None:
        self._thing = thing
        given = (
            func.json_to_recordset(bindparam("entries", type_=JSON))
            .table_valued(
                column("id", Uuid),
                column(thing, Uuid),
                column("status", Text),
                column("changed_by", Uuid),
                column("notes", Text),
                column("changed_at", DateTime(timezone=True)),
                column("version", Integer),
            )
            .render_derived(name="given", with_types=True)
        )
        self._statement = (
            insert(table)
            .from_select([found.key for found in given.c], select(*given.c))
            .on_conflict_do_nothing()
        )

    def record(self, connection: Connection, events: Sequence[Event]) -> None:
        """Writes the rows of the events in one statement; an event that is repeated writes nothing.

        Args:
            connection: The one statement is the transaction.
            events: Those that tell of a creation or a change of status, in any order.
        """
        entries = [
            {
                "id": event.id,
                self._thing: event.data[self._thing],
                **{name: event.data[name] for name in FACTS},
            }
            for event in events
        ]
        # In one order everywhere: two processes with the same events wait for and do not lock out each other.
        entries.sort(key=lambda entry: (entry[self._thing], entry["version"]))
        connection.execute(self._statement, {"entries": entries})

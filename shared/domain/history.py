"""The status histories, written from a service's own events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    bindparam,
    column,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import insert

from shared.platform.db import paging
from shared.platform.db.tables import identifier, moment, reference

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from shared.domain.status import StatusMachine
    from shared.platform.outbox.event import Event

FACTS: Final = ("status", "changed_by", "notes", "changed_at", "version")
"""What of an event goes into the history, beside its id and the id of the thing."""


def status_history_table(things: Table, machine: StatusMachine) -> Table:
    """Return the table of the statuses that the rows of another table entered.

    Args:
        things: The other table, such as ``reports.reports``.
        machine: Its statuses; the table and its columns are named by what has them: ``report_status_history``.
    """
    thing = machine.thing
    name = f"{thing}_status_history"
    table = Table(
        name,
        things.metadata,
        identifier(str(things.schema)),
        reference(f"{thing}_id", f"{things.fullname}.id", f"fk_{name}_{thing}"),
        Column("status", String(50), nullable=False),
        reference("changed_by", "identity.users.id", f"fk_{name}_changed_by"),
        Column("notes", Text),
        moment("changed_at"),
        Column("version", Integer, nullable=False, server_default=text("0")),
        UniqueConstraint(f"{thing}_id", "version"),
        CheckConstraint(machine.check_constraint(), name="status"),
        comment=f"Every status a {thing} entered, written from its events: id is the event's, version the {thing}'s.",
    )
    Index(f"idx_{name}_{thing}", table.c[f"{thing}_id"])
    Index(f"idx_{name}_changed_at", table.c.changed_at)
    return table


class StatusHistory:
    """The statuses that things entered: one row for each event, however often and in whatever order events come.

    Args:
        table: As `status_history_table` makes it: ``id`` is the event's, ``version`` that of the thing, which has one
            row a version.
        thing: The column, and the fact of the event, that holds the id of the thing: ``report_id``.
    """

    def __init__(self, table: Table, thing: str) -> None:
        self._table = table
        self._thing = thing
        self._order: paging.Order = ((table.c.version, "asc"),)
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
        """Write the rows of the events in one statement; an event that is repeated writes nothing.

        Args:
            connection: In autocommit.
            events: Creations and changes of status, in any order.
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

    def page(self, connection: Connection, thing_id: UUID, cursor: str | None, limit: int) -> dict[str, Any]:
        """Return a page of the statuses that a thing entered, the first one first.

        A row is written some milliseconds after the change, from its event.
        """
        statement = select(self._table).where(self._table.c[self._thing] == thing_id)
        return paging.fetch_page(connection, statement, self._order, {"cursor": cursor, "limit": limit})

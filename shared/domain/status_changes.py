"""Changes of statuses in the database: the statement, and the history, which is written from events."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    ARRAY,
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
    any_,
    bindparam,
    column,
    func,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from shared.domain.region_tree import given
from shared.platform.db import paging
from shared.platform.db.context import EVENT_CONTEXT
from shared.platform.db.tables import identifier, moment, reference
from shared.platform.db.writes import is_repeat, stale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, RowMapping

    from shared.domain.region_tree import RegionTree
    from shared.domain.status import StatusMachine
    from shared.platform.db.conditions import Condition
    from shared.platform.outbox.event import Event
    from shared.platform.rpc.context import Caller

FACTS: Final = ("status", "changed_by", "notes", "changed_at", "version")
"""What of an event goes into the history, beside its id and the id of the thing."""


def status_history_table(things: Table, machine: StatusMachine, *, comment: str = "") -> Table:
    """Return the table of the statuses that the rows of another table entered.

    Args:
        things: The other table, such as ``reports.reports``.
        machine: Its statuses; the table and its columns are named by what has them: ``report_status_history``.
        comment: How the table is written, where that is not from events.
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
        comment=comment
        or f"Every status a {thing} entered, written from its events: id is the event's, version the {thing}'s.",
    )
    Index(f"idx_{name}_{thing}", table.c[f"{thing}_id"])
    Index(f"idx_{name}_changed_at", table.c.changed_at)
    return table


class StatusChange:
    """A change of the status of a row, by callers with a permission in its region.

    The statement is made once, because changing a status is a hot path, and it is the whole transaction.

    Args:
        machine: The statuses.
        table: The table, with ``id``, ``version``, ``region_id``, ``status``, ``status_notes`` and ``updated_by``.
        regions: The tree of the regions.
        permission: The permission that the caller needs in the region of the row.
        returning: The columns of the result.
        also: The names of other columns that a change sets.
        where: A further condition, with parameters that `make` gets.
    """

    def __init__(
        self,
        machine: StatusMachine,
        table: Table,
        regions: RegionTree,
        permission: str,
        *,
        returning: Sequence[ColumnElement[Any]],
        also: Sequence[str] = (),
        where: Condition | None = None,
    ) -> None:
        self._machine = machine
        self._regions = regions
        self._permission = permission
        columns = table.c
        self._statement = (
            update(table)
            .where(
                columns.id == bindparam("row_id", type_=Uuid),
                columns.version == bindparam("seen", type_=Integer),
                columns.status == any_(bindparam("origins", type_=ARRAY(String))),
                regions.held_as_given(columns.region_id),
                true() if where is None else where,
            )
            .values(
                updated_by=bindparam("caller_id", type_=Uuid),
                **{
                    name: bindparam(f"new_{name}", type_=columns[name].type)
                    for name in ("status", "status_notes", *also)
                },
            )
            .returning(*returning, EVENT_CONTEXT)
        )

    def make(
        self,
        connection: Connection,
        caller: Caller,
        row_id: UUID,
        version: int,
        values: Mapping[str, Any],
        *,
        parameters: Mapping[str, Any] = MappingProxyType({}),
    ) -> RowMapping | None:
        """Change the status.

        Where nothing was changed, the caller of this function reads the row and lets `check` explain why.

        Args:
            connection: In autocommit; it is one statement.
            caller: The caller.
            row_id: The row.
            version: The version that the caller saw.
            values: The new values: ``status``, ``status_notes`` and the other columns of the change.
            parameters: Those of the further condition.

        Returns:
            The row as it is now; None where nothing was changed.
        """
        bound = {
            **parameters,
            "row_id": row_id,
            "seen": version,
            "origins": list(self._machine.origins[values["status"]]),
            **given(caller, self._permission),
            **{f"new_{name}": value for name, value in values.items()},
            "caller_id": caller.user_id,
            "correlation_id": caller.correlation_id,
        }
        return connection.execute(self._statement, bound).mappings().one_or_none()

    def check(
        self,
        connection: Connection,
        caller: Caller,
        row: RowMapping | Mapping[str, Any],
        version: int,
        values: Mapping[str, Any],
    ) -> None:
        """Refuse a change that changed nothing, unless this very change was made before.

        Args:
            connection: To read with.
            caller: The caller.
            row: The row as it is now.
            version: The version that the caller saw.
            values: The values of `make`.

        Raises:
            Forbidden: The caller does not have the permission in the region of the row.
            Conflict: The new status may not follow the present one (``legal`` lists those that may), or the row was
                changed meanwhile.
        """
        self._regions.require(connection, caller, self._permission, row["region_id"])
        if is_repeat(caller, row, version, values):
            return
        if row["version"] == version:
            self._machine.check_move(row["status"], values["status"])
        raise stale(self._machine.thing, row)


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
        entries = (
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
            .render_derived(name="entries", with_types=True)
        )
        self._statement = (
            insert(table)
            .from_select([found.key for found in entries.c], select(*entries.c))
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

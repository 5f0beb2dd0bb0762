"""The catalogues: small tables of named entries that other rows refer to, so that none is ever deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypedDict, TypeVar, cast

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from shared.client.errors import Conflict, Invalid, NotFound
from shared.platform.db import paging
from shared.platform.db.errors import field_errors
from shared.platform.db.writes import content_digest, create_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Table

    from shared.platform.rpc.context import Caller


Entry = TypeVar("Entry")
"""The row of an entry, as the generated types of a service describe it."""


class PageOfEntries(TypedDict, Generic[Entry]):
    """A page of a catalogue."""

    items: Sequence[Entry]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a catalogue at a moment; they are some dozens.

    Attributes:
        thing: What an entry is, in words.
        in_use: Whether it is in use, by id.
    """

    thing: str
    in_use: Mapping[UUID, bool]

    def problem(self, entry_id: UUID, *, include_inactive: bool = False) -> str | None:
        """Return what is wrong with a reference to an entry.

        Args:
            entry_id: The entry.
            include_inactive: Whether an entry that is not in use any more is acceptable.
        """
        if entry_id not in self.in_use:
            return f"No such {self.thing}."
        if not include_inactive and not self.in_use[entry_id]:
            return f"This {self.thing} is not in use any more."
        return None


class Catalogue(Generic[Entry]):
    """A table of named entries.

    Args:
        table: With a unique ``name``, ``content_digest``, and ``is_active`` where entries can go out of use.
        thing: What an entry is, in words.
        order: The column by which entries are listed; ``name`` if omitted.
    """

    def __init__(self, table: Table, thing: str, order: str = "name") -> None:
        self._table = table
        self._thing = thing
        self._order: paging.Order = ((table.c[order], "asc"), (table.c.id, "asc"))
        self._constraints = {f"{table.name}_name_key": "name"}

    def add_missing(self, connection: Connection, entries: Iterable[Mapping[str, object]]) -> None:
        """Add the entries whose names are not there yet; existing ones stay as they are."""
        add_missing(connection, self._table, entries)

    def create(self, connection: Connection, caller: Caller, arguments: Mapping[str, Any]) -> Entry:
        """Add an entry.

        Args:
            connection: In autocommit; it is one statement.
            caller: The caller.
            arguments: The values by column; a repeat with the same ``id`` and values returns the entry.

        Raises:
            Conflict: The name or the id is taken.
        """
        values = {
            **arguments,
            "id": arguments.get("id") or uuid7(),
            "content_digest": content_digest(arguments),
        }
        with field_errors(self._constraints):
            created = create_once(connection, caller, self._table, values, thing=self._thing)
        return cast("Entry", created.row)

    def update(self, connection: Connection, entry_id: UUID, changes: Mapping[str, Any]) -> Entry:
        """Change an entry, for everything that refers to it.

        Args:
            connection: In autocommit; it is one statement.
            entry_id: The entry.
            changes: New values by column. Repeating them changes nothing more, so no version is asked for.

        Raises:
            NotFound: There is no such entry.
            Conflict: The name is taken.
        """
        statement = (
            update(self._table)
            .where(self._table.c.id == entry_id)
            .values(**changes)
            .returning(*self._table.c)
        )
        with field_errors(self._constraints):
            row = connection.execute(statement).mappings().one_or_none()
        if row is None:
            raise NotFound(f"{self._thing.capitalize()} not found.")
        return cast("Entry", row)

    def page(
        self, connection: Connection, *, cursor: str | None, limit: int, include_inactive: bool = True
    ) -> PageOfEntries[Entry]:
        """Return a page of the entries; without those that are not in use any more, if so wanted."""
        statement = select(self._table)
        if not include_inactive:
            statement = statement.where(self._table.c.is_active)
        page = paging.fetch_page(connection, statement, self._order, {"cursor": cursor, "limit": limit})
        return cast("PageOfEntries[Entry]", page)

    def entries(self, connection: Connection) -> Entries:
        """Return what the references to this catalogue are checked against."""
        rows = connection.execute(select(self._table)).mappings()
        return Entries(self._thing, {row["id"]: row.get("is_active", True) for row in rows})


def add_missing(connection: Connection, table: Table, entries: Iterable[Mapping[str, Any]]) -> None:
    """Add the rows whose names are not there yet; existing ones stay as they are."""
    rows = [{"id": uuid7(), **entry} for entry in entries]
    connection.execute(insert(table).on_conflict_do_nothing(index_elements=["name"]), rows)


def reference_problems(
    given: Mapping[str, Any], known: Mapping[str, Entries], *, include_inactive: bool = False
) -> dict[str, list[str]]:
    """Return what is wrong with the references to catalogues among some arguments, where they have any.

    Args:
        given: The arguments.
        known: The entries that there are, by the argument that refers to them.
        include_inactive: Whether entries that are not in use any more are acceptable.
    """
    return {
        name: [problem]
        for name, entries in known.items()
        if name in given
        and (problem := entries.problem(given[name], include_inactive=include_inactive)) is not None
    }


def refuse_references(
    given: Mapping[str, Any], known: Mapping[str, Entries], *, include_inactive: bool = False
) -> NoReturn:
    """Refuse arguments whose references were not found acceptable a moment ago.

    The arguments are those of `reference_problems`.

    Raises:
        Invalid: It names each argument at fault.
        Conflict: They are acceptable now.
    """
    problems = reference_problems(given, known, include_inactive=include_inactive)
    if problems:
        raise Invalid(fields=problems)
    raise Conflict("The catalogue was changed at the same moment; try again.")

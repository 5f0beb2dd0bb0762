"""The catalogues: small tables of named entries that other rows refer to, so that none is ever deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from shared.client.errors import NotFound
from shared.platform.db.digest import content_digest
from shared.platform.db.errors import field_errors
from shared.platform.db.repeats import id_taken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping, Table


def add_missing(connection: Connection, catalogue: Table, entries: Iterable[Mapping[str, Any]]) -> None:
    """Adds the entries whose names are not there yet; what is there stays as it is."""
    rows = [{"id": uuid7(), **entry} for entry in entries]
    connection.execute(insert(catalogue).on_conflict_do_nothing(index_elements=["name"]), rows)


def create_entry(connection: Connection, catalogue: Table, arguments: Mapping[str, Any]) -> RowMapping:
    """Adds an entry.

    Args:
        connection: In autocommit; it is one statement.
        catalogue: The table, with a unique ``name``.
        arguments: The values by column; a repeat with the same ``id`` and values returns the entry.

    Raises:
        Conflict: The name or the id is taken.
    """
    digest = content_digest(arguments)
    given = {**arguments, "id": arguments.get("id") or uuid7(), "content_digest": digest}
    statement = (
        insert(catalogue)
        .values(**given)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(*catalogue.c)
    )
    with _name_taken(catalogue):
        row = connection.execute(statement).mappings().one_or_none()
    if row is not None:
        return row
    row = connection.execute(select(catalogue).where(catalogue.c.id == given["id"])).mappings().one()
    if row["content_digest"] == digest:
        return row
    raise id_taken("entry of the catalogue")


def update_entry(
    connection: Connection, catalogue: Table, entry_id: UUID, changes: Mapping[str, Any]
) -> RowMapping:
    """Changes an entry, for everything that refers to it.

    Args:
        connection: In autocommit; it is one statement.
        catalogue: The table, with a unique ``name``.
        entry_id: The entry.
        changes: New values by column. Repeating them changes nothing more, so no version is asked for.

    Raises:
        NotFound: There is no such entry.
        Conflict: The name is taken.
    """
    statement = update(catalogue).where(catalogue.c.id == entry_id).values(**changes).returning(*catalogue.c)
    with _name_taken(catalogue):
        row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such entry in the catalogue.")
    return row


def _name_taken(catalogue: Table) -> Any:
    return field_errors({f"{catalogue.name}_name_key": "name"})

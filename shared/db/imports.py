"""Storing many rows in one call: each is stored, known already, or refused for a stated reason.

A row at fault does not fail the call, and the good ones are stored by one statement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import JSON, Text, Uuid, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from uuid6 import uuid7

from shared.db.conditions import one_of
from shared.db.context import TRACED
from shared.db.digest import content_digest
from shared.db.errors import constraint_of
from shared.db.repeats import id_taken
from shared.errors import Conflict, Forbidden, ImpactXError, Invalid
from shared.schemas import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Table

    from shared.rpc.context import Caller
    from shared.schemas import Arguments

Row = dict[str, Any]


@dataclass
class Batch:
    """The rows of one call, on their way: each ends with an id in ``ids`` or in ``refused``.

    Attributes:
        rows: The loaded rows that nothing was found against yet, by their index in the call.
        ids: The id of each row, None where it was refused.
        refused: Why, for each row that was refused.
    """

    rows: dict[int, Row] = field(default_factory=dict)
    ids: list[UUID | None] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, index: int, error: ImpactXError) -> None:
        """Takes a row out, for this reason."""
        self.rows.pop(index, None)
        self.ids[index] = None
        self.refused.append(
            {"row": index, "error": error.slug, "message": error.message, "fields": error.fields}
        )

    def refuse_where(self, problem: Callable[[Row], ImpactXError | None]) -> None:
        """Takes out every row that this finds something against."""
        for index, row in list(self.rows.items()):
            error = problem(row)
            if error is not None:
                self.refuse(index, error)

    def unlocated(self) -> list[int]:
        """The rows that name no region."""
        return [index for index, row in self.rows.items() if "region_id" not in row]

    def locate(self, index: int, region_id: UUID | None) -> None:
        """Puts a row into the region of its location, or refuses it when no region contains it."""
        if region_id is None:
            self.refuse(index, no_region())
        else:
            self.rows[index]["region_id"] = region_id


def no_region() -> Invalid:
    """The refusal of something that lies in no region."""
    problem = "No region contains this location; name the region."
    return Invalid("No region contains this location.", fields={"region_id": [problem]})


def check_rows(rows: Sequence[Any], schema: Arguments, complete: Callable[[Row], Row]) -> Batch:
    """Loads the rows of an import by the rules of the create that they stand for.

    Each gets an id where it has none, and the digest that tells a repeat.

    Args:
        rows: As they came.
        schema: The arguments of the create.
        complete: Returns a copy of a loaded row with what the service adds; raises `Invalid` for what the
            schema lets pass.
    """
    batch = Batch(ids=[None] * len(rows))
    first_with: dict[UUID, int] = {}
    for index, raw in enumerate(rows):
        try:
            said = load(schema, raw)
            row = complete(said)
            if "id" not in row:
                # uuid6 makes a subclass of UUID, which the JSON serializer does not take for one.
                row["id"] = UUID(bytes=uuid7().bytes)
            first = first_with.setdefault(row["id"], index)
            if first != index:
                raise Conflict(fields={"id": [f"Row {first} of this call has the same id."]})
        except ImpactXError as error:
            batch.refuse(index, error)
            continue
        row["digest"] = content_digest(said).hex()
        batch.rows[index] = row
        batch.ids[index] = row["id"]
    return batch


class Import:
    """Stores batches in one table.

    Args:
        table: With ``id``, ``region_id`` and ``content_digest``.
        thing: What a row of it is, in a word.
        names: The columns that rows may fill, ``id`` and ``region_id`` among them.
        author: The column that names who stored the row.
        permission: What the caller needs in each row's region.
        region_key: The constraint by which a region that does not exist is noticed.
    """

    def __init__(
        self, table: Table, thing: str, names: Sequence[str], *, author: str, permission: str, region_key: str
    ) -> None:
        self._table = table
        self._thing = thing
        self._author = author
        self._permission = permission
        self._region_key = region_key
        given = (
            func.json_to_recordset(bindparam("rows", type_=JSON))
            .table_valued(*(column(name, table.c[name].type) for name in names), column("digest", Text))
            .render_derived(name="given", with_types=True)
        )
        values = (*(given.c[name] for name in names), func.decode(given.c.digest, "hex"))
        self._insert = (
            insert(table)
            .from_select(
                [*names, "content_digest", author], select(*values, bindparam("caller_id", type_=Uuid))
            )
            .on_conflict_do_nothing(index_elements=["id"])
            .returning(table.c.id, TRACED)
        )

    def refuse_forbidden(self, caller: Caller, batch: Batch) -> None:
        """Takes out the rows in whose region the caller may not import."""
        problem = Forbidden(f"This needs the permission {self._permission} in the region of the row.")
        batch.refuse_where(lambda row: None if caller.may(self._permission, row["region_id"]) else problem)

    def store(self, connection: Connection, caller: Caller, batch: Batch) -> dict[str, Any]:
        """Stores what is left of a batch, set-based, and says what became of each row of the call.

        Args:
            connection: In a transaction.
            caller: Becomes the author.
            batch: Checked and located.

        Returns:
            ``stored`` and ``unchanged`` counts, ``ids`` and ``refused`` of all rows.
        """
        stored = self._stored(connection, caller, batch)
        self._refuse_taken(connection, caller, batch, stored)
        return {
            "stored": len(stored),
            "unchanged": len(batch.rows) - len(stored),
            "ids": batch.ids,
            "refused": sorted(batch.refused, key=lambda refusal: refusal["row"]),
        }

    def _stored(self, connection: Connection, caller: Caller, batch: Batch) -> set[UUID]:
        """Stores the rows and returns the ids of those that were not there yet.

        Regions are identity's; only the foreign key knows which there are. When it refuses the batch, the
        regions are tried one by one.
        """
        try:
            return self._insert_rows(connection, caller, batch.rows.values())
        except IntegrityError as error:
            if not self._is_unknown_region(error):
                raise
        stored: set[UUID] = set()
        for region_id in {row["region_id"] for row in batch.rows.values()}:
            rows = {index: row for index, row in batch.rows.items() if row["region_id"] == region_id}
            try:
                stored |= self._insert_rows(connection, caller, rows.values())
            except IntegrityError as error:
                if not self._is_unknown_region(error):
                    raise
                for index in rows:
                    batch.refuse(index, Invalid(fields={"region_id": ["No such region."]}))
        return stored

    def _insert_rows(
        self, connection: Connection, caller: Caller, rows: Iterable[Mapping[str, Any]]
    ) -> set[UUID]:
        values = {
            "rows": list(rows),
            "caller_id": caller.user_id,
            "correlation_id": caller.correlation_id,
        }
        with connection.begin_nested():
            return set(connection.scalars(self._insert, values))

    def _is_unknown_region(self, error: IntegrityError) -> bool:
        return constraint_of(error) == self._region_key

    def _refuse_taken(self, connection: Connection, caller: Caller, batch: Batch, stored: set[UUID]) -> None:
        """Of the rows that were there already, takes out those with other content or of somebody else."""
        known = {row["id"]: index for index, row in batch.rows.items() if row["id"] not in stored}
        if not known:
            return
        columns = self._table.c
        statement = select(columns.id, columns.content_digest, columns[self._author])
        for row_id, digest, author in connection.execute(statement.where(one_of(columns.id, list(known)))):
            index = known[row_id]
            if digest is None or digest.hex() != batch.rows[index]["digest"] or author != caller.user_id:
                batch.refuse(index, id_taken(self._thing))

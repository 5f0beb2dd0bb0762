"""Storing many reports at once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import psycopg
from sqlalchemy import JSON, DateTime, Text, Uuid, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import IntegrityError
from uuid6 import uuid7

from services.reports.models import reports
from services.reports.operations.reports import TRACED, catalogue_problems, catalogues
from services.reports.queries.visibility import one_of
from services.reports.rules import reported_at_problem
from services.reports.schemas import CreateReport
from shared.contracts.permissions import REPORT_IMPORT
from shared.db.digest import content_digest
from shared.errors import Conflict, Forbidden, ImpactXError, Invalid
from shared.schemas import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from shared.rpc.context import Caller

_ROW: Final = CreateReport()

_GIVEN: Final = (
    func.json_to_recordset(bindparam("rows", type_=JSON))
    .table_valued(
        column("id", Uuid),
        column("region_id", Uuid),
        column("report_type_id", Uuid),
        column("severity_level_id", Uuid),
        column("title", Text),
        column("description", Text),
        column("location", JSONB),
        column("reported_at", DateTime(timezone=True)),
        column("digest", Text),
    )
    .render_derived(name="given", with_types=True)
)
_INSERT: Final = (
    insert(reports)
    .from_select(
        [*(found.key for found in _GIVEN.c if found.key != "digest"), "content_digest", "user_id"],
        select(
            *(found for found in _GIVEN.c if found.key != "digest"),
            func.decode(_GIVEN.c.digest, "hex"),
            bindparam("caller_id", type_=Uuid),
        ),
    )
    .on_conflict_do_nothing(index_elements=["id"])
    .returning(reports.c.id, TRACED)
)


@dataclass
class Batch:
    """The rows of one call, on their way: each ends with an id in ``ids`` or in ``refused``.

    Attributes:
        rows: The loaded rows that nothing was found against yet, by their index in the call.
        ids: The id of each row, None where it was refused.
        refused: Why, for each row that was refused.
    """

    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    ids: list[UUID | None] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, index: int, error: ImpactXError) -> None:
        """Takes a row out, for this reason."""
        self.rows.pop(index, None)
        self.ids[index] = None
        self.refused.append(
            {"row": index, "error": error.slug, "message": error.message, "fields": error.fields}
        )

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
    """The refusal of a report that lies in no region."""
    problem = "No region contains this location; name the region."
    return Invalid("No region contains this location.", fields={"region_id": [problem]})


def check_rows(rows: Sequence[Any]) -> Batch:
    """Loads the rows of an import by the rules of `create_report`.

    Each gets an id where it has none, and the digest that tells a repeat.
    """
    now = dt.datetime.now(dt.UTC)
    batch = Batch(ids=[None] * len(rows))
    first_with: dict[UUID, int] = {}
    for index, raw in enumerate(rows):
        try:
            row = load(_ROW, raw)
            problem = reported_at_problem(row.get("reported_at", now), now)
            if problem:
                raise Invalid(fields={"reported_at": [problem]})
            row_id: UUID = row.get("id") or uuid7()
            first = first_with.setdefault(row_id, index)
            if first != index:
                raise Conflict(fields={"id": [f"Row {first} of this call has the same id."]})
        except ImpactXError as error:
            batch.refuse(index, error)
            continue
        digest = content_digest(row).hex()
        batch.rows[index] = {"reported_at": now, **row, "id": row_id, "digest": digest}
        batch.ids[index] = row_id
    return batch


def import_reports(connection: Connection, caller: Caller, batch: Batch) -> dict[str, Any]:
    """Stores the rows of a batch that can be stored, set-based, and says what became of each.

    The database emits `report_created` for each one stored.

    Args:
        connection: In a transaction.
        caller: Becomes the reporter; needs ``report:import`` in each row's region.
        batch: Checked and located.

    Returns:
        What `schemas.ImportResult` says.
    """
    _refuse_forbidden(caller, batch)
    _refuse_unknown(connection, batch)
    stored = _insert(connection, caller, batch)
    _refuse_taken(connection, caller, batch, stored)
    return {
        "stored": len(stored),
        "unchanged": len(batch.rows) - len(stored),
        "ids": batch.ids,
        "refused": sorted(batch.refused, key=lambda refusal: refusal["row"]),
    }


def _refuse_forbidden(caller: Caller, batch: Batch) -> None:
    for index, row in list(batch.rows.items()):
        if not caller.may(REPORT_IMPORT, row["region_id"]):
            batch.refuse(
                index, Forbidden(f"This needs the permission {REPORT_IMPORT} in the region of the row.")
            )


def _refuse_unknown(connection: Connection, batch: Batch) -> None:
    """Takes out rows whose type or severity level cannot be used."""
    types, levels = catalogues(connection)
    for index, row in list(batch.rows.items()):
        problems = catalogue_problems(row, types, levels)
        if problems:
            batch.refuse(index, Invalid(fields=problems))


def _insert(connection: Connection, caller: Caller, batch: Batch) -> set[UUID]:
    """Stores the rows and returns the ids of those that were not there yet.

    Regions are identity's; only the foreign key knows which there are. When it refuses the batch, the regions
    are tried one by one.
    """
    try:
        return _insert_rows(connection, caller, batch.rows.values())
    except IntegrityError as error:
        if not _is_unknown_region(error):
            raise
    stored: set[UUID] = set()
    for region_id in {row["region_id"] for row in batch.rows.values()}:
        rows = {index: row for index, row in batch.rows.items() if row["region_id"] == region_id}
        try:
            stored |= _insert_rows(connection, caller, rows.values())
        except IntegrityError as error:
            if not _is_unknown_region(error):
                raise
            for index in rows:
                batch.refuse(index, Invalid(fields={"region_id": ["No such region."]}))
    return stored


def _insert_rows(connection: Connection, caller: Caller, rows: Iterable[dict[str, Any]]) -> set[UUID]:
    values = {
        "rows": list(rows),
        "caller_id": caller.user_id,
        "correlation_id": caller.correlation_id,
    }
    with connection.begin_nested():
        return set(connection.scalars(_INSERT, values))


def _is_unknown_region(error: IntegrityError) -> bool:
    return isinstance(error.orig, psycopg.Error) and error.orig.diag.constraint_name == "fk_reports_region"


def _refuse_taken(connection: Connection, caller: Caller, batch: Batch, stored: set[UUID]) -> None:
    """Of the rows that were there already, takes out those with other content or of somebody else."""
    known = {row["id"]: index for index, row in batch.rows.items() if row["id"] not in stored}
    if not known:
        return
    statement = select(reports.c.id, reports.c.content_digest, reports.c.user_id).where(
        one_of(reports.c.id, list(known))
    )
    for row_id, digest, user_id in connection.execute(statement):
        index = known[row_id]
        if digest is None or digest.hex() != batch.rows[index]["digest"] or user_id != caller.user_id:
            batch.refuse(
                index, Conflict("There is another report with this id.", fields={"id": ["Is taken already."]})
            )

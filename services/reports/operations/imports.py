"""Storing many reports at once."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from services.reports.models import reports
from services.reports.operations.reports import catalogue_problems, catalogues
from services.reports.rules import reported_at_problem
from services.reports.schemas import CreateReport
from shared.contracts.permissions import REPORT_IMPORT
from shared.db import imports
from shared.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from shared.rpc.context import Caller

_ROW: Final = CreateReport()
_IMPORT: Final = imports.Import(
    reports,
    "report",
    (
        "id",
        "region_id",
        "report_type_id",
        "severity_level_id",
        "title",
        "description",
        "location",
        "reported_at",
    ),
    author="user_id",
    permission=REPORT_IMPORT,
    region_key="fk_reports_region",
)


def check_rows(rows: Sequence[Any]) -> imports.Batch:
    """Loads the rows of an import by the rules of `create_report`.

    Each gets an id where it has none, and the digest that tells a repeat.
    """
    now = dt.datetime.now(dt.UTC)

    def complete(row: imports.Row) -> imports.Row:
        problem = reported_at_problem(row.get("reported_at", now), now)
        if problem:
            raise Invalid(fields={"reported_at": [problem]})
        return {"reported_at": now, **row}

    return imports.check_rows(rows, _ROW, complete)


def import_reports(connection: Connection, caller: Caller, batch: imports.Batch) -> dict[str, Any]:
    """Stores the rows of a batch that can be stored, set-based, and says what became of each.

    The database emits `report_created` for each one stored.

    Args:
        connection: In a transaction.
        caller: Becomes the reporter; needs ``report:import`` in each row's region.
        batch: Checked and located.

    Returns:
        What `schemas.ImportResult` says.
    """
    types, levels = catalogues(connection)

    def unknown(row: imports.Row) -> Invalid | None:
        problems = catalogue_problems(row, types, levels)
        return Invalid(fields=problems) if problems else None

    _IMPORT.refuse_forbidden(caller, batch)
    batch.refuse_where(unknown)
    return _IMPORT.store(connection, caller, batch)

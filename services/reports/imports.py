"""Importing reports: storing and updating many at once."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, cast

from services.reports.catalogue import entries
from services.reports.models import REGIONS, reports
from services.reports.policy import TYPE_INACTIVE, clock_reasons, place_reasons, reasons_moved
from services.reports.schemas import ReportRow
from shared.client.errors import Invalid
from shared.domain import imports
from shared.domain.catalogue import reference_problems
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.domain.permissions import REPORT_CHANGE_STATUS, REPORT_IMPORT, REPORT_UPDATE
from shared.domain.reports import CLOSED, PENDING, RESOLVED, STATUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from services.reports.policy import ReviewedFields
    from services.reports.schemas import types
    from shared.domain.imports import Change, Require
    from shared.platform.rpc.context import Caller


def _check(require: Require, change: Change) -> None:
    """Refuse what the operations on one report would refuse.

    Raises:
        Forbidden: The caller may not change this of the report.
        Conflict: The new status may not follow the present one.
    """
    before, values = change.before, change.values
    if "status" in values:
        require(REPORT_CHANGE_STATUS, before["region_id"])
        STATUS.check_move(before["status"], values["status"])
    if values.keys() - {"status", "status_notes", "import_key"}:
        require(REPORT_UPDATE, before["region_id"])
        require(REPORT_UPDATE, values.get("region_id", before["region_id"]))


def _follow(change: Change) -> dict[str, Any]:
    """Return the reasons for review that the change leaves, where it changes them."""
    is_known = change.values.get("region_id") != UNKNOWN_REGION_ID
    now = dt.datetime.now(dt.UTC)
    settled, given = reasons_moved(cast("ReviewedFields", change.values), now, region_is_known=is_known)
    before = change.before["review_reasons"]
    after = [reason for reason in before if reason not in settled] + given
    return {} if after == before else {"review_reasons": after}


_ROW: Final = ReportRow()
_IMPORT: Final = imports.Import(
    reports,
    REGIONS,
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
        "resolved_at",
        "status",
        "status_notes",
        "review_reasons",
    ),
    author="user_id",
    permission=REPORT_IMPORT,
    region_key="fk_reports_region",
    rules=imports.Rules(
        kept=frozenset(
            {
                "region_id",
                "report_type_id",
                "severity_level_id",
                "title",
                "description",
                "location",
                "reported_at",
                "status",
            }
        ),
        check=_check,
        follow=_follow,
    ),
)


def check_rows(rows: Sequence[Any], source: str = "") -> imports.Batch:
    """Load the rows of an import by the rules of `create_report`.

    But a row whose location lies in no region is refused: in a file that is a mistake, such as swapped columns, which
    the person who imports it can correct. Each row gets an id where it has none, and the digest by which a repeat is
    known.
    """
    now = dt.datetime.now(dt.UTC)

    def complete(row: imports.Row) -> imports.Row:
        region_is_known = row.get("region_id") != UNKNOWN_REGION_ID
        reasons = place_reasons(row["location"], region_is_known=region_is_known)
        reasons += clock_reasons(row.get("reported_at", now), now)
        resolved_at = now if row.get("status") in (RESOLVED, CLOSED) else None
        filled = {
            "reported_at": now,
            "status": PENDING,
            "resolved_at": resolved_at,
            "review_reasons": reasons,
        }
        return filled | row

    return imports.check_rows(rows, _ROW, complete, source=source)


def import_reports(connection: Connection, caller: Caller, batch: imports.Batch) -> types.ImportResult:
    """Store or update the rows of a batch in a few statements, and return the outcome of each.

    The database emits `report_created` for each new report, and `report_updated` and `report_status_changed` for
    what changes.

    Args:
        connection: In a transaction.
        caller: Becomes the reporter of new reports; needs ``report:import`` in each row's region and in that of the
            report that is there, and there the permission for each change: ``report:update``,
            ``report:change_status``.
        batch: Checked and located.

    Returns:
        The fields of `schemas.ImportResult`.
    """
    known = entries(connection)

    def unknown(row: imports.Row) -> Invalid | None:
        problems = reference_problems(row, known, include_inactive=True)
        return Invalid(fields=problems) if problems else None

    _IMPORT.refuse_forbidden(connection, caller, batch)
    batch.refuse_where(unknown)
    for row in batch.rows.values():
        is_in_use = known["report_type_id"].in_use[row["report_type_id"]]
        row["review_reasons"] += [] if is_in_use else [TYPE_INACTIVE]
    return cast("types.ImportResult", _IMPORT.store(connection, caller, batch))

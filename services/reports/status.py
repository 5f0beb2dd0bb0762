"""The status of reports: changing it, and the history of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import func, select

from services.reports.models import REGIONS, report_status_history, reports
from services.reports.policy import check_duplicate
from services.reports.reports import COLUMNS, get_report, show_report, visible
from shared.client.errors import Invalid
from shared.domain.permissions import REPORT_CHANGE_STATUS
from shared.domain.reports import DUPLICATE, STATUS
from shared.domain.status_changes import StatusChange, StatusHistory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from services.reports.schemas import types
    from shared.platform.outbox.event import Event
    from shared.platform.rpc.context import Caller

_DUPLICATES_LOCK: Final = 0x6475706C6963  # "duplic"
_HISTORY: Final = StatusHistory(report_status_history, "report_id")

_CHANGE: Final = StatusChange(
    STATUS, reports, REGIONS, REPORT_CHANGE_STATUS, returning=COLUMNS, also=("duplicate_of",)
)


def change_report_status(
    connection: Connection,
    caller: Caller,
    report_id: UUID,
    version: int,
    status: str,
    *,
    notes: str | None = None,
    duplicate_of: UUID | None = None,
) -> types.Report:
    """Change the status of a report.

    The database sets ``resolved_at`` when a report becomes `resolved`, clears it when it goes back to `in_progress`,
    and emits `report_status_changed`, from which the history is written.

    Args:
        connection: In autocommit, it is one statement; in a transaction for `duplicate`.
        caller: Needs ``report:change_status`` in the report's region.
        report_id: The report.
        version: The version that the caller saw.
        status: The new status.
        notes: Why.
        duplicate_of: The report that this one repeats, for `duplicate`.

    Returns:
        The report as it is now; also when this very change was made before.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
        Forbidden: The caller may not change its status.
        Conflict: The new status may not follow the present one (``legal`` lists those that may), or the report was
            changed meanwhile.
        Invalid: ``duplicate_of`` is missing, not allowed, unknown, or leads back to this report.
    """
    check_duplicate(report_id, status, duplicate_of)
    if duplicate_of is not None:
        _check_original(connection, caller, report_id, duplicate_of)
    values = {"status": status, "status_notes": notes, "duplicate_of": duplicate_of}
    row = _CHANGE.make(connection, caller, report_id, version, values)
    if row is not None:
        return cast("types.Report", row)
    report = get_report(connection, caller, report_id, REPORT_CHANGE_STATUS)
    _CHANGE.check(connection, caller, report, version, values)
    return report


def needs_transaction(status: str) -> bool:
    """Return whether `change_report_status` is more than one statement for this status."""
    return status == DUPLICATE


def _check_original(connection: Connection, caller: Caller, report_id: UUID, duplicate_of: UUID) -> None:
    """Refuse an original that the caller does not see, or that itself repeats the report, directly or not.

    Two reports that become duplicates at the same time could make a circle that neither transaction sees; the lock
    makes one of them wait for the other.

    Raises:
        Invalid: It names ``duplicate_of``.
    """
    connection.execute(select(func.pg_advisory_xact_lock(_DUPLICATES_LOCK)))
    original = select(reports.c.id).where(reports.c.id == duplicate_of, visible(connection, caller))
    if connection.scalar(original) is None:
        raise Invalid(fields={"duplicate_of": ["No such report."]})
    chain = (
        select(reports.c.id, reports.c.duplicate_of).where(reports.c.id == duplicate_of).cte(recursive=True)
    )
    chain = chain.union(
        select(reports.c.id, reports.c.duplicate_of).where(reports.c.id == chain.c.duplicate_of)
    )
    if connection.scalar(select(chain.c.id).where(chain.c.id == report_id)) is not None:
        raise Invalid(fields={"duplicate_of": ["That report is itself a duplicate of this one."]})


def record_history(connection: Connection, events: Sequence[Event]) -> None:
    """Write one row of the history for each event, in one statement; a repeated event writes nothing.

    Args:
        connection: In autocommit.
        events: `report_created` and `report_status_changed`, in any order.
    """
    _HISTORY.record(connection, events)


def get_report_history(
    connection: Connection, caller: Caller, arguments: types.OfReport
) -> types.PageOfReportHistoryEntry:
    """Return a page of the statuses that a report entered, the first one first.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
    """
    report_id, cursor, limit = arguments["report_id"], arguments["cursor"], arguments["limit"]
    show_report(connection, caller, report_id)
    return cast("types.PageOfReportHistoryEntry", _HISTORY.page(connection, report_id, cursor, limit))

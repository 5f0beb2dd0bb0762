"""Reads of what belongs to a report: comments, attachments, status history. Who sees a report sees its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Table, select

from services.reports.models import report_attachments, report_comments, report_status_history, reports
from services.reports.queries.reports import get_report
from services.reports.queries.visibility import visible
from shared.client.errors import NotFound
from shared.platform.db import paging

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller

_COMMENTS: Final[paging.Order] = ((report_comments.c.created_at, "asc"), (report_comments.c.id, "asc"))
_ATTACHMENTS: Final[paging.Order] = (
    (report_attachments.c.uploaded_at, "asc"),
    (report_attachments.c.id, "asc"),
)
_HISTORY: Final[paging.Order] = ((report_status_history.c.version, "asc"),)


def list_comments(
    connection: Connection, caller: Caller, report_id: UUID, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the comments on a report, the oldest first.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
    """
    return _page(connection, caller, report_comments, _COMMENTS, report_id, cursor, limit)


def list_attachments(
    connection: Connection, caller: Caller, report_id: UUID, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the attachments of a report, the oldest first.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
    """
    return _page(connection, caller, report_attachments, _ATTACHMENTS, report_id, cursor, limit)


def get_report_history(
    connection: Connection, caller: Caller, report_id: UUID, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the statuses that a report entered, the first one first.

    It is written from events, some milliseconds after the change.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
    """
    return _page(connection, caller, report_status_history, _HISTORY, report_id, cursor, limit)


def get_attachment(connection: Connection, caller: Caller, attachment_id: UUID) -> RowMapping:
    """One attachment.

    Raises:
        NotFound: There is none, or the caller may not see its report.
    """
    statement = (
        select(report_attachments)
        .join(reports, reports.c.id == report_attachments.c.report_id)
        .where(report_attachments.c.id == attachment_id, visible(caller))
    )
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such attachment.")
    return row


def _page(
    connection: Connection,
    caller: Caller,
    parts: Table,
    order: paging.Order,
    report_id: UUID,
    cursor: str | None,
    limit: int,
) -> dict[str, Any]:
    get_report(connection, caller, report_id)
    statement = select(parts).where(parts.c.report_id == report_id)
    rows = connection.execute(paging.keyset(statement, order, cursor, limit)).all()
    return paging.page(rows, limit, order)

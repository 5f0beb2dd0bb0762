"""Files attached to reports: what is known of them, and how much may be attached.

The bytes are stored elsewhere, under the path that is made here. Whoever sees a report sees its attachments.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import BigInteger, func, literal, select
from sqlalchemy import cast as sql_cast
from uuid6 import uuid7

from services.reports.models import report_attachments, reports
from services.reports.policy import ACCOUNT, REPORT, TOTAL, AttachmentQuotas, check_quotas
from services.reports.reports import check_editable, get_report, require, visible
from shared.client.errors import NotFound
from shared.domain.permissions import REPORT_ATTACH, REPORT_UPDATE
from shared.platform.db import paging
from shared.platform.db.errors import field_errors
from shared.platform.db.writes import content_digest, create_once, created_before

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, ScalarSelect

    from services.reports.schemas import types
    from shared.platform.rpc.context import Caller

DAY: Final = dt.timedelta(days=1)
DEFAULT_QUOTAS: Final = AttachmentQuotas()

_CONSTRAINTS: Final = {"fk_report_attachments_report": "report_id"}
_SAME: Final = ("uploaded_by", "content_digest")
_ORDER: Final[paging.Order] = ((report_attachments.c.uploaded_at, "asc"), (report_attachments.c.id, "asc"))


def add_attachment(
    connection: Connection,
    caller: Caller,
    arguments: types.AddAttachment,
    quotas: AttachmentQuotas = DEFAULT_QUOTAS,
) -> types.Attachment:
    """Record a file that belongs to a report, and name the path under which its bytes are to be stored.

    The database emits `report_attachment_added`. The path is made of ids alone: nothing that a user wrote is in it.

    Args:
        connection: In a transaction.
        caller: Must be allowed to edit the report and needs ``report:attach`` in its region.
        arguments: As `schemas.AddAttachment` loads them.
        quotas: What is allowed; counted so that files that are attached at the same time cannot pass them together.

    Returns:
        The attachment; the existing one if the caller added it before.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
        Forbidden: The caller may not attach files to it.
        TooLarge: It would exceed a quota: ``scope``, ``quota`` and ``remaining`` say which.
        Conflict: The id belongs to another attachment, or the report is the caller's own but not pending.
    """
    report_id = arguments["report_id"]
    report = get_report(connection, caller, report_id)
    require(connection, caller, REPORT_ATTACH, report)
    attachment_id = arguments["id"] or uuid7()
    values = {
        **arguments,
        "id": attachment_id,
        "uploaded_by": caller.user_id,
        "content_digest": content_digest(arguments),
        "file_path": file_path(report_id, attachment_id),
    }
    known = created_before(connection, report_attachments, values, thing="attachment", same=_SAME)
    if known is not None:
        return cast("types.Attachment", known)
    check_editable(connection, caller, report)
    _wait_for_others(connection, caller, report_id, quotas)
    with field_errors(_CONSTRAINTS):
        created = create_once(connection, caller, report_attachments, values, thing="attachment", same=_SAME)
    if created.is_new:
        check_quotas(_remaining(connection, caller, report_id, quotas), arguments["file_size"])
    return cast("types.Attachment", created.row)


def file_path(report_id: UUID, attachment_id: UUID) -> str:
    """Return where the bytes are stored, below the root of the file store; spread over 256 directories."""
    return f"reports/{report_id.hex[-2:]}/{report_id}/{attachment_id}"


def _wait_for_others(
    connection: Connection, caller: Caller, report_id: UUID, quotas: AttachmentQuotas
) -> None:
    """Wait for the commits of others that count towards the same quotas; always in the same order."""
    names = [f"account {caller.user_id}", f"report {report_id}", *(["total"] if quotas.total else [])]
    for name in names:
        key = func.hashtextextended(f"reports.report_attachments {name}", 0)
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def get_attachment_allowance(
    connection: Connection,
    caller: Caller,
    report_id: UUID,
    attachment_id: UUID | None,
    quotas: AttachmentQuotas,
) -> types.AttachmentAllowance:
    """Return how many bytes the caller may still attach to a report.

    Args:
        connection: For reading.
        caller: Needs ``report:attach`` in the region of the report.
        report_id: The report.
        attachment_id: A file that the caller attached before and attaches again, whose bytes count already.
        quotas: What is allowed.

    Returns:
        ``remaining`` bytes with the ``quota`` and the ``scope`` that leave the least; null where there is no quota.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
        Forbidden: The caller may not attach files to it.
    """
    report = get_report(connection, caller, report_id)
    require(connection, caller, REPORT_ATTACH, report)
    if attachment_id is not None and _is_attached(connection, caller, attachment_id):
        return {"remaining": None, "quota": None, "scope": None}
    left = _remaining(connection, caller, report_id, quotas)
    if not left:
        return {"remaining": None, "quota": None, "scope": None}
    scope = min(left, key=lambda name: left[name][0])
    return {"remaining": max(left[scope][0], 0), "quota": left[scope][1], "scope": scope}


def _remaining(
    connection: Connection, caller: Caller, report_id: UUID, quotas: AttachmentQuotas
) -> dict[str, tuple[int, int]]:
    """Return for each scope with a quota the bytes that are left, negative where it is exceeded, and the quota."""
    table = report_attachments.c
    whose: dict[str, tuple[int, list[ColumnElement[bool]]]] = {
        ACCOUNT: (
            quotas.of_account(is_staff=caller.may(REPORT_UPDATE)),
            [table.uploaded_by == caller.user_id, table.uploaded_at > func.now() - literal(DAY)],
        ),
        REPORT: (quotas.report, [table.report_id == report_id]),
        TOTAL: (quotas.total, []),
    }
    limited = {scope: (quota, conditions) for scope, (quota, conditions) in whose.items() if quota}
    if not limited:
        return {}
    sums = [_bytes(conditions).label(scope) for scope, (_, conditions) in limited.items()]
    used = connection.execute(select(*sums)).mappings().one()
    return {scope: (quota - used[scope], quota) for scope, (quota, _) in limited.items()}


def _bytes(conditions: list[ColumnElement[bool]]) -> ScalarSelect[Any]:
    summed = func.coalesce(func.sum(sql_cast(report_attachments.c.file_size, BigInteger)), 0)
    return select(sql_cast(summed, BigInteger)).where(*conditions).scalar_subquery()


def _is_attached(connection: Connection, caller: Caller, attachment_id: UUID) -> bool:
    statement = select(report_attachments.c.id).where(
        report_attachments.c.id == attachment_id, report_attachments.c.uploaded_by == caller.user_id
    )
    return connection.execute(statement).first() is not None


def get_attachment(connection: Connection, caller: Caller, attachment_id: UUID) -> types.Attachment:
    """Return the attachment.

    Raises:
        NotFound: There is no such attachment, or the caller may not see its report.
    """
    statement = (
        select(report_attachments)
        .join(reports, reports.c.id == report_attachments.c.report_id)
        .where(report_attachments.c.id == attachment_id, visible(connection, caller))
    )
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("Attachment not found.")
    return cast("types.Attachment", row)


def list_attachments(
    connection: Connection, caller: Caller, arguments: types.OfReport
) -> types.PageOfAttachment:
    """Return a page of the attachments of a report, the oldest first.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
    """
    get_report(connection, caller, arguments["report_id"])
    statement = select(report_attachments).where(report_attachments.c.report_id == arguments["report_id"])
    return cast("types.PageOfAttachment", paging.fetch_page(connection, statement, _ORDER, arguments))

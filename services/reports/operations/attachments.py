"""Files attached to reports: what is known of them. The bytes are kept elsewhere, under the path made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.reports.models import report_attachments
from services.reports.operations.reports import check_editable
from services.reports.queries.allowance import remaining
from services.reports.queries.reports import get_report
from services.reports.queries.visibility import require
from services.reports.rules import AttachmentQuotas, check_quotas
from shared.domain.permissions import REPORT_ATTACH
from shared.platform.db.context import with_event_context
from shared.platform.db.errors import field_errors
from shared.platform.db.writes import content_digest, id_taken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller

DEFAULT_QUOTAS: Final = AttachmentQuotas()

_CONSTRAINTS: Final = {"fk_report_attachments_report": "report_id"}


def add_attachment(
    connection: Connection,
    caller: Caller,
    arguments: Mapping[str, Any],
    quotas: AttachmentQuotas = DEFAULT_QUOTAS,
) -> RowMapping:
    """Records a file that belongs to a report, and says under which path its bytes are to be kept.

    The database emits `report_attachment_added`. The path is made of ids alone: nothing that a user wrote is in it.

    Args:
        connection: In a transaction.
        caller: Must be allowed to edit the report and needs ``report:attach`` in its region.
        arguments: As `schemas.AddAttachment` loads them.
        quotas: What is allowed; counted so that files that are attached at the same time cannot pass them together.

    Returns:
        The attachment; the one that is there already when the caller added it before.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
        Forbidden: The caller may not attach to it.
        TooLarge: It would pass a quota: ``scope``, ``quota`` and ``remaining`` say which.
        Conflict: The id belongs to another attachment, or the report is the caller's own but not pending.
    """
    report_id: UUID = arguments["report_id"]
    report = get_report(connection, caller, report_id)
    require(caller, REPORT_ATTACH, report)
    given = {
        **arguments,
        "id": arguments["id"] or uuid7(),
        "uploaded_by": caller.user_id,
        "content_digest": content_digest(arguments),
    }
    known = _added_before(connection, given)
    if known is not None:
        return known
    check_editable(caller, report)
    _wait_for_others(connection, caller, report_id, quotas)
    statement = (
        insert(report_attachments)
        .values(**given, file_path=file_path(report_id, given["id"]))
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(*report_attachments.c, with_event_context(caller))
    )
    with field_errors(_CONSTRAINTS):
        row = connection.execute(statement).mappings().one_or_none()
    if row is not None:
        check_quotas(remaining(connection, caller, report_id, quotas), row["file_size"])
    row = row or _added_before(connection, given)  # the same call, made twice at once, was quicker
    if row is None:
        raise id_taken("attachment")
    return row


def file_path(report_id: UUID, attachment_id: UUID) -> str:
    """Where the bytes are kept, below the root of the file store; spread over 256 directories."""
    return f"reports/{report_id.hex[-2:]}/{report_id}/{attachment_id}"


def _wait_for_others(
    connection: Connection, caller: Caller, report_id: UUID, quotas: AttachmentQuotas
) -> None:
    """Wait until others have committed who count towards the same quotas; always in the same order."""
    names = [f"account {caller.user_id}", f"report {report_id}", *(["total"] if quotas.total else [])]
    for name in names:
        key = func.hashtextextended(f"reports.report_attachments {name}", 0)
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def _added_before(connection: Connection, given: Mapping[str, Any]) -> RowMapping | None:
    statement = select(report_attachments).where(report_attachments.c.id == given["id"])
    row = connection.execute(statement).mappings().one_or_none()
    if row is None or all(row[name] == given[name] for name in ("uploaded_by", "content_digest")):
        return row
    raise id_taken("attachment")

"""How many bytes of files may still be attached: by an account within a day, to a report, and to all of them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, cast, func, literal, select

from services.reports.models import report_attachments
from services.reports.queries.reports import get_report
from services.reports.queries.visibility import require
from services.reports.rules import ACCOUNT, REPORT, TOTAL
from shared.domain.permissions import REPORT_ATTACH, REPORT_UPDATE

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, ScalarSelect

    from services.reports.rules import AttachmentQuotas
    from shared.platform.rpc.context import Caller

DAY: Final = dt.timedelta(days=1)


def get_attachment_allowance(
    connection: Connection,
    caller: Caller,
    report_id: UUID,
    attachment_id: UUID | None,
    quotas: AttachmentQuotas,
) -> dict[str, Any]:
    """Return how many bytes the caller may still attach to a report.

    Args:
        connection: For reading.
        caller: Needs ``report:attach`` in the region of the report.
        report_id: The report.
        attachment_id: One that the caller attached before and attaches again, whose bytes count already.
        quotas: What is allowed.

    Returns:
        ``remaining`` bytes with the ``quota`` and the ``scope`` that leave the least; null where there is no quota.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
        Forbidden: The caller may not attach to it.
    """
    report = get_report(connection, caller, report_id)
    require(caller, REPORT_ATTACH, report)
    if attachment_id is not None and _is_attached(connection, caller, attachment_id):
        return {"remaining": None, "quota": None, "scope": None}
    left = remaining(connection, caller, report_id, quotas)
    if not left:
        return {"remaining": None, "quota": None, "scope": None}
    scope = min(left, key=lambda name: left[name][0])
    return {"remaining": max(left[scope][0], 0), "quota": left[scope][1], "scope": scope}


def remaining(
    connection: Connection, caller: Caller, report_id: UUID, quotas: AttachmentQuotas
) -> dict[str, tuple[int, int]]:
    """Return for each scope with a quota what is left of it, negative where it is passed, and the quota."""
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
    summed = func.coalesce(func.sum(cast(report_attachments.c.file_size, BigInteger)), 0)
    return select(cast(summed, BigInteger)).where(*conditions).scalar_subquery()


def _is_attached(connection: Connection, caller: Caller, attachment_id: UUID) -> bool:
    statement = select(report_attachments.c.id).where(
        report_attachments.c.id == attachment_id, report_attachments.c.uploaded_by == caller.user_id
    )
    return connection.execute(statement).first() is not None

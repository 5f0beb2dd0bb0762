"""Comments on reports. Whoever sees a report sees its comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import select
from uuid6 import uuid7

from services.reports.models import report_comments, reports
from services.reports.reports import Owned, get_report, require, visible
from shared.client.errors import Forbidden, NotFound
from shared.domain.permissions import REPORT_COMMENT
from shared.platform.db import paging
from shared.platform.db.errors import field_errors
from shared.platform.db.writes import change_if_version, content_digest, create_once, is_repeat, stale

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from services.reports.schemas import types
    from shared.platform.rpc.context import Caller

_CONSTRAINTS: Final = {"fk_report_comments_report": "report_id", "fk_report_comments_user": "user_id"}
_ORDER: Final[paging.Order] = ((report_comments.c.created_at, "asc"), (report_comments.c.id, "asc"))


def add_comment(connection: Connection, caller: Caller, arguments: types.AddComment) -> types.Comment:
    """Comment on a report.

    The database emits `report_comment_added`.

    Args:
        connection: In a transaction.
        caller: Becomes the author; must see the report and needs ``report:comment`` in its region.
        arguments: As `schemas.AddComment` loads them.

    Returns:
        The comment; the existing one if the caller added it before.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
        Forbidden: The caller may not comment.
        Conflict: The id belongs to another comment.
    """
    report = get_report(connection, caller, arguments["report_id"])
    require(connection, caller, REPORT_COMMENT, report)
    values = {
        **arguments,
        "id": arguments["id"] or uuid7(),
        "user_id": caller.user_id,
        "content_digest": content_digest(arguments),
    }
    same = ("user_id", "content_digest")
    with field_errors(_CONSTRAINTS):
        created = create_once(connection, caller, report_comments, values, thing="comment", same=same)
    return cast("types.Comment", created.row)


def edit_comment(
    connection: Connection, caller: Caller, comment_id: UUID, version: int, content: str
) -> types.Comment:
    """Replace the text of a comment.

    Args:
        connection: In autocommit; it is one statement that changes anything.
        caller: Must be the author, still see the report, and hold ``report:comment`` in its region.
        comment_id: The comment.
        version: The version that the caller saw.
        content: The new text.

    Returns:
        The comment as it is now; also when this very change was made before.

    Raises:
        NotFound: There is no such comment, or the caller may not see its report.
        Forbidden: It is another account's comment.
        Conflict: The comment was changed meanwhile.
    """
    found = (
        select(report_comments, reports.c.region_id, reports.c.user_id.label("reporter_id"))
        .join(reports, reports.c.id == report_comments.c.report_id)
        .where(report_comments.c.id == comment_id, visible(connection, caller))
    )
    row = connection.execute(found).mappings().one_or_none()
    if row is None:
        raise NotFound("Comment not found.")
    if row["user_id"] != caller.user_id:
        raise Forbidden("Only its author can edit a comment.")
    of_report: Owned = {"region_id": row["region_id"], "user_id": row["reporter_id"]}
    require(connection, caller, REPORT_COMMENT, of_report)
    values = {"content": content}
    edited = change_if_version(connection, caller, report_comments, comment_id, version, values)
    if edited is not None:
        return cast("types.Comment", edited)
    row = connection.execute(found).mappings().one()
    if is_repeat(caller, row, version, values):
        return cast("types.Comment", row)
    raise stale("comment", row)


def list_comments(connection: Connection, caller: Caller, arguments: types.OfReport) -> types.PageOfComment:
    """Return a page of the comments on a report, the oldest first.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
    """
    get_report(connection, caller, arguments["report_id"])
    statement = select(report_comments).where(report_comments.c.report_id == arguments["report_id"])
    return cast("types.PageOfComment", paging.fetch_page(connection, statement, _ORDER, arguments))

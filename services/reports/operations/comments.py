"""Comments on reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.reports.models import report_comments, reports
from services.reports.queries.reports import get_report
from services.reports.queries.visibility import require, visible
from shared.client.errors import Conflict, Forbidden, NotFound
from shared.domain.permissions import REPORT_COMMENT
from shared.platform.db.context import with_event_context
from shared.platform.db.errors import field_errors
from shared.platform.db.writes import content_digest, id_taken

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller

_CONSTRAINTS: Final = {"fk_report_comments_report": "report_id", "fk_report_comments_user": "user_id"}


def add_comment(
    connection: Connection, caller: Caller, comment_id: UUID | None, report_id: UUID, content: str
) -> RowMapping:
    """Comments on a report.

    The database emits `report_comment_added`.

    Args:
        connection: In a transaction.
        caller: Becomes the author; must see the report and needs ``report:comment`` in its region.
        comment_id: Makes a repeat harmless.
        report_id: The report.
        content: The text.

    Returns:
        The comment; the one that is there already when the caller added it before.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
        Forbidden: The caller may not comment.
        Conflict: The id belongs to another comment.
    """
    report = get_report(connection, caller, report_id)
    require(caller, REPORT_COMMENT, report)
    given = {
        "id": comment_id or uuid7(),
        "report_id": report_id,
        "user_id": caller.user_id,
        "content": content,
        "content_digest": content_digest({"report_id": report_id, "content": content}),
    }
    statement = (
        insert(report_comments)
        .values(**given)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(*report_comments.c, with_event_context(caller))
    )
    with field_errors(_CONSTRAINTS):
        row = connection.execute(statement).mappings().one_or_none()
    return row if row is not None else _added_before(connection, given)


def _added_before(connection: Connection, given: dict[str, Any]) -> RowMapping:
    row = (
        connection.execute(select(report_comments).where(report_comments.c.id == given["id"]))
        .mappings()
        .one()
    )
    if all(row[name] == given[name] for name in ("user_id", "content_digest")):
        return row
    raise id_taken("comment")


def edit_comment(
    connection: Connection, caller: Caller, comment_id: UUID, version: int, content: str
) -> RowMapping:
    """Replaces the text of a comment.

    Args:
        connection: In autocommit; it is one statement.
        caller: Must be the author, still see the report, and hold ``report:comment`` in its region.
        comment_id: The comment.
        version: The version that the caller saw.
        content: The new text.

    Returns:
        The comment as it is now; also when this very edit was made before.

    Raises:
        NotFound: There is no such comment, or the caller may not see its report.
        Forbidden: It is somebody else's.
        Conflict: It was edited meanwhile.
    """
    found = (
        select(report_comments, reports.c.region_id, reports.c.user_id.label("reporter_id"))
        .join(reports, reports.c.id == report_comments.c.report_id)
        .where(report_comments.c.id == comment_id, visible(caller))
    )
    row = connection.execute(found).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such comment.")
    if row["user_id"] != caller.user_id:
        raise Forbidden("Only its author edits a comment.")
    require(caller, REPORT_COMMENT, {"region_id": row["region_id"], "user_id": row["reporter_id"]})
    statement = (
        update(report_comments)
        .where(report_comments.c.id == comment_id, report_comments.c.version == version)
        .values(content=content)
        .returning(*report_comments.c)
    )
    edited = connection.execute(statement).mappings().one_or_none()
    if edited is not None:
        return edited
    row = connection.execute(found).mappings().one()
    if row["version"] == version + 1 and row["content"] == content:
        return row
    raise Conflict(
        f"The comment was edited meanwhile; its version is {row['version']}.", version=row["version"]
    )

"""Filing and editing reports."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.reports.models import UNDER_REVIEW, report_types, reports, severity_levels
from services.reports.queries.reports import COLUMNS, get_report
from services.reports.queries.visibility import holds, holds_own, may_own
from services.reports.rules import (
    OLDEST_FILED,
    TYPE_INACTIVE,
    clock_reasons,
    place_reasons,
    reasons_moved,
)
from shared.client.errors import Conflict, Forbidden, Invalid
from shared.domain.permissions import REPORT_CREATE, REPORT_UPDATE, REPORT_UPDATE_OWN
from shared.domain.reports import PENDING
from shared.platform.db.context import EVENT_CONTEXT, with_event_context
from shared.platform.db.errors import field_errors
from shared.platform.db.tables import UNKNOWN_REGION_ID
from shared.platform.db.writes import content_digest, id_taken, is_repeat, stale

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller

CONSTRAINTS: Final = {
    "fk_reports_region": "region_id",
    "fk_reports_type": "report_type_id",
    "fk_reports_severity": "severity_level_id",
    "fk_reports_user": "user_id",
}


def _create() -> Any:
    names = (
        "id",
        "user_id",
        "region_id",
        "title",
        "description",
        "location",
        "reported_at",
        "content_digest",
    )
    values = [bindparam(f"new_{name}", type_=reports.c[name].type) for name in names]
    reasons = bindparam("new_review_reasons", type_=reports.c.review_reasons.type)
    with_inactive = func.array_append(reasons, cast(TYPE_INACTIVE, Text))
    source = (
        select(
            *values,
            report_types.c.id,
            severity_levels.c.id,
            case((report_types.c.is_active, reasons), else_=with_inactive),
        )
        .join_from(report_types, severity_levels, true())
        .where(
            report_types.c.id == bindparam("type_id"),
            severity_levels.c.id == bindparam("level_id"),
        )
    )
    return (
        insert(reports)
        .from_select([*names, "report_type_id", "severity_level_id", "review_reasons"], source)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(*COLUMNS, EVENT_CONTEXT)
    )


_CREATE: Final = _create()
"""Made once: it is the hot path, and its whole transaction."""


def create_report(
    connection: Connection, caller: Caller, arguments: Mapping[str, Any], region_id: UUID | None
) -> RowMapping:
    """Files a report.

    It is one statement, for `Database.autocommit`. The database emits `report_created`. What the reporter cannot mend
    is no refusal: the report is marked for review, see `services.reports.rules.REVIEW_REASONS`.

    Args:
        connection: In autocommit.
        caller: Becomes the reporter; needs ``report:create`` in the region, or anywhere where no region is known.
        arguments: As `schemas.CreateReport` loads them.
        region_id: The one of the arguments, or the one found for the location, or None.

    Returns:
        The report; the one that is there already when the caller created it before, with the same id and
        arguments.

    Raises:
        Forbidden: The caller may not report in this region.
        Invalid: There is no such region, type or severity level, or the moment lies more than a day in the future.
        Conflict: The id belongs to another report.
    """
    if region_id == UNKNOWN_REGION_ID:
        region_id = None
    caller.require(REPORT_CREATE, region_id)
    now = dt.datetime.now(dt.UTC)
    reported_at = arguments.get("reported_at", now)
    reasons = place_reasons(arguments["location"], region_is_known=region_id is not None)
    reasons += clock_reasons(reported_at, now, OLDEST_FILED)
    values = {
        "new_id": arguments.get("id") or uuid7(),
        "new_user_id": caller.user_id,
        "new_region_id": region_id or UNKNOWN_REGION_ID,
        "new_review_reasons": reasons,
        "new_title": arguments["title"],
        "new_description": arguments["description"],
        "new_location": arguments["location"],
        "new_reported_at": reported_at,
        "new_content_digest": content_digest(arguments),
        "type_id": arguments["report_type_id"],
        "level_id": arguments["severity_level_id"],
        "correlation_id": caller.correlation_id,
    }
    with field_errors(CONSTRAINTS):
        row = connection.execute(_CREATE, values).mappings().one_or_none()
    return row if row is not None else _created_before(connection, caller, values)


def _created_before(connection: Connection, caller: Caller, values: Mapping[str, Any]) -> RowMapping:
    """Why nothing was inserted: a repeat, somebody else's id, or a catalogue entry that cannot be used."""
    statement = select(*COLUMNS, reports.c.content_digest).where(reports.c.id == values["new_id"])
    row = connection.execute(statement).mappings().one_or_none()
    if row is not None:
        if row["content_digest"] == values["new_content_digest"] and row["user_id"] == caller.user_id:
            return row
        raise id_taken("report")
    given = {"report_type_id": values["type_id"], "severity_level_id": values["level_id"]}
    types, levels = catalogues(connection)
    problems = catalogue_problems(given, dict.fromkeys(types, True), levels)
    if problems:
        raise Invalid(fields=problems)
    raise Conflict("The catalogue changed at this very moment; try again.")


def catalogue_problems(
    given: Mapping[str, Any], types: Mapping[UUID, bool], levels: Container[UUID]
) -> dict[str, list[str]]:
    """What is wrong with the report type and the severity level of some arguments, where they name any.

    Args:
        given: The arguments.
        types: Whether it is in use, for each type that there is.
        levels: The severity levels that there are.
    """
    problems = {}
    if "report_type_id" in given and not types.get(given["report_type_id"]):
        known = given["report_type_id"] in types
        problem = "This report type is not in use any more." if known else "No such report type."
        problems["report_type_id"] = [problem]
    if "severity_level_id" in given and given["severity_level_id"] not in levels:
        problems["severity_level_id"] = ["No such severity level."]
    return problems


def catalogues(connection: Connection) -> tuple[dict[UUID, bool], set[UUID]]:
    """Every report type with whether it is in use, and every severity level; they are some dozens."""
    types = connection.execute(select(report_types)).mappings()
    levels = connection.scalars(select(severity_levels.c.id))
    return {row["id"]: row["is_active"] for row in types}, set(levels)


def update_report(
    connection: Connection, caller: Caller, report_id: UUID, version: int, changes: Mapping[str, Any]
) -> RowMapping:
    """Edits a report; its status has operations of its own.

    It is one statement, for `Database.autocommit`. The database emits `report_updated`.

    Args:
        connection: In autocommit.
        caller: Needs ``report:update`` in the report's region, or ``report:update_own`` for a report of its
            own that is pending; and the same in the region that the report moves to.
        report_id: The report.
        version: The version that the caller saw.
        changes: New values by column.

    Returns:
        The report as it is now; also when this very change was made before.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
        Forbidden: The caller may see but not edit it, or may not move it to the region.
        Conflict: Somebody changed it meanwhile, or it is the caller's own and not pending any more.
        Invalid: A new region, type or severity level does not exist, or the type is inactive; or the moment lies
            more than a day in the future.
    """
    region_id = changes.get("region_id")
    statement = (
        update(reports)
        .where(reports.c.id == report_id, reports.c.version == version, _editable(caller, region_id))
        .values(**changes, review_reasons=_reasons_after(changes), updated_by=caller.user_id)
        .returning(*COLUMNS, with_event_context(caller))
    )
    if "report_type_id" in changes:
        statement = statement.where(
            exists().where(report_types.c.id == changes["report_type_id"], report_types.c.is_active)
        )
    with field_errors(CONSTRAINTS):
        row = connection.execute(statement).mappings().one_or_none()
    return row if row is not None else _not_updated(connection, caller, report_id, version, changes)


def _reasons_after(changes: Mapping[str, Any]) -> ColumnElement[Any]:
    """The reasons for a review that a change leaves, as an expression.

    Raises:
        Invalid: ``reported_at`` lies too far in the future.
    """
    is_known = changes.get("region_id") != UNKNOWN_REGION_ID
    settled, given = reasons_moved(changes, dt.datetime.now(dt.UTC), region_is_known=is_known)
    reasons: ColumnElement[Any] = reports.c.review_reasons
    for reason in settled:
        reasons = func.array_remove(reasons, cast(reason, Text))
    for reason in given:
        reasons = func.array_append(reasons, cast(reason, Text))
    return reasons


def review_report(connection: Connection, caller: Caller, report_id: UUID, version: int) -> RowMapping:
    """Takes the mark for review from a report, which is in order as it is.

    It is one statement, for `Database.autocommit`. The database emits `report_updated`.

    Args:
        connection: In autocommit.
        caller: Needs ``report:update`` in the report's region.
        report_id: The report.
        version: The version that the caller saw.

    Returns:
        The report as it is now; also when it was not marked, or when this very change was made before.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
        Forbidden: The caller may see but not edit it.
        Conflict: Somebody changed it meanwhile.
    """
    statement = (
        update(reports)
        .where(
            reports.c.id == report_id,
            reports.c.version == version,
            UNDER_REVIEW,
            holds(caller, REPORT_UPDATE),
        )
        .values(review_reasons=[], updated_by=caller.user_id)
        .returning(*COLUMNS, with_event_context(caller))
    )
    row = connection.execute(statement).mappings().one_or_none()
    if row is not None:
        return row
    row = get_report(connection, caller, report_id, REPORT_UPDATE)
    caller.require(REPORT_UPDATE, row["region_id"])
    is_settled = row["version"] == version and not row["review_reasons"]
    if is_settled or is_repeat(caller, row, version, {"review_reasons": []}):
        return row
    raise stale("report", row)


def _editable(caller: Caller, new_region_id: UUID | None) -> ColumnElement[bool]:
    """Reports that the caller may edit, and move to the region if one is given."""

    def granted(permission: str, held: Callable[[Caller, str], ColumnElement[bool]]) -> ColumnElement[bool]:
        moved = new_region_id is None or caller.may(permission, new_region_id)
        return held(caller, permission) if moved else false()

    return or_(
        granted(REPORT_UPDATE, holds),
        and_(granted(REPORT_UPDATE_OWN, holds_own), reports.c.status == PENDING),
    )


def _not_updated(
    connection: Connection, caller: Caller, report_id: UUID, version: int, changes: Mapping[str, Any]
) -> RowMapping:
    """Why nothing was updated: a repeat, or one of the refusals of `update_report`."""
    row = get_report(connection, caller, report_id, REPORT_UPDATE)
    check_editable(caller, row)
    if row["version"] != version:
        if is_repeat(caller, row, version, changes):
            return row
        raise stale("report", row)
    new_region_id = changes.get("region_id")
    if new_region_id is not None and not (
        caller.may(REPORT_UPDATE, new_region_id) and caller.may(REPORT_UPDATE, row["region_id"])
    ):
        caller.require(
            REPORT_UPDATE_OWN if row["user_id"] == caller.user_id else REPORT_UPDATE, new_region_id
        )
    problems = catalogue_problems(changes, *catalogues(connection))
    if problems:
        raise Invalid(fields=problems)
    raise stale("report", row)


def check_editable(caller: Caller, row: RowMapping) -> None:
    """Refuses a caller who sees the report but may not edit it.

    Raises:
        Forbidden: It is not the caller's to edit.
        Conflict: It is the caller's own, but pending no more.
    """
    if caller.may(REPORT_UPDATE, row["region_id"]):
        return
    if not may_own(caller, REPORT_UPDATE_OWN, row):
        raise Forbidden(f"This needs the permission {REPORT_UPDATE}.", permission=REPORT_UPDATE)
    if row["status"] != PENDING:
        raise Conflict(
            "One's own report can be edited only while it is pending.",
            status=row["status"],
            version=row["version"],
        )

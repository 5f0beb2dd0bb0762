"""Reports: filing, editing and reviewing them, and reading one or a page of them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, TypedDict, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    column,
    exists,
    false,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
    table,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.reports.catalogue import entries
from services.reports.models import (
    PAIRS,
    REGIONS,
    SCHEMA,
    UNDER_REVIEW,
    report_types,
    reports,
    severity_levels,
)
from services.reports.policy import (
    OLDEST_FILED,
    TYPE_INACTIVE,
    clock_reasons,
    place_reasons,
    reasons_moved,
)
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain import geography
from shared.domain.catalogue import reference_problems, refuse_references
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.domain.permissions import (
    REPORT_CREATE,
    REPORT_READ,
    REPORT_READ_OWN,
    REPORT_UPDATE,
    REPORT_UPDATE_OWN,
)
from shared.domain.reports import ACTIVE_STATUSES, PENDING
from shared.platform.db import paging
from shared.platform.db.conditions import conditions_of, one_of
from shared.platform.db.context import EVENT_CONTEXT
from shared.platform.db.errors import field_errors
from shared.platform.db.search import WordSearch, ranked_page
from shared.platform.db.writes import (
    change_if_version,
    check_version,
    content_digest,
    created_before,
    is_repeat,
    stale,
    without,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection, Select
    from sqlalchemy.sql.dml import ReturningInsert

    from services.reports.schemas import types
    from shared.platform.db.conditions import Condition
    from shared.platform.rpc.context import Caller

COLUMNS: Final = (
    reports.c.id,
    reports.c.user_id,
    reports.c.region_id,
    reports.c.report_type_id,
    reports.c.severity_level_id,
    reports.c.title,
    reports.c.description,
    reports.c.location,
    reports.c.status,
    reports.c.status_notes,
    reports.c.duplicate_of,
    reports.c.reported_at,
    reports.c.resolved_at,
    reports.c.created_at,
    # The clock of a reporter's device may be wrong; by ours the row was made when the report arrived.
    reports.c.created_at.label("received_at"),
    reports.c.updated_at,
    reports.c.updated_by,
    reports.c.version,
    reports.c.review_reasons,
    UNDER_REVIEW.label("needs_review"),
)
"""What the methods return of a report."""

CONSTRAINTS: Final = {
    "fk_reports_region": "region_id",
    "fk_reports_type": "report_type_id",
    "fk_reports_severity": "severity_level_id",
    "fk_reports_user": "user_id",
}

_ACTIVE: Final = table(
    "active_reports",
    column("id"),
    column("report_type"),
    column("severity_level"),
    column("severity_color"),
    column("region_name"),
    column("reporter_name"),
    schema=SCHEMA,
)
"""The seed's view; only it may read the names of regions and reporters."""

_LEVELS: Final = severity_levels.alias("levels")

_ORDERS: Final[dict[str, paging.Order]] = {
    "reported_at": ((reports.c.reported_at, "desc"), (reports.c.id, "desc")),
    "updated_at": ((reports.c.updated_at, "desc"), (reports.c.id, "desc")),
    "severity": ((_LEVELS.c.level, "desc"), (reports.c.reported_at, "desc"), (reports.c.id, "desc")),
}


class Owned(TypedDict):
    """What decides who may see and change a report."""

    user_id: UUID
    region_id: UUID


# --- visibility: a report that a caller may not see is not found ------------------------------------------------


def visible(connection: Connection, caller: Caller) -> Condition:
    """Return the condition for reports in the regions that the caller may read, and for the caller's own reports."""
    return or_(holds(connection, caller, REPORT_READ), holds_own(connection, caller, REPORT_READ_OWN))


def holds(connection: Connection, caller: Caller, permission: str) -> Condition:
    """Return the condition for reports in the regions in which the caller holds the permission."""
    return REGIONS.held(connection, caller, permission, reports.c.region_id)


def holds_own(connection: Connection, caller: Caller, permission: str) -> Condition:
    """Return the condition for the caller's own reports in the regions in which the caller holds the permission.

    Those in the reserved region are included for a caller who holds it anywhere: the reporter did not choose it.
    """
    if not caller.may(permission):
        return false()
    in_regions = or_(holds(connection, caller, permission), reports.c.region_id == UNKNOWN_REGION_ID)
    return and_(reports.c.user_id == caller.user_id, in_regions)


def may_own(connection: Connection, caller: Caller, permission: str, report: Owned | types.Report) -> bool:
    """Return whether the report is one of those that `holds_own` chooses."""
    if report["user_id"] != caller.user_id:
        return False
    region_id = report["region_id"]
    if region_id == UNKNOWN_REGION_ID:
        return caller.may(permission)
    return REGIONS.may(connection, caller, permission, region_id)


def require(connection: Connection, caller: Caller, permission: str, report: Owned | types.Report) -> None:
    """Refuse a caller who does not hold the permission for the report.

    Raises:
        Forbidden: It names the permission.
    """
    if not may_own(connection, caller, permission, report):
        REGIONS.require(connection, caller, permission, report["region_id"])


def check_editable(connection: Connection, caller: Caller, row: types.Report) -> None:
    """Refuse a caller who sees the report but may not edit it.

    Raises:
        Forbidden: The caller may not edit it.
        Conflict: It is the caller's own report, but not pending any more.
    """
    if REGIONS.may(connection, caller, REPORT_UPDATE, row["region_id"]):
        return
    if not may_own(connection, caller, REPORT_UPDATE_OWN, row):
        raise Forbidden(f"This needs the permission {REPORT_UPDATE}.", permission=REPORT_UPDATE)
    if row["status"] != PENDING:
        raise Conflict(
            "You can edit your own report only while it is pending.",
            status=row["status"],
            version=row["version"],
        )


# --- writes -------------------------------------------------------------------------------------------------------


def _create() -> ReturningInsert[Any]:
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
    with_inactive = func.array_append(reasons, literal(TYPE_INACTIVE, Text))
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
"""Made once, because filing reports is a hot path; it is the whole transaction."""


def create_report(
    connection: Connection, caller: Caller, region_id: UUID | None, arguments: types.CreateReport
) -> types.Report:
    """File a report, which is `pending`.

    The database emits `report_created`. Input that the reporter cannot correct is accepted: the report is marked for
    review, see `policy.REVIEW_REASONS`.

    Args:
        connection: In autocommit; it is one statement.
        caller: Becomes the reporter; needs ``report:create`` in the region, or anywhere where there is none.
        region_id: The region of the arguments, or the one that contains the location; None for the reserved region.
        arguments: As `schemas.CreateReport` loads them.

    Returns:
        The report; the existing one if the caller filed it before, with the same id and arguments.

    Raises:
        Forbidden: The caller may not file reports in this region.
        Invalid: The region, the type or the severity level does not exist, or ``reported_at`` is more than a day in
            the future.
        Conflict: The id belongs to another report.
    """
    if region_id == UNKNOWN_REGION_ID:
        region_id = None
    if region_id is None:
        caller.require(REPORT_CREATE)
    else:
        REGIONS.require(connection, caller, REPORT_CREATE, region_id)
    now = dt.datetime.now(dt.UTC)
    reported_at = arguments.get("reported_at") or now
    reasons = place_reasons(arguments["location"], region_is_known=region_id is not None)
    reasons += clock_reasons(reported_at, now, OLDEST_FILED)
    report_id, digest = arguments.get("id") or uuid7(), content_digest(arguments)
    values = {
        "new_id": report_id,
        "new_user_id": caller.user_id,
        "new_region_id": region_id or UNKNOWN_REGION_ID,
        "new_review_reasons": reasons,
        "new_title": arguments["title"],
        "new_description": arguments["description"],
        "new_location": arguments["location"],
        "new_reported_at": reported_at,
        "new_content_digest": digest,
        "type_id": arguments["report_type_id"],
        "level_id": arguments["severity_level_id"],
        "correlation_id": caller.correlation_id,
    }
    with field_errors(CONSTRAINTS):
        row = connection.execute(_CREATE, values).mappings().one_or_none()
    if row is not None:
        return cast("types.Report", row)
    said = {"id": report_id, "user_id": caller.user_id, "content_digest": digest}
    same = ("user_id", "content_digest")
    row = created_before(connection, reports, said, thing="report", same=same, returning=COLUMNS)
    if row is None:
        refuse_references(arguments, entries(connection), include_inactive=True)
    return cast("types.Report", row)


def update_report(connection: Connection, caller: Caller, arguments: types.UpdateReport) -> types.Report:
    """Edit a report; its status is changed by `status.change_report_status`.

    The database emits `report_updated`.

    Args:
        connection: In autocommit; it is one statement.
        caller: Needs ``report:update`` in the report's region, or ``report:update_own`` for the caller's own report
            while it is pending; and the same in the region that the report moves to.
        arguments: As `schemas.UpdateReport` loads them: the id, the version that the caller saw, the new values.

    Returns:
        The report as it is now; also when this very change was made before.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
        Forbidden: The caller may see but not edit the report, or may not move it to the region.
        Conflict: The report was changed meanwhile, or it is the caller's own and not pending any more.
        Invalid: A new region, type or severity level does not exist, or the type is not in use any more; or
            ``reported_at`` is more than a day in the future.
    """
    report_id, version = arguments["report_id"], arguments["version"]
    new_region_id = arguments.get("region_id")
    changes = without(arguments, "report_id", "version")
    where = [_editable(connection, caller, new_region_id)]
    if "report_type_id" in arguments:
        is_named = report_types.c.id == arguments["report_type_id"]
        where.append(exists().where(is_named, report_types.c.is_active))
    values = {**changes, "review_reasons": _reasons_after(arguments)}
    with field_errors(CONSTRAINTS):
        row = change_if_version(
            connection, caller, reports, report_id, version, values, where=where, returning=COLUMNS
        )
    if row is not None:
        return cast("types.Report", row)
    report = get_report(connection, caller, report_id, REPORT_UPDATE)
    check_editable(connection, caller, report)
    if check_version(caller, report, version, changes, thing="report"):
        return report
    if new_region_id is not None and not (
        REGIONS.may(connection, caller, REPORT_UPDATE, new_region_id)
        and REGIONS.may(connection, caller, REPORT_UPDATE, report["region_id"])
    ):
        permission = REPORT_UPDATE_OWN if report["user_id"] == caller.user_id else REPORT_UPDATE
        REGIONS.require(connection, caller, permission, new_region_id)
    problems = reference_problems(changes, entries(connection))
    if problems:
        raise Invalid(fields=problems)
    raise stale("report", report)


def _editable(connection: Connection, caller: Caller, new_region_id: UUID | None) -> Condition:
    """Return the condition for reports that the caller may edit, and move to the region if one is given."""

    def granted(permission: str, held: Callable[[Connection, Caller, str], Condition]) -> Condition:
        moved = new_region_id is None or REGIONS.may(connection, caller, permission, new_region_id)
        return held(connection, caller, permission) if moved else false()

    return or_(
        granted(REPORT_UPDATE, holds),
        and_(granted(REPORT_UPDATE_OWN, holds_own), reports.c.status == PENDING),
    )


def _reasons_after(changes: types.UpdateReport) -> ColumnElement[Any]:
    """Return the reasons for review that a change leaves, as an expression.

    Raises:
        Invalid: ``reported_at`` is too far in the future.
    """
    is_known = changes.get("region_id") != UNKNOWN_REGION_ID
    settled, given = reasons_moved(changes, dt.datetime.now(dt.UTC), region_is_known=is_known)
    reasons: ColumnElement[Any] = reports.c.review_reasons
    for reason in settled:
        reasons = func.array_remove(reasons, literal(reason, Text))
    for reason in given:
        reasons = func.array_append(reasons, literal(reason, Text))
    return reasons


def review_report(connection: Connection, caller: Caller, report_id: UUID, version: int) -> types.Report:
    """Remove the mark for review from a report that needs no correction.

    The database emits `report_updated`.

    Args:
        connection: In autocommit; it is one statement.
        caller: Needs ``report:update`` in the report's region.
        report_id: The report.
        version: The version that the caller saw.

    Returns:
        The report as it is now; also when it was not marked, or when this very change was made before.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
        Forbidden: The caller may see but not edit the report.
        Conflict: The report was changed meanwhile.
    """
    values: dict[str, Any] = {"review_reasons": []}
    marked = [UNDER_REVIEW, holds(connection, caller, REPORT_UPDATE)]
    row = change_if_version(
        connection, caller, reports, report_id, version, values, where=marked, returning=COLUMNS
    )
    if row is not None:
        return cast("types.Report", row)
    report = get_report(connection, caller, report_id, REPORT_UPDATE)
    REGIONS.require(connection, caller, REPORT_UPDATE, report["region_id"])
    is_settled = report["version"] == version and not report["review_reasons"]
    if is_settled or is_repeat(caller, report, version, values):
        return report
    raise stale("report", report)


# --- reads --------------------------------------------------------------------------------------------------------

SEARCH: Final = WordSearch(SCHEMA, reports.c.search, PAIRS)


def _min_severity(level: int) -> Condition:
    high = select(severity_levels.c.id).where(severity_levels.c.level >= level)
    return reports.c.severity_level_id.in_(high)


_CONDITIONS: Final[dict[str, Callable[[Any], Condition]]] = {
    "status": lambda values: one_of(reports.c.status, values),
    "report_type_id": lambda values: one_of(reports.c.report_type_id, values),
    "min_severity": _min_severity,
    "user_id": lambda value: reports.c.user_id == value,
    "duplicate_of": lambda value: reports.c.duplicate_of == value,
    "reported_from": lambda value: reports.c.reported_at >= value,
    "reported_to": lambda value: reports.c.reported_at < value,
    "changed_since": lambda value: reports.c.updated_at >= value,
    "bbox": lambda box: geography.within_box(reports.c.point, *box),
    "within": lambda polygons: geography.within_area(reports.c.point, polygons),
    "near": lambda place: geography.near(reports.c.point, place["lon"], place["lat"], place["radius_m"]),
    "text": SEARCH.finds,
    "needs_review": lambda needed: UNDER_REVIEW if needed else not_(UNDER_REVIEW),
    "review_reason": lambda values: and_(UNDER_REVIEW, reports.c.review_reasons.overlap(values)),
}


def read_search(connection: Connection, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters with ``text`` as a search, where it is given."""
    written = filters.get("text")
    return {**filters, "text": None if written is None else SEARCH.read(connection, written)}


def conditions(connection: Connection, filters: Mapping[str, Any]) -> list[Condition]:
    """Return one condition for each filter that is given; other arguments (``cursor``, ``sort``) are ignored.

    Args:
        connection: To read with.
        filters: As `read_search` returns them.
    """
    in_regions = REGIONS.chosen(connection, reports.c.region_id, filters)
    return [*conditions_of(filters, _CONDITIONS), *in_regions]


def get_report(connection: Connection, caller: Caller, report_id: UUID, *permissions: str) -> types.Report:
    """Return the report, if the caller may see it or holds one of the permissions for it.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
    """
    held = (holds(connection, caller, permission) for permission in permissions)
    seen = or_(visible(connection, caller), *held)
    statement = select(*COLUMNS).where(reports.c.id == report_id, seen)
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("Report not found.")
    return cast("types.Report", row)


def show_report(connection: Connection, caller: Caller, report_id: UUID) -> types.Report:
    """Return the report, if the caller may see it or has filed a duplicate of it.

    Whoever filed a duplicate follows what becomes of the original. Its comments and files stay hidden from them.

    Raises:
        NotFound: There is no such report, or the caller may not see it.
    """
    try:
        return get_report(connection, caller, report_id)
    except NotFound:
        row = connection.execute(_original(connection, caller, report_id)).mappings().one_or_none()
        if row is None:
            raise
        return cast("types.Report", row)


def _original(connection: Connection, caller: Caller, report_id: UUID) -> Select[Any]:
    """Return the report if one of its duplicates, direct or not, is a report of the caller."""
    of_it = (
        select(reports.c.id, reports.c.user_id, reports.c.region_id)
        .where(reports.c.duplicate_of == report_id)
        .cte("of_it", recursive=True)
    )
    further = reports.alias("further")
    of_it = of_it.union(
        select(further.c.id, further.c.user_id, further.c.region_id).where(
            further.c.duplicate_of == of_it.c.id
        )
    )
    own = (
        select(of_it.c.id)
        .join(reports, reports.c.id == of_it.c.id)
        .where(holds_own(connection, caller, REPORT_READ_OWN))
    )
    return select(*COLUMNS).where(reports.c.id == report_id, own.correlate(None).exists())


def list_reports(connection: Connection, caller: Caller, filters: types.ListReports) -> types.PageOfReport:
    """Return a page of the reports that the caller may see and that match all filters, the newest first."""
    return cast("types.PageOfReport", _page(connection, caller, select(*COLUMNS), filters))


def list_active_reports(
    connection: Connection, caller: Caller, filters: types.ListActiveReports
) -> types.PageOfActiveReport:
    """Return a page of the active reports, with what the seed's view ``active_reports`` shows of each."""
    names = (found for found in _ACTIVE.c if found.key != "id")
    statement = select(*COLUMNS, *names).join_from(reports, _ACTIVE, _ACTIVE.c.id == reports.c.id)
    statement = statement.where(one_of(reports.c.status, ACTIVE_STATUSES))
    return cast("types.PageOfActiveReport", _page(connection, caller, statement, filters))


def _page(
    connection: Connection,
    caller: Caller,
    statement: Select[Any],
    arguments: types.ListReports | types.ListActiveReports,
) -> dict[str, Any]:
    order = _ORDERS[arguments["sort"]]
    filters = read_search(connection, arguments)
    search = filters["text"]
    chosen = statement.where(visible(connection, caller), *conditions(connection, {**filters, "text": None}))
    if arguments["sort"] == "severity":
        if search is None:
            return _page_by_severity(connection, chosen, arguments)
        in_level = reports.c.severity_level_id == _LEVELS.c.id
        chosen = chosen.join(_LEVELS, in_level).add_columns(_LEVELS.c.level)
    if search is not None:
        is_exact = SEARCH.finds_exactly(search)
        loose = None if search.is_exact else chosen.where(SEARCH.finds(search), not_(is_exact))
        return ranked_page(connection, chosen.where(is_exact), loose, order, filters)
    return paging.fetch_page(connection, chosen, order, arguments)


_LAST_MOMENT: Final = literal_column("'infinity'::timestamptz", DateTime(timezone=True))
_LAST_ID: Final = UUID(int=2**128 - 1)


def _page_by_severity(
    connection: Connection, chosen: Select[Any], arguments: types.ListReports | types.ListActiveReports
) -> dict[str, Any]:
    """Return a page of the chosen reports, the most severe first.

    The severity is a level of the catalogue, which may change. So the statement takes the first reports of each level,
    each from one range of the index by severity and time, and merges them.
    """
    order, limit, cursor = _ORDERS["severity"], arguments["limit"], arguments["cursor"]
    of_level = chosen.where(reports.c.severity_level_id == _LEVELS.c.id)
    reached = true()
    if cursor is not None:
        level, reported_at, report_id = paging.decode_cursor(cursor, order)
        is_last = _LEVELS.c.level == level
        reached = _LEVELS.c.level <= level
        of_level = of_level.where(
            tuple_(reports.c.reported_at, reports.c.id)
            < tuple_(
                case((is_last, literal(reported_at, reports.c.reported_at.type)), else_=_LAST_MOMENT),
                case((is_last, literal(report_id, Uuid)), else_=literal(_LAST_ID, Uuid)),
            )
        )
    newest = of_level.order_by(reports.c.reported_at.desc(), reports.c.id.desc()).limit(limit + 1)
    found = newest.correlate(_LEVELS).lateral("found")
    statement: Select[Any] = (
        select(*found.c, _LEVELS.c.level)
        .select_from(_LEVELS.join(found, true()))
        .where(reached)
        .order_by(_LEVELS.c.level.desc(), found.c.reported_at.desc(), found.c.id.desc())
        .limit(limit + 1)
    )
    return paging.page(connection.execute(statement).all(), limit, order)

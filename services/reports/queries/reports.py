"""Reads of reports: one, a page of many, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import column, func, literal_column, not_, or_, select, table, tuple_

from services.reports.models import SCHEMA, UNDER_REVIEW, report_types, reports, severity_levels
from services.reports.queries.filters import SEARCH, conditions, read_search
from services.reports.queries.visibility import holds, visible
from shared.client.errors import NotFound
from shared.domain.reports import ACTIVE_STATUSES
from shared.platform.db import paging
from shared.platform.db.conditions import one_of
from shared.platform.db.search import ranked_page

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, RowMapping, Select

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
    # What reporters' clocks say may be wrong; ours made the row when the report arrived.
    reports.c.created_at.label("received_at"),
    reports.c.updated_at,
    reports.c.updated_by,
    reports.c.version,
    reports.c.review_reasons,
    UNDER_REVIEW.label("needs_review"),
)
"""What a report shows of itself."""

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
"""The seed's view; it alone may look at the names of regions and reporters."""

_ORDERS: Final[dict[str, paging.Order]] = {
    "reported_at": ((reports.c.reported_at, "desc"), (reports.c.id, "desc")),
    "updated_at": ((reports.c.updated_at, "desc"), (reports.c.id, "desc")),
}


def get_report(connection: Connection, caller: Caller, report_id: UUID, *permissions: str) -> RowMapping:
    """One report that the caller may see, or holds one of the permissions for.

    Raises:
        NotFound: There is none.
    """
    seen = or_(visible(caller), *(holds(caller, permission) for permission in permissions))
    statement = select(*COLUMNS).where(reports.c.id == report_id, seen)
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such report.")
    return row


def list_reports(connection: Connection, caller: Caller, filters: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the reports that the caller may see and that all filters let pass; see `schemas.ListReports`."""
    return _page(connection, select(*COLUMNS), caller, filters)


def list_active_reports(connection: Connection, caller: Caller, filters: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the active reports, with what the seed's view ``active_reports`` shows of each."""
    names = (found for found in _ACTIVE.c if found.key != "id")
    statement = select(*COLUMNS, *names).join_from(reports, _ACTIVE, _ACTIVE.c.id == reports.c.id)
    return _page(connection, statement.where(one_of(reports.c.status, ACTIVE_STATUSES)), caller, filters)


def summarise_reports(connection: Connection, caller: Caller, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Counts of the reports that the caller may see and that all filters let pass, in one pass over them."""
    groups = (
        reports.c.status,
        reports.c.report_type_id,
        reports.c.severity_level_id,
        reports.c.region_id,
    )
    statement = (
        select(*groups, func.count().label("count"))
        .where(visible(caller), *conditions(read_search(connection, filters)))
        .group_by(func.grouping_sets(*(tuple_(group) for group in groups)))
        .order_by(literal_column("count").desc())
    )
    rows = connection.execute(statement).mappings().all()
    counts = {group.key: [row for row in rows if row[group.key] is not None] for group in groups}
    types = _names(connection, report_types.c.id, report_types.c.name)
    levels = _names(connection, severity_levels.c.id, severity_levels.c.name, severity_levels.c.level)
    return {
        "total": sum(row["count"] for row in counts["status"]),
        "by_status": counts["status"],
        "by_type": [{**row, **types[row["report_type_id"]]} for row in counts["report_type_id"]],
        "by_severity": [{**row, **levels[row["severity_level_id"]]} for row in counts["severity_level_id"]],
        "by_region": counts["region_id"],
    }


def _page(
    connection: Connection, statement: Select[Any], caller: Caller, filters: Mapping[str, Any]
) -> dict[str, Any]:
    order = _ORDERS[filters["sort"]]
    filters = read_search(connection, filters)
    search = filters["text"]
    chosen = statement.where(visible(caller), *conditions({**filters, "text": None}))
    if search is not None:
        is_exact = SEARCH.finds_exactly(search)
        loose = None if search.is_exact else chosen.where(SEARCH.finds(search), not_(is_exact))
        return ranked_page(connection, chosen.where(is_exact), loose, order, filters)
    rows = connection.execute(paging.keyset(chosen, order, filters["cursor"], filters["limit"])).all()
    return paging.page(rows, filters["limit"], order)


def _names(connection: Connection, *columns: ColumnElement[Any]) -> dict[UUID, dict[str, Any]]:
    """The catalogue's rows by id. Catalogues have some dozens of rows."""
    rows: Iterable[RowMapping] = connection.execute(select(*columns)).mappings()
    return {row["id"]: {name: value for name, value in row.items() if name != "id"} for row in rows}

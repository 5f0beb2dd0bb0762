"""Counts of reports: by status, type, severity and region, and by cell of a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import func, literal_column, select, tuple_

from services.reports.models import report_types, reports, severity_levels
from services.reports.reports import conditions, read_search, visible
from shared.domain import geography

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping, Select

    from services.reports.schemas import types
    from shared.platform.rpc.context import Caller


def summarise_reports(
    connection: Connection, caller: Caller, filters: types.SummariseReports
) -> types.Summary:
    """Return counts of the reports that the caller may see and that match all filters, in one pass over them."""
    groups = (
        reports.c.status,
        reports.c.report_type_id,
        reports.c.severity_level_id,
        reports.c.region_id,
    )
    statement = (
        select(*groups, func.count().label("count"))
        .where(visible(connection, caller), *conditions(connection, read_search(connection, filters)))
        .group_by(func.grouping_sets(*(tuple_(group) for group in groups)))
        .order_by(literal_column("count").desc())
    )
    rows = connection.execute(statement).mappings().all()
    counts = {
        group.key: [(row[group.key], row["count"]) for row in rows if row[group.key] is not None]
        for group in groups
    }
    names = _by_id(connection, select(report_types.c.id, report_types.c.name))
    levels = _by_id(connection, select(severity_levels.c.id, severity_levels.c.name, severity_levels.c.level))
    return {
        "total": sum(count for _, count in counts["status"]),
        "by_status": [{"status": status, "count": count} for status, count in counts["status"]],
        "by_type": [
            {"report_type_id": type_id, "name": names[type_id]["name"], "count": count}
            for type_id, count in counts["report_type_id"]
        ],
        "by_severity": [
            {
                "severity_level_id": level_id,
                "name": levels[level_id]["name"],
                "level": levels[level_id]["level"],
                "count": count,
            }
            for level_id, count in counts["severity_level_id"]
        ],
        "by_region": [{"region_id": region_id, "count": count} for region_id, count in counts["region_id"]],
    }


def _by_id(connection: Connection, statement: Select[Any]) -> dict[UUID, RowMapping]:
    """Return the entries of a catalogue by id; they are some dozens."""
    return {row["id"]: row for row in connection.execute(statement).mappings()}


def aggregate_reports(
    connection: Connection, caller: Caller, filters: types.AggregateReports
) -> types.ReportCells:
    """Return the cells of the box with the reports that the caller may see and that match all filters.

    It is one pass over those reports, which the index of ``point`` finds where the box is small.

    Returns:
        The cells that hold any report, the fullest first.
    """
    size = filters["cell_size"]
    cells = geography.cells(reports.c.point, size)
    statement = (
        select(*cells.columns, func.max(severity_levels.c.level).label("severity_level"))
        .join_from(reports, severity_levels, severity_levels.c.id == reports.c.severity_level_id)
        .where(visible(connection, caller), *conditions(connection, read_search(connection, filters)))
        .group_by(*cells.numbers)
        .order_by(func.count().desc(), *cells.numbers)
    )
    items = [
        {**geography.cell_of(row), "severity_level": row["severity_level"]}
        for row in connection.execute(statement).mappings()
    ]
    return {
        "cell_size": size,
        "total": sum(cell["count"] for cell in items),
        "items": cast("list[types.ReportCell]", items),
    }

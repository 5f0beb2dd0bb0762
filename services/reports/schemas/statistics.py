"""What the methods that count reports take and return."""

from __future__ import annotations

from marshmallow import fields

from services.reports.schemas.filters import ReportFilters, StatusFilter
from shared.domain.geo_filters import Cell, CellGrid
from shared.platform.schemas import Identifier, Result


class SummariseReports(ReportFilters, StatusFilter):
    """The reports to count."""


class AggregateReports(CellGrid, ReportFilters, StatusFilter):
    """The reports to count by cell: those in ``bbox``, by squares of ``cell_size`` degrees.

    A box may have at most 10,000 cells. Cells are counted from longitude 0 and latitude 0, so that they stay where
    they are when the box moves; those at the edges of the box count only the reports inside the box.
    """


class _Count(Result):
    """How many reports share something."""

    count = fields.Integer()


class StatusCount(_Count):
    """How many reports have the status."""

    status = fields.String()


class TypeCount(_Count):
    """How many reports are of the type."""

    report_type_id = Identifier()
    name = fields.String()


class SeverityCount(_Count):
    """How many reports have the severity."""

    severity_level_id = Identifier()
    name = fields.String()
    level = fields.Integer()


class RegionCount(_Count):
    """How many reports are in the region itself, and not in a region that lies in it."""

    region_id = Identifier()


class Summary(Result):
    """Counts of the same reports in four ways, the greatest count first; each list adds up to ``total``."""

    total = fields.Integer()
    by_status = fields.List(fields.Nested(StatusCount))
    by_type = fields.List(fields.Nested(TypeCount))
    by_severity = fields.List(fields.Nested(SeverityCount))
    by_region = fields.List(fields.Nested(RegionCount))


class ReportCell(Cell):
    """A cell of the map: how many reports it holds, their mean position, and the greatest severity among them.

    ``bbox`` is the extent of its reports, as ``[west, south, east, north]``; ``severity_level`` is a level of 1 to 5.
    """

    severity_level = fields.Integer()


class ReportCells(Result):
    """The cells that hold any report, the fullest first, and the number of those reports."""

    cell_size = fields.Float()
    total = fields.Integer()
    items = fields.List(fields.Nested(ReportCell))

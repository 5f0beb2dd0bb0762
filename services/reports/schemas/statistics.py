"""What the methods that count reports take and return."""

from __future__ import annotations

import math
from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from services.reports.schemas.filters import ReportFilters, StatusFilter
from shared.domain.geo_filters import Box
from shared.platform.schemas import Identifier, Number, Result

MIN_CELL: Final = 0.0001
"""Degrees; some ten metres."""

MAX_CELL: Final = 90
MAX_CELLS: Final = 10_000
TURN: Final = 360


class SummariseReports(ReportFilters, StatusFilter):
    """The reports to count."""


class AggregateReports(ReportFilters, StatusFilter):
    """The reports to count by cell: those in ``bbox``, by squares of ``cell_size`` degrees.

    A box may have at most 10,000 cells. Cells are counted from longitude 0 and latitude 0, so that they stay where
    they are when the box moves; those at the edges of the box count only the reports inside the box.
    """

    bbox = Box(required=True)
    cell_size = Number(min_value=MIN_CELL, max_value=MAX_CELL, required=True)

    @validates_schema
    def _cells_are_not_too_many(self, data: dict[str, Any], **_more: Any) -> None:
        if "bbox" not in data or "cell_size" not in data:
            return
        west, south, east, north = data["bbox"]
        width = east - west if west <= east else east - west + TURN
        size = data["cell_size"]
        if math.ceil(width / size) * math.ceil((north - south) / size) > MAX_CELLS:
            raise ValidationError(f"The box would have more than {MAX_CELLS:,} such cells.", "cell_size")


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
    """How many reports are in the region."""

    region_id = Identifier()


class Summary(Result):
    """Counts of the same reports in four ways, the greatest count first; each list adds up to ``total``."""

    total = fields.Integer()
    by_status = fields.List(fields.Nested(StatusCount))
    by_type = fields.List(fields.Nested(TypeCount))
    by_severity = fields.List(fields.Nested(SeverityCount))
    by_region = fields.List(fields.Nested(RegionCount))


class ReportCell(_Count):
    """A cell of the map: how many reports it holds, their mean position, and the greatest severity among them.

    ``bbox`` is the extent of its reports, as ``[west, south, east, north]``; ``severity_level`` is a level of 1 to 5.
    """

    id = fields.String()
    location = fields.Raw()
    bbox = fields.List(fields.Float())
    severity_level = fields.Integer()


class ReportCells(Result):
    """The cells that hold any report, the fullest first, and the number of those reports."""

    cell_size = fields.Float()
    total = fields.Integer()
    items = fields.List(fields.Nested(ReportCell))

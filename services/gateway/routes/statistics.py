"""Counts."""

from __future__ import annotations

from services.gateway.routes.blueprint import ResourceBlueprint
from services.reports import schemas

statistics = ResourceBlueprint("statistics", "Counts of what there is.")

statistics.offer(
    "GET", "/statistics/reports", "reports.summarise_reports", schemas.SummariseReports, schemas.Summary
)
statistics.offer(
    "GET",
    "/statistics/report-cells",
    "reports.aggregate_reports",
    schemas.AggregateReports,
    schemas.ReportCells,
    geometry="location",
)

"""Reports, with their status, history and comments, and counts of them."""

from __future__ import annotations

from typing import Final

from services.gateway.routes.blueprint import ResourceBlueprint
from services.reports import schemas

REPORT: Final = "/reports/<uuid:report_id>"

reports = ResourceBlueprint("reports", "Reports of incidents, filed by people in the field.")

reports.offer(
    "GET",
    "/reports",
    "reports.list_reports",
    schemas.ListReports,
    schemas.ReportPage,
    geometry="location",
    csv=True,
)
reports.offer(
    "GET",
    "/active-reports",
    "reports.list_active_reports",
    schemas.ListActiveReports,
    schemas.ActiveReportPage,
    geometry="location",
    csv=True,
)
reports.offer(
    "POST",
    "/reports",
    "reports.create_report",
    schemas.CreateReport,
    schemas.Report,
    location_template="/reports/{id}",
)
reports.offer("GET", REPORT, "reports.get_report", schemas.GetReport, schemas.Report)
reports.offer("PATCH", REPORT, "reports.update_report", schemas.UpdateReport, schemas.Report)
reports.offer(
    "PUT", f"{REPORT}/status", "reports.change_report_status", schemas.ChangeReportStatus, schemas.Report
)
reports.offer("PUT", f"{REPORT}/review", "reports.review_report", schemas.ReviewReport, schemas.Report)
reports.offer("PUT", f"{REPORT}/resolution", "reports.resolve_report", schemas.ResolveReport, schemas.Report)
reports.offer(
    "GET",
    f"{REPORT}/history",
    "reports.get_report_history",
    schemas.OfReport,
    schemas.HistoryPage,
    csv=True,
)
reports.offer(
    "GET", f"{REPORT}/comments", "reports.list_comments", schemas.OfReport, schemas.CommentPage, csv=True
)
reports.offer(
    "POST",
    f"{REPORT}/comments",
    "reports.add_comment",
    schemas.AddComment,
    schemas.Comment,
    location_template="/comments/{id}",
)
reports.offer(
    "PATCH",
    "/comments/<uuid:comment_id>",
    "reports.edit_comment",
    schemas.EditComment,
    schemas.Comment,
)
reports.offer(
    "POST", "/report-imports", "reports.import_reports", schemas.ImportReports, schemas.ImportResult
)

statistics = ResourceBlueprint("statistics", "Counts of reports.")

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

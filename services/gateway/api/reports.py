"""Reports, with their comments, status and history."""

from __future__ import annotations

from services.gateway.blueprint import ResourceBlueprint
from services.reports import schemas

reports = ResourceBlueprint("reports", "Incidents that people in the field report.")

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
    "POST",
    "/reports",
    "reports.create_report",
    schemas.CreateReport,
    schemas.Report,
    made_at="/reports/{id}",
)
reports.offer("GET", "/reports/<uuid:report_id>", "reports.get_report", schemas.GetReport, schemas.Report)
reports.offer(
    "PATCH", "/reports/<uuid:report_id>", "reports.update_report", schemas.UpdateReport, schemas.Report
)

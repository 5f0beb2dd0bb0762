"""The catalogues: report types, severity levels and resource types."""

from __future__ import annotations

from services.gateway.routes.blueprint import ResourceBlueprint
from services.reports import schemas as of_reports
from services.resources import schemas as of_resources

catalogues = ResourceBlueprint(
    "catalogues", "The types and severity levels by which reports and resources are classified."
)

catalogues.offer(
    "GET",
    "/report-types",
    "reports.list_report_types",
    of_reports.ListReportTypes,
    of_reports.ReportTypePage,
    csv=True,
)
catalogues.offer(
    "POST",
    "/report-types",
    "reports.create_report_type",
    of_reports.CreateReportType,
    of_reports.ReportType,
    location_template="/report-types/{id}",
)
catalogues.offer(
    "PATCH",
    "/report-types/<uuid:report_type_id>",
    "reports.update_report_type",
    of_reports.UpdateReportType,
    of_reports.ReportType,
)
catalogues.offer(
    "GET",
    "/severity-levels",
    "reports.list_severity_levels",
    of_reports.ListSeverityLevels,
    of_reports.SeverityLevelPage,
    csv=True,
)
catalogues.offer(
    "POST",
    "/severity-levels",
    "reports.create_severity_level",
    of_reports.CreateSeverityLevel,
    of_reports.SeverityLevel,
    location_template="/severity-levels/{id}",
)
catalogues.offer(
    "PATCH",
    "/severity-levels/<uuid:severity_level_id>",
    "reports.update_severity_level",
    of_reports.UpdateSeverityLevel,
    of_reports.SeverityLevel,
)
catalogues.offer(
    "GET",
    "/resource-types",
    "resources.list_resource_types",
    of_resources.ListResourceTypes,
    of_resources.ResourceTypePage,
    csv=True,
)
catalogues.offer(
    "POST",
    "/resource-types",
    "resources.create_resource_type",
    of_resources.CreateResourceType,
    of_resources.ResourceType,
    location_template="/resource-types/{id}",
)
catalogues.offer(
    "PATCH",
    "/resource-types/<uuid:resource_type_id>",
    "resources.update_resource_type",
    of_resources.UpdateResourceType,
    of_resources.ResourceType,
)
catalogues.offer(
    "PUT",
    "/resource-types/<uuid:resource_type_id>/deactivation",
    "resources.deactivate_resource_type",
    of_resources.DeactivateResourceType,
    of_resources.ResourceType,
)

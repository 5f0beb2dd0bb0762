"""The reads of the reports service."""

from services.reports.queries.allowance import get_attachment_allowance
from services.reports.queries.catalogues import list_report_types, list_severity_levels
from services.reports.queries.cells import aggregate_reports
from services.reports.queries.parts import (
    get_attachment,
    get_report_history,
    list_attachments,
    list_comments,
)
from services.reports.queries.reports import (
    get_report,
    list_active_reports,
    list_reports,
    summarise_reports,
)

__all__ = [
    "aggregate_reports",
    "get_attachment",
    "get_attachment_allowance",
    "get_report",
    "get_report_history",
    "list_active_reports",
    "list_attachments",
    "list_comments",
    "list_report_types",
    "list_reports",
    "list_severity_levels",
    "summarise_reports",
]

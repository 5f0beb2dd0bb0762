"""The writes of the reports service: one function is one use case and one transaction."""

from services.reports.operations.attachments import add_attachment
from services.reports.operations.catalogues import (
    create_report_type,
    create_severity_level,
    seed,
    update_report_type,
    update_severity_level,
)
from services.reports.operations.comments import add_comment, edit_comment
from services.reports.operations.history import record_history
from services.reports.operations.imports import check_rows, import_reports
from services.reports.operations.reports import create_report, review_report, update_report
from services.reports.operations.status import change_report_status, needs_transaction

__all__ = [
    "add_attachment",
    "add_comment",
    "change_report_status",
    "check_rows",
    "create_report",
    "create_report_type",
    "create_severity_level",
    "edit_comment",
    "import_reports",
    "needs_transaction",
    "record_history",
    "review_report",
    "seed",
    "update_report",
    "update_report_type",
    "update_severity_level",
]

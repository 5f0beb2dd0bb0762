"""What the methods of the reports service take and return."""

from services.reports.schemas.attachments import (
    AddAttachment,
    Attachment,
    AttachmentAllowance,
    AttachmentPage,
    GetAttachment,
    GetAttachmentAllowance,
)
from services.reports.schemas.catalogue import (
    CreateReportType,
    CreateSeverityLevel,
    ListReportTypes,
    ListSeverityLevels,
    ReportType,
    ReportTypePage,
    SeverityLevel,
    SeverityLevelPage,
    UpdateReportType,
    UpdateSeverityLevel,
)
from services.reports.schemas.comments import (
    AddComment,
    Comment,
    CommentPage,
    EditComment,
)
from services.reports.schemas.imports import (
    ImportReports,
    ReportRow,
)
from services.reports.schemas.reports import (
    ActiveReportPage,
    CreateReport,
    GetReport,
    ListActiveReports,
    ListReports,
    OfReport,
    Report,
    ReportPage,
    ReviewReport,
    UpdateReport,
)
from services.reports.schemas.statistics import (
    AggregateReports,
    ReportCells,
    SummariseReports,
    Summary,
)
from services.reports.schemas.status import (
    ChangeReportStatus,
    HistoryPage,
    ResolveReport,
)
from shared.domain.import_schemas import ImportResult

__all__ = [
    "ActiveReportPage",
    "AddAttachment",
    "AddComment",
    "AggregateReports",
    "Attachment",
    "AttachmentAllowance",
    "AttachmentPage",
    "ChangeReportStatus",
    "Comment",
    "CommentPage",
    "CreateReport",
    "CreateReportType",
    "CreateSeverityLevel",
    "EditComment",
    "GetAttachment",
    "GetAttachmentAllowance",
    "GetReport",
    "HistoryPage",
    "ImportReports",
    "ImportResult",
    "ListActiveReports",
    "ListReportTypes",
    "ListReports",
    "ListSeverityLevels",
    "OfReport",
    "Report",
    "ReportCells",
    "ReportPage",
    "ReportRow",
    "ReportType",
    "ReportTypePage",
    "ResolveReport",
    "ReviewReport",
    "SeverityLevel",
    "SeverityLevelPage",
    "SummariseReports",
    "Summary",
    "UpdateReport",
    "UpdateReportType",
    "UpdateSeverityLevel",
]

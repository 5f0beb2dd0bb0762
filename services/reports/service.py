"""The reports service as nameko runs it: every RPC method and event handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from nameko.extensions import DependencyProvider

from services.reports import attachments, catalogue, comments, imports, reports, schemas, statistics, status
from services.reports.models import REGIONS
from services.reports.policy import AttachmentQuotas
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from shared.domain.permissions import (
    CATALOGUE_WRITE,
    REPORT_ATTACH,
    REPORT_CHANGE_STATUS,
    REPORT_COMMENT,
    REPORT_CREATE,
    REPORT_IMPORT,
    REPORT_READ,
    REPORT_READ_OWN,
    REPORT_UPDATE,
    REPORT_UPDATE_OWN,
)
from shared.domain.places import find_region, locate
from shared.domain.region_tree import REGION_BATCH
from shared.domain.reports import RESOLVED
from shared.platform.db.provider import DatabaseProvider
from shared.platform.db.writes import without
from shared.platform.outbox.relay import OutboxRelay
from shared.platform.outbox.subscribe import subscribe
from shared.platform.rpc.operation import SIGNED_IN, operation
from shared.platform.rpc.provider import RpcProvider

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from services.reports.schemas import types
    from shared.platform.outbox.event import Event
    from shared.platform.rpc.context import Caller

READ = (REPORT_READ, REPORT_READ_OWN)


class QuotasProvider(DependencyProvider):
    """``quotas = QuotasProvider()`` in the service class gives its methods the `AttachmentQuotas` of the settings."""

    def setup(self) -> None:
        """Read the quotas from the settings; nameko calls it."""
        settings = self.container.config["SETTINGS"]
        self._quotas = AttachmentQuotas(
            reporter=settings.attachment_quota_reporter,
            staff=settings.attachment_quota_staff,
            report=settings.attachment_quota_report,
            total=settings.attachment_quota_total,
        )

    def get_dependency(self, worker_ctx: Any) -> AttachmentQuotas:
        """Return the quotas; nameko calls it for each worker."""
        return self._quotas


class ReportsService:
    """Offers reports by RPC, and writes their history from its own events."""

    name = "reports"

    db = DatabaseProvider()
    rpc = RpcProvider()
    relay = OutboxRelay()
    quotas = QuotasProvider()

    @operation(
        permission=REPORT_CREATE,
        arguments=schemas.CreateReport,
        result=schemas.Report,
        errors=(
            Forbidden("The caller may not create reports in this region."),
            Invalid(
                "The region, type or severity level does not exist, or `reported_at` is over a day ahead."
            ),
            Conflict("The id belongs to another report."),
        ),
        emits=("report_created",),
    )
    def create_report(self, caller: Caller, **arguments: Unpack[types.CreateReport]) -> types.Report:
        """File a report, in the region that contains its location unless it names one."""
        region_id = arguments.get("region_id") or find_region(self.rpc, caller, arguments["location"])
        with self.db.autocommit() as connection:
            return reports.create_report(connection, caller, region_id, arguments)

    @operation(permission=READ, arguments=schemas.GetReport, result=schemas.Report, errors=(NotFound,))
    def get_report(self, caller: Caller, report_id: UUID) -> types.Report:
        """Return the report, also to whoever filed a duplicate of it."""
        with self.db.read() as connection:
            return reports.show_report(connection, caller, report_id)

    @operation(
        permission=(REPORT_UPDATE, REPORT_UPDATE_OWN),
        arguments=schemas.UpdateReport,
        result=schemas.Report,
        errors=(
            NotFound,
            Forbidden("The caller may not edit the report, or may not move it to the region."),
            Conflict(
                "The report was changed in the meantime, or it is the caller's own and no longer pending."
            ),
            Invalid(
                "A region, active type or severity level does not exist, or `reported_at` is over a day ahead."
            ),
        ),
        emits=("report_updated",),
    )
    def update_report(self, caller: Caller, **arguments: Unpack[types.UpdateReport]) -> types.Report:
        """Edit a report; omitted fields stay as they are, and the status has methods of its own."""
        with self.db.autocommit() as connection:
            return reports.update_report(connection, caller, arguments)

    @operation(
        permission=REPORT_UPDATE,
        arguments=schemas.ReviewReport,
        result=schemas.Report,
        errors=(
            NotFound,
            Forbidden("The caller may not edit the report."),
            Conflict("The report was changed in the meantime."),
        ),
        emits=("report_updated",),
    )
    def review_report(self, caller: Caller, report_id: UUID, version: int) -> types.Report:
        """Remove the mark for review from a report."""
        with self.db.autocommit() as connection:
            return reports.review_report(connection, caller, report_id, version)

    @operation(
        permission=REPORT_CHANGE_STATUS,
        arguments=schemas.ChangeReportStatus,
        result=schemas.Report,
        errors=(
            NotFound,
            Forbidden("The caller may not change the status of the report."),
            Conflict(
                "The status cannot follow the present one (`legal` lists those that can), or the report was changed."
            ),
            Invalid(
                "`duplicate_of` is missing, unknown, not allowed with this status, or leads back to this report."
            ),
        ),
        emits=("report_status_changed",),
    )
    def change_report_status(
        self, caller: Caller, **arguments: Unpack[types.ChangeReportStatus]
    ) -> types.Report:
        """Change the status of a report."""
        lend = self.db.write if status.needs_transaction(arguments["status"]) else self.db.autocommit
        with lend() as connection:
            return status.change_report_status(connection, caller, **arguments)

    @operation(
        permission=REPORT_CHANGE_STATUS,
        arguments=schemas.ResolveReport,
        result=schemas.Report,
        errors=(
            NotFound,
            Forbidden("The caller may not change the status of the report."),
            Conflict(
                "The status cannot follow the present one (`legal` lists those that can), or the report was changed."
            ),
        ),
        emits=("report_status_changed",),
    )
    def resolve_report(
        self, caller: Caller, report_id: UUID, version: int, resolution_notes: str | None
    ) -> types.Report:
        """Change the status of a report to resolved."""
        with self.db.autocommit() as connection:
            return status.change_report_status(
                connection, caller, report_id, version, RESOLVED, notes=resolution_notes
            )

    @operation(permission=READ, arguments=schemas.ListReports, result=schemas.ReportPage)
    def list_reports(self, caller: Caller, **filters: Unpack[types.ListReports]) -> types.PageOfReport:
        """Return a page of reports, the newest first."""
        with self.db.read() as connection:
            return reports.list_reports(connection, caller, filters)

    @operation(permission=READ, arguments=schemas.ListActiveReports, result=schemas.ActiveReportPage)
    def list_active_reports(
        self, caller: Caller, **filters: Unpack[types.ListActiveReports]
    ) -> types.PageOfActiveReport:
        """Return a page of the pending, confirmed and in-progress reports with their names, the newest first."""
        with self.db.read() as connection:
            return reports.list_active_reports(connection, caller, filters)

    @operation(permission=READ, arguments=schemas.SummariseReports, result=schemas.Summary)
    def summarise_reports(self, caller: Caller, **filters: Unpack[types.SummariseReports]) -> types.Summary:
        """Count reports by status, type, severity and region."""
        with self.db.read() as connection:
            return statistics.summarise_reports(connection, caller, filters)

    @operation(permission=READ, arguments=schemas.AggregateReports, result=schemas.ReportCells)
    def aggregate_reports(
        self, caller: Caller, **filters: Unpack[types.AggregateReports]
    ) -> types.ReportCells:
        """Count the reports in a box by cells of a grid, with the greatest severity in each."""
        with self.db.read() as connection:
            return statistics.aggregate_reports(connection, caller, filters)

    @operation(
        permission=REPORT_IMPORT,
        arguments=schemas.ImportReports,
        result=schemas.ImportResult,
        emits=("report_created", "report_updated", "report_status_changed"),
    )
    def import_reports(self, caller: Caller, rows: list[Any], source: str) -> types.ImportResult:
        """Store or update up to 500 reports, and return the outcome of each."""
        batch = imports.check_rows(rows, source)
        locate(self.rpc, caller, batch)
        with self.db.write() as connection:
            return imports.import_reports(connection, caller, batch)

    @operation(permission=READ, arguments=schemas.OfReport, result=schemas.HistoryPage, errors=(NotFound,))
    def get_report_history(
        self, caller: Caller, **arguments: Unpack[types.OfReport]
    ) -> types.PageOfReportHistoryEntry:
        """Return a page of the statuses that a report entered, the first one first."""
        with self.db.read() as connection:
            return status.get_report_history(connection, caller, arguments)

    @operation(
        permission=REPORT_COMMENT,
        arguments=schemas.AddComment,
        result=schemas.Comment,
        errors=(
            NotFound,
            Forbidden("The caller may not comment on the report."),
            Conflict("The id belongs to another comment."),
        ),
        emits=("report_comment_added",),
    )
    def add_comment(self, caller: Caller, **arguments: Unpack[types.AddComment]) -> types.Comment:
        """Comment on a report."""
        with self.db.write() as connection:
            return comments.add_comment(connection, caller, arguments)

    @operation(
        permission=REPORT_COMMENT,
        arguments=schemas.EditComment,
        result=schemas.Comment,
        errors=(
            NotFound("There is no such comment, or the caller may not see its report."),
            Forbidden("Another account wrote the comment."),
            Conflict("The comment was changed in the meantime."),
        ),
    )
    def edit_comment(self, caller: Caller, comment_id: UUID, version: int, content: str) -> types.Comment:
        """Replace the text of the caller's own comment."""
        with self.db.autocommit() as connection:
            return comments.edit_comment(connection, caller, comment_id, version, content)

    @operation(permission=READ, arguments=schemas.OfReport, result=schemas.CommentPage, errors=(NotFound,))
    def list_comments(self, caller: Caller, **arguments: Unpack[types.OfReport]) -> types.PageOfComment:
        """Return a page of the comments on a report, the oldest first."""
        with self.db.read() as connection:
            return comments.list_comments(connection, caller, arguments)

    @operation(
        permission=REPORT_ATTACH,
        arguments=schemas.AddAttachment,
        result=schemas.Attachment,
        errors=(
            NotFound,
            Forbidden("The caller may not attach files to the report."),
            TooLarge("The file would exceed a quota; `scope`, `quota` and `remaining` say which."),
            Conflict(
                "The id belongs to another attachment, or the report is the caller's own and no longer pending."
            ),
        ),
        emits=("report_attachment_added",),
    )
    def add_attachment(self, caller: Caller, **arguments: Unpack[types.AddAttachment]) -> types.Attachment:
        """Record a file that belongs to a report, and return the path for its bytes."""
        with self.db.write() as connection:
            return attachments.add_attachment(connection, caller, arguments, self.quotas)

    @operation(
        permission=REPORT_ATTACH,
        arguments=schemas.GetAttachmentAllowance,
        result=schemas.AttachmentAllowance,
        errors=(NotFound, Forbidden("The caller may not attach files to the report.")),
    )
    def get_attachment_allowance(
        self, caller: Caller, report_id: UUID, attachment_id: UUID | None
    ) -> types.AttachmentAllowance:
        """Return how many bytes the caller may still attach to a report."""
        with self.db.read() as connection:
            return attachments.get_attachment_allowance(
                connection, caller, report_id, attachment_id, self.quotas
            )

    @operation(
        permission=READ,
        arguments=schemas.GetAttachment,
        result=schemas.Attachment,
        errors=(NotFound("There is no such attachment, or the caller may not see its report."),),
    )
    def get_attachment(self, caller: Caller, attachment_id: UUID) -> types.Attachment:
        """Return what is known of one attached file."""
        with self.db.read() as connection:
            return attachments.get_attachment(connection, caller, attachment_id)

    @operation(permission=READ, arguments=schemas.OfReport, result=schemas.AttachmentPage, errors=(NotFound,))
    def list_attachments(self, caller: Caller, **arguments: Unpack[types.OfReport]) -> types.PageOfAttachment:
        """Return a page of the attachments of a report, the oldest first."""
        with self.db.read() as connection:
            return attachments.list_attachments(connection, caller, arguments)

    @operation(
        permission=CATALOGUE_WRITE,
        arguments=schemas.CreateReportType,
        result=schemas.ReportType,
        errors=(Conflict("The name or the id is taken."),),
    )
    def create_report_type(
        self, caller: Caller, **arguments: Unpack[types.CreateReportType]
    ) -> types.ReportType:
        """Add a report type."""
        with self.db.autocommit() as connection:
            return catalogue.TYPES.create(connection, caller, arguments)

    @operation(
        permission=CATALOGUE_WRITE,
        arguments=schemas.UpdateReportType,
        result=schemas.ReportType,
        errors=(NotFound, Conflict("The name is taken.")),
    )
    def update_report_type(
        self, caller: Caller, **arguments: Unpack[types.UpdateReportType]
    ) -> types.ReportType:
        """Change a report type, or take it out of use."""
        changes = without(arguments, "report_type_id")
        with self.db.autocommit() as connection:
            return catalogue.TYPES.update(connection, arguments["report_type_id"], changes)

    @operation(permission=SIGNED_IN, arguments=schemas.ListReportTypes, result=schemas.ReportTypePage)
    def list_report_types(
        self, caller: Caller, **page: Unpack[types.ListReportTypes]
    ) -> types.PageOfReportType:
        """Return a page of the report types, ordered by name."""
        with self.db.read() as connection:
            return catalogue.TYPES.page(connection, **page)

    @operation(
        permission=CATALOGUE_WRITE,
        arguments=schemas.CreateSeverityLevel,
        result=schemas.SeverityLevel,
        errors=(Conflict("The name or the id is taken."),),
    )
    def create_severity_level(
        self, caller: Caller, **arguments: Unpack[types.CreateSeverityLevel]
    ) -> types.SeverityLevel:
        """Add a severity level."""
        with self.db.autocommit() as connection:
            return catalogue.LEVELS.create(connection, caller, arguments)

    @operation(
        permission=CATALOGUE_WRITE,
        arguments=schemas.UpdateSeverityLevel,
        result=schemas.SeverityLevel,
        errors=(NotFound, Conflict("The name is taken.")),
    )
    def update_severity_level(
        self, caller: Caller, **arguments: Unpack[types.UpdateSeverityLevel]
    ) -> types.SeverityLevel:
        """Change a severity level."""
        changes = without(arguments, "severity_level_id")
        with self.db.autocommit() as connection:
            return catalogue.LEVELS.update(connection, arguments["severity_level_id"], changes)

    @operation(permission=SIGNED_IN, arguments=schemas.ListSeverityLevels, result=schemas.SeverityLevelPage)
    def list_severity_levels(
        self, caller: Caller, cursor: str | None, limit: int
    ) -> types.PageOfSeverityLevel:
        """Return a page of the severity levels, the lowest first."""
        with self.db.read() as connection:
            return catalogue.LEVELS.page(connection, cursor=cursor, limit=limit)

    @subscribe("reports.history")
    def record_history(self, events: Sequence[Event]) -> None:
        """Write the status history."""
        with self.db.autocommit() as connection:
            status.record_history(connection, events)

    @subscribe("reports.regions", batch=REGION_BATCH)
    def record_regions(self, events: Sequence[Event]) -> None:
        """Keep the copy of identity's regions up to date."""
        with self.db.write() as connection:
            REGIONS.record(connection, events)

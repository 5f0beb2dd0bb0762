"""What the methods of reports take and return."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from .wire import Identifier, Moment


Status: TypeAlias = Literal["pending", "confirmed", "in_progress", "resolved", "closed", "rejected", "duplicate"]
ReviewReason: TypeAlias = Literal["type_inactive", "clock_ahead", "clock_past", "outside_regions", "no_region", "no_coordinates"]
Sort: TypeAlias = Literal["reported_at", "updated_at"]


class Attachment(TypedDict):
    """What is known of an attached file; ``file_path`` is relative to the root of the file store."""

    id: str
    report_id: str
    uploaded_by: str | None
    file_name: str
    file_path: str
    mime_type: str
    file_size: int
    sha256: str | None
    uploaded_at: str


class Comment(TypedDict):
    """A comment on a report."""

    id: str
    report_id: str
    user_id: str
    content: str
    created_at: str
    updated_at: str
    version: int


class Circle(TypedDict):
    """A location and a distance from it along the surface, in metres."""

    lon: float
    lat: float
    radius_m: float


class ReportCell(TypedDict):
    """A cell of the map: how many reports it holds, their mean position, and the greatest severity among
    them.

    ``bbox`` is the extent of its reports, as ``[west, south, east, north]``; ``severity_level`` is a level
    of 1 to 5.
    """

    count: int
    id: str
    location: Any
    bbox: list[float]
    severity_level: int


class ReportCells(TypedDict):
    """The cells that hold any report, the fullest first, and the number of those reports."""

    cell_size: float
    total: int
    items: list[ReportCell]


class Report(TypedDict):
    """A report. ``version`` grows with every change; a change has to name the version that it changes.

    ``location`` is a GeoJSON Point with an optional ``address``, or an ``address`` alone. ``received_at``
    is when the report arrived, by the server's clock; ``reported_at`` may come from a clock that is wrong.
    ``needs_review`` says whether ``review_reasons`` has any.
    """

    id: str
    user_id: str
    region_id: str
    report_type_id: str
    severity_level_id: str
    title: str
    description: str
    location: Any
    status: str
    status_notes: str | None
    duplicate_of: str | None
    reported_at: str
    received_at: str
    needs_review: bool
    review_reasons: list[str]
    resolved_at: str | None
    created_at: str
    updated_at: str
    updated_by: str | None
    version: int


class ReportType(TypedDict):
    """A category of reports."""

    id: str
    name: str
    description: str | None
    is_active: bool


class SeverityLevel(TypedDict):
    """A severity: 1 is the lowest level, 5 the highest."""

    id: str
    name: str
    description: str | None
    level: int
    color_code: str | None


class AttachmentAllowance(TypedDict):
    """How many bytes may still be attached; ``scope`` names the quota that leaves the least.

    All are null where there is no quota.
    """

    remaining: int | None
    quota: int | None
    scope: str | None


class ReportHistoryEntry(TypedDict):
    """A status that a report entered; ``version`` is the version of the report which that made."""

    id: str
    report_id: str
    status: str
    changed_by: str
    notes: str | None
    changed_at: str
    version: int


class PageOfReportHistoryEntry(TypedDict):
    items: list[ReportHistoryEntry]
    next_cursor: str | None


class RefusedRow(TypedDict):
    """The reason why a row was not stored: ``row`` is its index in the call, ``error`` the slug of an error.
    """

    row: int
    error: str
    message: str
    fields: Any


class ImportResult(TypedDict):
    """The outcome of an import.

    ``stored`` counts new records, ``updated`` changed records, and ``unchanged`` rows without a change.
    ``ids`` has the id of the record of each row, in the order of the call; null where the row was refused.
    """

    stored: int
    updated: int
    unchanged: int
    ids: list[str | None]
    refused: list[RefusedRow]


class ActiveReport(TypedDict):
    """A report with the names that the seed's view ``active_reports`` shows beside it."""

    id: str
    user_id: str
    region_id: str
    report_type_id: str
    severity_level_id: str
    title: str
    description: str
    location: Any
    status: str
    status_notes: str | None
    duplicate_of: str | None
    reported_at: str
    received_at: str
    needs_review: bool
    review_reasons: list[str]
    resolved_at: str | None
    created_at: str
    updated_at: str
    updated_by: str | None
    version: int
    report_type: str
    severity_level: str
    severity_color: str | None
    region_name: str
    reporter_name: str


class PageOfActiveReport(TypedDict):
    items: list[ActiveReport]
    next_cursor: str | None


class PageOfAttachment(TypedDict):
    items: list[Attachment]
    next_cursor: str | None


class PageOfComment(TypedDict):
    items: list[Comment]
    next_cursor: str | None


class PageOfReportType(TypedDict):
    items: list[ReportType]
    next_cursor: str | None


class PageOfReport(TypedDict):
    items: list[Report]
    next_cursor: str | None


class PageOfSeverityLevel(TypedDict):
    items: list[SeverityLevel]
    next_cursor: str | None


class StatusCount(TypedDict):
    """How many reports have the status."""

    count: int
    status: str


class TypeCount(TypedDict):
    """How many reports are of the type."""

    count: int
    report_type_id: str
    name: str


class SeverityCount(TypedDict):
    """How many reports have the severity."""

    count: int
    severity_level_id: str
    name: str
    level: int


class RegionCount(TypedDict):
    """How many reports are in the region."""

    count: int
    region_id: str


class Summary(TypedDict):
    """Counts of the same reports in four ways, the greatest count first; each list adds up to ``total``."""

    total: int
    by_status: list[StatusCount]
    by_type: list[TypeCount]
    by_severity: list[SeverityCount]
    by_region: list[RegionCount]


class ReportsMethods(Protocol):
    """The methods of reports."""

    def add_attachment(
        self,
        *,
        report_id: Identifier,
        file_name: str,
        mime_type: str,
        file_size: int,
        sha256: str,
        id: Identifier | None = ...,
    ) -> Attachment:
        """Record a file that belongs to a report, and return the path for its bytes.

        Needs: report:attach.
        """

    def add_comment(
        self,
        *,
        report_id: Identifier,
        content: str,
        id: Identifier | None = ...,
    ) -> Comment:
        """Comment on a report.

        Needs: report:comment.
        """

    def aggregate_reports(
        self,
        *,
        bbox: Sequence[float],
        cell_size: float,
        status: Status | Sequence[Status] | None = ...,
        report_type_id: Identifier | Sequence[Identifier] | None = ...,
        min_severity: int | None = ...,
        region_id: Identifier | Sequence[Identifier] | None = ...,
        user_id: Identifier | None = ...,
        reported_from: Moment | None = ...,
        reported_to: Moment | None = ...,
        changed_since: Moment | None = ...,
        within: Mapping[str, Any] | None = ...,
        near: Circle | None = ...,
        text: str | None = ...,
        needs_review: bool | None = ...,
        review_reason: ReviewReason | Sequence[ReviewReason] | None = ...,
    ) -> ReportCells:
        """Count the reports in a box by cells of a grid, with the greatest severity in each.

        Needs: report:read or report:read_own.
        """

    def change_report_status(
        self,
        *,
        report_id: Identifier,
        version: int,
        status: Status,
        notes: str | None = ...,
        duplicate_of: Identifier | None = ...,
    ) -> Report:
        """Change the status of a report.

        Needs: report:change_status.
        """

    def create_report(
        self,
        *,
        report_type_id: Identifier,
        severity_level_id: Identifier,
        title: str,
        description: str,
        location: Mapping[str, Any],
        id: Identifier | None = ...,
        region_id: Identifier | None = ...,
        reported_at: Moment | None = ...,
    ) -> Report:
        """File a report, in the region that contains its location unless it names one.

        Needs: report:create.
        """

    def create_report_type(
        self,
        *,
        name: str,
        id: Identifier | None = ...,
        description: str | None = ...,
    ) -> ReportType:
        """Add a report type.

        Needs: catalogue:write.
        """

    def create_severity_level(
        self,
        *,
        name: str,
        level: int,
        id: Identifier | None = ...,
        description: str | None = ...,
        color_code: str | None = ...,
    ) -> SeverityLevel:
        """Add a severity level.

        Needs: catalogue:write.
        """

    def edit_comment(
        self,
        *,
        comment_id: Identifier,
        version: int,
        content: str,
    ) -> Comment:
        """Replace the text of the caller's own comment.

        Needs: report:comment.
        """

    def get_attachment(
        self,
        *,
        attachment_id: Identifier,
    ) -> Attachment:
        """Return what is known of one attached file.

        Needs: report:read or report:read_own.
        """

    def get_attachment_allowance(
        self,
        *,
        report_id: Identifier,
        attachment_id: Identifier | None = ...,
    ) -> AttachmentAllowance:
        """Return how many bytes the caller may still attach to a report.

        Needs: report:attach.
        """

    def get_report(
        self,
        *,
        report_id: Identifier,
    ) -> Report:
        """Return the report.

        Needs: report:read or report:read_own.
        """

    def get_report_history(
        self,
        *,
        report_id: Identifier,
        cursor: str | None = ...,
        limit: int = ...,
    ) -> PageOfReportHistoryEntry:
        """Return a page of the statuses that a report entered, the first one first.

        Needs: report:read or report:read_own.
        """

    def import_reports(
        self,
        *,
        rows: Sequence[Any],
        source: str = ...,
    ) -> ImportResult:
        """Store or update up to 500 reports, and return the outcome of each.

        Needs: report:import.
        """

    def list_active_reports(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        sort: Sort = ...,
        report_type_id: Identifier | Sequence[Identifier] | None = ...,
        min_severity: int | None = ...,
        region_id: Identifier | Sequence[Identifier] | None = ...,
        user_id: Identifier | None = ...,
        reported_from: Moment | None = ...,
        reported_to: Moment | None = ...,
        changed_since: Moment | None = ...,
        bbox: Sequence[float] | None = ...,
        within: Mapping[str, Any] | None = ...,
        near: Circle | None = ...,
        text: str | None = ...,
        needs_review: bool | None = ...,
        review_reason: ReviewReason | Sequence[ReviewReason] | None = ...,
    ) -> PageOfActiveReport:
        """Return a page of the pending, confirmed and in-progress reports with their names, the newest first.

        Needs: report:read or report:read_own.
        """

    def list_attachments(
        self,
        *,
        report_id: Identifier,
        cursor: str | None = ...,
        limit: int = ...,
    ) -> PageOfAttachment:
        """Return a page of the attachments of a report, the oldest first.

        Needs: report:read or report:read_own.
        """

    def list_comments(
        self,
        *,
        report_id: Identifier,
        cursor: str | None = ...,
        limit: int = ...,
    ) -> PageOfComment:
        """Return a page of the comments on a report, the oldest first.

        Needs: report:read or report:read_own.
        """

    def list_report_types(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        include_inactive: bool = ...,
    ) -> PageOfReportType:
        """Return a page of the report types, ordered by name.

        Needs: signed in.
        """

    def list_reports(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        sort: Sort = ...,
        status: Status | Sequence[Status] | None = ...,
        report_type_id: Identifier | Sequence[Identifier] | None = ...,
        min_severity: int | None = ...,
        region_id: Identifier | Sequence[Identifier] | None = ...,
        user_id: Identifier | None = ...,
        reported_from: Moment | None = ...,
        reported_to: Moment | None = ...,
        changed_since: Moment | None = ...,
        bbox: Sequence[float] | None = ...,
        within: Mapping[str, Any] | None = ...,
        near: Circle | None = ...,
        text: str | None = ...,
        needs_review: bool | None = ...,
        review_reason: ReviewReason | Sequence[ReviewReason] | None = ...,
    ) -> PageOfReport:
        """Return a page of reports, the newest first.

        Needs: report:read or report:read_own.
        """

    def list_severity_levels(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
    ) -> PageOfSeverityLevel:
        """Return a page of the severity levels, the lowest first.

        Needs: signed in.
        """

    def resolve_report(
        self,
        *,
        report_id: Identifier,
        version: int,
        resolution_notes: str | None = ...,
    ) -> Report:
        """Change the status of a report to resolved.

        Needs: report:change_status.
        """

    def review_report(
        self,
        *,
        report_id: Identifier,
        version: int,
    ) -> Report:
        """Remove the mark for review from a report.

        Needs: report:update.
        """

    def summarise_reports(
        self,
        *,
        status: Status | Sequence[Status] | None = ...,
        report_type_id: Identifier | Sequence[Identifier] | None = ...,
        min_severity: int | None = ...,
        region_id: Identifier | Sequence[Identifier] | None = ...,
        user_id: Identifier | None = ...,
        reported_from: Moment | None = ...,
        reported_to: Moment | None = ...,
        changed_since: Moment | None = ...,
        bbox: Sequence[float] | None = ...,
        within: Mapping[str, Any] | None = ...,
        near: Circle | None = ...,
        text: str | None = ...,
        needs_review: bool | None = ...,
        review_reason: ReviewReason | Sequence[ReviewReason] | None = ...,
    ) -> Summary:
        """Count reports by status, type, severity and region.

        Needs: report:read or report:read_own.
        """

    def update_report(
        self,
        *,
        report_id: Identifier,
        version: int,
        region_id: Identifier = ...,
        report_type_id: Identifier = ...,
        severity_level_id: Identifier = ...,
        title: str = ...,
        description: str = ...,
        location: Mapping[str, Any] = ...,
        reported_at: Moment = ...,
    ) -> Report:
        """Edit a report; omitted fields stay as they are, and the status has methods of its own.

        Needs: report:update or report:update_own.
        """

    def update_report_type(
        self,
        *,
        report_type_id: Identifier,
        name: str = ...,
        description: str | None = ...,
        is_active: bool = ...,
    ) -> ReportType:
        """Change a report type, or take it out of use.

        Needs: catalogue:write.
        """

    def update_severity_level(
        self,
        *,
        severity_level_id: Identifier,
        name: str = ...,
        description: str | None = ...,
        level: int = ...,
        color_code: str | None = ...,
    ) -> SeverityLevel:
        """Change a severity level.

        Needs: catalogue:write.
        """

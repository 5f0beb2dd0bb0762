"""What the methods of reports get as arguments, once loaded, and return, before it is dumped."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID


Status: TypeAlias = Literal["pending", "confirmed", "in_progress", "resolved", "closed", "rejected", "duplicate"]
ReviewReason: TypeAlias = Literal["type_inactive", "clock_ahead", "clock_past", "outside_regions", "no_region", "no_coordinates"]
Sort: TypeAlias = Literal["reported_at", "updated_at"]


class AddAttachment(TypedDict):
    """A file to attach; its bytes are stored under the path that the service returns.

    ``sha256`` is the lower-case hexadecimal digest of the bytes, ``file_size`` their number. ``id`` makes
    it safe to repeat the call.
    """

    id: UUID | None
    report_id: UUID
    file_name: str
    mime_type: str
    file_size: int
    sha256: str


class Attachment(TypedDict):
    """What is known of an attached file; ``file_path`` is relative to the root of the file store."""

    id: UUID
    report_id: UUID
    uploaded_by: UUID | None
    file_name: str
    file_path: str
    mime_type: str
    file_size: int
    sha256: str | None
    uploaded_at: datetime


class AddComment(TypedDict):
    """A new comment; ``id`` makes it safe to repeat the call."""

    id: UUID | None
    report_id: UUID
    content: str


class Comment(TypedDict):
    """A comment on a report."""

    id: UUID
    report_id: UUID
    user_id: UUID
    content: str
    created_at: datetime
    updated_at: datetime
    version: int


class Circle(TypedDict):
    """A location and a distance from it along the surface, in metres."""

    lon: float
    lat: float
    radius_m: float


class AggregateReports(TypedDict):
    """The reports to count by cell: those in ``bbox``, by squares of ``cell_size`` degrees.

    A box may have at most 10,000 cells. Cells are counted from longitude 0 and latitude 0, so that they
    stay where they are when the box moves; those at the edges of the box count only the reports inside the
    box.
    """

    status: NotRequired[list[Status] | None]
    report_type_id: NotRequired[list[UUID] | None]
    min_severity: NotRequired[int | None]
    region_id: NotRequired[list[UUID] | None]
    user_id: NotRequired[UUID | None]
    reported_from: NotRequired[datetime | None]
    reported_to: NotRequired[datetime | None]
    changed_since: NotRequired[datetime | None]
    bbox: tuple[float, float, float, float]
    within: NotRequired[list[list[list[list[float]]]] | None]
    near: NotRequired[Circle | None]
    text: NotRequired[str | None]
    needs_review: NotRequired[bool | None]
    review_reason: NotRequired[list[ReviewReason] | None]
    cell_size: float


class ReportCell(TypedDict):
    """A cell of the map: how many reports it holds, their mean position, and the greatest severity among
    them.

    ``bbox`` is the extent of its reports, as ``[west, south, east, north]``; ``severity_level`` is a level
    of 1 to 5.
    """

    count: int
    id: str
    location: Any
    bbox: Sequence[float]
    severity_level: int


class ReportCells(TypedDict):
    """The cells that hold any report, the fullest first, and the number of those reports."""

    cell_size: float
    total: int
    items: Sequence[ReportCell]


class ChangeReportStatus(TypedDict):
    """A new status of a report; ``duplicate_of`` is required for the status `duplicate`, and only allowed
    there.
    """

    report_id: UUID
    version: int
    status: Status
    notes: str | None
    duplicate_of: UUID | None


class Report(TypedDict):
    """A report. ``version`` grows with every change; a change has to name the version that it changes.

    ``location`` is a GeoJSON Point with an optional ``address``, or an ``address`` alone. ``received_at``
    is when the report arrived, by the server's clock; ``reported_at`` may come from a clock that is wrong.
    ``needs_review`` says whether ``review_reasons`` has any.
    """

    id: UUID
    user_id: UUID
    region_id: UUID
    report_type_id: UUID
    severity_level_id: UUID
    title: str
    description: str
    location: Any
    status: str
    status_notes: str | None
    duplicate_of: UUID | None
    reported_at: datetime
    received_at: datetime
    needs_review: bool
    review_reasons: Sequence[str]
    resolved_at: datetime | None
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    version: int


class CreateReport(TypedDict):
    """A new report.

    ``id``, a UUIDv7 by preference, makes it safe to repeat the call. Without ``region_id`` the report is
    filed in the region that contains its location. ``reported_at`` is now when omitted.

    Input that the reporter cannot correct is accepted, and the report is marked for review with
    ``review_reasons``: a report type that is not in use any more, a ``reported_at`` from a clock that is
    up to a day ahead or lost its setting, a location outside every region, and a location that is an
    ``address`` without coordinates. Where no region is known, ``region_id`` is that of the reserved
    region.
    """

    id: NotRequired[UUID | None]
    region_id: NotRequired[UUID | None]
    report_type_id: UUID
    severity_level_id: UUID
    title: str
    description: str
    location: dict[str, Any]
    reported_at: NotRequired[datetime | None]


class CreateReportType(TypedDict):
    """A new report type."""

    id: UUID | None
    name: str
    description: NotRequired[str | None]


class ReportType(TypedDict):
    """A category of reports."""

    id: UUID
    name: str
    description: str | None
    is_active: bool


class CreateSeverityLevel(TypedDict):
    """A new severity level."""

    id: UUID | None
    name: str
    description: NotRequired[str | None]
    level: int
    color_code: NotRequired[str | None]


class SeverityLevel(TypedDict):
    """A severity: 1 is the lowest level, 5 the highest."""

    id: UUID
    name: str
    description: str | None
    level: int
    color_code: str | None


class EditComment(TypedDict):
    """The new content of a comment; ``version`` is the one that the caller saw."""

    comment_id: UUID
    version: int
    content: str


class GetAttachment(TypedDict):
    """One attachment."""

    attachment_id: UUID


class GetAttachmentAllowance(TypedDict):
    """The report to attach to; ``attachment_id`` names a file that is attached again and is counted already.
    """

    report_id: UUID
    attachment_id: UUID | None


class AttachmentAllowance(TypedDict):
    """How many bytes may still be attached; ``scope`` names the quota that leaves the least.

    All are null where there is no quota.
    """

    remaining: int | None
    quota: int | None
    scope: str | None


class GetReport(TypedDict):
    """One report."""

    report_id: UUID


class OfReport(TypedDict):
    """A page of what belongs to a report."""

    cursor: str | None
    limit: int
    report_id: UUID


class ReportHistoryEntry(TypedDict):
    """A status that a report entered; ``version`` is the version of the report which that made."""

    id: UUID
    report_id: UUID
    status: str
    changed_by: UUID
    notes: str | None
    changed_at: datetime
    version: int


class PageOfReportHistoryEntry(TypedDict):
    items: Sequence[ReportHistoryEntry]
    next_cursor: str | None


class ImportReports(TypedDict):
    """Up to 500 rows, each with the fields of `CreateReport` and of `ReportRow`.

    Each row is checked by itself, so that a wrong row does not fail the call. ``source`` names the list
    that the keys of the rows are from; equal keys of different sources name different reports.
    """

    source: str
    rows: list[Any]


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
    ids: Sequence[UUID | None]
    refused: Sequence[RefusedRow]


class ListActiveReports(TypedDict):
    """Reports that are pending, confirmed or in progress."""

    cursor: str | None
    limit: int
    sort: Sort
    report_type_id: NotRequired[list[UUID] | None]
    min_severity: NotRequired[int | None]
    region_id: NotRequired[list[UUID] | None]
    user_id: NotRequired[UUID | None]
    reported_from: NotRequired[datetime | None]
    reported_to: NotRequired[datetime | None]
    changed_since: NotRequired[datetime | None]
    bbox: NotRequired[tuple[float, float, float, float] | None]
    within: NotRequired[list[list[list[list[float]]]] | None]
    near: NotRequired[Circle | None]
    text: NotRequired[str | None]
    needs_review: NotRequired[bool | None]
    review_reason: NotRequired[list[ReviewReason] | None]


class ActiveReport(TypedDict):
    """A report with the names that the seed's view ``active_reports`` shows beside it."""

    id: UUID
    user_id: UUID
    region_id: UUID
    report_type_id: UUID
    severity_level_id: UUID
    title: str
    description: str
    location: Any
    status: str
    status_notes: str | None
    duplicate_of: UUID | None
    reported_at: datetime
    received_at: datetime
    needs_review: bool
    review_reasons: Sequence[str]
    resolved_at: datetime | None
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    version: int
    report_type: str
    severity_level: str
    severity_color: str | None
    region_name: str
    reporter_name: str


class PageOfActiveReport(TypedDict):
    items: Sequence[ActiveReport]
    next_cursor: str | None


class PageOfAttachment(TypedDict):
    items: Sequence[Attachment]
    next_cursor: str | None


class PageOfComment(TypedDict):
    items: Sequence[Comment]
    next_cursor: str | None


class ListReportTypes(TypedDict):
    """Report types by name; only those in use unless ``include_inactive``."""

    cursor: str | None
    limit: int
    include_inactive: bool


class PageOfReportType(TypedDict):
    items: Sequence[ReportType]
    next_cursor: str | None


class ListReports(TypedDict):
    """Reports of every status."""

    cursor: str | None
    limit: int
    sort: Sort
    status: NotRequired[list[Status] | None]
    report_type_id: NotRequired[list[UUID] | None]
    min_severity: NotRequired[int | None]
    region_id: NotRequired[list[UUID] | None]
    user_id: NotRequired[UUID | None]
    reported_from: NotRequired[datetime | None]
    reported_to: NotRequired[datetime | None]
    changed_since: NotRequired[datetime | None]
    bbox: NotRequired[tuple[float, float, float, float] | None]
    within: NotRequired[list[list[list[list[float]]]] | None]
    near: NotRequired[Circle | None]
    text: NotRequired[str | None]
    needs_review: NotRequired[bool | None]
    review_reason: NotRequired[list[ReviewReason] | None]


class PageOfReport(TypedDict):
    items: Sequence[Report]
    next_cursor: str | None


class ListSeverityLevels(TypedDict):
    """Severity levels from the lowest to the highest."""

    cursor: str | None
    limit: int


class PageOfSeverityLevel(TypedDict):
    items: Sequence[SeverityLevel]
    next_cursor: str | None


class ResolveReport(TypedDict):
    """The change to `resolved`, under the names of the seed's procedure."""

    report_id: UUID
    version: int
    resolution_notes: str | None


class ReviewReport(TypedDict):
    """A report that needs no correction; ``version`` is the one that the caller saw."""

    report_id: UUID
    version: int


class SummariseReports(TypedDict):
    """The reports to count."""

    status: NotRequired[list[Status] | None]
    report_type_id: NotRequired[list[UUID] | None]
    min_severity: NotRequired[int | None]
    region_id: NotRequired[list[UUID] | None]
    user_id: NotRequired[UUID | None]
    reported_from: NotRequired[datetime | None]
    reported_to: NotRequired[datetime | None]
    changed_since: NotRequired[datetime | None]
    bbox: NotRequired[tuple[float, float, float, float] | None]
    within: NotRequired[list[list[list[list[float]]]] | None]
    near: NotRequired[Circle | None]
    text: NotRequired[str | None]
    needs_review: NotRequired[bool | None]
    review_reason: NotRequired[list[ReviewReason] | None]


class StatusCount(TypedDict):
    """How many reports have the status."""

    count: int
    status: str


class TypeCount(TypedDict):
    """How many reports are of the type."""

    count: int
    report_type_id: UUID
    name: str


class SeverityCount(TypedDict):
    """How many reports have the severity."""

    count: int
    severity_level_id: UUID
    name: str
    level: int


class RegionCount(TypedDict):
    """How many reports are in the region."""

    count: int
    region_id: UUID


class Summary(TypedDict):
    """Counts of the same reports in four ways, the greatest count first; each list adds up to ``total``."""

    total: int
    by_status: Sequence[StatusCount]
    by_type: Sequence[TypeCount]
    by_severity: Sequence[SeverityCount]
    by_region: Sequence[RegionCount]


class UpdateReport(TypedDict):
    """Changes to a report; ``version`` is the one that the caller saw, and omitted fields stay as they are.

    A change that settles a reason for review removes it: another region, coordinates, another
    ``reported_at``, another report type.
    """

    report_id: UUID
    version: int
    region_id: NotRequired[UUID]
    report_type_id: NotRequired[UUID]
    severity_level_id: NotRequired[UUID]
    title: NotRequired[str]
    description: NotRequired[str]
    location: NotRequired[dict[str, Any]]
    reported_at: NotRequired[datetime]


class UpdateReportType(TypedDict):
    """Changes to a report type; reports cannot be given a type with ``is_active`` false."""

    report_type_id: UUID
    name: NotRequired[str]
    description: NotRequired[str | None]
    is_active: NotRequired[bool]


class UpdateSeverityLevel(TypedDict):
    """Changes to a severity level."""

    severity_level_id: UUID
    name: NotRequired[str]
    description: NotRequired[str | None]
    level: NotRequired[int]
    color_code: NotRequired[str | None]

"""What the methods about reports return."""

from __future__ import annotations

from marshmallow import fields, validate

from services.reports.rules import ACCOUNT, REPORT, TOTAL
from shared.platform.schemas import Identifier, Result, Timestamp, page_of


class Report(Result):
    """A report. ``version`` grows with every change and is what a change must name.

    ``location`` is a GeoJSON Point with an optional ``address``, or an ``address`` alone. ``received_at`` is when the
    report arrived, by the server's clock; ``reported_at`` may come from a clock that is wrong. ``needs_review`` is
    whether ``review_reasons`` has any.
    """

    id = Identifier()
    user_id = Identifier()
    region_id = Identifier()
    report_type_id = Identifier()
    severity_level_id = Identifier()
    title = fields.String()
    description = fields.String()
    location = fields.Raw()
    status = fields.String()
    status_notes = fields.String(allow_none=True)
    duplicate_of = Identifier(allow_none=True)
    reported_at = Timestamp()
    received_at = Timestamp()
    needs_review = fields.Boolean()
    review_reasons = fields.List(fields.String())
    resolved_at = Timestamp(allow_none=True)
    created_at = Timestamp()
    updated_at = Timestamp()
    updated_by = Identifier(allow_none=True)
    version = fields.Integer()


class ActiveReport(Report):
    """A report with the names that the seed's view ``active_reports`` shows beside it."""

    report_type = fields.String()
    severity_level = fields.String()
    severity_color = fields.String(allow_none=True)
    region_name = fields.String()
    reporter_name = fields.String()


class Comment(Result):
    """A comment on a report."""

    id = Identifier()
    report_id = Identifier()
    user_id = Identifier()
    content = fields.String()
    created_at = Timestamp()
    updated_at = Timestamp()
    version = fields.Integer()


class Attachment(Result):
    """What is known of an attached file; ``file_path`` is relative to the root of the file store."""

    id = Identifier()
    report_id = Identifier()
    uploaded_by = Identifier(allow_none=True)
    file_name = fields.String()
    file_path = fields.String()
    mime_type = fields.String()
    file_size = fields.Integer()
    sha256 = fields.String(allow_none=True)
    uploaded_at = Timestamp()


class AttachmentAllowance(Result):
    """How many bytes may still be attached; ``scope`` is of the quota that leaves the least, null without a quota."""

    remaining = fields.Integer(allow_none=True)
    quota = fields.Integer(allow_none=True)
    scope = fields.String(allow_none=True, validate=validate.OneOf((ACCOUNT, REPORT, TOTAL)))


class ReportHistoryEntry(Result):
    """A status that a report entered; ``version`` is the version of the report that this made."""

    id = Identifier()
    report_id = Identifier()
    status = fields.String()
    changed_by = Identifier()
    notes = fields.String(allow_none=True)
    changed_at = Timestamp()
    version = fields.Integer()


class _Count(Result):
    """How many reports share something."""

    count = fields.Integer()


class StatusCount(_Count):
    """How many reports have the status."""

    status = fields.String()


class TypeCount(_Count):
    """How many reports are of the type."""

    report_type_id = Identifier()
    name = fields.String()


class SeverityCount(_Count):
    """How many reports have the severity."""

    severity_level_id = Identifier()
    name = fields.String()
    level = fields.Integer()


class RegionCount(_Count):
    """How many reports are in the region."""

    region_id = Identifier()


class Summary(Result):
    """Counts of the same reports in four ways, the greatest count first; each list adds up to ``total``."""

    total = fields.Integer()
    by_status = fields.List(fields.Nested(StatusCount))
    by_type = fields.List(fields.Nested(TypeCount))
    by_severity = fields.List(fields.Nested(SeverityCount))
    by_region = fields.List(fields.Nested(RegionCount))


class ReportCell(_Count):
    """A cell of the map: how many reports it holds, where they are on average, and how bad the worst of them is.

    ``bbox`` is where its reports lie, as ``[west, south, east, north]``; ``severity_level`` is a level of 1 to 5.
    """

    id = fields.String()
    location = fields.Raw()
    bbox = fields.List(fields.Float())
    severity_level = fields.Integer()


class ReportCells(Result):
    """The cells that hold any report, the fullest first, and how many reports that are."""

    cell_size = fields.Float()
    total = fields.Integer()
    items = fields.List(fields.Nested(ReportCell))


ReportPage = page_of(Report)
ActiveReportPage = page_of(ActiveReport)
CommentPage = page_of(Comment)
AttachmentPage = page_of(Attachment)
HistoryPage = page_of(ReportHistoryEntry)

"""What the methods about a report, and about lists of reports, take and return."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import fields, post_load

from services.reports.schemas.filters import ReportFilters, StatusFilter
from shared.platform.schemas import (
    Arguments,
    Changes,
    Choice,
    Identifier,
    Location,
    Page,
    Result,
    Text,
    Timestamp,
    Version,
    page_of,
)

MAX_TITLE_LENGTH: Final = 255
MAX_DESCRIPTION_LENGTH: Final = 50_000
MAX_INTEGER: Final = 2**31 - 1
SORTS: Final = ("reported_at", "updated_at", "severity")


class CreateReport(Arguments):
    """A new report.

    ``id``, a UUIDv7 by preference, makes it safe to repeat the call. Without ``region_id`` the report is filed in the
    region that contains its location. ``reported_at`` is now when omitted.

    Input that the reporter cannot correct is accepted, and the report is marked for review with ``review_reasons``: a
    report type that is not in use any more, a ``reported_at`` from a clock that is up to a day ahead or lost its
    setting, a location outside every region, and a location that is an ``address`` without coordinates. Where no
    region is known, ``region_id`` is that of the reserved region.
    """

    id = Identifier(allow_none=True)
    region_id = Identifier(allow_none=True)
    report_type_id = Identifier(required=True)
    severity_level_id = Identifier(required=True)
    title = Text(max_length=MAX_TITLE_LENGTH, required=True)
    description = Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True, required=True)
    location = Location(required=True, address_suffices=True)
    reported_at = Timestamp(allow_none=True)

    @post_load
    def _leaves_out_null(self, data: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


class GetReport(Arguments):
    """One report."""

    report_id = Identifier(required=True)


class UpdateReport(Changes):
    """Changes to a report; ``version`` is the one that the caller saw, and omitted fields stay as they are.

    A change that settles a reason for review removes it: another region, coordinates, another ``reported_at``, another
    report type.
    """

    report_id = Identifier(required=True)
    version = Version(required=True)
    region_id = Identifier()
    report_type_id = Identifier()
    severity_level_id = Identifier()
    title = Text(max_length=MAX_TITLE_LENGTH)
    description = Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True)
    location = Location(address_suffices=True)
    reported_at = Timestamp()


class ReviewReport(Arguments):
    """A report that needs no correction; ``version`` is the one that the caller saw."""

    report_id = Identifier(required=True)
    version = Version(required=True)


class OfReport(Page):
    """A page of what belongs to a report."""

    report_id = Identifier(required=True)


class _Sorted(Page):
    """A page of a list with the newest first, by when reports were filed or by when they last changed.

    With ``severity`` the most severe come first, and those of a severity the newest first.
    """

    sort = Choice(SORTS, load_default="reported_at")


class ListReports(ReportFilters, StatusFilter, _Sorted):
    """Reports of every status."""


class ListActiveReports(ReportFilters, _Sorted):
    """Reports that are pending, confirmed or in progress."""


class Report(Result):
    """A report. ``version`` grows with every change; a change has to name the version that it changes.

    ``location`` is a GeoJSON Point with an optional ``address``, or an ``address`` alone. ``received_at`` is when the
    report arrived, by the server's clock; ``reported_at`` may come from a clock that is wrong. ``needs_review`` says
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


ReportPage = page_of(Report)
ActiveReportPage = page_of(ActiveReport)

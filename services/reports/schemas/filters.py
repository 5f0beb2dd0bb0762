"""The filters of the report lists and of the statistics; a report passes if it matches all that are given."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from services.reports.policy import REVIEW_REASONS
from shared.domain.geo_filters import Area, Box, Circle, InRegions
from shared.domain.reports import STATUS
from shared.platform.schemas import Arguments, BoundedInteger, Choice, Identifier, OneOrList, Text, Timestamp

MAX_SEARCH_LENGTH: Final = 500
HIGHEST_LEVEL: Final = 5


class ReportFilters(InRegions):
    """The filters of reports.

    ``reported_from`` is included, ``reported_to`` is not; ``changed_since`` is included. ``text`` is a search
    as on the web (``flood -bridge "main road"``) in title and description; parts of words and words with a typing error
    are found as well, behind exact matches. ``needs_review`` chooses the reports that are marked for review, or with
    false the others; ``review_reason`` chooses those that are marked for one of the reasons. ``duplicate_of`` chooses
    the duplicates of a report. ``region_id`` means a region with all that lies in it; with ``exact``, only the region
    itself.
    """

    report_type_id = OneOrList(Identifier(), allow_none=True)
    min_severity = BoundedInteger(min_value=1, max_value=HIGHEST_LEVEL, allow_none=True)
    user_id = Identifier(allow_none=True)
    duplicate_of = Identifier(allow_none=True)
    reported_from = Timestamp(allow_none=True)
    reported_to = Timestamp(allow_none=True)
    changed_since = Timestamp(allow_none=True)
    bbox = Box(allow_none=True)
    within = Area(allow_none=True)
    near = fields.Nested(Circle, allow_none=True)
    text = Text(max_length=MAX_SEARCH_LENGTH, allow_none=True)
    needs_review = fields.Boolean(truthy={True}, falsy={False}, allow_none=True)
    review_reason = OneOrList(Choice(tuple(REVIEW_REASONS)), allow_none=True)

    @validates_schema
    def _span_is_not_reversed(self, data: dict[str, Any], **_more: Any) -> None:
        start, end = data.get("reported_from"), data.get("reported_to")
        if start is not None and end is not None and end <= start:
            raise ValidationError("Must be later than reported_from.", "reported_to")


class StatusFilter(Arguments):
    """The filter by status, one or several."""

    status = OneOrList(Choice(STATUS.statuses), allow_none=True)

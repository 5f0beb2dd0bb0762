"""The filters of the report lists and of the summary; all that are given must hold."""

from __future__ import annotations

import math
from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from services.reports import rules
from shared.domain.geo_filters import Area, Box, Choice, Circle, OneOrList
from shared.domain.reports import STATUS
from shared.platform.schemas import Arguments, BoundedInteger, Identifier, Number, Page, Text, Timestamp

MAX_SEARCH_LENGTH: Final = 500
HIGHEST_LEVEL: Final = 5
MIN_CELL: Final = 0.0001
"""Degrees; some ten metres."""

MAX_CELL: Final = 90
MAX_CELLS: Final = 10_000
TURN: Final = 360
SORTS: Final = ("reported_at", "updated_at")


class _Filters(Arguments):
    """What reports can be chosen by.

    ``reported_from`` is included, ``reported_to`` is not; ``changed_since`` is included. ``text`` is a search
    as on the web (``flood -bridge "main road"``) in title and description; parts of words and words with a typing error
    are found as well, behind what is found as it is written. ``needs_review`` chooses the reports that
    are marked for review, or with false the others; ``review_reason`` those that are marked for one of the reasons.
    """

    report_type_id = OneOrList(Identifier(), allow_none=True)
    min_severity = BoundedInteger(min_value=1, max_value=HIGHEST_LEVEL, allow_none=True)
    region_id = OneOrList(Identifier(), allow_none=True)
    user_id = Identifier(allow_none=True)
    reported_from = Timestamp(allow_none=True)
    reported_to = Timestamp(allow_none=True)
    changed_since = Timestamp(allow_none=True)
    bbox = Box(allow_none=True)
    within = Area(allow_none=True)
    near = fields.Nested(Circle, allow_none=True)
    text = Text(max_length=MAX_SEARCH_LENGTH, allow_none=True)
    needs_review = fields.Boolean(truthy={True}, falsy={False}, allow_none=True)
    review_reason = OneOrList(Choice(tuple(rules.REVIEW_REASONS)), allow_none=True)

    @validates_schema
    def _span_is_not_reversed(self, data: dict[str, Any], **_more: Any) -> None:
        start, end = data.get("reported_from"), data.get("reported_to")
        if start is not None and end is not None and end <= start:
            raise ValidationError("Must be later than reported_from.", "reported_to")


class _ByStatus(Arguments):
    """The filter by status, one or several."""

    status = OneOrList(Choice(STATUS.statuses), allow_none=True)


class _Sorted(Page):
    """A page of a list with the newest first, by when they were reported or by when they last changed."""

    sort = Choice(SORTS, load_default="reported_at")


class ListReports(_Filters, _ByStatus, _Sorted):
    """Reports of every status."""


class ListActiveReports(_Filters, _Sorted):
    """Reports that are pending, confirmed or in progress."""


class SummariseReports(_Filters, _ByStatus):
    """The reports to count."""


class AggregateReports(_Filters, _ByStatus):
    """The reports to count by cell: those in ``bbox``, by squares of ``cell_size`` degrees.

    A box may have at most 10,000 cells. Cells are counted from longitude 0 and latitude 0, so that they stay where
    they are when the box moves; those at its edges count only what lies in it.
    """

    bbox = Box(required=True)
    cell_size = Number(min_value=MIN_CELL, max_value=MAX_CELL, required=True)

    @validates_schema
    def _cells_are_not_too_many(self, data: dict[str, Any], **_more: Any) -> None:
        if "bbox" not in data or "cell_size" not in data:
            return
        west, south, east, north = data["bbox"]
        width = east - west if west <= east else east - west + TURN
        size = data["cell_size"]
        if math.ceil(width / size) * math.ceil((north - south) / size) > MAX_CELLS:
            raise ValidationError(f"The box would have more than {MAX_CELLS:,} such cells.", "cell_size")

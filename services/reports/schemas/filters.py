"""The filters of the report lists and of the summary; all that are given must hold."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from services.reports import rules
from shared.filters import Area, Box, Circle, OneOrMany, Word
from shared.schemas import Arguments, Identifier, Page, Text, Timestamp, Whole

LONGEST_SEARCH: Final = 500
HIGHEST_LEVEL: Final = 5
SORTS: Final = ("reported_at", "updated_at")


class _Filters(Arguments):
    """What reports can be chosen by.

    ``reported_from`` is included, ``reported_to`` is not; ``changed_since`` is included. ``text`` is a search
    as on the web (``flood -bridge "main road"``) in title and description.
    """

    report_type_id = OneOrMany(Identifier(), allow_none=True)
    min_severity = Whole(least=1, greatest=HIGHEST_LEVEL, allow_none=True)
    region_id = OneOrMany(Identifier(), allow_none=True)
    user_id = Identifier(allow_none=True)
    reported_from = Timestamp(allow_none=True)
    reported_to = Timestamp(allow_none=True)
    changed_since = Timestamp(allow_none=True)
    bbox = Box(allow_none=True)
    within = Area(allow_none=True)
    near = fields.Nested(Circle, allow_none=True)
    text = Text(longest=LONGEST_SEARCH, allow_none=True)

    @validates_schema
    def _span_is_not_reversed(self, data: dict[str, Any], **_more: Any) -> None:
        start, end = data.get("reported_from"), data.get("reported_to")
        if start is not None and end is not None and end <= start:
            raise ValidationError("Must be later than reported_from.", "reported_to")


class _ByStatus(Arguments):
    """The filter by status, one or several."""

    status = OneOrMany(Word(rules.STATUSES), allow_none=True)


class _Sorted(Page):
    """A page of a list with the newest first, by when they were reported or by when they last changed."""

    sort = Word(SORTS, load_default="reported_at")


class ListReports(_Filters, _ByStatus, _Sorted):
    """Reports of every status."""


class ListActiveReports(_Filters, _Sorted):
    """Reports that are pending, confirmed or in progress."""


class SummariseReports(_Filters, _ByStatus):
    """The reports to count."""

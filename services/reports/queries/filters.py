"""The filters of `services.reports.schemas.filters` as conditions of a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, not_, select

from services.reports.models import PAIRS, SCHEMA, UNDER_REVIEW, reports, severity_levels
from shared.domain import geography
from shared.platform.db.conditions import conditions_of, one_of
from shared.platform.db.search import WordSearch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from shared.platform.db.conditions import Condition


SEARCH: Final = WordSearch(SCHEMA, reports.c.search, PAIRS)


def read_search(connection: Connection, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters with what ``text`` means as a search, where it is given."""
    written = filters.get("text")
    return {**filters, "text": None if written is None else SEARCH.read(connection, written)}


def conditions(filters: Mapping[str, Any]) -> list[Condition]:
    """One condition for each filter that is given; what is no filter (``cursor``, ``sort``) is let pass.

    Args:
        filters: As `read_search` returns them.
    """
    return conditions_of(filters, _CONDITIONS)


def _min_severity(level: int) -> Condition:
    high = select(severity_levels.c.id).where(severity_levels.c.level >= level)
    return reports.c.severity_level_id.in_(high)


_CONDITIONS: dict[str, Callable[[Any], Condition]] = {
    "status": lambda values: one_of(reports.c.status, values),
    "report_type_id": lambda values: one_of(reports.c.report_type_id, values),
    "min_severity": _min_severity,
    "region_id": lambda values: one_of(reports.c.region_id, values),
    "user_id": lambda value: reports.c.user_id == value,
    "reported_from": lambda value: reports.c.reported_at >= value,
    "reported_to": lambda value: reports.c.reported_at < value,
    "changed_since": lambda value: reports.c.updated_at >= value,
    "bbox": lambda box: geography.within_box(reports.c.point, *box),
    "within": lambda polygons: geography.within_area(reports.c.point, polygons),
    "near": lambda place: geography.near(reports.c.point, place["lon"], place["lat"], place["radius_m"]),
    "text": SEARCH.finds,
    "needs_review": lambda needed: UNDER_REVIEW if needed else not_(UNDER_REVIEW),
    "review_reason": lambda values: and_(UNDER_REVIEW, reports.c.review_reasons.overlap(values)),
}

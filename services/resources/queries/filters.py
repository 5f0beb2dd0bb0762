"""The filters of `services.resources.schemas.filters` as conditions of a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, or_

from services.resources.models import PAIRS, SCHEMA, WORDS, resources
from services.resources.queries.columns import FREE
from shared.domain import geography
from shared.platform.db.conditions import conditions_of, one_of, within_area
from shared.platform.db.search import WordSearch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from shared.platform.db.conditions import Condition
    from shared.platform.db.search import Search


SEARCH: Final = WordSearch(SCHEMA, WORDS, PAIRS)


def read_search(connection: Connection, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters with what ``text`` means as a search, where it is given."""
    written = filters.get("text")
    return {**filters, "text": None if written is None else SEARCH.read(connection, written)}


def conditions(filters: Mapping[str, Any]) -> list[Condition]:
    """One condition for each filter that is given; what is no filter (``cursor``, ``limit``) is let pass.

    Args:
        filters: As `read_search` returns them.
    """
    return conditions_of(filters, _CONDITIONS)


def _contains(search: Search) -> Condition:
    return resources.c.name.icontains(search.written, autoescape=True)


def finds_exactly(search: Search) -> Condition:
    """Resources whose name has what is searched, and not only something that resembles it."""
    return or_(_contains(search), SEARCH.finds_exactly(search))


def _has_free(needed: int) -> Condition:
    return or_(resources.c.capacity.is_(None), needed <= FREE)


_CONDITIONS: dict[str, Callable[[Any], Condition]] = {
    "status": lambda values: one_of(resources.c.status, values),
    "resource_type_id": lambda values: one_of(resources.c.resource_type_id, values),
    "region_id": lambda values: one_of(resources.c.region_id, values),
    "import_source": lambda source: and_(
        resources.c.import_key.is_not(None), resources.c.import_source == source
    ),
    "needed": _has_free,
    "changed_since": lambda value: resources.c.updated_at >= value,
    "bbox": lambda box: geography.within_box(resources.c.point, *box),
    "within": lambda polygons: within_area(resources.c.point, polygons),
    "near": lambda place: geography.near(resources.c.point, place["lon"], place["lat"], place["radius_m"]),
    "text": lambda search: or_(_contains(search), SEARCH.finds(search)),
}

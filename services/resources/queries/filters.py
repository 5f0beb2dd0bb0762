"""The filters of `services.resources.schemas.filters` as conditions of a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_

from services.resources.models import resources
from services.resources.queries.columns import FREE
from shared.db import geography
from shared.db.conditions import conditions_of, one_of, within_area

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.db.conditions import Condition


def conditions(filters: Mapping[str, Any]) -> list[Condition]:
    """One condition for each filter that is given; what is no filter (``cursor``, ``limit``) is let pass."""
    return conditions_of(filters, _CONDITIONS)


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
    "text": lambda words: resources.c.name.icontains(words, autoescape=True),
}

"""The area of an alert: the part of its region that it is about."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import orjson
import shapely
from sqlalchemy import Text, cast, select

from services.alerts.models import audience_regions
from shared.client.errors import Invalid
from shared.domain.boundaries import shape_of
from shared.platform.concurrency import run_blocking

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from services.alerts.schemas import types

KILOMETRES_PER_DEGREE: Final = 111.195


def check_area_in_region(connection: Connection, area: types.AlertArea | None, region_id: UUID) -> None:
    """Refuse an area that does not touch the region of its alert, such as one with swapped coordinates.

    Args:
        connection: In a transaction or not.
        area: The area, with a ``polygon`` or a ``circle``; None for the whole region.
        region_id: The id of the region. If its boundaries are unknown or invalid, nothing is refused.

    Raises:
        Invalid: It names ``area``.
    """
    if area is None:
        return
    boundaries = cast(audience_regions.c.boundaries, Text)
    text = connection.scalar(select(boundaries).where(audience_regions.c.region_id == region_id))
    if text is not None and not run_blocking(_touches, area, text):
        raise Invalid(
            fields={
                "area": ["Must touch the region of the alert. Check that longitude comes before latitude."]
            }
        )


def _touches(area: types.AlertArea, text: str) -> bool:
    region = shape_of(orjson.loads(text))
    if region is None or not shapely.is_valid(region):
        return True
    if "polygon" in area:
        return bool(shapely.intersects(region, shape_of(area["polygon"])))
    circle = area["circle"]
    latitude = circle["lat"]
    # Degrees of longitude are shorter than those of latitude. Treating them as equally long makes the circle larger
    # than it is, so no area that touches the region is refused.
    reach = circle["radius_km"] / KILOMETRES_PER_DEGREE / max(math.cos(math.radians(latitude)), 0.01)
    return any(
        shapely.dwithin(region, shapely.Point(circle["lon"] + turn, latitude), reach)
        for turn in (-360, 0, 360)
    )

"""The areas of alerts that are narrower than their regions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import orjson
import shapely
from sqlalchemy import Text, cast, select

from services.alerts.models import audience_regions
from shared.client.errors import Invalid
from shared.domain.boundaries import shape_of
from shared.platform.concurrency import run_blocking

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection

KILOMETRES_PER_DEGREE: Final = 111.195


def check_area_in_region(connection: Connection, area: Mapping[str, Any] | None, region_id: UUID) -> None:
    """Refuse an area that does not touch the region of its alert, as one with swapped coordinates.

    Args:
        connection: Where to read.
        area: With a ``polygon`` or a ``circle``; None for the whole region.
        region_id: The region; nothing is refused where it has no boundaries that can be read.

    Raises:
        Invalid: It names ``area``.
    """
    if area is None:
        return
    boundaries = cast(audience_regions.c.boundaries, Text)
    text = connection.scalar(select(boundaries).where(audience_regions.c.region_id == region_id))
    if text is not None and not run_blocking(_touches, area, text):
        raise Invalid(fields={"area": ["Lies outside of the region."]})


def _touches(area: Mapping[str, Any], text: str) -> bool:
    region = shape_of(orjson.loads(text))
    if region is None or not shapely.is_valid(region):
        return True
    if "polygon" in area:
        return bool(shapely.intersects(region, shape_of(area["polygon"])))
    circle = area["circle"]
    latitude = circle["lat"]
    # Degrees of longitude are shorter than those of latitude; as long as the latter, the circle is larger on the map
    # than on the ground, so that nothing that touches is refused.
    reach = circle["radius_km"] / KILOMETRES_PER_DEGREE / max(math.cos(math.radians(latitude)), 0.01)
    return any(
        shapely.dwithin(region, shapely.Point(circle["lon"] + turn, latitude), reach)
        for turn in (-360, 0, 360)
    )

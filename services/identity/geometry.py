"""Checks the boundaries of regions and finds the region that a point lies in.

shapely works in C and can take long on large rings, so everything that calls it on a user's data goes to
eventlet's native threads; it releases the interpreter lock there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely
from eventlet import tpool

from shared import boundaries as geojson
from shared.boundaries import (
    ANTIMERIDIAN,
    GeometryError,
    check_structure,
    invalid_boundaries,
    shape_of,
    spans_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

__all__ = ["RegionIndex", "check_structure", "normalise"]


def normalise(boundaries: dict[str, Any]) -> dict[str, Any]:
    """Return the boundaries cut at the antimeridian, with their rings turned as RFC 7946 wants them.

    Args:
        boundaries: What `check_structure` let pass.

    Raises:
        Invalid: A ring crosses itself or another, or lies where it may not; the message says where.
    """
    try:
        return tpool.execute(geojson.normalise, boundaries)  # type: ignore[no-any-return]  # eventlet is untyped
    except GeometryError as error:
        raise invalid_boundaries(error) from None


class RegionIndex:
    """Finds regions by point. It is never changed once made, so any number of greenlets may ask it.

    Args:
        regions: Each region's id, code and boundaries as stored. Boundaries that shapely cannot read (written
            past the service) are left out.
    """

    def __init__(self, regions: Iterable[tuple[UUID, str, dict[str, Any]]]) -> None:
        found: list[tuple[float, str, UUID, Any]] = []
        for region_id, code, boundaries in regions:
            shape = shape_of(boundaries)
            if shape is not None:
                found.append((float(shape.area), code, region_id, shape))
        # Sorted by what decides between several: the smallest region, then the code. The first index wins.
        found.sort(key=lambda entry: entry[:2])
        self._ids = [region_id for _, _, region_id, _ in found]
        shapes = [shape for *_, shape in found]
        shapely.prepare(shapes)
        self._tree = shapely.STRtree(shapes)

    def locate(self, points: Sequence[tuple[float, float]]) -> list[UUID | None]:
        """Return the region of every point (longitude, latitude); None where no region contains it.

        Of several regions the smallest wins, as a district does over its country, then the first by code. A
        point on a border lies in both regions, so the same rule gives it to one of them, always the same. On the
        antimeridian -180 and 180 are the same place, which is a border of the regions on either side.
        """
        located: list[UUID | None] = [None] * len(points)
        best: list[int] = [len(self._ids)] * len(points)
        # Each place as it is said, and once more from the other side of the antimeridian.
        asked = [*enumerate(points)]
        asked += [
            (at, (-longitude, latitude))
            for at, (longitude, latitude) in asked
            if abs(longitude) == ANTIMERIDIAN
        ]
        places = shapely.points([place for _, place in asked]) if asked else ()
        pairs = self._tree.query(places, predicate="intersects") if asked else ((), ())
        for place, region in zip(*pairs, strict=True):
            point = asked[place][0]
            best[point] = min(best[point], region)
        for point, region in enumerate(best):
            if region < len(self._ids):
                located[point] = self._ids[region]
        return located

    def touching(self, bbox: Sequence[float]) -> list[UUID]:
        """The regions that touch [west, south, east, north]; west over east crosses the antimeridian."""
        west, south, east, north = bbox
        found = {
            int(index)
            for low, high in spans_of(west, east)
            for index in self._tree.query(_box(low, south, high, north), predicate="intersects")
        }
        return [self._ids[index] for index in sorted(found)]


def _box(west: float, south: float, east: float, north: float) -> Any:
    """The box as a shape; a point or a line where it has no area."""
    return shapely.LineString([(west, south), (east, north)]).envelope

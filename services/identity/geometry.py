"""Checks the boundaries of regions, simplifies them to outlines, and finds the region of a point.

shapely can take long on large rings, so everything that calls it on the data of users runs in native threads, where
shapely releases the interpreter lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
import shapely
from shapely.errors import ShapelyError

from shared.domain import boundaries as geojson
from shared.domain.boundaries import (
    ANTIMERIDIAN,
    TURN,
    GeometryError,
    bbox_of,
    check_structure,
    invalid_boundaries,
    shape_of,
    spans_of,
)
from shared.platform.concurrency import run_blocking

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

__all__ = [
    "DETAILS",
    "FULL",
    "Entry",
    "RegionIndex",
    "check_structure",
    "normalise",
    "outlines_of",
    "read_entries",
]

FULL: Final = "full"


class Outline(NamedTuple):
    """The detail of an outline.

    Attributes:
        tolerance: The maximum distance from the boundaries in degrees.
        steps: The maximum distance is also the extent of the region divided by this number.
        max_positions: The maximum number of positions; the tolerance grows until the outline has no more.
    """

    tolerance: float
    steps: int
    max_positions: int


OUTLINES: Final = {
    "overview": Outline(0.05, 200, 400),
    "medium": Outline(0.01, 1_000, 2_000),
    "fine": Outline(0.001, 5_000, 8_000),
}
"""The outlines by detail: for a map of many regions, for one region that fills the screen, and for its border."""

DETAILS: Final = (*OUTLINES, FULL)

OUTLINES_REVISION: Final = 1
"""Incremented when the outlines of the same boundaries change; a part of the version of a list."""

FEW_POSITIONS: Final = 100
"""Boundaries with no more positions than this are not simplified."""

Entry = tuple[float, str, "UUID", Any]
"""A region in the index: area, code, id and shape."""


def normalise(boundaries: dict[str, Any]) -> dict[str, Any]:
    """Return the boundaries cut at the antimeridian, with their rings in the direction of RFC 7946.

    Args:
        boundaries: Boundaries that `check_structure` has accepted.

    Raises:
        Invalid: A ring intersects itself or another ring, or is not inside its outer ring; the message says where.
    """
    try:
        return run_blocking(geojson.normalise, boundaries)
    except GeometryError as error:
        raise invalid_boundaries(error) from None


def outlines_of(boundaries: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of ``region_outlines`` for boundaries, without the region id. Call it in a native thread.

    Args:
        boundaries: The boundaries as stored. If they are not an area (because they were written without the service),
            the rows have no outline.
    """
    try:
        bbox = bbox_of(boundaries)
        west, south, east, north = bbox
        extent = max((east - west) % TURN, north - south)
        outlines = {FULL: boundaries} | _simplified(boundaries, extent)
    except (KeyError, IndexError, TypeError, ValueError, ShapelyError):
        return [{"detail": detail, "boundaries": None, "bytes": 0, "bbox": None} for detail in DETAILS]
    return [
        {
            "detail": detail,
            "boundaries": None if detail == FULL else outline,
            "bytes": len(orjson.dumps(outline)),
            "bbox": bbox,
        }
        for detail, outline in outlines.items()
    ]


def _simplified(boundaries: dict[str, Any], extent: float) -> dict[str, dict[str, Any]]:
    if geojson.positions_of(boundaries) <= FEW_POSITIONS:
        return dict.fromkeys(OUTLINES, boundaries)
    found: dict[str, dict[str, Any]] = {}
    outline = boundaries
    for detail, (tolerance, steps, max_positions) in reversed(OUTLINES.items()):
        # Each outline is made from the next finer one, at a tenth of the cost and with a tenth more error.
        outline = geojson.simplified(outline, min(tolerance, extent / steps), max_positions)
        found[detail] = outline
    return found


def read_entries(rows: Iterable[tuple[UUID, str, str]]) -> dict[UUID, Entry | None]:
    """Return the entry of each region, None for boundaries that cannot be read. Call it in a native thread.

    Args:
        rows: The id, code and boundaries (as JSON text) of each region.
    """
    return {region_id: _entry(region_id, code, orjson.loads(text)) for region_id, code, text in rows}


def _entry(region_id: UUID, code: str, boundaries: Any) -> Entry | None:
    shape = shape_of(boundaries)
    return None if shape is None else (float(shape.area), code, region_id, shape)


class RegionIndex:
    """Finds regions by point. It is immutable, so any number of greenlets may use it.

    Args:
        regions: The id, code and boundaries of each region. Boundaries that shapely cannot read (because they were
            written without the service) are ignored.
    """

    def __init__(self, regions: Iterable[tuple[UUID, str, dict[str, Any]]]) -> None:
        self._build(_entry(*region) for region in regions)

    @classmethod
    def of_entries(cls, entries: Iterable[Entry | None]) -> RegionIndex:
        """Return an index of regions whose shapes have already been created."""
        index = cls([])
        index._build(entries)
        return index

    def _build(self, entries: Iterable[Entry | None]) -> None:
        found = [entry for entry in entries if entry is not None]
        # Sorted by what decides between several regions: the smallest, then the code. The lowest index wins.
        found.sort(key=lambda entry: entry[:2])
        self._ids = [region_id for _, _, region_id, _ in found]
        shapes = [shape for *_, shape in found]
        shapely.prepare(shapes)
        self._tree = shapely.STRtree(shapes)

    def locate(self, points: Sequence[tuple[float, float]]) -> list[UUID | None]:
        """Return the region of each point (longitude, latitude); None if no region contains it.

        Of several regions the smallest is chosen, such as a district before its country, then the first by code. The
        same rule decides for points on a border, which are in both regions. On the antimeridian, -180 and 180 are the
        same place, which is on the border of the regions on both sides.
        """
        located: list[UUID | None] = [None] * len(points)
        best: list[int] = [len(self._ids)] * len(points)
        # Each point, and points on the antimeridian once more with the longitude of the other side.
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
        """Return the regions that touch the box [west, south, east, north]; west > east crosses the antimeridian."""
        west, south, east, north = bbox
        found = {
            int(index)
            for low, high in spans_of(west, east)
            for index in self._tree.query(_box(low, south, high, north), predicate="intersects")
        }
        return [self._ids[index] for index in sorted(found)]


def _box(west: float, south: float, east: float, north: float) -> Any:
    """Return the box as a shape; a point or a line if it has no area."""
    return shapely.LineString([(west, south), (east, north)]).envelope

"""Checks the boundaries of regions, simplifies them to outlines, finds the region of a point and what contains what.

shapely can take long on large rings, so everything that calls it on the data of users runs in native threads, where
shapely releases the interpreter lock.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
import shapely
from shapely.errors import ShapelyError

from shared.domain import boundaries as geojson
from shared.domain.boundaries import (
    ANTIMERIDIAN,
    TURN,
    GeometryError,
    area_of,
    bbox_of,
    check_structure,
    invalid_boundaries,
    shape_of,
    spans_of,
)
from shared.platform.concurrency import run_blocking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

__all__ = [
    "DETAILS",
    "FULL",
    "Entry",
    "RegionIndex",
    "check_structure",
    "entry_of",
    "is_above",
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

MIN_SHARE: Final = 0.99
"""The share of the area of a region that lies inside of another one where that one contains it."""

SIGNIFICANT_DIGITS: Final = 6
"""Areas that agree in so many digits are equal, such as those of two copies of the same boundaries."""


class Entry(NamedTuple):
    """A region in the index.

    Attributes:
        area: Its area in steradians.
        code: Its code.
        id: Its id.
        shape: Its boundaries.
    """

    area: float
    code: str
    id: UUID
    shape: Any


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
    return {region_id: entry_of(region_id, code, orjson.loads(text)) for region_id, code, text in rows}


def entry_of(region_id: UUID, code: str, boundaries: Any) -> Entry | None:
    """Return the entry of a region, None for boundaries that cannot be read. Call it in a native thread."""
    shape = None if boundaries is None else shape_of(boundaries)
    try:
        return None if shape is None else Entry(area_of(shape), code, region_id, shape)
    except ShapelyError:  # written without the service
        return None


def is_above(one: Entry, other: Entry) -> bool:
    """Return whether the first region comes above the second if it contains it: the larger, then the first by code.

    This is a total order, so regions that contain one another, such as a country and its only province, do not become
    each other's parents, and the parents do not depend on the order in which the regions are created.
    """
    area, other_area = _significant(one.area), _significant(other.area)
    return area > other_area or (area == other_area and one.code < other.code)


def _significant(area: float) -> float:
    return float(f"{area:.{SIGNIFICANT_DIGITS - 1}e}")


class RegionIndex:
    """Finds regions by point and by what contains them. It is immutable, so any number of greenlets may use it.

    Args:
        regions: The id, code and boundaries of each region. Boundaries that shapely cannot read (because they were
            written without the service) are ignored.
    """

    def __init__(self, regions: Iterable[tuple[UUID, str, dict[str, Any]]]) -> None:
        self._build((entry_of(*region) for region in regions), {})

    @classmethod
    def of_entries(cls, entries: Iterable[Entry | None], depths: Mapping[UUID, int]) -> RegionIndex:
        """Return an index of regions whose shapes have already been created.

        Args:
            entries: The regions; None is ignored.
            depths: The number of ancestors of each region; 0 for a region that is not among them.
        """
        index = cls([])
        index._build(entries, depths)
        return index

    def _build(self, entries: Iterable[Entry | None], depths: Mapping[UUID, int]) -> None:
        found = [entry for entry in entries if entry is not None]
        # Sorted by what decides between several regions: the deepest, then the smallest, then the code. The lowest
        # index wins.
        found.sort(key=lambda entry: (-depths.get(entry.id, 0), entry.area, entry.code))
        self._entries = found
        self._depths = depths
        self._by_id = {entry.id: entry for entry in found}
        shapes = [entry.shape for entry in found]
        shapely.prepare(shapes)
        self._tree = shapely.STRtree(shapes)

    def entry(self, region_id: UUID) -> Entry | None:
        """Return the entry of a region, None if it is not in the index."""
        return self._by_id.get(region_id)

    def with_entry(self, region_id: UUID, entry: Entry | None) -> RegionIndex:
        """Return an index in which a region has this entry, or none."""
        others = (other for other in self._entries if other.id != region_id)
        return RegionIndex.of_entries([*others, entry], self._depths)

    def locate(self, points: Sequence[tuple[float, float]]) -> list[UUID | None]:
        """Return the region of each point (longitude, latitude); None if no region contains it.

        Of several regions the deepest in the tree is chosen, such as a district before its country, then the smallest,
        then the first by code. The same rule decides for points on a border, which are in both regions. On the
        antimeridian, -180 and 180 are the same place, which is on the border of the regions on both sides.
        """
        located: list[UUID | None] = [None] * len(points)
        best: list[int] = [len(self._entries)] * len(points)
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
            if region < len(self._entries):
                located[point] = self._entries[region].id
        return located

    def touching(self, bbox: Sequence[float]) -> list[UUID]:
        """Return the regions that touch the box [west, south, east, north]; west > east crosses the antimeridian."""
        west, south, east, north = bbox
        found = {
            int(index)
            for low, high in spans_of(west, east)
            for index in self._tree.query(_box(low, south, high, north), predicate="intersects")
        }
        return [self._entries[index].id for index in sorted(found)]

    def containing(self, entry: Entry) -> list[UUID]:
        """Return the regions that contain a region, the smallest first. Call it in a native thread.

        A region contains another one if it `is_above` it and `MIN_SHARE` of the other one's area lies inside.
        """
        found = [other for other in self._near(entry) if is_above(other, entry) and _contains(other, entry)]
        return [other.id for other in _smallest_first(found)]

    def inside(self, entry: Entry) -> list[UUID]:
        """Return the regions that a region contains, as `containing` says. Call it in a native thread."""
        return [other.id for other in self._near(entry) if is_above(entry, other) and _contains(entry, other)]

    def _near(self, entry: Entry) -> list[Entry]:
        """Return the other regions whose boxes touch that of a region."""
        near = (self._entries[index] for index in self._tree.query(entry.shape))
        return [other for other in near if other.id != entry.id]


def _smallest_first(entries: list[Entry]) -> list[Entry]:
    by_code = sorted(entries, key=lambda entry: entry.code, reverse=True)
    return sorted(by_code, key=lambda entry: _significant(entry.area))


def _contains(outer: Entry, inner: Entry) -> bool:
    """Return whether `MIN_SHARE` of the inner region lies inside the outer one."""
    needed = MIN_SHARE * inner.area
    if not inner.area or _common_box_area(outer.shape, inner.shape) < needed:
        return False
    try:
        if shapely.covers(outer.shape, inner.shape):
            return True
        return area_of(shapely.intersection(outer.shape, inner.shape)) >= needed
    except ShapelyError:  # written without the service
        return False


def _common_box_area(one: Any, other: Any) -> float:
    """Return the area of the box that the boxes of two shapes have in common: no smaller than what the shapes have."""
    (west, south, east, north), (left, bottom, right, top) = one.bounds, other.bounds
    width = min(east, right) - max(west, left)
    low, high = max(south, bottom), min(north, top)
    if width <= 0 or high <= low:
        return 0.0
    return math.radians(width) * (math.sin(math.radians(high)) - math.sin(math.radians(low)))


def _box(west: float, south: float, east: float, north: float) -> Any:
    """Return the box as a shape; a point or a line if it has no area."""
    return shapely.LineString([(west, south), (east, north)]).envelope

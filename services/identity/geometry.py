"""Checks the boundaries of regions, simplifies them to outlines, finds the region of a point and what contains what.

shapely can take long on large rings, so everything that calls it on the data of users runs in native threads, where
shapely releases the interpreter lock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

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
    from collections.abc import Iterable, Iterator, Mapping, Sequence
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


MAX_RECENT: Final = 200
"""Number of regions that may have changed before the index of all regions is built again."""


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


class _Part(NamedTuple):
    """Some of the regions of an index, in the order in which the tree numbers them."""

    entries: Sequence[Entry]
    tree: shapely.STRtree

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> _Part:
        listed = list(entries)
        shapes = [entry.shape for entry in listed]
        shapely.prepare(shapes)
        return cls(listed, shapely.STRtree(shapes))


@dataclass(frozen=True, slots=True)
class RegionIndex:
    """Finds regions by point and by what contains them. It is immutable, so any number of greenlets may use it.

    Most regions are in a tree that is built rarely, and those that changed since in a small one, so that a region that
    is created among ten thousand does not cost an index of all of them.
    """

    _entries: Mapping[UUID, Entry]
    _parents: Mapping[UUID, UUID | None]
    _most: _Part
    _recent: _Part
    _ranks: dict[UUID, tuple[int, float, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, regions: Iterable[tuple[UUID, str, dict[str, Any]]]) -> RegionIndex:
        """Return an index of regions without parents.

        Args:
            regions: The id, code and boundaries of each region. Boundaries that shapely cannot read (because they were
                written without the service) are ignored.
        """
        return cls.of_entries([entry_of(*region) for region in regions], {})

    @classmethod
    def of_entries(cls, entries: Iterable[Entry | None], parents: Mapping[UUID, UUID | None]) -> RegionIndex:
        """Return an index of regions whose shapes have already been created.

        Args:
            entries: The regions; None is ignored.
            parents: The parent of each region that has one, those of regions without boundaries among them.
        """
        by_id = {entry.id: entry for entry in entries if entry is not None}
        return cls(by_id, parents, _Part.of(by_id.values()), _Part.of([]))

    def changed(
        self, changes: Mapping[UUID, Entry | None], parents: Mapping[UUID, UUID | None]
    ) -> RegionIndex:
        """Return an index in which some regions have other entries.

        Args:
            changes: The entries of these regions; None where a region is not in the index any more.
            parents: As in `of_entries`, of all regions.
        """
        entries = {**self._entries, **{key: entry for key, entry in changes.items() if entry is not None}}
        for region_id, entry in changes.items():
            if entry is None:
                entries.pop(region_id, None)
        recent = [entry for entry in self._recent.entries if entries.get(entry.id) is entry]
        recent += [entry for entry in changes.values() if entry is not None]
        if len(recent) > MAX_RECENT:
            return RegionIndex.of_entries(entries.values(), parents)
        return RegionIndex(entries, parents, self._most, _Part.of(recent))

    def entry(self, region_id: UUID) -> Entry | None:
        """Return the entry of a region, None if it is not in the index."""
        return self._entries.get(region_id)

    def with_entry(self, region_id: UUID, entry: Entry | None) -> RegionIndex:
        """Return an index in which a region has this entry, or none."""
        return self.changed({region_id: entry}, self._parents)

    def locate(self, points: Sequence[tuple[float, float]]) -> list[UUID | None]:
        """Return the region of each point (longitude, latitude); None if no region contains it.

        Of several regions the deepest in the tree is chosen, such as a district before its country, then the smallest,
        then the first by code. The same rule decides for points on a border, which are in both regions. On the
        antimeridian, -180 and 180 are the same place, which is on the border of the regions on both sides.
        """
        best: list[Entry | None] = [None] * len(points)
        # Each point, and points on the antimeridian once more with the longitude of the other side.
        asked = [*enumerate(points)]
        asked += [
            (at, (-longitude, latitude))
            for at, (longitude, latitude) in asked
            if abs(longitude) == ANTIMERIDIAN
        ]
        places = list(shapely.points([place for _, place in asked])) if asked else []
        for place, entry in self._query(places, "intersects"):
            point = asked[place][0]
            former = best[point]
            if former is None or self._rank(entry) < self._rank(former):
                best[point] = entry
        return [None if entry is None else entry.id for entry in best]

    def touching(self, bbox: Sequence[float]) -> list[UUID]:
        """Return the regions that touch the box [west, south, east, north]; west > east crosses the antimeridian."""
        west, south, east, north = bbox
        boxes = [_box(low, south, high, north) for low, high in spans_of(west, east)]
        return list({entry.id: None for _, entry in self._query(boxes, "intersects")})

    def containing(self, entry: Entry) -> list[UUID]:
        """Return the regions that contain a region, the smallest first. Call it in a native thread.

        A region contains another one if it `is_above` it and `MIN_SHARE` of the other one's area lies inside.
        """
        found = [other for other in self._near(entry) if is_above(other, entry) and _contains(other, entry)]
        return [other.id for other in _smallest_first(found)]

    def inside(self, entry: Entry) -> list[UUID]:
        """Return the regions that a region contains, as `containing` says. Call it in a native thread."""
        shapely.prepare(entry.shape)
        return [other.id for other in self._near(entry) if is_above(entry, other) and _contains(entry, other)]

    def _near(self, entry: Entry) -> list[Entry]:
        """Return the other regions whose boxes touch that of a region."""
        return [other for _, other in self._query([entry.shape], None) if other.id != entry.id]

    def _query(
        self, shapes: Sequence[Any], predicate: Literal["intersects"] | None
    ) -> Iterator[tuple[int, Entry]]:
        """Yield the number of a shape and a region for each pair of these that meet."""
        for part in (self._most, self._recent):
            pairs = part.tree.query(shapes, predicate=predicate).tolist() if len(shapes) else ((), ())
            for at, found in zip(*pairs, strict=True):
                entry = part.entries[found]
                is_current = self._entries.get(entry.id) is entry
                if is_current:  # the region may have another entry since
                    yield at, entry

    def _rank(self, entry: Entry) -> tuple[int, float, str]:
        """Return what decides between several regions; the lowest wins."""
        rank = self._ranks.get(entry.id)
        if rank is None:
            depth, above = 0, self._parents.get(entry.id)
            # The parents are read while others change them, so they may go round for a moment.
            while above is not None and depth < len(self._parents):
                depth, above = depth + 1, self._parents.get(above)
            rank = self._ranks[entry.id] = (-depth, entry.area, entry.code)
        return rank


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

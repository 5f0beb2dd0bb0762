"""Checks the boundaries of regions and finds the region that a point lies in.

shapely works in C and can take long on large rings, so everything that calls it on a user's data goes to
native threads; it releases the interpreter lock there.
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
    """How much of the boundaries an outline shows.

    Attributes:
        tolerance: Degrees by which it may be off at most.
        steps: It is off by no more than this part of the region's extent either.
        max_positions: Positions that it has at most; the tolerance grows until it has not more.
    """

    tolerance: float
    steps: int
    max_positions: int


OUTLINES: Final = {
    "overview": Outline(0.05, 200, 400),
    "medium": Outline(0.01, 1_000, 2_000),
    "fine": Outline(0.001, 5_000, 8_000),
}
"""By detail: for a map of many regions, for one that fills the screen, and for a look at its border."""

DETAILS: Final = (*OUTLINES, FULL)

OUTLINES_REVISION: Final = 1
"""Changes when the outlines of the same boundaries would be others; a part of the version of a list."""

FEW_POSITIONS: Final = 100
"""Boundaries with no more are shown as they are."""

Entry = tuple[float, str, "UUID", Any]
"""A region as the index has it: area, code, id and shape."""


def normalise(boundaries: dict[str, Any]) -> dict[str, Any]:
    """Return the boundaries cut at the antimeridian, with their rings turned as RFC 7946 wants them.

    Args:
        boundaries: What `check_structure` let pass.

    Raises:
        Invalid: A ring crosses itself or another, or lies where it may not; the message says where.
    """
    try:
        return run_blocking(geojson.normalise, boundaries)
    except GeometryError as error:
        raise invalid_boundaries(error) from None


def outlines_of(boundaries: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of ``region_outlines`` for boundaries, without the region; call it in a native thread.

    Args:
        boundaries: As stored. Those that are not an area (written past the service) have rows without an outline.
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
        # Each is made of the next finer one, which costs a tenth and is off by a tenth more.
        outline = geojson.simplified(outline, min(tolerance, extent / steps), max_positions)
        found[detail] = outline
    return found


def read_entries(rows: Iterable[tuple[UUID, str, str]]) -> dict[UUID, Entry | None]:
    """Return the entry of each region, None for boundaries that cannot be read; call it in a native thread.

    Args:
        rows: Each region's id, code and boundaries as JSON text.
    """
    return {region_id: _entry(region_id, code, orjson.loads(text)) for region_id, code, text in rows}


def _entry(region_id: UUID, code: str, boundaries: Any) -> Entry | None:
    shape = shape_of(boundaries)
    return None if shape is None else (float(shape.area), code, region_id, shape)


class RegionIndex:
    """Finds regions by point. It is never changed once made, so any number of greenlets may ask it.

    Args:
        regions: Each region's id, code and boundaries as stored. Boundaries that shapely cannot read (written
            past the service) are left out.
    """

    def __init__(self, regions: Iterable[tuple[UUID, str, dict[str, Any]]]) -> None:
        self._build(_entry(*region) for region in regions)

    @classmethod
    def of_entries(cls, entries: Iterable[Entry | None]) -> RegionIndex:
        """Return the index of regions whose shapes were made already."""
        index = cls([])
        index._build(entries)
        return index

    def _build(self, entries: Iterable[Entry | None]) -> None:
        found = [entry for entry in entries if entry is not None]
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

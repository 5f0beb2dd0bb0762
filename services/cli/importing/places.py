"""Where a record's thing is."""

from __future__ import annotations

import math
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import click
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape

from services.cli.importing.lookups import pages
from services.cli.importing.mapping import COORDINATES, RefusedError
from services.cli.importing.run import Outcome
from shared.domain.import_schemas import NO_REGION
from shared.platform.schemas import MAX_LATITUDE, MAX_LONGITUDE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from services.cli.importing.files import Record, Source
    from services.cli.importing.mapping import Mapping
    from services.cli.importing.run import Row

FIELDS: Final = {"longitude": (), "latitude": (), "address": ("location.address",)}
"""The fields to map for it, with the names of columns that mean them."""

SAMPLE: Final = 500
"""Records that are looked at before an import begins; as many as identity locates in one call."""

SOME: Final = 0.5
FEW: Final = 0.1
REGIONS_A_PAGE: Final = 20
KILOMETRES_A_DEGREE: Final = 111.195
WHOLE_CIRCLE: Final = 360.0

SWAPPED: Final = "longitude and latitude look swapped"

Position = tuple[float, float]


class Places:
    """Reads the places of a file's records.

    Args:
        mapping: Of the file.
        swap: Whether positions are written with the latitude first.
    """

    def __init__(self, mapping: Mapping, *, swap: bool = False) -> None:
        self._mapping = mapping
        self._swap = swap

    def location(self, record: Record, *, address_suffices: bool = False) -> Row:
        """The record's location: from its geometry, or from ``longitude`` and ``latitude`` where they are mapped.

        Args:
            record: The record.
            address_suffices: Whether an address without coordinates is a location.

        Raises:
            RefusedError: It has none, lies outside of the Earth, or at 0, 0, which files write for a place that is
                not known.
        """
        address = self._mapping.text(record, "address")
        if address_suffices and address is not None and self._is_unplaced(record):
            return {"address": address}
        coordinates = self.coordinates(record)
        if coordinates == [0, 0]:
            raise RefusedError("location: 0, 0 stands for a place that is not known.")
        if _looks_swapped(coordinates):
            raise RefusedError(
                f"location: Latitude {coordinates[1]:g} is out of range; longitude and latitude may be swapped."
            )
        location: Row = {"type": "Point", "coordinates": coordinates}
        return location if address is None else {**location, "address": address}

    def _is_unplaced(self, record: Record) -> bool:
        """Whether the record says nothing of coordinates."""
        words = [self._mapping.word(record, name) for name in COORDINATES]
        return words == [None, None] and not (record.geometry or {}).get("coordinates")

    def coordinates(self, record: Record) -> Any:
        """The record's coordinates, longitude first; from a geometry as they stand there.

        Raises:
            RefusedError: There are none.
        """
        geometry = record.geometry
        if isinstance(geometry, dict) and "longitude" not in self._mapping:
            if geometry.get("type") != "Point":
                raise RefusedError("location: Not a Point.")
            found = geometry.get("coordinates")
        else:
            found = [self._mapping.number(record, name) for name in COORDINATES]
            if None in found:
                raise RefusedError("location: No coordinates.")
        if self._swap and isinstance(found, list):
            found = [*found[1::-1], *found[2:]]
        return found

    def sample(self, source: Source) -> list[Position]:
        """The positions of the first records that have any."""
        found: list[Position] = []
        for record in source.records():
            try:
                coordinates = self.coordinates(record)
            except RefusedError:
                continue
            if _is_position(coordinates) and coordinates != [0, 0]:
                found.append((coordinates[0], coordinates[1]))
            if len(found) == SAMPLE:
                break
        return found

    def advice(self) -> str:
        """How to say that the coordinates are swapped."""
        columns = [" ".join(self._mapping.columns.get(name, ())) for name in COORDINATES]
        if not all(columns):
            return "Say --swap if each position is written with the latitude first."
        longitude, latitude = columns
        return f'Map them the other way round: --map longitude="{latitude}" --map latitude="{longitude}".'


def swapped_problem(
    places: Places, source: Source, locate: Callable[[Sequence[Position]], Sequence[Any]]
) -> str | None:
    """What is wrong with the coordinates of a file as a whole, if they look swapped.

    Args:
        places: Of the file.
        source: The file.
        locate: Finds the region of each position, None where there is none.
    """
    positions = places.sample(source)
    if not positions:
        return None
    beyond = sum(_looks_swapped(position) for position in positions)
    if beyond > SOME * len(positions):
        return (
            f"In {beyond:,} of the first {len(positions):,} records the latitude is out of range; {SWAPPED}."
            f" {places.advice()}"
        )
    possible = [position for position in positions if _is_on_earth(position)]
    turned = [position[::-1] for position in possible if _is_on_earth(position[::-1])]
    if not turned or len(turned) < SOME * len(possible):
        return None
    inside = sum(found is not None for found in locate(possible))
    if inside > FEW * len(possible):
        return None
    inside_turned = sum(found is not None for found in locate(turned))
    if inside_turned <= max(inside, SOME * len(turned)):
        return None
    return (
        f"Of the first {len(possible):,} positions {inside:,} lie in a region, with longitude and latitude swapped"
        f" {inside_turned:,} do; {SWAPPED}. {places.advice()}"
    )


def located(identity: Any, positions: Sequence[Position]) -> list[str | None]:
    """The region of each position, None where there is none; ``identity`` are that service's methods."""
    if not positions:
        return []
    points = [{"lon": longitude, "lat": latitude} for longitude, latitude in positions]
    found: list[str | None] = identity.locate_regions(points=points)["region_ids"]
    return found


def explained(identity: Any, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes; of rows that lie in no region, whether they would with longitude and latitude swapped."""
    found = list(outcomes)
    outside = [
        index
        for index, outcome in enumerate(outcomes)
        if outcome.reason
        and NO_REGION in outcome.reason
        and _is_position(rows[index]["location"].get("coordinates"))
        and _is_on_earth(_turned(rows[index]))
    ]
    regions = located(identity, [_turned(rows[index]) for index in outside])
    for index, region in zip(outside, regions, strict=True):
        if region is not None:
            found[index] = Outcome(
                outcomes[index].what, f"{outcomes[index].reason} Swapped, it would lie in one; {SWAPPED}."
            )
    return found


def _turned(row: Row) -> Position:
    longitude, latitude = row["location"]["coordinates"][:2]
    return latitude, longitude


def nearest(identity: Any, kilometres: float | None) -> Nearest | None:
    """What finds the nearest region; None where that is not wanted."""
    return None if kilometres is None else Nearest(identity.list_regions, kilometres)


class Nearest:
    """Finds the nearest region of places that lie outside of all.

    Args:
        listed: identity's ``list_regions``.
        kilometres: How far the region may be.

    Attributes:
        notes: How many places were taken to be in a region near by.
    """

    def __init__(self, listed: Callable[..., Any], kilometres: float) -> None:
        self._kilometres = kilometres
        self._ids: list[str] = []
        self.notes: Counter[str] = Counter()
        shapes = []
        for region in pages(listed, limit=REGIONS_A_PAGE, include_boundaries=True, detail="full"):
            if region["boundaries"] is None:
                continue
            try:
                shapes.append(shape(region["boundaries"]))
            except (ShapelyError, ValueError, TypeError, AttributeError, KeyError) as error:
                raise click.ClickException(
                    f"The boundaries of the region {region['code']} cannot be read: {error}."
                ) from error
            self._ids.append(region["id"])
        self._tree = shapely.STRtree(shapes)
        self._lock = threading.Lock()

    def region(self, location: Row) -> str | None:
        """The region to name for a place: the nearest, if it lies outside of all and one is near enough."""
        if not _is_position(location.get("coordinates")):
            return None
        longitude, latitude = location["coordinates"][:2]
        if not _is_on_earth((longitude, latitude)):
            return None
        point = shapely.Point(longitude, latitude)
        if len(self._tree.query(point, predicate="intersects")):
            return None
        near = min(self._distances(longitude, latitude), default=None)
        if near is None:
            return None
        with self._lock:
            self.notes[
                f"lie outside of every region and were put into the nearest, within {self._kilometres:g} km"
            ] += 1
        return self._ids[near[1]]

    def _distances(self, longitude: float, latitude: float) -> Iterator[tuple[float, int]]:
        """The distance in kilometres, and the index, of every region that is near enough."""
        height = self._kilometres / KILOMETRES_A_DEGREE
        narrow = max(math.cos(math.radians(min(abs(latitude) + height, MAX_LATITUDE))), 1e-6)
        width = min(height / narrow, MAX_LONGITUDE)
        scale = (math.cos(math.radians(latitude)) * KILOMETRES_A_DEGREE, KILOMETRES_A_DEGREE)
        for turn in (-WHOLE_CIRCLE, 0.0, WHOLE_CIRCLE):
            here = (longitude + turn, latitude)
            box = shapely.box(here[0] - width, latitude - height, here[0] + width, latitude + height)
            for index in self._tree.query(box, predicate="intersects"):
                distance = _distance(self._tree.geometries[index], here, scale)
                if distance <= self._kilometres:
                    yield distance, int(index)


def _distance(region: Any, here: Position, scale: Position) -> float:
    """The distance of a region from here, in what the scale makes of degrees."""
    flat = shapely.transform(region, lambda positions: (positions - here) * scale)
    return float(shapely.distance(flat, shapely.Point(0, 0)))


def _is_position(coordinates: Any) -> bool:
    return (
        isinstance(coordinates, list | tuple)
        and len(coordinates) >= len(COORDINATES)
        and all(isinstance(number, int | float) and math.isfinite(number) for number in coordinates[:2])
    )


def _is_on_earth(position: Position) -> bool:
    return abs(position[0]) <= MAX_LONGITUDE and abs(position[1]) <= MAX_LATITUDE


def _looks_swapped(coordinates: Any) -> bool:
    """Whether the latitude is out of range and would not be as the longitude, nor the longitude as the latitude."""
    return (
        _is_position(coordinates)
        and MAX_LATITUDE < abs(coordinates[1]) <= MAX_LONGITUDE
        and abs(coordinates[0]) <= MAX_LATITUDE
    )

"""Reads the locations of records, and finds their regions."""

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
"""The fields of a location, with other names of columns that mean them."""

SAMPLE: Final = 500
"""The number of records that are checked before an import begins; as many as identity locates in one call."""

SOME: Final = 0.5
FEW: Final = 0.1
REGIONS_A_PAGE: Final = 20
KILOMETRES_A_DEGREE: Final = 111.195
WHOLE_CIRCLE: Final = 360.0

SWAPPED: Final = "longitude and latitude look swapped"

Position = tuple[float, float]


class Places:
    """Reads the locations of the records of a file.

    Args:
        mapping: Which column fills which field.
        swap: Whether positions have the latitude first.
    """

    def __init__(self, mapping: Mapping, *, swap: bool = False) -> None:
        self._mapping = mapping
        self._swap = swap

    def location(self, record: Record, *, address_suffices: bool = False) -> Row:
        """Return the location of a record: its geometry, or ``longitude`` and ``latitude`` where they are mapped.

        Args:
            record: The record.
            address_suffices: Whether an address without coordinates is a location.

        Raises:
            RefusedError: The record has no location, or one that is out of range or at 0, 0, which stands for a place
                that is not known.
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
        """Return whether the record has no coordinates."""
        words = [self._mapping.word(record, name) for name in COORDINATES]
        return words == [None, None] and not (record.geometry or {}).get("coordinates")

    def coordinates(self, record: Record) -> Any:
        """Return the coordinates of a record, longitude first; those of a geometry unchanged.

        Raises:
            RefusedError: The record has none.
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
        """Return the positions of the first records that have one."""
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
        """Return how to import a file whose coordinates are swapped."""
        columns = [" ".join(self._mapping.columns.get(name, ())) for name in COORDINATES]
        if not all(columns):
            return "Use --swap if each position has the latitude first."
        longitude, latitude = columns
        return f'Map them the other way round: --map longitude="{latitude}" --map latitude="{longitude}".'


def swapped_problem(
    places: Places, source: Source, locate: Callable[[Sequence[Position]], Sequence[Any]]
) -> str | None:
    """Return what is wrong if the coordinates of a file look swapped as a whole; else None.

    Args:
        places: Reads the locations of the file.
        source: The file.
        locate: Returns the region of each position, None where there is none.
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
    """Return the region of each position, None where there is none; ``identity`` are the methods of that service."""
    if not positions:
        return []
    points = [{"lon": longitude, "lat": latitude} for longitude, latitude in positions]
    found: list[str | None] = identity.locate_regions(points=points)["region_ids"]
    return found


def explained(identity: Any, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes, saying of rows outside of all regions whether swapped coordinates would be in one."""
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
    """Return what finds the nearest region, or None where that is not wanted."""
    return None if kilometres is None else Nearest(identity.list_regions, kilometres)


class Nearest:
    """Finds the nearest region of positions outside of all regions.

    Args:
        listed: identity's ``list_regions``.
        kilometres: The greatest distance of the region.

    Attributes:
        notes: How many records were put into a region near by.
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
        """Return the nearest region of a location outside of all regions, if one is near enough; else None."""
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
        """Yield the distance in kilometres and the index of every region that is near enough."""
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
    """Return the distance of a region from here, in the unit of the scale."""
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
    """Return whether the latitude is out of range, and both would be in range if swapped."""
    return (
        _is_position(coordinates)
        and MAX_LATITUDE < abs(coordinates[1]) <= MAX_LONGITUDE
        and abs(coordinates[0]) <= MAX_LATITUDE
    )

"""Boundaries as GeoJSON: their structure, their validity, the antimeridian, their repair and their outlines.

This is the only checker of GeoJSON areas: of regions, of the areas of alerts, of filters, and of files to import.
Nothing here waits, and nothing knows eventlet. shapely works in C and can take long on a large ring, so a service that
calls it with the data of a user does so in a native thread.

The antimeridian. GeoJSON wants an area that crosses it cut into a MultiPolygon (RFC 7946, 3.1.9), but files often hold
it uncut. A ring is therefore followed around the Earth: a step of 240 degrees of longitude or more means the other way
round, which is at most half as long, and longitudes continue beyond 180. A ring that returns to its start only after a
whole turn encloses a pole and is closed through it. The ring so unrolled is cut at every 180 degrees, and its pieces
are moved to between -180 and 180.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from marshmallow import ValidationError
from shapely.errors import ShapelyError

from shared.client.errors import Invalid
from shared.platform.schemas import MAX_LATITUDE, MAX_LONGITUDE, check_position

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Boundaries = dict[str, Any]
Ring = list[list[float]]

MAX_POSITIONS: Final = 20_000
MIN_RING: Final = 4
TURN: Final = 360.0
POLE: Final = MAX_LATITUDE
ANTIMERIDIAN: Final = MAX_LONGITUDE

CROSSING: Final = 240.0
"""The shortest step, in degrees of longitude, that means the other way round, which is at most half as long. A shorter
step is a straight line on the map, as GeoJSON says: a box over half of the Earth has such steps."""

DIGITS: Final = 10
"""The decimals of a degree that are kept when a longitude is moved by whole turns: a hundredth of a millimetre."""

TOLERANCE: Final = 0.001
"""The fraction of an area that a repair may lose."""

STRUCTURE: Final = "structure"
LINEWORK: Final = "linework"
"""The two methods of GEOS that make a shape valid: by the role of each ring, or by the number of rings at a point."""

_AT: Final = re.compile(r"^(?P<reason>.*)\[(?P<longitude>\S+) (?P<latitude>[^\s\]]+)[^\]]*\]$")
_REASONS: Final = {
    "Self-intersection": "The boundary crosses itself",
    "Ring Self-intersection": "A ring touches or crosses itself",
    "Hole lies outside shell": "A hole lies outside its outer ring",
    "Holes are nested": "A hole lies inside another hole",
    "Nested shells": "A polygon lies inside another polygon",
    "Interior is disconnected": "The holes cut the polygon into pieces",
    "Too few points in geometry component": "A ring has fewer than three different points",
    "Duplicate Rings": "Two rings are equal",
}


class GeometryError(Exception):
    """Boundaries that do not describe an area; the message says why and, if it is known, at which position."""


@dataclass(frozen=True, slots=True)
class Repair:
    """The outcome of a repair.

    Attributes:
        boundaries: The valid boundaries, cut at the antimeridian.
        before: The area that the rings enclosed, in square degrees.
        after: The area of the valid boundaries, in square degrees.
        notes: Sentences about other changes that the user should know.
    """

    boundaries: Boundaries
    before: float
    after: float
    notes: tuple[str, ...]


def check_structure(value: Any, max_positions: int = MAX_POSITIONS) -> Boundaries:
    """Check the structure of a GeoJSON ``Polygon`` or ``MultiPolygon`` (RFC 7946) and return it with plain positions.

    A ``bbox`` member and altitudes are accepted and dropped. A ring needs at least four positions, the last of which
    equals the first. Its longitudes may exceed 180 degrees where the ring crosses the antimeridian and spans at most
    180 degrees. `normalise` finds rings that cross.

    Args:
        value: Any value.
        max_positions: The maximum number of positions of all rings together.

    Raises:
        ValidationError: The value is not such an object; the messages are by member, nested as in GeoJSON.
    """
    if not isinstance(value, dict):
        raise ValidationError("Must be a GeoJSON Polygon or MultiPolygon.")
    unknown = value.keys() - {"type", "coordinates", "bbox"}
    if unknown:
        raise ValidationError({str(name): ["Unknown field."] for name in sorted(unknown, key=str)})
    kind, coordinates = value.get("type"), value.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValidationError({"type": ['Must be "Polygon" or "MultiPolygon".']})
    checker = _Structure(max_positions)
    try:
        if kind == "Polygon":
            return {"type": kind, "coordinates": checker.polygon(coordinates, "coordinates")}
        polygons = [
            checker.polygon(polygon, f"coordinates.{index}")
            for index, polygon in enumerate(_filled(coordinates, "coordinates", "polygon"))
        ]
    except _Fault as fault:
        raise ValidationError({fault.where: [fault.problem]}) from None
    return {"type": kind, "coordinates": polygons}


def normalise(boundaries: Boundaries) -> Boundaries:
    """Return the boundaries cut at the antimeridian, with the winding order of RFC 7946.

    Outer rings are counterclockwise, holes clockwise. Boundaries that do not cross the antimeridian keep every digit.

    Args:
        boundaries: The boundaries as `check_structure` returns them.

    Raises:
        GeometryError: A ring crosses itself or another ring, or lies in the wrong place.
    """
    polygons: list[Any] = []
    for rings in _polygons_of(boundaries):
        polygons += _read_strictly(rings)
    shape = shapely.MultiPolygon(polygons)
    if len(polygons) == 1:
        shape = polygons[0]
    if not shapely.is_valid(shape):
        raise GeometryError(_explain(shape))
    return _as_boundaries(shape, single=boundaries["type"] == "Polygon")


def repair(geometry: Any) -> Repair:
    """Repair boundaries with rings that are open, cross themselves or lie in the wrong place.

    Each ring is made valid alone. Then the rings of a polygon can be read in two ways: the outer ring without the
    holes, or everything that an odd number of rings encloses. GeoJSON means the first. The second is used where the
    first keeps less of the area, as where the outer ring and a hole have changed places.

    Args:
        geometry: A GeoJSON Polygon or MultiPolygon, valid or not.

    Returns:
        The repaired boundaries and the areas before and after.

    Raises:
        GeometryError: The geometry has something other than positions, or the repair would lose more than `TOLERANCE`
            of its area.
    """
    try:
        polygons = _polygons_of(geometry)
        closed = [[_closed(ring) for ring in rings] for rings in polygons]
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError):
        raise GeometryError("Must be a GeoJSON Polygon or MultiPolygon.") from None
    unharmed = _only_closed(geometry["type"], closed)
    if unharmed is not None:
        return unharmed
    notes: list[str] = []
    try:
        read = [_read_leniently(rings, notes) for rings in closed]
    except (ShapelyError, TypeError, ValueError) as error:
        raise GeometryError(f"Not a geometry: {error}.") from error
    written = shapely.union_all([before for before, _ in read]).area
    shape = _polygonal(shapely.union_all([after for _, after in read]))
    # The rings of an area may overlap, and a union computes new positions, so the result is checked again.
    if not shapely.is_valid(shape):
        shape = _polygonal(_made_valid(shape, STRUCTURE))
    kept = float(shape.area)
    if not kept or kept < written * (1 - TOLERANCE):
        raise GeometryError(
            f"The repair would keep {kept:,.4g} of {written:,.4g} square degrees; correct the boundaries by hand."
        )
    return Repair(_as_boundaries(shape, single=True), float(written), kept, tuple(dict.fromkeys(notes)))


def _only_closed(kind: str, polygons: list[list[Ring]]) -> Repair | None:
    """Return the repair of boundaries that only had open rings; None for others."""
    try:
        coordinates: Any = polygons[0] if kind == "Polygon" else polygons
        boundaries = normalise({"type": kind, "coordinates": coordinates})
    except (GeometryError, ShapelyError, ValueError, IndexError):
        return None
    area = float(shape_of(boundaries).area)
    return Repair(boundaries, area, area, ()) if area else None


def shape_of(boundaries: Any) -> Any:
    """Return stored boundaries as a shapely geometry; None where they cannot be read."""
    # Built from the coordinates and not from GeoJSON text, to keep every digit.
    try:
        # Arrays, because shapely reads the positions of a list in Python, which takes five times as long.
        polygons = [
            shapely.Polygon(shapely.linearrings(rings[0]), [shapely.linearrings(hole) for hole in rings[1:]])
            for rings in _polygons_of(boundaries)
        ]
        return polygons[0] if boundaries["type"] == "Polygon" else shapely.MultiPolygon(polygons)
    except (KeyError, IndexError, TypeError, ValueError, ShapelyError):
        return None


def area_of(shape: Any) -> float:
    """Return the area of a shape on a sphere of radius 1, in steradians, so that areas at all latitudes compare.

    The sides are straight on the map, as GeoJSON has them. Under such a side the area is exact: the difference of the
    longitudes times the mean of the sine of the latitude.

    Args:
        shape: A shape of longitudes and latitudes; what has no area, such as a line, counts 0.
    """
    rings = shapely.get_rings(shapely.orient_polygons(_parts(shape)))
    positions, ring = shapely.get_coordinates(rings, return_index=True)
    longitude, latitude = np.radians(positions).T
    half = np.diff(latitude) / 2
    # sin(x) / x, which is 1 where a side keeps its latitude.
    mean = np.sin(latitude[:-1] + half) * np.sinc(half / math.pi)
    # Outer rings are counterclockwise and holes clockwise.
    is_side = ring[:-1] == ring[1:]
    return float(np.sum(-np.diff(longitude) * mean, where=is_side))


def same_boundaries(one: Any, other: Any) -> bool:
    """Return whether two boundaries are equal apart from the order, the direction and the start of their rings."""
    if one is None or other is None:
        return False
    here, there = shape_of(one), shape_of(other)
    if here is None or there is None:
        return False
    return bool(shapely.equals_exact(shapely.normalize(here), shapely.normalize(there)))


def bbox_of(boundaries: Boundaries) -> list[float]:
    """Return the bounding box ``[west, south, east, north]`` (RFC 7946, 5); west is greater across the antimeridian.

    Args:
        boundaries: Boundaries cut at the antimeridian. The box of several polygons leaves out the widest gap between
            them around the Earth.
    """
    boxes = [shapely.bounds(shapely.LinearRing(rings[0])).tolist() for rings in _polygons_of(boundaries)]
    south, north = min(box[1] for box in boxes), max(box[3] for box in boxes)
    spans = sorted((box[0], box[2]) for box in boxes)
    merged = [list(spans[0])]
    for west, east in spans[1:]:
        if west <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], east)
        else:
            merged.append([west, east])
    # The gap between the last span and the first contains the antimeridian.
    gaps = [
        (merged[(index + 1) % len(merged)][0] - east + (TURN if index + 1 == len(merged) else 0.0), index)
        for index, (_, east) in enumerate(merged)
    ]
    # Of equal gaps the one at the antimeridian, so that the box does not cross it.
    _, widest = max(gaps)
    west, east = merged[(widest + 1) % len(merged)][0], merged[widest][1]
    return [west, south, east, north]


def spans_of(west: float, east: float) -> list[tuple[float, float]]:
    """Return the spans of longitude between -180 and 180 that a box covers, two where it crosses the antimeridian.

    -180 and 180 are the same meridian: a box that ends at one of them touches positions that are stored at the other.
    """
    if west > east:
        return [(west, ANTIMERIDIAN), (-ANTIMERIDIAN, east)]
    spans = [(west, east)]
    if east == ANTIMERIDIAN and west > -ANTIMERIDIAN:
        spans.append((-ANTIMERIDIAN, -ANTIMERIDIAN))
    if west == -ANTIMERIDIAN and east < ANTIMERIDIAN:
        spans.append((ANTIMERIDIAN, ANTIMERIDIAN))
    return spans


def positions_of(boundaries: Boundaries) -> int:
    """Return the number of positions of all rings together."""
    return sum(len(ring) for rings in _polygons_of(boundaries) for ring in rings)


def simplified(boundaries: Boundaries, tolerance: float, max_positions: int) -> Boundaries:
    """Return an outline with fewer positions: valid, of the same topology, and never empty.

    Parts and holes smaller than the tolerance are dropped, except the largest part. The tolerance is doubled until
    the outline has few enough positions.

    Args:
        boundaries: Valid boundaries.
        tolerance: The largest distance between the outline and the boundaries, in degrees.
        max_positions: The maximum number of positions of the outline.
    """
    shape = shape_of(boundaries)
    while True:
        shape = _without_crumbs(shapely.simplify(shape, tolerance, preserve_topology=True), tolerance)
        outline = _rounded(shape, max(0, math.ceil(-math.log10(tolerance))) + 1)
        if shapely.get_num_coordinates(outline) <= max_positions:
            return _as_boundaries(outline, single=boundaries["type"] == "Polygon")
        tolerance *= 2


# --- the form -------------------------------------------------------------------------------------------------------


class _Fault(Exception):
    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(problem)


def _filled(value: Any, where: str, thing: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _Fault(where, f"Must be a list of at least one {thing}.")
    return value


class _Structure:
    """A reader of polygons that counts their positions."""

    def __init__(self, max_positions: int) -> None:
        self._max = max_positions
        self._read = 0

    def polygon(self, value: Any, where: str) -> list[Ring]:
        """Return the rings of a polygon without altitudes."""
        rings = enumerate(_filled(value, where, "ring"))
        return [self._ring(ring, f"{where}.{index}") for index, ring in rings]

    def _ring(self, value: Any, where: str) -> Ring:
        positions = _filled(value, where, "position")
        self._read += len(positions)
        if self._read > self._max:
            raise _Fault("coordinates", f"More than {self._max:,} positions; simplify the boundaries.")
        for at, position in enumerate(positions):
            try:
                check_position(position, max_longitude=TURN)
            except ValidationError as error:
                raise _Fault(f"{where}.{at}", str(error.messages[0])) from None
        _check_longitudes(positions, where)
        if positions[0][:2] != positions[-1][:2]:
            first, last = positions[0], positions[-1]
            raise _Fault(
                where,
                f"The ring is not closed: it begins at [{first[0]}, {first[1]}] "
                f"and ends at [{last[0]}, {last[1]}].",
            )
        if len(positions) < MIN_RING:
            raise _Fault(
                where, f"A ring needs at least {MIN_RING} positions, of which the last equals the first."
            )
        return [position[:2] for position in positions]


def _check_longitudes(positions: list[Any], where: str) -> None:
    """Refuse longitudes beyond 180 degrees in a ring that does not cross the antimeridian."""
    longitudes = [position[0] for position in positions]
    if max(longitudes) - min(longitudes) <= ANTIMERIDIAN:
        return
    for at, position in enumerate(positions):
        try:
            check_position(position)
        except ValidationError as error:
            raise _Fault(f"{where}.{at}", str(error.messages[0])) from None


def _polygons_of(boundaries: Any) -> list[list[Ring]]:
    coordinates = boundaries["coordinates"]
    if boundaries["type"] == "Polygon":
        return [coordinates]
    if boundaries["type"] != "MultiPolygon":
        raise ValueError
    return list(coordinates)


# --- around the Earth -----------------------------------------------------------------------------------------------


def _is_plain(ring: Ring) -> bool:
    """Return whether the ring lies between -180 and 180 and has no step across the antimeridian."""
    return all(abs(position[0]) <= ANTIMERIDIAN for position in ring) and not any(_shifts(ring))


def _shifts(ring: Ring) -> list[float]:
    """Return the whole turns, in degrees, by which the longitude changes at every step of a closed ring."""
    positions = ring[:-1]
    count = len(positions)
    return [
        0.0
        if _goes_round(*(positions[(at + offset) % count] for offset in (-1, 0, 1, 2)))
        else _shift(here, there)
        for at, (here, there) in enumerate(pairwise(ring))
    ]


def _shift(here: Sequence[float], there: Sequence[float]) -> float:
    step = there[0] - here[0]
    return -math.copysign(TURN, step) if abs(step) >= CROSSING else 0.0


def _goes_round(
    before: Sequence[float], here: Sequence[float], there: Sequence[float], after: Sequence[float]
) -> bool:
    """Return whether a step goes all the way round the Earth: along a pole, or from one edge of the map to the other.

    The latter is meant where the ring follows both edges, as the ring of a band between two parallels does.
    """
    if abs(there[0] - here[0]) != TURN:
        return False
    along_pole = here[1] == there[1] and abs(here[1]) == POLE
    return along_pole or (before[0] == here[0] and there[0] == after[0])


def _laid_out(ring: Ring, notes: list[str]) -> Ring:
    """Return the closed ring with longitudes that continue across the antimeridian, closed through an enclosed pole.

    Raises:
        GeometryError: The ring goes round the Earth more than once.
    """
    shifts = _shifts(ring)
    turns = round(sum(shifts) / TURN)
    if abs(turns) > 1:
        raise GeometryError("A ring goes round the Earth more than once.")
    if turns and any(abs(latitude) == POLE for _, latitude in ring):
        return _opened_at_pole(ring)
    followed = _followed(ring, shifts)
    if not turns:
        return followed
    pole = math.copysign(POLE, _middle_latitude(ring))
    notes.append(f"A ring encloses the {'North' if pole > 0 else 'South'} Pole and was closed through it.")
    first, last = followed[0], followed[-1]
    return [*followed, [last[0], pole], [first[0], pole], first]


def _followed(positions: Ring, shifts: list[float]) -> Ring:
    offsets = accumulate(shifts, initial=0.0)
    return [
        [longitude + offset, latitude]
        for (longitude, latitude), offset in zip(positions, offsets, strict=True)
    ]


def _opened_at_pole(ring: Ring) -> Ring:
    """Return a ring that touches a pole, where longitude is undefined, with the longitudes of the neighbours there."""
    positions = ring[:-1]
    start = next(at for at, position in enumerate(positions) if abs(position[1]) == POLE)
    turned = positions[start:] + positions[:start]
    pole = turned[0][1]
    free = [position for position in turned if abs(position[1]) != POLE]
    chain = _followed(free, [_shift(here, there) for here, there in pairwise(free)])
    return [*chain, [chain[-1][0], pole], [chain[0][0], pole], chain[0]]


def _middle_latitude(ring: Ring) -> float:
    return sum(position[1] for position in ring) / len(ring)


def _put_back(shape: Any) -> Any:
    """Return the shape cut at every 180 degrees of longitude, moved by whole turns to between -180 and 180."""
    west, south, east, north = shapely.bounds(shape).tolist()
    first, last = math.floor((west + ANTIMERIDIAN) / TURN), math.ceil((east - ANTIMERIDIAN) / TURN)
    pieces = []
    for turn in range(first, last + 1):
        middle = turn * TURN
        window = shapely.box(middle - ANTIMERIDIAN, south, middle + ANTIMERIDIAN, north)
        parts = _parts(shapely.intersection(shape, window))
        pieces += [shapely.transform(part, _moved_by(-middle)) for part in parts]
    return shapely.union_all(pieces)


def _moved_by(degrees: float) -> Any:
    def move(positions: Any) -> Any:
        moved = positions.copy()
        moved[:, 0] = (moved[:, 0] + degrees).round(DIGITS)
        return moved

    return move


# --- reading polygons -----------------------------------------------------------------------------------------------


def _read_strictly(rings: list[Ring]) -> list[Any]:
    """Return the polygons of the rings as they are, without repair.

    Raises:
        GeometryError: The rings are not valid.
    """
    if all(map(_is_plain, rings)):
        return [shapely.Polygon(rings[0], rings[1:])]
    shell, *holes = (_ring_alone(ring) for ring in rings)
    for hole in holes:
        if not shapely.covers(shell, hole):
            raise GeometryError("A hole lies outside its outer ring.")
    out = shapely.union_all(holes)
    if abs(out.area - sum(hole.area for hole in holes)) > out.area * TOLERANCE:
        raise GeometryError("A hole overlaps another hole.")
    return _parts(shapely.difference(shell, out))


def _ring_alone(ring: Ring) -> Any:
    laid_out = shapely.Polygon(_laid_out(ring, []))
    if not shapely.is_valid(laid_out):
        raise GeometryError(_explain(laid_out))
    return _put_back(laid_out)


def _read_leniently(rings: list[Ring], notes: list[str]) -> tuple[Any, Any]:
    """Return what an odd number of rings encloses, and the better of the two readings of the rings (see `repair`)."""
    filled = [_filled_ring(ring, STRUCTURE, notes) for ring in rings]
    shell, holes = filled[0], shapely.union_all(filled[1:])
    holes_out = shapely.difference(shell, holes)
    odd = shapely.Polygon()
    for ring in rings:
        odd = shapely.symmetric_difference(odd, _filled_ring(ring, LINEWORK, notes))
    # Nothing is left where a hole repeats the outer ring; then the outer ring counts.
    written = odd if odd.area else shell
    return written, holes_out if holes_out.area >= odd.area * (1 - TOLERANCE) else odd


def _filled_ring(ring: Ring, method: str, notes: list[str]) -> Any:
    """Return the area that one ring encloses, made valid, between -180 and 180 degrees of longitude."""
    if len({tuple(position) for position in ring}) < MIN_RING - 1:
        return shapely.Polygon()
    laid_out = shapely.Polygon(_laid_out(ring, notes))
    if not shapely.is_valid(laid_out):
        laid_out = _polygonal(_made_valid(laid_out, method))
    if laid_out.is_empty or _is_plain(ring):
        return laid_out
    return _polygonal(_put_back(laid_out))


def _made_valid(shape: Any, method: str) -> Any:
    if method == LINEWORK:
        return shapely.make_valid(shape)
    return shapely.make_valid(shape, method="structure", keep_collapsed=False)


def _closed(ring: Any) -> Ring:
    positions = [[float(number) for number in position[:2]] for position in ring]
    for position in positions:
        _check_on_earth(position)
    if positions and positions[0] != positions[-1]:
        positions.append(positions[0])
    return positions


def _check_on_earth(position: Sequence[float]) -> None:
    longitude, latitude = position
    if not (abs(longitude) <= TURN and abs(latitude) <= POLE):
        raise GeometryError(f"The position [{longitude}, {latitude}] is out of range.")


# --- shapes ---------------------------------------------------------------------------------------------------------


def _parts(shape: Any) -> list[Any]:
    """Return the polygons of a shape; points and lines, which have no area, are left out."""
    return [
        polygon
        for part in shapely.get_parts(shape)
        for polygon in shapely.get_parts(part)
        if polygon.geom_type == "Polygon" and not polygon.is_empty
    ]


def _polygonal(shape: Any) -> Any:
    parts = _parts(shape)
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _as_boundaries(shape: Any, *, single: bool) -> Boundaries:
    """Return the shape as GeoJSON: a Polygon where there is one part and ``single`` allows it."""
    polygons = [list(_rings(polygon)) for polygon in _parts(shapely.orient_polygons(shape))]
    if single and len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _rings(polygon: Any) -> Iterator[Ring]:
    for ring in (polygon.exterior, *polygon.interiors):
        yield shapely.get_coordinates(ring).tolist()


def _without_crumbs(shape: Any, tolerance: float) -> Any:
    crumb = tolerance * tolerance
    parts = sorted(_parts(shape), key=lambda part: -float(part.area))
    kept = [part for index, part in enumerate(parts) if not index or part.area >= crumb]
    whole = [
        shapely.Polygon(
            part.exterior, [hole for hole in part.interiors if shapely.Polygon(hole).area >= crumb]
        )
        for part in kept
    ]
    return whole[0] if len(whole) == 1 else shapely.MultiPolygon(whole)


def _rounded(shape: Any, digits: int) -> Any:
    """Return the shape with fewer decimals, unless that makes it invalid or empty."""
    rounded = shapely.transform(shape, lambda positions: positions.round(digits))
    return rounded if shapely.is_valid(rounded) and _areas(rounded) else shape


def _areas(shape: Any) -> bool:
    return all(part.area > 0 for part in _parts(shape))


def _explain(shape: Any) -> str:
    text = str(shapely.is_valid_reason(shape))
    found = _AT.match(text)
    if found is None:
        return f"{text}."
    reason = _REASONS.get(found["reason"], found["reason"])
    longitude = (float(found["longitude"]) + ANTIMERIDIAN) % TURN - ANTIMERIDIAN
    if abs(float(found["longitude"])) <= ANTIMERIDIAN:
        longitude = float(found["longitude"])
    return f"{reason} at longitude {longitude:.6f}, latitude {float(found['latitude']):.6f}."


def invalid_boundaries(error: GeometryError, field: str = "boundaries") -> Invalid:
    """Return the error for boundaries that do not describe an area.

    Args:
        error: The reason.
        field: The name of the argument.
    """
    return Invalid("The boundaries are not valid.", fields={field: [str(error)]})

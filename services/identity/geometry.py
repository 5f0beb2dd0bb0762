"""Checks the boundaries of regions and finds the region that a point lies in.

shapely works in C and can take long on large rings, so everything that calls it on a user's data goes to
eventlet's native threads; it releases the interpreter lock there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import shapely
from eventlet import tpool
from marshmallow import ValidationError
from shapely.errors import ShapelyError

from shared.errors import Invalid
from shared.schemas import check_position

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

MOST_VERTICES: Final = 20_000
LEAST_RING: Final = 4
_AT = re.compile(r"^(?P<reason>.*)\[(?P<longitude>\S+) (?P<latitude>[^\s\]]+)[^\]]*\]$")
_REASONS = {
    "Self-intersection": "The boundary crosses itself",
    "Ring Self-intersection": "A ring touches or crosses itself",
    "Hole lies outside shell": "A hole lies outside its outer ring",
    "Holes are nested": "A hole lies inside another hole",
    "Nested shells": "A polygon lies inside another one",
    "Interior is disconnected": "The holes cut the polygon into pieces",
    "Too few points in geometry component": "A ring has fewer than three different points",
    "Duplicate Rings": "Two rings are the same",
}


def check_structure(value: Any) -> dict[str, Any]:
    """The boundaries, when they have the form of a GeoJSON ``Polygon`` or ``MultiPolygon`` (RFC 7946).

    A ``bbox`` member is let pass and altitudes are dropped: neither is kept. A ring needs at least four
    positions, and its first must be its last. Whether rings cross is for `normalise` to find.

    Raises:
        ValidationError: It maps the members at fault, nested as GeoJSON nests them, to what is wrong.
    """
    if not isinstance(value, dict):
        raise ValidationError("Must be a GeoJSON Polygon or MultiPolygon.")
    unknown = value.keys() - {"type", "coordinates", "bbox"}
    if unknown:
        raise ValidationError({str(name): ["There is no such field."] for name in sorted(unknown, key=str)})
    kind, coordinates = value.get("type"), value.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise ValidationError({"type": ['Must be "Polygon" or "MultiPolygon".']})
    try:
        if kind == "Polygon":
            return {"type": kind, "coordinates": _polygon(coordinates, "coordinates", 0)[0]}
        polygons, vertices = [], 0
        for index, polygon in enumerate(_filled(coordinates, "coordinates", "polygons")):
            rings, vertices = _polygon(polygon, f"coordinates.{index}", vertices)
            polygons.append(rings)
    except _Fault as fault:
        raise ValidationError({fault.where: [fault.problem]}) from None
    return {"type": kind, "coordinates": polygons}


def normalise(boundaries: dict[str, Any]) -> dict[str, Any]:
    """The boundaries with their rings turned as RFC 7946 wants them: outer counterclockwise, holes clockwise.

    Args:
        boundaries: What `check_structure` let pass.

    Raises:
        Invalid: A ring crosses itself or another, or lies where it may not; the message says where.
    """
    return tpool.execute(_normalise, boundaries)  # type: ignore[no-any-return]  # eventlet is untyped


class RegionIndex:
    """Finds regions by point. It is never changed once made, so any number of greenlets may ask it.

    Args:
        regions: Each region's id, code and boundaries as stored. Boundaries that shapely cannot read (written
            past the service) are left out.
    """

    def __init__(self, regions: Iterable[tuple[UUID, str, dict[str, Any]]]) -> None:
        found: list[tuple[float, str, UUID, Any]] = []
        for region_id, code, boundaries in regions:
            shape = _shape(boundaries)
            if shape is not None:
                found.append((float(shape.area), code, region_id, shape))
        # Sorted by what decides between several: the smallest region, then the code. The first index wins.
        found.sort(key=lambda entry: entry[:2])
        self._ids = [region_id for _, _, region_id, _ in found]
        shapes = [shape for *_, shape in found]
        shapely.prepare(shapes)
        self._tree = shapely.STRtree(shapes)

    def locate(self, points: Sequence[tuple[float, float]]) -> list[UUID | None]:
        """The region of every point (longitude, latitude); None where no region contains it.

        Of several regions the smallest wins, as a district does over its country, then the first by code. A
        point on a border lies in both regions, so the same rule gives it to one of them, always the same.
        """
        located: list[UUID | None] = [None] * len(points)
        best: list[int] = [len(self._ids)] * len(points)
        pairs = self._tree.query(shapely.points(points), predicate="intersects") if points else ((), ())
        for point, region in zip(*pairs, strict=True):
            best[point] = min(best[point], region)
        for point, region in enumerate(best):
            if region < len(self._ids):
                located[point] = self._ids[region]
        return located

    def touching(self, bbox: Sequence[float]) -> list[UUID]:
        """The regions that touch [west, south, east, north]; west over east crosses the antimeridian."""
        west, south, east, north = bbox
        spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        found = {
            int(index)
            for low, high in spans
            for index in self._tree.query(_box(low, south, high, north), predicate="intersects")
        }
        return [self._ids[index] for index in sorted(found)]


class _Fault(Exception):
    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(problem)


def _filled(value: Any, where: str, things: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _Fault(where, f"Must be a list of {things}, at least one.")
    return value


def _polygon(value: Any, where: str, vertices: int) -> tuple[list[list[list[float]]], int]:
    """The polygon's rings with altitudes dropped, and the number of positions read so far."""
    rings = []
    for index, ring in enumerate(_filled(value, where, "rings")):
        here = f"{where}.{index}"
        positions = _filled(ring, here, "positions")
        vertices += len(positions)
        if vertices > MOST_VERTICES:
            raise _Fault("coordinates", f"More than {MOST_VERTICES} positions; simplify the boundary.")
        for at, position in enumerate(positions):
            try:
                check_position(position)
            except ValidationError as error:
                raise _Fault(f"{here}.{at}", str(error.messages[0])) from None
        if positions[0][:2] != positions[-1][:2]:
            first, last = positions[0], positions[-1]
            raise _Fault(
                here,
                f"The ring is not closed: it begins at [{first[0]}, {first[1]}] "
                f"and ends at [{last[0]}, {last[1]}].",
            )
        if len(positions) < LEAST_RING:
            raise _Fault(here, f"A ring has at least {LEAST_RING} positions, the last equal to the first.")
        rings.append([position[:2] for position in positions])
    return rings, vertices


def _normalise(boundaries: dict[str, Any]) -> dict[str, Any]:
    shape = _shape(boundaries)
    if shape is None:
        raise Invalid(fields={"boundaries": ["Not a shape on the ground."]})
    if not shapely.is_valid(shape):
        raise Invalid("The boundaries are not valid.", fields={"boundaries": [_explain(shape)]})
    oriented = shapely.orient_polygons(shape)
    polygons = [_rings(polygon) for polygon in shapely.get_parts(oriented)]
    single = boundaries["type"] == "Polygon"
    return {"type": boundaries["type"], "coordinates": polygons[0] if single else polygons}


def _shape(boundaries: dict[str, Any]) -> Any:
    # Built from coordinates, not through GeoJSON text: it keeps every digit.
    try:
        kind, coordinates = boundaries["type"], boundaries["coordinates"]
        parts = [coordinates] if kind == "Polygon" else coordinates
        polygons = [shapely.Polygon(rings[0], rings[1:]) for rings in parts]
        return polygons[0] if kind == "Polygon" else shapely.MultiPolygon(polygons)
    except (KeyError, IndexError, TypeError, ValueError, ShapelyError):
        return None


def _box(west: float, south: float, east: float, north: float) -> Any:
    """The box as a shape; a point or a line where it has no area."""
    return shapely.LineString([(west, south), (east, north)]).envelope


def _rings(polygon: Any) -> list[list[list[float]]]:
    return [shapely.get_coordinates(ring).tolist() for ring in (polygon.exterior, *polygon.interiors)]


def _explain(shape: Any) -> str:
    text = str(shapely.is_valid_reason(shape))
    found = _AT.match(text)
    if found is None:
        return f"{text}."
    reason = _REASONS.get(found["reason"], found["reason"])
    return f"{reason} at longitude {float(found['longitude']):.6f}, latitude {float(found['latitude']):.6f}."

"""Fields by which the lists of several services are filtered: several values at once, and places."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

import shapely
from marshmallow import ValidationError, fields, validate
from shapely.geometry import shape

from shared.schemas import Arguments, Latitude, Longitude, Number, check_position

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_CHOICES: Final = 50
MOST_VERTICES: Final = 2_000
FEWEST_RING_POSITIONS: Final = 4
EARTH_HALF_CIRCUMFERENCE: Final = 20_040_000
"""Metres; nothing on Earth is farther away."""

BOX_LENGTH: Final = 4


class Word(fields.String):
    """One of a few words, such as a status."""

    def __init__(self, words: Sequence[str], **options: Any) -> None:
        listed = ", ".join(words)
        super().__init__(validate=validate.OneOf(words, error=f"Must be one of: {listed}."), **options)


class OneOrMany(fields.Field[list[Any]]):
    """One value or a list of up to 50 of them; it is always a list once loaded."""

    def __init__(self, inner: fields.Field[Any], **options: Any) -> None:
        self.inner = inner
        super().__init__(**options)

    def _bind_to_schema(self, field_name: str, parent: Any) -> None:
        """As marshmallow's own `List` does: what is inside is called like the whole."""
        super()._bind_to_schema(field_name, parent)
        self.inner = deepcopy(self.inner)
        self.inner._bind_to_schema(field_name, self)  # noqa: SLF001 - marshmallow's hook for containers

    def _deserialize(self, value: Any, *_position: Any, **_more: Any) -> list[Any]:
        values = value if isinstance(value, list) else [value]
        if not 1 <= len(values) <= MOST_CHOICES:
            raise ValidationError(f"Needs one value or a list of up to {MOST_CHOICES}.")
        return [self.inner.deserialize(one) for one in values]


class Box(fields.Field[tuple[float, float, float, float]]):
    """``[west, south, east, north]`` (RFC 7946, section 5).

    A west that is greater than its east means a box across the antimeridian.
    """

    def _deserialize(self, value: Any, *_position: Any, **_more: Any) -> tuple[float, float, float, float]:
        if not isinstance(value, list) or len(value) != BOX_LENGTH:
            raise ValidationError("Must be [west, south, east, north].")
        west, south, east, north = (
            field.deserialize(part) for field, part in zip(_BOX_FIELDS, value, strict=True)
        )
        if south > north:
            raise ValidationError("South is greater than north.")
        return west, south, east, north


_BOX_FIELDS: Final = (Longitude(), Latitude(), Longitude(), Latitude())


class Circle(Arguments):
    """A place and a distance from it along the surface, in metres."""

    lon = Longitude(required=True)
    lat = Latitude(required=True)
    radius_m = Number(least=0, greatest=EARTH_HALF_CIRCUMFERENCE, required=True)


class Area(fields.Field[list[list[list[list[float]]]]]):
    """A GeoJSON ``Polygon`` or ``MultiPolygon`` of up to 2,000 positions; loads as MultiPolygon coordinates.

    An area that crosses the antimeridian is cut there into a MultiPolygon, as RFC 7946 (3.1.9) asks.
    """

    def _deserialize(self, value: Any, *_position: Any, **_more: Any) -> list[list[list[list[float]]]]:
        kind = value.get("type") if isinstance(value, dict) else None
        if kind not in ("Polygon", "MultiPolygon") or value.keys() != {"type", "coordinates"}:
            raise ValidationError("Must be a GeoJSON Polygon or MultiPolygon.")
        polygons = [value["coordinates"]] if kind == "Polygon" else value["coordinates"]
        _check_polygons(polygons)
        outline = shape({"type": "MultiPolygon", "coordinates": polygons})
        if not outline.is_valid:
            raise ValidationError(f"Not a valid area: {shapely.is_valid_reason(outline)}.")
        return polygons


def _check_polygons(polygons: Any) -> None:
    """Refuses what is not MultiPolygon coordinates.

    Raises:
        ValidationError: It says what is wrong.
    """
    positions = 0
    if not isinstance(polygons, list) or not polygons:
        raise ValidationError("Needs at least one polygon.")
    for polygon in polygons:
        if not isinstance(polygon, list) or not polygon:
            raise ValidationError("A polygon is a list of rings.")
        for ring in polygon:
            if not isinstance(ring, list) or len(ring) < FEWEST_RING_POSITIONS:
                raise ValidationError(f"A ring needs at least {FEWEST_RING_POSITIONS} positions.")
            positions += len(ring)
            if positions > MOST_VERTICES:
                raise ValidationError(f"More than {MOST_VERTICES:,} positions.")
            for position in ring:
                check_position(position)
            if ring[0] != ring[-1]:
                raise ValidationError("A ring must end where it begins.")

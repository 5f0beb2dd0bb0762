"""The filters by location of the lists of several services: boxes, areas and circles."""

from __future__ import annotations

import math
from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from shared.domain.boundaries import GeometryError, check_structure, normalise
from shared.platform.schemas import Arguments, Identifier, Latitude, Longitude, Number, OneOrList, Result

MAX_POSITIONS: Final = 2_000
EARTH_HALF_CIRCUMFERENCE: Final = 20_040_000
"""The largest distance on Earth in metres."""

BOX_LENGTH: Final = 4


class InRegions(Arguments):
    """The filter by region. A region means all that lies in it; with ``exact``, only itself."""

    region_id = OneOrList(Identifier(), allow_none=True)
    exact = fields.Boolean(truthy={True}, falsy={False}, load_default=False)


MIN_CELL: Final = 0.0001
"""Degrees; some ten metres."""

MAX_CELL: Final = 90
MAX_CELLS: Final = 10_000
TURN: Final = 360


class Box(fields.Field[tuple[float, float, float, float]]):
    """``[west, south, east, north]`` (RFC 7946, section 5).

    A box across the antimeridian has a west that is greater than its east.
    """

    def _deserialize(self, value: Any, *_position: Any, **_more: Any) -> tuple[float, float, float, float]:
        if not isinstance(value, list) or len(value) != BOX_LENGTH:
            raise ValidationError("Must be [west, south, east, north].")
        west, south, east, north = (
            field.deserialize(part) for field, part in zip(_BOX_FIELDS, value, strict=True)
        )
        if south > north:
            raise ValidationError("South must not be greater than north.")
        return west, south, east, north


_BOX_FIELDS: Final = (Longitude(), Latitude(), Longitude(), Latitude())


class Circle(Arguments):
    """A location and a distance from it along the surface, in metres."""

    lon = Longitude(required=True)
    lat = Latitude(required=True)
    radius_m = Number(min_value=0, max_value=EARTH_HALF_CIRCUMFERENCE, required=True)


class Outline(fields.Field[dict[str, Any]]):
    """A GeoJSON ``Polygon`` or ``MultiPolygon`` of up to 2,000 positions, cut where it crosses the antimeridian."""

    def _deserialize(self, value: Any, *_position: Any, **_more: Any) -> dict[str, Any]:
        try:
            return normalise(check_structure(value, MAX_POSITIONS))
        except GeometryError as error:
            raise ValidationError(f"Must be a valid area: {error}") from None


class Area(fields.Field[list[list[list[list[float]]]]]):
    """A GeoJSON ``Polygon`` or ``MultiPolygon`` of at most 2,000 positions.

    An area that crosses the antimeridian is cut there into a MultiPolygon, as RFC 7946 (3.1.9) asks, unless the caller
    has done so.
    """

    def _deserialize(self, value: Any, *_position: Any, **_more: Any) -> list[list[list[list[float]]]]:
        # Loaded as the coordinates of a MultiPolygon, so that statements need to know only one form.
        area: dict[str, Any] = _OUTLINE.deserialize(value)
        return [area["coordinates"]] if area["type"] == "Polygon" else area["coordinates"]


_OUTLINE: Final = Outline()


class CellGrid(Arguments):
    """A box that is divided into squares of ``cell_size`` degrees, at most 10,000 of them.

    Cells are counted from longitude 0 and latitude 0, so that they stay where they are when the box moves; those at the
    edges of the box count only what lies inside the box.
    """

    bbox = Box(required=True)
    cell_size = Number(min_value=MIN_CELL, max_value=MAX_CELL, required=True)

    @validates_schema
    def _cells_are_not_too_many(self, data: dict[str, Any], **_more: Any) -> None:
        if "bbox" not in data or "cell_size" not in data:
            return
        west, south, east, north = data["bbox"]
        width = east - west if west <= east else east - west + TURN
        size = data["cell_size"]
        if math.ceil(width / size) * math.ceil((north - south) / size) > MAX_CELLS:
            raise ValidationError(f"The box would have more than {MAX_CELLS:,} such cells.", "cell_size")


class Cell(Result):
    """A cell of a grid: how many things lie in it, their mean position, and their extent as a box."""

    id = fields.String()
    location = fields.Raw()
    bbox = fields.List(fields.Float())
    count = fields.Integer()

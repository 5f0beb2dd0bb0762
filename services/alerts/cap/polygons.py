"""GeoJSON boundaries as CAP polygons.

GeoJSON writes lon,lat and CAP lat,lon; both close their rings. A CAP polygon has no holes: a polygon with holes is cut
along a meridian through each of them, and the pieces together cover exactly the same area. Areas across the
antimeridian are already cut there, as GeoJSON requires (RFC 7946, 3.1.9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
import shapely
from shapely.errors import ShapelyError

from shared.domain.boundaries import positions_of, simplified

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DIGITS: Final = range(6, 9)
"""Decimals of a degree. Six are about a decimetre; more are used only for areas that rounding would remove."""

FEWEST_POSITIONS: Final = 4
"""The minimal number of positions of a CAP polygon, of which the last repeats the first."""

MIN_POSITIONS_TOLD: Final = 200
TOLERANCE: Final = 0.0001
"""The tolerance, in degrees, with which simplification begins."""


def polygons_of(boundaries: Mapping[str, Any] | str | None, max_positions: int | None = None) -> list[str]:
    """Return the boundaries as texts for CAP's ``polygon``: ``lat,lon lat,lon ...``, each closed.

    Args:
        boundaries: A GeoJSON Polygon or MultiPolygon, or its JSON text. Invalid ones, which can only be written past
            identity, give no polygons; the message still names the region and its code.
        max_positions: The maximal number of positions. Boundaries with more are simplified.
    """
    if boundaries is None:
        return []
    try:
        read: Any = orjson.loads(boundaries) if isinstance(boundaries, str) else boundaries
        if max_positions is not None and positions_of(read) > max_positions:
            read = simplified(read, TOLERANCE, max(max_positions, MIN_POSITIONS_TOLD))
        return [text for piece in _pieces(read) for text in _texts(piece)]
    except (KeyError, IndexError, TypeError, ValueError, ShapelyError):
        return []


def circle_of(circle: Mapping[str, float]) -> str:
    """Return a circle as the text for CAP's ``circle``: ``lat,lon radius``, the radius in kilometres."""
    radius = _number(circle["radius_km"], 3)
    return f"{_number(circle['lat'], DIGITS[0])},{_number(circle['lon'], DIGITS[0])} {radius}"


def _pieces(boundaries: Mapping[str, Any]) -> Iterator[shapely.Polygon]:
    coordinates = boundaries["coordinates"]
    for rings in [coordinates] if boundaries["type"] == "Polygon" else coordinates:
        yield from _without_holes(shapely.Polygon(rings[0], rings[1:]))


def _without_holes(polygon: shapely.Polygon) -> Iterator[shapely.Polygon]:
    """Yield the pieces of a polygon, without holes. Each cut crosses a hole, so every piece has fewer holes."""
    pending = [polygon]
    while pending:
        piece = pending.pop()
        if not piece.interiors:
            yield piece
            continue
        west, south, east, north = piece.bounds
        meridian = shapely.Polygon(piece.interiors[0]).representative_point().x
        for side in (shapely.box(west, south, meridian, north), shapely.box(meridian, south, east, north)):
            cut = shapely.intersection(piece, side)
            pending += [part for part in shapely.get_parts(cut) if isinstance(part, shapely.Polygon)]


def _texts(piece: shapely.Polygon) -> list[str]:
    """Return the texts of a polygon without holes. Each text is a valid polygon again when it is read.

    Neighbouring positions that rounding makes equal are written once. If the ring would then touch itself, the whole
    polygon is snapped to the grid, which can split it. If nothing would be left, more decimals are used.
    """
    for digits in DIGITS:
        rounded = _rounded(piece, digits)
        if rounded is not None and rounded.is_valid and rounded.area:
            return [_text(rounded, digits)]
        snapped = shapely.set_precision(piece, 10.0**-digits)
        parts = [
            whole
            for part in shapely.get_parts(snapped)
            if isinstance(part, shapely.Polygon)
            for whole in _without_holes(part)
        ]
        texts = [_text(part, digits) for part in parts if part.area]
        if texts:
            return texts
    return []


def _rounded(piece: shapely.Polygon, digits: int) -> shapely.Polygon | None:
    places = [
        (round(longitude, digits), round(latitude, digits))
        for longitude, latitude, *_ in piece.exterior.coords
    ]
    distinct = [place for place, before in zip(places, [None, *places], strict=False) if place != before]
    return shapely.Polygon(distinct) if len(distinct) >= FEWEST_POSITIONS else None


def _text(piece: shapely.Polygon, digits: int) -> str:
    return " ".join(
        f"{_number(latitude, digits)},{_number(longitude, digits)}"
        for longitude, latitude, *_ in piece.exterior.coords
    )


def _number(number: float, digits: int) -> str:
    text = f"{number:.{digits}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text

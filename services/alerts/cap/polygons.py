"""GeoJSON boundaries as CAP polygons.

GeoJSON says lon,lat and CAP lat,lon; both close their rings. A CAP polygon has no holes: one with holes is cut along
the meridian through each, so that the pieces together cover exactly the same ground. Areas across the antimeridian
are cut there already, as GeoJSON wants it (RFC 7946, 3.1.9).
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
"""Decimals of a degree: about a decimetre, and more only for what would vanish when it is rounded to that."""

FEWEST_POSITIONS: Final = 4
"""The fewest coordinate pairs of a CAP polygon, of which the last repeats the first."""

MIN_POSITIONS_TOLD: Final = 200
TOLERANCE: Final = 0.0001
"""Degrees by which an area is off at first that has to be simplified."""


def polygons_of(boundaries: Mapping[str, Any] | str | None, max_positions: int | None = None) -> list[str]:
    """Return the boundaries as texts for CAP's ``polygon``: ``lat,lon lat,lon ...``, each closed.

    Args:
        boundaries: A GeoJSON Polygon or MultiPolygon, or its JSON. What cannot be read as one (written past identity)
            has no polygons; the message still names the region and its code.
        max_positions: How many positions are told; with more of them the boundaries are simplified.
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
    """The polygon in pieces without holes. Each cut goes through the inside of a hole, so every piece has fewer."""
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
    """The texts of a polygon without holes, each of them a valid polygon too when its numbers are read again.

    Places that are one when they are rounded are told once. Where the ring would touch itself after that, it is
    snapped to the grid of the decimals as a whole, which may leave several polygons; where nothing would be left, it
    is told with more decimals.
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

"""GeoJSON boundaries as CAP polygons.

GeoJSON says lon,lat and CAP lat,lon; both close their rings. A CAP polygon has no holes: one with holes is cut along
the meridian through each, so that the pieces together cover exactly the same ground. Areas across the antimeridian
are cut there already, as GeoJSON wants it (RFC 7946, 3.1.9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import shapely
from shapely.errors import ShapelyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DIGITS: Final = 6
"""Decimals of a degree: about a decimetre."""

FEWEST_POSITIONS: Final = 4
"""The fewest coordinate pairs of a CAP polygon, of which the last repeats the first."""


def polygons_of(boundaries: Mapping[str, Any] | None) -> list[str]:
    """The boundaries as texts for CAP's ``polygon``: ``lat,lon lat,lon ...``, each closed.

    Args:
        boundaries: A GeoJSON Polygon or MultiPolygon. What cannot be read as one (written past identity) has no
            polygons; the message still names the region and its code.
    """
    if boundaries is None:
        return []
    try:
        return [text for piece in _pieces(boundaries) if (text := _text(piece))]
    except (KeyError, IndexError, TypeError, ValueError, ShapelyError):
        return []


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


def _text(piece: shapely.Polygon) -> str:
    positions = [
        f"{_degrees(latitude)},{_degrees(longitude)}" for longitude, latitude, *_ in piece.exterior.coords
    ]
    # What lies within a decimetre is one place.
    distinct = [
        place for place, before in zip(positions, [None, *positions], strict=False) if place != before
    ]
    return " ".join(distinct) if len(distinct) >= FEWEST_POSITIONS else ""


def _degrees(number: float) -> str:
    text = f"{number:.{DIGITS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text

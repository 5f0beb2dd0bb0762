"""Places in SQL: boxes, polygons and distances on the stored ``point`` and ``earth`` columns.

``point`` is (longitude, latitude) in degrees and has a GiST index; ``earth`` is the same place on a sphere in
metres, for the nearest of many. Distances are great-circle metres on a sphere of the Earth's mean radius
(0.5 % at most off the ellipsoid).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Double, cast, func, literal, or_, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY

from shared.domain.boundaries import spans_of
from shared.platform.db.tables import Point

if TYPE_CHECKING:
    from collections.abc import Sequence

EARTH_RADIUS = 6_371_008.8
"""Metres; the mean radius of the Earth (IUGG)."""

POLE = 90.0
DATE_LINE = 180.0
TURN = 360.0


def within_box(
    point: ColumnElement[Any], west: float, south: float, east: float, north: float
) -> ColumnElement[bool]:
    """Return whether the point lies in the box, edges included; with ``west > east`` it spans the date line."""
    boxes = [
        func.box(func.point(first, south), func.point(last, north), type_=Point())
        for first, last in spans_of(west, east)
    ]
    return or_(*(point.bool_op("<@")(box) for box in boxes))


def within_polygon(point: ColumnElement[Any], ring: Sequence[Sequence[float]]) -> ColumnElement[bool]:
    """Whether the point lies in the polygon of one closed ring of (lon, lat) positions, edges included."""
    corners = ",".join(f"({position[0]!r},{position[1]!r})" for position in ring[:-1])
    return point.bool_op("<@")(func.polygon(literal(f"({corners})")))


def distance(point: ColumnElement[Any], longitude: float, latitude: float) -> ColumnElement[float]:
    """Metres between the point and a place, by the haversine formula (exact for short ones too)."""
    apart = [
        # A full turn on both sides leaves differences of 0 or of more than some nanometres: the square of a
        # smaller one would be no float any more, which PostgreSQL takes for an error.
        ((_part(point, index) + TURN) - literal(here + TURN, Double)) / 2.0
        for index, here in enumerate((longitude, latitude))
    ]
    lon, lat = (func.power(func.sind(half_angle), 2.0) for half_angle in apart)
    half = lat + math.cos(math.radians(latitude)) * func.cosd(_part(point, 1)) * lon
    return 2 * EARTH_RADIUS * func.asin(func.sqrt(func.least(1.0, half)), type_=Double)


def near(point: ColumnElement[Any], longitude: float, latitude: float, radius: float) -> ColumnElement[bool]:
    """Whether the point is within ``radius`` metres of a place: a box for the index, then the distance."""
    reach = math.degrees(radius / EARTH_RADIUS)
    south, north = latitude - reach, latitude + reach
    exact = distance(point, longitude, latitude) <= radius
    if south <= -POLE or north >= POLE:
        # A pole is inside: every longitude is.
        return within_box(point, -DATE_LINE, max(south, -POLE), DATE_LINE, min(north, POLE)) & exact
    # The circle is widest not at its centre's parallel but towards the pole.
    ratio = math.sin(math.radians(reach)) / math.cos(math.radians(latitude))
    width = math.degrees(math.asin(min(1.0, ratio)))
    west, east = _wrapped(longitude - width), _wrapped(longitude + width)
    return within_box(point, west, south, east, north) & exact


def earth_at(longitude: float, latitude: float) -> ColumnElement[Any]:
    """A place as the ``earth`` columns hold it."""
    lon, lat = math.radians(longitude), math.radians(latitude)
    position = [
        EARTH_RADIUS * math.cos(lat) * math.cos(lon),
        EARTH_RADIUS * math.cos(lat) * math.sin(lon),
        EARTH_RADIUS * math.sin(lat),
    ]
    return func.extensions.cube(cast(position, ARRAY(Double)))


def nearest(earth: ColumnElement[Any], longitude: float, latitude: float) -> ColumnElement[float]:
    """A sort key, nearest first, that the index of ``earth`` serves: metres straight through the Earth."""
    return earth.op("OPERATOR(extensions.<->)", return_type=Double())(earth_at(longitude, latitude))


def _part(point: ColumnElement[Any], index: int) -> ColumnElement[float]:
    return type_coerce(point, ARRAY(Double))[index]


def _wrapped(longitude: float) -> float:
    """The longitude brought back into -180 to 180."""
    return (longitude + DATE_LINE) % TURN - DATE_LINE

"""Locations in SQL: boxes, polygons and distances on the stored ``point`` and ``earth`` columns.

``point`` is (longitude, latitude) in degrees and has a GiST index. ``earth`` is the same location on a sphere in
metres, for the nearest of many. Distances are great-circle distances in metres on a sphere with the mean radius of the
Earth, at most 0.5 % from those on the ellipsoid.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Computed,
    Double,
    and_,
    cast,
    func,
    literal,
    not_,
    or_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import ARRAY

from shared.domain.boundaries import ANTIMERIDIAN, POLE, TURN, spans_of
from shared.platform.db.tables import Cube, Point

if TYPE_CHECKING:
    from collections.abc import Sequence

EARTH_RADIUS = 6_371_008.8
"""The mean radius of the Earth in metres (IUGG)."""

# These paths return nothing, instead of an error, for what is not a GeoJSON Point in range; the checks on `location`
# refuse that.
_LONGITUDE_PATH: Final = 'strict $ ? (@.type == "Point").coordinates[0] ? (@ >= -180 && @ <= 180)'
_LATITUDE_PATH: Final = "strict $.coordinates ? (@.size() == 2 || @.size() == 3)[1] ? (@ >= -90 && @ <= 90)"
_LONGITUDE: Final = f"(jsonb_path_query_first(location, '{_LONGITUDE_PATH}', '{{}}', true))::float8"
_LATITUDE: Final = f"(jsonb_path_query_first(location, '{_LATITUDE_PATH}', '{{}}', true))::float8"


def point_column() -> Column[Any]:
    """Return the column ``point``, generated from ``location``; NULL for a location without coordinates."""
    return Column("point", Point, Computed(f"point({_LONGITUDE}, {_LATITUDE})", persisted=True))


def earth_column() -> Column[Any]:
    """Return the column ``earth``, generated from ``location``, for finding the nearest."""
    position = (
        f"{EARTH_RADIUS} * cosd({_LATITUDE}) * cosd({_LONGITUDE}), "
        f"{EARTH_RADIUS} * cosd({_LATITUDE}) * sind({_LONGITUDE}), "
        f"{EARTH_RADIUS} * sind({_LATITUDE})"
    )
    return Column("earth", Cube, Computed(f"extensions.cube(ARRAY[{position}])", persisted=True))


def within_box(
    point: ColumnElement[Any], west: float, south: float, east: float, north: float
) -> ColumnElement[bool]:
    """Return whether the point lies in the box, edges included; with ``west > east`` it crosses the antimeridian."""
    boxes = [
        func.box(func.point(first, south), func.point(last, north), type_=Point())
        for first, last in spans_of(west, east)
    ]
    return or_(*(point.bool_op("<@")(box) for box in boxes))


def within_polygon(point: ColumnElement[Any], ring: Sequence[Sequence[float]]) -> ColumnElement[bool]:
    """Return whether the point lies in the polygon of one closed ring of (lon, lat) positions, edges included."""
    corners = ",".join(f"({position[0]!r},{position[1]!r})" for position in ring[:-1])
    return point.bool_op("<@")(func.polygon(literal(f"({corners})")))


def within_area(
    point: ColumnElement[Any], polygons: Sequence[Sequence[Sequence[Sequence[float]]]]
) -> ColumnElement[bool]:
    """Return whether the point lies in one of the polygons and in none of its holes.

    Args:
        point: A ``point`` column.
        polygons: The coordinates of a GeoJSON MultiPolygon: of each polygon the outline, then the holes.
    """
    return or_(
        *(
            and_(
                within_polygon(point, outline),
                *(not_(within_polygon(point, hole)) for hole in holes),
            )
            for outline, *holes in polygons
        )
    )


def distance(point: ColumnElement[Any], longitude: float, latitude: float) -> ColumnElement[float]:
    """Return the distance of the point from a location in metres, by the haversine formula."""
    apart = [
        # A full turn on both sides leaves differences of 0 or of more than some nanometres. The square of a smaller
        # one would underflow, which is an error in PostgreSQL.
        ((_part(point, index) + TURN) - literal(here + TURN, Double)) / 2.0
        for index, here in enumerate((longitude, latitude))
    ]
    lon, lat = (func.power(func.sind(half_angle), 2.0) for half_angle in apart)
    half = lat + math.cos(math.radians(latitude)) * func.cosd(_part(point, 1)) * lon
    return 2 * EARTH_RADIUS * func.asin(func.sqrt(func.least(1.0, half)), type_=Double)


def near(point: ColumnElement[Any], longitude: float, latitude: float, radius: float) -> ColumnElement[bool]:
    """Return whether the point is within ``radius`` metres of a location: a box for the index, then the distance."""
    reach = math.degrees(radius / EARTH_RADIUS)
    south, north = latitude - reach, latitude + reach
    exact = distance(point, longitude, latitude) <= radius
    if south <= -POLE or north >= POLE:
        # The circle contains a pole, and with it every longitude.
        return within_box(point, -ANTIMERIDIAN, max(south, -POLE), ANTIMERIDIAN, min(north, POLE)) & exact
    # The circle is widest between the parallel of its centre and the pole.
    ratio = math.sin(math.radians(reach)) / math.cos(math.radians(latitude))
    width = math.degrees(math.asin(min(1.0, ratio)))
    west, east = _wrapped(longitude - width), _wrapped(longitude + width)
    return within_box(point, west, south, east, north) & exact


def earth_at(longitude: float, latitude: float) -> ColumnElement[Any]:
    """Return a location as the ``earth`` columns hold it."""
    lon, lat = math.radians(longitude), math.radians(latitude)
    position = [
        EARTH_RADIUS * math.cos(lat) * math.cos(lon),
        EARTH_RADIUS * math.cos(lat) * math.sin(lon),
        EARTH_RADIUS * math.sin(lat),
    ]
    return func.extensions.cube(cast(position, ARRAY(Double)))


def nearest(earth: ColumnElement[Any], longitude: float, latitude: float) -> ColumnElement[float]:
    """Return a sort key, nearest first, for the index of ``earth``: metres straight through the Earth."""
    return earth.op("OPERATOR(extensions.<->)", return_type=Double())(earth_at(longitude, latitude))


def _part(point: ColumnElement[Any], index: int) -> ColumnElement[float]:
    return type_coerce(point, ARRAY(Double))[index]


def _wrapped(longitude: float) -> float:
    """Return the longitude moved by whole turns to between -180 and 180 degrees."""
    return (longitude + ANTIMERIDIAN) % TURN - ANTIMERIDIAN

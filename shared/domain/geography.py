"""Locations in SQL: boxes, polygons and distances on the stored ``point`` and ``earth`` columns.

``point`` is (longitude, latitude) in degrees and has a GiST index. ``earth`` is the same location on a sphere in
metres, for the nearest of many. Distances are great-circle distances in metres on a sphere with the mean radius of the
Earth, at most 0.5 % from those on the ellipsoid.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Computed,
    Double,
    Float,
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

    from sqlalchemy import Label, RowMapping

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


class Cells(NamedTuple):
    """A grid over points: the expressions that number the cell of a point, and what is selected of each cell."""

    numbers: Sequence[Label[Any]]
    columns: Sequence[ColumnElement[Any]]


def cells(point: ColumnElement[Any], size: float) -> Cells:
    """Return the grid of squares of ``size`` degrees: select its ``columns``, group by its ``numbers``.

    Cells are counted from one corner of the Earth, so that a cell is the same whatever a box shows of it.
    """
    place = type_coerce(point, ARRAY(Double))
    longitude, latitude = place[0], place[1]
    numbers = [
        func.floor(degrees / literal(size, Double)).label(name)
        for name, degrees in (("column", longitude), ("row", latitude))
    ]
    columns = (
        *numbers,
        func.avg(longitude, type_=Float).label("longitude"),
        func.avg(latitude, type_=Float).label("latitude"),
        func.min(longitude).label("west"),
        func.min(latitude).label("south"),
        func.max(longitude).label("east"),
        func.max(latitude).label("north"),
        func.count().label("count"),
    )
    return Cells(numbers, columns)


def cell_of(row: RowMapping) -> dict[str, Any]:
    """Return a row of the columns of `cells` as `geo_filters.Cell` shows it."""
    return {
        "id": f"{int(row['column'])},{int(row['row'])}",
        "location": {"type": "Point", "coordinates": [row["longitude"], row["latitude"]]},
        "bbox": [row[name] for name in ("west", "south", "east", "north")],
        "count": row["count"],
    }

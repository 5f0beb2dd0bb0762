"""Places in SQL, against the same done by hand in Python."""

import math
import random

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, select

from shared.domain import geography
from shared.domain.geo_filters import Area
from shared.domain.geography import within_area
from shared.platform.db.engine import Database
from shared.platform.db.tables import Cube, Point

places = Table(
    "places",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("point", Point),
    Column("earth", Cube),
)


def metres(first, second):
    lon1, lat1, lon2, lat2 = map(math.radians, (*first, *second))
    half = (
        math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * geography.EARTH_RADIUS * math.asin(math.sqrt(min(1.0, half)))


@pytest.fixture(scope="module")
def points():
    chance = random.Random(20260131)
    corners = [
        (0.0, 0.0),
        (180.0, 0.0),
        (-180.0, 0.0),
        (12.5, 90.0),
        (0.0, -90.0),
        (179.9999, 10.0),
        (-179.9999, 10.0),
    ]
    return corners + [
        (chance.uniform(-180, 180), math.degrees(math.asin(chance.uniform(-1, 1)))) for _ in range(5000)
    ]


@pytest.fixture(scope="module")
def connection(module_database, points):
    database = Database(module_database.admin_url)
    with database.write() as writing:
        places.create(writing)
        for number, (longitude, latitude) in enumerate(points):
            writing.exec_driver_sql(
                "INSERT INTO places (id, point, earth) VALUES (%s, point(%s, %s), extensions.cube(%s::float8[]))",
                (number, longitude, latitude, position(longitude, latitude)),
            )
        writing.exec_driver_sql("CREATE INDEX ON places USING gist (point)")
        writing.exec_driver_sql("CREATE INDEX ON places USING gist (earth)")
    with database.read() as reading:
        yield reading
    database.close()


def position(longitude, latitude):
    lon, lat = math.radians(longitude), math.radians(latitude)
    radius = geography.EARTH_RADIUS
    return [
        radius * math.cos(lat) * math.cos(lon),
        radius * math.cos(lat) * math.sin(lon),
        radius * math.sin(lat),
    ]


def test_points_are_read_as_they_were_written(connection, points):
    found = connection.execute(select(places.c.point).order_by(places.c.id)).scalars().all()
    assert found == points


@pytest.mark.parametrize(
    ("place", "radius"),
    [
        ((0, 0), 500_000),
        ((-72.5, 18.2), 800_000),
        ((179.9, 10), 900_000),
        ((-180, -60), 2_000_000),
        ((20, 89), 300_000),
        ((20, 85), 1_000_000),
        ((20, -90), 1_000_000),
        ((5, 60), 12_000_000),
        ((0, 0), 30_000_000),
        ((0, 0), 0.5),
    ],
)
def test_near_is_everything_within_the_radius(connection, points, place, radius):
    found = connection.execute(
        select(places.c.id).where(geography.near(places.c.point, *place, radius))
    ).scalars()
    assert set(found) == {number for number, point in enumerate(points) if metres(place, point) <= radius}


def test_distances_are_great_circle_metres(connection, points):
    here = (-72.3, 18.5)
    rows = connection.execute(select(places.c.id, geography.distance(places.c.point, *here)))
    for number, found in rows:
        assert found == pytest.approx(metres(here, points[number]), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("box", [(-10, -5, 10, 5), (170, -20, -170, 20), (-180, -90, 180, 90), (3, 3, 3, 3)])
def test_a_box_may_span_the_date_line(connection, points, box):
    west, south, east, north = box
    found = connection.execute(
        select(places.c.id).where(geography.within_box(places.c.point, *box))
    ).scalars()

    def inside(longitude):
        return west <= longitude <= east if west <= east else longitude >= west or longitude <= east

    assert set(found) == {n for n, (lon, lat) in enumerate(points) if inside(lon) and south <= lat <= north}


def test_a_polygon_holds_what_lies_inside(connection, points):
    triangle = [(0, 0), (40, 0), (0, 40), (0, 0)]
    found = connection.execute(
        select(places.c.id).where(geography.within_polygon(places.c.point, triangle))
    ).scalars()
    assert set(found) == {
        n for n, (lon, lat) in enumerate(points) if lon >= 0 and lat >= 0 and lon + lat <= 40
    }


def test_the_nearest_come_in_the_order_of_their_distance(connection, points):
    here = (179.5, -17)
    nearest = select(places.c.id).order_by(geography.nearest(places.c.earth, *here)).limit(20)
    found = connection.execute(nearest).scalars().all()
    assert found == sorted(range(len(points)), key=lambda number: metres(here, points[number]))[:20]


@pytest.mark.parametrize(
    "box", [(170, -1, 180, 1), (-180, -1, -170, 1), (180, -1, 180, 1), (-180, -1, -180, 1)]
)
def test_a_box_that_ends_at_the_date_line_holds_what_lies_on_it_from_both_sides(connection, points, box):
    found = connection.execute(
        select(places.c.id).where(geography.within_box(places.c.point, *box))
    ).scalars()
    on_the_line = {n for n, point in enumerate(points) if point in ((180.0, 0.0), (-180.0, 0.0))}
    assert on_the_line <= set(found)


def test_a_filter_by_an_uncut_area_across_the_date_line_finds_both_sides(connection, points):
    ring = [[170, -20], [-170, -20], [-170, 20], [170, 20], [170, -20]]
    area = Area().deserialize({"type": "Polygon", "coordinates": [ring]})
    found = connection.execute(select(places.c.id).where(within_area(places.c.point, area))).scalars()
    assert set(found) == {n for n, (lon, lat) in enumerate(points) if abs(lon) >= 170 and abs(lat) <= 20}

"""Lists, the available ones and the nearest, on PostgreSQL."""

from __future__ import annotations

import itertools
import json
import math
import random
import re

import pytest
from sqlalchemy import event, text
from uuid6 import uuid7

from services.resources import catalogue, resources, schemas, statistics
from shared.client.errors import Invalid
from shared.domain.permissions import RESOURCE_READ
from shared.platform.schemas import load

EARTH_RADIUS = 6_371_008.8


def place(longitude, latitude):
    return {"type": "Point", "coordinates": [longitude, latitude]}


def metres(one, other):
    """The great circle by vectors, which is not how the service computes it."""

    def vector(longitude, latitude):
        lon, lat = math.radians(longitude), math.radians(latitude)
        return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)

    chord = math.dist(vector(*one), vector(*other))
    return 2 * EARTH_RADIUS * math.asin(min(1.0, chord / 2))


@pytest.fixture
def reader(world):
    """Sees one region alone, so that a test counts only what it made."""
    return world.caller_with({RESOURCE_READ: frozenset({world.region()})})


@pytest.fixture
def add(world, reader):
    """Adds a resource to the reader's region."""
    [region_id] = reader.regions(RESOURCE_READ)
    author = world.caller()
    return lambda **changed: world.create(author, region_id=region_id, **changed)


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_pages_are_in_the_order_of_names_or_of_free_capacity(world, reader, add, limit):
    made = [
        add(name=name, capacity=capacity)
        for name, capacity in (("Port", 5), ("Aula", None), ("Zoo", 70), ("Mairie", 70), ("Aula", 0))
    ]
    free = {one["id"]: 2**31 if one["capacity"] is None else one["capacity"] for one in made}
    expected = {
        "name": [one["id"] for one in sorted(made, key=lambda one: (one["name"], one["id"]))],
        "available_capacity": sorted(free, key=lambda one: (free[one], one), reverse=True),
    }
    for sort, ids in expected.items():
        seen, cursor = [], None
        while True:
            page = world.list(reader, sort=sort, limit=limit, cursor=cursor)
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == ids, sort


def test_cells_count_the_resources_that_pass_the_filters(world, reader, add):
    for number, (longitude, latitude) in enumerate([(1.5, 1.5), (1.7, 1.9), (1.6, 1.1), (-1.5, 1.5)]):
        add(name=f"Depot {number}", location=place(longitude, latitude))
    arguments = {"bbox": [-10, -10, 10, 10], "cell_size": 1}
    with world.db.read() as connection:

        def cells(**filters):
            loaded = load(schemas.AggregateResources(), arguments | filters)
            return schemas.ResourceCells().dump(statistics.aggregate_resources(connection, reader, loaded))

        found = cells()
        assert {cell["id"]: cell["count"] for cell in found["items"]} == {"1,1": 3, "-2,1": 1}
        assert found["total"] == 4
        [full, single] = found["items"]
        assert full["bbox"] == [1.5, 1.1, 1.7, 1.9]
        assert full["location"]["coordinates"] == pytest.approx([1.6, 1.5])
        assert (full["available_count"], single["available_count"]) == (3, 1)
        assert cells(text="depot 3")["items"][0]["id"] == "-2,1"
        assert cells(status="unavailable")["total"] == 0
        assert cells(bbox=[-10, -10, 0, 10])["total"] == 1
    stranger = world.caller_with({RESOURCE_READ: frozenset({world.region()})})
    loaded = load(schemas.AggregateResources(), arguments)
    with world.db.read() as connection:
        assert statistics.aggregate_resources(connection, stranger, loaded)["total"] == 0


def test_pages_hold_everything_once_the_newest_first(world, reader, add):
    made = [add()["id"] for _ in range(7)]
    seen, cursor = [], None
    for _ in range(4):
        page = world.list(reader, limit=2, cursor=cursor)
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("searched", "names"),
    [
        ("schule", ["Grundschule", "Shule am Markt"]),
        ("grundshule", ["Grundschule"]),
        ("避難所", ["中央避難所"]),
        ("避難", ["中央避難所"]),
        ("hopsital", ["Hôpital central", "Hospital"]),
        ("markt -grundschule", ["Shule am Markt"]),
        ("warehouse", []),
    ],
)
def test_names_are_found_in_part_and_with_a_typing_error_the_exact_ones_first(
    world, reader, add, searched, names
):
    for name in ("Hospital", "Hôpital central", "中央避難所", "Grundschule", "Shule am Markt"):
        add(name=name)
    found = [item["name"] for item in world.list(reader, text=searched)["items"]]
    assert sorted(found) == sorted(names)
    if searched == "schule":
        assert found == names, "what holds the word stands before what is like it"


def test_every_filter(world, reader, add):
    caller = world.caller()
    shelter = add(name="Grand Hôtel 100% dry", capacity=100, current_usage=95)
    hospital = add(resource_type_id=world.types["Hospital"], location=place(-80, 26), capacity=...)
    closed = world.change(caller, add(capacity=0), "closed")
    [region_id] = reader.regions(RESOURCE_READ)
    square = {"type": "Polygon", "coordinates": [[[-81, 25], [-79, 25], [-79, 27], [-81, 27], [-81, 25]]]}
    everything = {shelter["id"], hospital["id"], closed["id"]}
    expected = [
        ({}, everything),
        ({"status": "closed"}, {closed["id"]}),
        ({"status": ["closed", "available"]}, everything),
        ({"resource_type_id": str(world.types["Hospital"])}, {hospital["id"]}),
        ({"region_id": str(region_id)}, everything),
        ({"region_id": str(world.regions["north"])}, set()),
        ({"needed": 5}, {shelter["id"], hospital["id"]}),
        ({"needed": 6}, {hospital["id"]}),
        ({"text": "hôtel"}, {shelter["id"]}),
        ({"text": "100%"}, {shelter["id"]}),
        ({"text": "0_ dry"}, set()),
        ({"bbox": [-81, 25, -79, 27]}, {hospital["id"]}),
        ({"within": square}, {hospital["id"]}),
        ({"near": {"lon": -80, "lat": 26.01, "radius_m": 2000}}, {hospital["id"]}),
        ({"changed_since": closed["updated_at"].isoformat()}, {closed["id"]}),
        ({"status": "available", "needed": 6}, {hospital["id"]}),
    ]
    for filters, ids in expected:
        assert set(world.ids(reader, **filters)) == ids, filters


def test_available_is_available_and_not_full(world, reader, add):
    free, unlimited = add(current_usage=9), add(capacity=...)
    full, limited = add(current_usage=10), add()
    world.change(world.caller(), limited, "limited")
    found = world.available(reader)
    assert {item["id"] for item in found} == {free["id"], unlimited["id"]}
    assert {item["resource_type"] for item in found} == {"Shelter"}
    assert all(item["region_name"] for item in found)
    world.use(world.caller(), full, -1)
    assert full["id"] in {item["id"] for item in world.available(reader)}


def test_a_cursor_of_another_list_is_refused(world, reader, add):
    add(), add()
    cursor = world.list(reader, limit=1)["next_cursor"]
    with pytest.raises(Invalid):
        world.list(reader, cursor=cursor[:-4])


def test_the_nearest_have_what_is_needed_and_the_status(world, reader, add):
    caller = world.caller()
    full = add(location=place(0.0, 0.001), current_usage=10)
    small = add(location=place(0.0, 0.002), current_usage=8)
    shut = world.change(caller, add(location=place(0.0, 0.003)), "unavailable")
    hospital = add(location=place(0.0, 0.004), resource_type_id=world.types["Hospital"], capacity=...)
    far = add(location=place(0.0, 1.0))

    def found(**filters):
        return [item["id"] for item in world.nearest(reader, lon=0, lat=0, **filters)]

    assert found() == [small["id"], hospital["id"], far["id"]]
    assert found(needed=0) == [full["id"], small["id"], hospital["id"], far["id"]]
    assert found(needed=3) == [hospital["id"], far["id"]]
    assert found(needed=3, resource_type_id=str(world.types["Shelter"])) == [far["id"]]
    assert found(status=["unavailable", "available"])[1] == shut["id"]
    assert found(radius_m=1000) == [small["id"], hospital["id"]]
    assert found(limit=1) == [small["id"]]


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ((-72.3388, 18.5392), (-72.3390, 18.5394)),
        ((179.999, 10.0), (-179.999, 10.0)),
        ((0.0, 90.0), (123.0, 89.999)),
        ((0.0, 0.0), (180.0, 0.0)),
        ((2.35, 48.86), (2.35, 48.86)),
    ],
)
def test_the_distance_is_the_great_circle_in_metres(world, reader, add, here, there):
    add(location=place(*there))
    [item] = world.nearest(reader, lon=here[0], lat=here[1])
    assert item["distance_m"] == pytest.approx(metres(here, there), rel=1e-6, abs=0.01)


@pytest.fixture(scope="module")
def crowd(world):
    """10,000 resources all over the Earth in a region of their own."""
    region_id, rng = world.region(), random.Random(20100112)
    places = {
        uuid7(): (rng.uniform(-180, 180), math.degrees(math.asin(rng.uniform(-1, 1)))) for _ in range(10_000)
    }
    rows = [{"id": str(key), "location": place(*position)} for key, position in places.items()]
    world.as_admin(
        "INSERT INTO resources.resources (id, name, region_id, resource_type_id, location, capacity)"
        " SELECT id, 'one of many', :region, :type, location, 5"
        " FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (id uuid, location jsonb)",
        region=region_id,
        type=world.types["Ambulance"],
        rows=json.dumps(rows),
    )
    world.as_admin("DELETE FROM resources.outbox WHERE data->>'name' = 'one of many'")
    world.as_admin("ANALYZE resources.resources")
    return region_id, places


@pytest.mark.parametrize("seed", range(5))
def test_the_nearest_of_many_are_those_of_a_full_scan(world, crowd, seed):
    region_id, places = crowd
    reader = world.caller_with({RESOURCE_READ: frozenset({region_id})})
    rng = random.Random(seed)
    here = (rng.choice([rng.uniform(-180, 180), 180.0]), rng.choice([rng.uniform(-89, 89), 90.0]))
    expected = sorted(places, key=lambda key: metres(here, places[key]))[:20]
    items = world.nearest(reader, lon=here[0], lat=here[1], limit=20)
    assert [item["id"] for item in items] == expected
    distances = [item["distance_m"] for item in items]
    assert all(one <= other for one, other in itertools.pairwise(distances))


def test_the_nearest_come_from_the_index(world, crowd):
    assert crowd
    statements = []

    def remember(_connection, _cursor, statement, parameters, *_more):
        statements.append((statement, parameters))

    event.listen(world.db.engine, "before_cursor_execute", remember)
    filters = load(schemas.FindNearestResources(), {"lon": 10, "lat": 50, "needed": 2})
    try:
        with world.db.read() as connection:
            resources.find_nearest_resources(connection, world.caller(), filters)
            [(statement, parameters)] = statements
            plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE) {statement}", parameters).scalars().all()
    finally:
        event.remove(world.db.engine, "before_cursor_execute", remember)
    explained = "\n".join(plan)
    assert "idx_resources_earth" in explained
    assert "Sort" not in explained
    [rows] = re.findall(r"idx_resources_earth.*actual time=\S+ rows=([\d.]+)", explained)
    assert float(rows) <= 10


def test_types_are_listed_by_name_and_those_out_of_use_only_when_asked_for(world):
    world.as_admin("INSERT INTO resources.resource_types (name, is_active) VALUES ('Zeppelin', false)")
    with world.db.read() as connection:
        page = {"cursor": None, "limit": 500}
        usual = catalogue.list_resource_types(connection, {**page, "include_inactive": False})
        every = catalogue.list_resource_types(connection, {**page, "include_inactive": True})
        view = connection.scalar(text("SELECT count(*) FROM resources.available_resources"))
    names = [row["name"] for row in usual["items"]]
    assert names == sorted(names)
    assert "Zeppelin" not in names
    assert "Zeppelin" in [row["name"] for row in every["items"]]
    assert view > 0

"""Counts of reports by cell of the map, on PostgreSQL."""

from __future__ import annotations

import math
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.reports import schemas, statistics
from shared.client.errors import Invalid
from shared.platform.schemas import load
from tests.support.waiting import ends

EVERYWHERE = [-180, -90, 180, 90]
MANY = 100_000


@pytest.fixture(scope="module")
def region(world):
    return world.region()


@pytest.fixture(scope="module")
def reader(world):
    return world.caller()


@pytest.fixture(scope="module")
def filed(world, region, reader):
    """Forty reports all over the world, in pairs of the same place."""
    return [
        world.create(
            reader,
            region_id=region,
            title=f"Incident {number}",
            severity_level_id=world.levels[number % 5 + 1],
            location={"type": "Point", "coordinates": [-180 + number // 2 * 18.9, -60 + number // 2 * 6]},
        )
        for number in range(40)
    ]


def cells_of(world, caller, **filters):
    arguments = load(schemas.AggregateReports(), {"bbox": EVERYWHERE, "cell_size": 10} | filters)
    with world.db.read() as connection:
        found = statistics.aggregate_reports(connection, caller, arguments)
    return schemas.ReportCells().dump(found)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.floats(3, 90), west=st.floats(-180, 179), south=st.floats(-80, 80), height=st.floats(0, 60))
def test_cells_count_what_lies_in_them(world, reader, region, filed, size, west, south, height):
    box = [west, south, west - 90 if west > 0 else west + 90, min(90.0, south + height)]
    expected = defaultdict(list)
    for report in filed:
        lon, lat = report["location"]["coordinates"]
        in_width = box[0] <= lon <= box[2] if box[0] <= box[2] else lon >= box[0] or lon <= box[2]
        if in_width and box[1] <= lat <= box[3]:
            expected[f"{math.floor(lon / size)},{math.floor(lat / size)}"].append(report)
    found = cells_of(world, reader, region_id=str(region), bbox=box, cell_size=size)
    assert {cell["id"]: cell["count"] for cell in found["items"]} == {
        name: len(reports) for name, reports in expected.items()
    }
    assert found["total"] == sum(map(len, expected.values()))
    level_of = {level_id: level for level, level_id in world.levels.items()}
    for cell in found["items"]:
        inside = expected[cell["id"]]
        assert cell["severity_level"] == max(level_of[report["severity_level_id"]] for report in inside)
        longitudes, latitudes = zip(*(report["location"]["coordinates"] for report in inside), strict=True)
        assert cell["bbox"] == [min(longitudes), min(latitudes), max(longitudes), max(latitudes)]
        mean = [math.fsum(axis) / len(axis) for axis in (longitudes, latitudes)]
        assert cell["location"]["coordinates"] == pytest.approx(mean)


def test_the_fullest_cell_is_first_and_lies_where_its_reports_are(world, reader, region, filed):
    found = cells_of(world, reader, region_id=str(region), cell_size=90)
    counts = [cell["count"] for cell in found["items"]]
    assert counts == sorted(counts, reverse=True)
    one = cells_of(world, reader, region_id=str(region), bbox=[-180, -60, -180, -60])
    assert [cell["location"]["coordinates"] for cell in one["items"]] == [[-180.0, -60.0]]
    assert (one["total"], one["items"][0]["count"], one["items"][0]["severity_level"]) == (2, 2, 2)


def test_the_filters_are_those_of_the_list(world, reader, region, filed):
    expected = [r for r in filed if r["severity_level_id"] in (world.levels[4], world.levels[5])]
    found = cells_of(
        world, reader, region_id=str(region), min_severity=4, status=["pending"], text="incident"
    )
    assert found["total"] == len(expected)
    assert cells_of(world, reader, region_id=str(region), status="closed") == {
        "cell_size": 10.0,
        "total": 0,
        "items": [],
    }


def test_what_one_may_not_see_is_not_counted(world, region, filed, reader):
    counted = {
        name: cells_of(world, caller, region_id=str(region))["total"]
        for name, caller in {
            "of the region": world.caller("viewer", only=region),
            "of another region": world.caller("viewer", only=world.regions["south"]),
            "a reporter": world.caller("reporter"),
            "who filed them": reader,
        }.items()
    }
    assert counted == {"of the region": 40, "of another region": 0, "a reporter": 0, "who filed them": 40}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"cell_size": 0.5}, "cell_size"),
        ({"cell_size": 0}, "cell_size"),
        ({"cell_size": 91}, "cell_size"),
        ({"cell_size": ...}, "cell_size"),
        ({"bbox": ...}, "bbox"),
        ({"bbox": [170, -90, -170, 90], "cell_size": 0.1}, "cell_size"),
        ({"bbox": [0, 10, 10, 0]}, "bbox"),
    ],
)
def test_what_is_refused(wrong, field):
    given = {"bbox": EVERYWHERE, "cell_size": 10} | wrong
    with pytest.raises(Invalid) as caught:
        load(schemas.AggregateReports(), {name: value for name, value in given.items() if value is not ...})
    assert set(caught.value.fields) == {field}


@pytest.mark.trial
def test_a_hundred_thousand_reports_are_soon_counted_into_few_cells(world, reader):
    region = world.region()
    # Without the triggers, whose events and histories nobody needs here and take most of the time.
    world.as_admin("ALTER TABLE reports.reports DISABLE TRIGGER USER")
    world.as_admin(
        """
        INSERT INTO reports.reports
            (user_id, region_id, report_type_id, severity_level_id, title, description, location)
        SELECT :user, :region, :type, :level, 'Incident', 'One of many.',
            jsonb_build_object('type', 'Point', 'coordinates',
                jsonb_build_array(-74.5 + (n % 317) * 0.009, 18 + (n / 317) * 0.006))
        FROM generate_series(0, :many - 1) AS n
        """,
        user=reader.user_id,
        region=region,
        type=world.types["Flood"],
        level=world.levels[4],
        many=MANY,
    )
    world.as_admin("ALTER TABLE reports.reports ENABLE TRIGGER USER")
    world.as_admin("ANALYZE reports.reports")
    with ends("the count", 2):
        found = cells_of(world, reader, region_id=str(region), cell_size=0.25, bbox=[-75, 17.9, -71, 20.5])
    assert found["total"] == MANY
    assert 50 < len(found["items"]) < 1000

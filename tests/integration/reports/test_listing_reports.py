"""Every filter of the lists, paging, and the summary, on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid6 import uuid7

from services.reports import reports, schemas, statistics
from shared.client.errors import Invalid
from shared.platform.schemas import load

EARTH_RADIUS = 6_371_008.8
MORNING = dt.datetime(2026, 3, 14, 6, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def region(world):
    return world.region()


@pytest.fixture(scope="module")
def reader(world):
    return world.caller()


class Filed(list):
    """Some reports, which say less of themselves when a test fails."""

    def __repr__(self):
        return f"{len(self)} reports"


@pytest.fixture(scope="module")
def filed(world, region, reader):
    """Forty reports of one region, spread over time, place, type and severity."""
    kinds = ("Flood", "Fire", "Earthquake")
    made = Filed()
    for number in range(40):
        report = world.create(
            reader,
            region_id=region,
            title=f"Incident {number} in {'Jérémie' if number % 2 else 'Gonaïves'}",
            description="Water up to the knee." if number % 3 else "The main road is blocked by trees.",
            report_type_id=world.types[kinds[number % 3]],
            severity_level_id=world.levels[number % 5 + 1],
            # Equal times in pairs: the id must decide then.
            reported_at=(MORNING + dt.timedelta(hours=number // 2)).isoformat(),
            location={"type": "Point", "coordinates": [-180 + number * 9.1, -60 + number * 3]},
        )
        for status in ("confirmed", "resolved")[: number % 3]:
            report = world.change(reader, report, status)
        made.append(report)
    return made


@pytest.fixture
def found(world, reader, region, filed):
    """Lists the reports of the region as the filters say, all of them."""

    def ask(**filters):
        given = {"region_id": str(region), "limit": 500} | filters
        return world.ids(reader, **given)

    return ask


def newest_first(reports, key="reported_at"):
    return [report["id"] for report in sorted(reports, key=operator.itemgetter(key, "id"), reverse=True)]


def test_the_newest_come_first(found, filed):
    assert found() == newest_first(filed)
    assert found(sort="updated_at") == newest_first(filed, "updated_at")


def most_severe_first(world, reports):
    level_of = {level_id: level for level, level_id in world.levels.items()}
    newest = sorted(reports, key=operator.itemgetter("reported_at", "id"), reverse=True)
    return [
        report["id"]
        for report in sorted(newest, key=lambda report: level_of[report["severity_level_id"]], reverse=True)
    ]


def of_all_pages(world, reader, limit, **filters):
    seen, cursor = [], None
    while True:
        page = world.list(reader, limit=limit, cursor=cursor, **filters)
        assert len(page["items"]) <= limit
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return seen


@pytest.mark.parametrize("limit", [1, 3, 7, 40])
def test_the_most_severe_come_first_on_all_pages(world, reader, region, filed, limit):
    expected = most_severe_first(world, filed)
    assert of_all_pages(world, reader, limit, region_id=str(region), sort="severity") == expected


def test_the_order_by_severity_has_the_filters_of_the_others(world, reader, region, filed, found):
    expected = most_severe_first(world, filed)
    for filters in ({"min_severity": 3}, {"status": "pending"}, {"text": filed[0]["title"].split()[0]}):
        given = {"region_id": str(region), "sort": "severity", **filters}
        seen = of_all_pages(world, reader, 3, **given)
        assert sorted(seen) == sorted(found(**filters))
        assert "text" in filters or seen == [one for one in expected if one in seen]


@pytest.mark.parametrize("sort", ["reported_at", "updated_at"])
@pytest.mark.parametrize("limit", [1, 3, 7, 40])
def test_pages_follow_one_another_without_gap_or_repeat(world, reader, region, filed, sort, limit):
    seen, cursor = [], None
    while True:
        page = world.list(reader, region_id=str(region), sort=sort, limit=limit, cursor=cursor)
        assert len(page["items"]) <= limit
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == newest_first(filed, sort)


def test_a_cursor_belongs_to_its_order(world, reader, region, filed):
    cursor = world.list(reader, region_id=str(region), limit=1)["next_cursor"]
    for wrong, sort in ((cursor, "updated_at"), ("AAAA", "reported_at"), (cursor[:-3], "reported_at")):
        with pytest.raises(Invalid) as caught:
            world.list(reader, cursor=wrong, sort=sort)
        assert set(caught.value.fields) == {"cursor"}


def test_by_status(found, filed):
    assert found(status="pending") == newest_first(r for r in filed if r["status"] == "pending")
    both = newest_first(r for r in filed if r["status"] != "pending")
    assert found(status=["confirmed", "resolved"]) == both


def test_by_type(found, filed, world):
    flood, fire = world.types["Flood"], world.types["Fire"]
    assert found(report_type_id=str(flood)) == newest_first(r for r in filed if r["report_type_id"] == flood)
    expected = newest_first(r for r in filed if r["report_type_id"] in (flood, fire))
    assert found(report_type_id=[str(flood), str(fire)]) == expected


@pytest.mark.parametrize("level", range(1, 6))
def test_by_least_severity(found, filed, world, level):
    high = {world.levels[number] for number in range(level, 6)}
    assert found(min_severity=level) == newest_first(r for r in filed if r["severity_level_id"] in high)


def test_by_region_and_reporter(world, reader, region, filed):
    assert world.ids(reader, region_id=[str(region), str(world.regions["south"])], limit=500)[:1]
    assert set(world.ids(reader, user_id=str(reader.user_id), limit=500)) == {r["id"] for r in filed}
    assert world.ids(reader, user_id=str(uuid7())) == []
    assert world.ids(reader, region_id=str(uuid7())) == []


def test_by_time(found, filed):
    start, end = MORNING + dt.timedelta(hours=5), MORNING + dt.timedelta(hours=9)
    expected = newest_first(r for r in filed if start <= r["reported_at"] < end)
    assert len(expected) == 8
    assert found(reported_from=start.isoformat(), reported_to=end.isoformat()) == expected


def test_by_change(found, filed):
    middle = sorted(report["updated_at"] for report in filed)[20]
    assert found(changed_since=middle.isoformat()) == newest_first(
        r for r in filed if r["updated_at"] >= middle
    )


def lies_in(report, west, south, east, north):
    lon, lat = report["location"]["coordinates"]
    across = west > east
    return south <= lat <= north and ((lon >= west or lon <= east) if across else west <= lon <= east)


@pytest.mark.parametrize(
    "box",
    [(-180, -90, 180, 90), (-100, -50, 50, 20), (170, -90, -170, 90), (100, -10, -100, 80), (0, 0, 0, 0)],
)
def test_by_box_also_across_the_antimeridian(found, filed, box):
    assert found(bbox=list(box)) == newest_first(r for r in filed if lies_in(r, *box))


def test_by_polygon_with_a_hole(found, filed):
    outline = [[-120, -50], [90, -50], [90, 40], [-120, 40], [-120, -50]]
    hole = [[-60, -30], [-60, 10], [0, 10], [0, -30], [-60, -30]]
    expected = newest_first(
        r for r in filed if lies_in(r, -120, -50, 90, 40) and not lies_in(r, -60, -30, 0, 10)
    )
    assert 0 < len(expected) < 24
    assert found(within={"type": "Polygon", "coordinates": [outline, hole]}) == expected
    far = [[100, 10], [120, 10], [120, 60], [100, 60], [100, 10]]
    several = {"type": "MultiPolygon", "coordinates": [[outline, hole], [far]]}
    assert set(found(within=several)) == set(expected) | {
        r["id"] for r in filed if lies_in(r, 100, 10, 120, 60)
    }


def metres(report, lon, lat):
    """The great-circle distance, by another formula than the one in SQL."""
    here, there = report["location"]["coordinates"], (lon, lat)
    first, second = (
        (math.cos(y) * math.cos(x), math.cos(y) * math.sin(x), math.sin(y))
        for x, y in ((math.radians(a), math.radians(b)) for a, b in (here, there))
    )
    return EARTH_RADIUS * 2 * math.asin(min(1.0, math.dist(first, second) / 2))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lon=st.floats(-180, 180),
    lat=st.floats(-90, 90),
    radius=st.floats(1, 2.1e7).map(lambda value: min(value, 2e7)),
)
def test_near_a_place_on_the_whole_earth(found, filed, lon, lat, radius):
    expected = {r["id"] for r in filed if metres(r, lon, lat) <= radius}
    edge = {r["id"] for r in filed if abs(metres(r, lon, lat) - radius) < 1}
    assert set(found(near={"lon": lon, "lat": lat, "radius_m": radius})) - edge == expected - edge


@pytest.mark.parametrize(
    ("search", "matches"),
    [
        ("road", lambda r: "road" in r["description"]),
        ("JEREMIE", lambda r: "Jérémie" in r["title"]),
        ("jérémie -knee", lambda r: "Jérémie" in r["title"] and "knee" not in r["description"]),
        ('"main road"', lambda r: "main road" in r["description"]),
        ("knee or trees", bool),
        ("unheard", operator.not_),
        ("' ) & !", operator.not_),
    ],
)
def test_by_words_without_case_and_accents(found, filed, search, matches):
    assert found(text=search) == newest_first(r for r in filed if matches(r))


def test_filters_hold_together(found, filed, world):
    expected = newest_first(
        r
        for r in filed
        if r["status"] == "pending"
        and "knee" not in r["description"]
        and r["severity_level_id"] in (world.levels[4], world.levels[5])
    )
    assert expected
    assert found(status="pending", text="road", min_severity=4, bbox=[-180, -90, 180, 90]) == expected


def test_active_reports_show_the_names_of_the_view(world, reader, region, filed):
    with world.db.read() as connection:
        filters = load(schemas.ListActiveReports(), {"region_id": str(region), "limit": 500})
        page = reports.list_active_reports(connection, reader, filters)
    items = schemas.ActiveReportPage().dump(page)["items"]
    assert [item["id"] for item in items] == newest_first(r for r in filed if r["status"] != "resolved")
    flood = next(item for item in items if item["report_type_id"] == world.types["Flood"])
    assert flood["report_type"] == "Flood"
    assert flood["reporter_name"] == "Ada Lovelace"
    assert flood["region_name"].startswith("R-")
    assert {item["severity_level"] for item in items} == {"Low", "Medium", "High", "Severe", "Catastrophic"}
    assert all(item["severity_color"].startswith("#") for item in items)


def summary(world, caller, **filters):
    with world.db.read() as connection:
        found = statistics.summarise_reports(connection, caller, load(schemas.SummariseReports(), filters))
    return schemas.Summary().dump(found)


def test_the_summary_counts_what_the_list_lists(world, reader, region, filed):
    counts = summary(world, reader, region_id=str(region))
    assert counts["total"] == 40
    assert {row["status"]: row["count"] for row in counts["by_status"]} == Counter(r["status"] for r in filed)
    assert {row["name"]: row["count"] for row in counts["by_type"]} == {
        "Flood": 14,
        "Fire": 13,
        "Earthquake": 13,
    }
    assert {row["level"]: row["count"] for row in counts["by_severity"]} == dict.fromkeys(range(1, 6), 8)
    assert counts["by_region"] == [{"region_id": region, "count": 40}]
    assert summary(world, reader, region_id=str(region), min_severity=5, status="resolved")["total"] == sum(
        r["status"] == "resolved" and r["severity_level_id"] == world.levels[5] for r in filed
    )


def test_the_summary_of_nothing_is_nothing(world, region, filed):
    empty = {"total": 0, "by_status": [], "by_type": [], "by_severity": [], "by_region": []}
    assert summary(world, world.caller("reporter"), region_id=str(region)) == empty


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"status": "open"}, "status"),
        ({"status": []}, "status"),
        ({"min_severity": 6}, "min_severity"),
        ({"min_severity": True}, "min_severity"),
        ({"region_id": "north"}, "region_id"),
        ({"user_id": 7}, "user_id"),
        ({"reported_from": "2026-01-31T12:00:00"}, "reported_from"),
        ({"reported_from": "2026-01-31T12:00:00Z", "reported_to": "2026-01-31T12:00:00Z"}, "reported_to"),
        ({"bbox": [0, 0, 0]}, "bbox"),
        ({"bbox": [0, 10, 5, 0]}, "bbox"),
        ({"bbox": [0, 0, 181, 1]}, "bbox"),
        ({"near": {"lon": 0, "lat": 0}}, "near.radius_m"),
        ({"near": {"lon": 0, "lat": 91, "radius_m": 1}}, "near.lat"),
        ({"near": {"lon": 0, "lat": 0, "radius_m": -1}}, "near.radius_m"),
        ({"near": {"lon": 0, "lat": 0, "radius_m": 1, "unit": "km"}}, "near.unit"),
        ({"within": {"type": "Point", "coordinates": [0, 0]}}, "within.type"),
        ({"within": {"type": "Polygon", "coordinates": []}}, "within.coordinates"),
        (
            {"within": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}},
            "within.coordinates.0",
        ),
        (
            {"within": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}},
            "within",
        ),
        (
            {"within": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [200, 1], [0, 0]]]}},
            "within.coordinates.0.2",
        ),
        ({"text": ""}, "text"),
        ({"text": "x" * 501}, "text"),
        ({"sort": "title"}, "sort"),
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"limit": "50"}, "limit"),
        ({"offset": 10}, "offset"),
    ],
)
def test_what_is_no_filter_is_refused_by_name(filters, field):
    with pytest.raises(Invalid) as caught:
        load(schemas.ListReports(), filters)
    assert set(caught.value.fields) == {field}

"""Regions: their boundaries, who changes them, and which one a point lies in."""

import math
import random
import threading
from itertools import pairwise
from uuid import uuid4

import orjson
import pytest
from shapely.geometry import shape
from uuid6 import uuid7

from services.identity import geometry, region_locator, regions, schemas
from services.identity.region_locator import RegionLocator
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound, RpcTimeout
from shared.domain.boundaries import bbox_of
from shared.domain.identity import UNKNOWN_REGION_ID
from tests.support.waiting import eventually


def box(west, south, east, north):
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def update(world, caller, region, **values):
    given = {"region_id": region["id"], "version": region["version"], **values}
    return world.write(regions.update_region, caller, schemas.UpdateRegion, **given)


def locate(world, lon, lat):
    with world.database.read() as connection:
        return regions.locate_region(connection, world.locator, lon=lon, lat=lat)


def listed(world, **filters):
    return listed_with_gaps(world, **filters)[0]


def listed_with_gaps(world, **filters):
    """The page, and the regions on it whose outlines are missing."""
    with world.database.read() as connection:
        loaded = schemas.ListRegions().load(filters)
        return regions.list_regions(connection, world.locator, **loaded)


def test_a_region_is_made_and_read_by_id_and_by_code(world):
    region = world.region("BOX-1", box(1, 1, 2, 2), name="Box", description="A box.")
    assert region["boundaries"] == box(1, 1, 2, 2)
    for given in ({"region_id": region["id"]}, {"code": "BOX-1"}):
        assert world.read(regions.get_region, **given) == region
    assert schemas.Region().dump(region)["version"] == 1
    [event] = world.events(region["id"])
    assert (event.type, event.data["code"], event.correlation_id) == ("region_created", "BOX-1", "test")
    assert event.data["boundaries"] == region["boundaries"], "who follows regions needs all of each"


def test_one_region_is_reserved_and_has_no_boundaries(world):
    reserved = world.read(regions.get_region, region_id=UNKNOWN_REGION_ID)
    assert (reserved["code"], reserved["is_reserved"], reserved["boundaries"]) == ("UNKNOWN", True, None)
    assert world.region()["is_reserved"] is False
    with pytest.raises(Invalid) as refused:
        update(world, world.admin(), reserved, boundaries=box(1, 1, 2, 2))
    assert set(refused.value.fields) == {"boundaries"}
    renamed = update(world, world.admin(), reserved, name="Région inconnue")
    assert renamed["name"] == "Région inconnue"
    with pytest.raises(Conflict):
        world.region("UNKNOWN")


def test_a_region_needs_no_boundaries(world):
    region = world.region()
    assert region["boundaries"] is None
    assert world.sql("SELECT boundaries IS NULL FROM identity.regions WHERE id = %s", region["id"]) == [
        (True,)
    ]


def test_rings_are_stored_as_rfc_7946_wants_them(world):
    clockwise = [list(reversed(box(1, 1, 2, 2)["coordinates"][0]))]
    ring = world.region(boundaries={"type": "Polygon", "coordinates": clockwise})["boundaries"][
        "coordinates"
    ][0]
    assert sum((b[0] - a[0]) * (b[1] + a[1]) for a, b in pairwise(ring)) < 0


@pytest.mark.parametrize(
    ("boundaries", "field", "says"),
    [
        ({"type": "Point", "coordinates": [0, 0]}, "boundaries.type", "Polygon"),
        (
            {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]},
            "boundaries.coordinates.0",
            "not closed",
        ),
        (
            {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]},
            "boundaries",
            "0.500000",
        ),
        ({"type": "Polygon", "coordinates": [[[0, 0], [200, 0]]]}, "boundaries.coordinates.0.1", "200"),
        (
            {"type": "Polygon", "coordinates": [[[0, 0], [float("nan"), 0]]]},
            "boundaries.coordinates.0.1",
            "finite",
        ),
        ("everywhere", "boundaries", "GeoJSON"),
    ],
)
def test_bad_boundaries_are_refused_where_they_are_wrong(world, boundaries, field, says):
    region = world.region()
    for attempt in (
        lambda: world.region(boundaries=boundaries),
        lambda: update(world, world.admin(), region, boundaries=boundaries),
    ):
        with pytest.raises(Invalid) as refusal:
            attempt()
        [(name, [problem])] = refusal.value.fields.items()
        assert name == field
        assert says in problem


@pytest.mark.parametrize("code", ["", "two words", "a:b", "a,b", "x" * 51, 5])
def test_a_bad_code_is_refused(world, code):
    with pytest.raises(Invalid) as refusal:
        world.write(regions.create_region, world.admin(), schemas.CreateRegion, code=code, name="X")
    assert list(refusal.value.fields) == ["code"]


def test_a_repeat_with_the_same_id_returns_the_first_region(world):
    given = {"id": uuid7(), "code": "REPEATED", "boundaries": box(3, 3, 4, 4)}
    first = world.region(**given)
    assert world.region(**given) == first
    with pytest.raises(Conflict) as refusal:
        world.region(**{**given, "name": "Elsewhere"})
    assert list(refusal.value.fields) == ["id"]
    with pytest.raises(Conflict) as refusal:
        world.region("REPEATED")
    assert list(refusal.value.fields) == ["code"]


def test_a_region_changes_by_version(world):
    region = world.region(boundaries=box(5, 5, 6, 6))
    changed = update(world, world.admin(), region, name="Renamed", boundaries=box(5, 5, 7, 7))
    assert (changed["name"], changed["version"]) == ("Renamed", 2)
    assert update(world, world.admin(), region, name="Renamed", boundaries=box(5, 5, 7, 7)) == changed
    with pytest.raises(Conflict) as refusal:
        update(world, world.admin(), region, name="Another")
    assert refusal.value.details["version"] == 2
    event = world.events(region["id"])[-1]
    assert (event.type, event.data["changed"]) == ("region_updated", ["name", "boundaries"])
    assert update(world, world.admin(), changed, boundaries=None)["boundaries"] is None


@pytest.mark.parametrize("field", ["code", "id", "created_at"])
def test_a_code_never_changes(world, field):
    with pytest.raises(Invalid) as refusal:
        update(world, world.admin(), world.region(), **{field: "X"})
    assert list(refusal.value.fields) == [field]


def test_who_may_change_one_region_changes_that_one_alone(world):
    own, other = world.region(), world.region()
    keeper = world.caller(world.role(f"region:write:{own['code']}"))
    assert update(world, keeper, own, name="Kept")["name"] == "Kept"
    with pytest.raises(Forbidden):
        update(world, keeper, other, name="Taken")
    with pytest.raises(Forbidden):
        world.write(regions.create_region, keeper, schemas.CreateRegion, code="NEW", name="New")
    with pytest.raises(Forbidden):
        update(world, world.caller(), own, name="Taken")


def test_unknown_regions_are_not_found(world):
    for given in ({"region_id": uuid4()}, {"code": "NOWHERE"}):
        with pytest.raises(NotFound):
            world.read(regions.get_region, **given)
    for given in ({}, {"region_id": uuid4(), "code": "HT"}):
        with pytest.raises(Invalid):
            world.read(regions.get_region, **given)
    with pytest.raises(NotFound):
        update(world, world.admin(), {"id": uuid4(), "version": 1}, name="X")


def test_a_point_lies_in_the_deepest_region_and_then_in_the_smallest(world):
    world.region("SEA", box(-40, -40, -30, -30))
    island = world.region("ISLAND", box(-36, -36, -34, -34))
    assert locate(world, -35, -35)["code"] == "ISLAND"
    world.region("WIDER", box(-37, -37, -33, -33), parent_id=island["id"])
    assert locate(world, -35, -35)["code"] == "WIDER", "because it is declared to lie in the island"
    for code, edges in (("FLAT", (-39, -38)), ("FLAT-TWIN", (-39, -38)), ("FLAT-PART", (-39, -38.5))):
        world.region(code, box(edges[0], -39, edges[1], -38), parent_id=None)
    assert locate(world, -38.2, -38.5)["code"] == "FLAT"
    assert locate(world, -38.7, -38.5)["code"] == "FLAT-PART"
    assert locate(world, -31, -31)["code"] == "SEA"
    assert locate(world, -40, -40)["code"] == "SEA"
    with pytest.raises(NotFound, match="No region contains"):
        locate(world, -41, -41)


def test_the_seeded_regions_are_found_by_place(world):
    assert locate(world, -72.34, 18.54)["code"] == "HT-PAP"
    assert locate(world, -72.2, 19.75)["code"] == "HT"
    assert locate(world, 85.32, 27.71)["code"] == "NP"
    assert locate(world, -82.46, 27.95)["code"] == "US-FL"


def test_a_change_is_seen_at_once_by_every_replica(world):
    replica = RegionLocator()

    def found(lon, lat):
        with world.database.read() as connection:
            [mine] = world.locator.locate(connection, [(lon, lat)])
            [theirs] = replica.locate(connection, [(lon, lat)])
        assert mine == theirs
        return mine

    assert found(-60.5, -60.5) is None
    region = world.region(boundaries=box(-61, -61, -60, -60))
    assert found(-60.5, -60.5) == region["id"]
    moved = update(world, world.admin(), region, boundaries=box(-63, -63, -62, -62))
    assert found(-60.5, -60.5) is None
    assert found(-62.5, -62.5) == region["id"]
    update(world, world.admin(), moved, boundaries=None)
    assert found(-62.5, -62.5) is None


def test_the_index_is_kept_while_nothing_changes(world):
    with world.database.read() as connection:
        world.locator.locate(connection, [(0, 0)])
        kept = world.locator._index
        world.locator.locate(connection, [(1, 1)])
    assert world.locator._index is kept


def test_500_points_are_located_in_one_call(world):
    points = [(random.uniform(-74, -71), random.uniform(18, 20)) for _ in range(500)]
    with world.database.read() as connection:
        located = world.locator.locate(connection, points)
    for point, region_id in list(zip(points, located, strict=True))[:20]:
        try:
            assert locate(world, *point)["id"] == region_id
        except NotFound:
            assert region_id is None


@pytest.mark.parametrize(
    "arguments", [{"lon": 181, "lat": 0}, {"lon": 0, "lat": "0"}, {"lon": float("nan"), "lat": 0}, {"lon": 0}]
)
def test_a_bad_point_is_refused(arguments):
    assert schemas.LocateRegion().validate(arguments)
    assert schemas.LocateRegions().validate({"points": [arguments]})


def test_the_number_of_points_is_limited():
    point = {"lon": 0, "lat": 0}
    assert schemas.LocateRegions().validate({"points": [point] * 501})
    assert schemas.LocateRegions().validate({"points": []})


def test_regions_are_listed_by_code_without_their_boundaries(world):
    codes = [f"LIST-{number}" for number in range(5)]
    for code in reversed(codes):
        world.region(code, box(100, 10, 101, 11))
    seen, cursor = [], None
    while True:
        page = listed(world, codes=codes, limit=2, cursor=cursor)
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [region["code"] for region in seen] == codes
    assert all(region["boundaries"] is None for region in seen)
    [one] = listed(world, codes=["LIST-3"], include_boundaries=True)["items"]
    assert one["boundaries"] == box(100, 10, 101, 11)


def test_regions_are_listed_by_box(world):
    for code, west in (("BOX-WEST", 178.0), ("BOX-EAST", -180.0), ("BOX-FAR", 150.0)):
        world.region(code, box(west, -20, west + 2, -18))

    def codes(*bbox):
        return {region["code"] for region in listed(world, bbox=list(bbox), limit=500)["items"]} & {
            "BOX-WEST",
            "BOX-EAST",
            "BOX-FAR",
        }

    assert codes(151, -19.5, 151.5, -19) == {"BOX-FAR"}
    assert codes(151, -19, 151, -19) == {"BOX-FAR"}
    assert codes(170, -30, -170, 0) == {"BOX-WEST", "BOX-EAST"}
    assert codes(-180, -90, 180, 90) == {"BOX-WEST", "BOX-EAST", "BOX-FAR"}
    assert codes(0, 0, 1, 1) == set()


@pytest.mark.parametrize("bbox", [[0, 0, 1], [0, 5, 1, 4], [0, 0, 181, 0], ["0", 0, 1, 1], "0,0,1,1"])
def test_a_bad_box_is_refused(bbox):
    assert list(schemas.ListRegions().validate({"bbox": bbox})) == ["bbox"]


# --- outlines, pages by bytes, versions -----------------------------------------------------------------------------


def coast(positions, longitude, latitude=-60.0):
    """A rough coast of this many positions, two degrees across."""
    around = [
        [
            longitude + (1 + 0.02 * math.sin(97 * angle)) * math.cos(angle),
            latitude + (1 + 0.02 * math.sin(97 * angle)) * math.sin(angle),
        ]
        for angle in (2 * math.pi * at / (positions - 1) for at in range(positions - 1))
    ]
    return {"type": "Polygon", "coordinates": [[*around, around[0]]]}


@pytest.fixture(scope="module")
def coasts(world):
    """Regions with long boundaries."""
    return [world.region(f"COAST-{number:02}", coast(20_000, 20 + 3 * number)) for number in range(4)]


def pages(world, **filters):
    found, cursor = [], None
    while True:
        page = listed(world, include_boundaries=True, cursor=cursor, **filters)
        found.append(page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def test_a_list_shows_outlines_and_the_whole_when_it_is_asked_for(world, coasts):
    codes = [region["code"] for region in coasts]
    sizes = {}
    for detail in ("overview", "medium", "fine", "full"):
        shown = [region for page in pages(world, codes=codes, detail=detail) for region in page]
        assert [region["code"] for region in shown] == codes
        assert all(shape(region["boundaries"]).is_valid for region in shown)
        assert all(region["bbox"] == bbox_of(coasts[at]["boundaries"]) for at, region in enumerate(shown))
        sizes[detail] = len(orjson.dumps([region["boundaries"] for region in shown]))
        if detail == "full":
            assert [region["boundaries"] for region in shown] == [region["boundaries"] for region in coasts]
    assert sizes["overview"] < 40_000
    assert sizes["overview"] < sizes["medium"] < sizes["fine"] < sizes["full"]


def test_a_page_with_boundaries_ends_before_it_has_too_many_bytes(world, coasts):
    codes = [region["code"] for region in coasts]
    found = pages(world, codes=codes, detail="full", limit=500)
    assert [len(page) for page in found] == [1, 1, 1, 1]
    assert all(
        len(orjson.dumps([region["boundaries"] for region in page])) < 1.1 * regions.PAGE_BYTES
        for page in found
    )
    assert [len(page) for page in pages(world, codes=codes, limit=500)] == [4]
    assert [len(page) for page in pages(world, codes=codes, limit=3)] == [3, 1]


def test_outlines_follow_the_boundaries(world):
    region = world.region("MOVES", coast(500, 60))
    [before] = listed(world, codes=["MOVES"], include_boundaries=True)["items"]
    moved = update(world, world.admin(), region, boundaries=coast(500, 64))
    [after] = listed(world, codes=["MOVES"], include_boundaries=True)["items"]
    assert shape(before["boundaries"]).disjoint(shape(after["boundaries"]))
    renamed = update(world, world.admin(), moved, name="Renamed")
    assert (
        listed(world, codes=["MOVES"], include_boundaries=True)["items"][0]["boundaries"]
        == after["boundaries"]
    )
    update(world, world.admin(), renamed, boundaries=None)
    [gone] = listed(world, codes=["MOVES"], include_boundaries=True)["items"]
    assert (gone["boundaries"], gone["bbox"]) == (None, None)
    assert world.sql("SELECT count(*) FROM identity.region_outlines WHERE region_id = %s", region["id"]) == [
        (0,)
    ]


def test_outlines_of_what_was_written_past_the_service_are_made_when_they_are_asked_for(world):
    made = [world.region(f"PAST-{number}", coast(500, 80 + 3 * number)) for number in range(3)]
    for number, region in enumerate(made):
        world.sql(
            "UPDATE identity.regions SET boundaries = %s WHERE id = %s",
            orjson.dumps(coast(600, 100 + 3 * number)).decode(),
            region["id"],
        )
    world.sql(
        """UPDATE identity.regions SET boundaries = '{"type": "Nonsense"}' WHERE id = %s""", made[2]["id"]
    )
    codes = [region["code"] for region in made]
    page, without_outline = listed_with_gaps(world, codes=codes, include_boundaries=True)
    assert without_outline == [region["id"] for region in made]
    assert page["next_cursor"] is not None, "what is not there yet is not left out"
    regions.outline_regions(world.database, without_outline)
    page, without_outline = listed_with_gaps(world, codes=codes, include_boundaries=True)
    assert without_outline == []
    assert [region["boundaries"] is not None for region in page["items"]] == [True, True, False]
    assert shape(page["items"][0]["boundaries"]).intersects(shape(coast(600, 100)))


def test_boundaries_that_change_while_their_outline_is_made_have_the_outline_of_the_change(world):
    region = world.region("RACE", coast(500, 120))
    world.sql("DELETE FROM identity.region_outlines WHERE region_id = %s", region["id"])
    with world.database.write() as changing:
        changing.exec_driver_sql(
            "UPDATE identity.regions SET boundaries = %s WHERE id = %s",
            (orjson.dumps(coast(500, 126)).decode(), region["id"]),
        )
        making = threading.Thread(target=regions.outline_regions, args=(world.database, [region["id"]]))
        making.start()
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        eventually(lambda: world.sql(waits) == [(1,)], "the maker waits for the change")
    making.join(10)
    [shown] = listed(world, codes=["RACE"], include_boundaries=True)["items"]
    assert shape(shown["boundaries"]).intersects(shape(coast(500, 126)))


def test_a_version_that_is_known_is_answered_without_reading(world):
    version = listed(world)["version"]
    assert listed(world)["version"] == version
    known = listed(world, known_version=version)
    assert (known["items"], known["unchanged"]) == ([], True)
    region = world.region()
    later = listed(world, known_version=version)
    assert later["version"] != version
    assert later["items"]
    update(world, world.admin(), region, name="Another")
    assert listed(world)["version"] != later["version"]
    assert schemas.Regions().dump(listed(world, known_version=version))["unchanged"] is False


def test_only_the_boundaries_that_changed_are_read_again(world, coasts, monkeypatch):
    read = []

    def read_entries(rows):
        rows = list(rows)
        read.extend(code for _, code, _ in rows)
        return geometry.read_entries(rows)

    monkeypatch.setattr(region_locator, "read_entries", read_entries)
    locator = RegionLocator()
    with world.database.read() as connection:
        locator.locate(connection, [(0, 0)])
        assert {region["code"] for region in coasts} <= set(read)
        read.clear()
        moved = world.region("ONE-OF-MANY", box(-150, -70, -149, -69))
        [found] = locator.locate(connection, [(-149.5, -69.5)])
    assert found == moved["id"]
    assert read == ["ONE-OF-MANY"]


def test_what_a_call_read_for_the_index_before_its_deadline_is_not_read_again(world, monkeypatch):
    parts = [world.region(f"PART-{n}", box(n, -75, n + 1, -74)) for n in range(3)]
    read = []

    def read_entries(rows):
        rows = list(rows)
        if len(read) == 1:
            read.append("ended")
            raise RpcTimeout
        read.extend(code for _, code, _ in rows)
        return geometry.read_entries(rows)

    monkeypatch.setattr(region_locator, "READ_TOGETHER", 1)
    monkeypatch.setattr(region_locator, "read_entries", read_entries)
    locator = RegionLocator()
    with world.database.read() as connection:
        with pytest.raises(RpcTimeout):
            locator.locate(connection, [(0, 0)])
        found = locator.locate(connection, [(n + 0.5, -74.5) for n in range(3)])
    assert found == [region["id"] for region in parts]
    assert len(read) == len(set(read))


def test_a_region_across_the_antimeridian_is_found_on_both_sides(world):
    ring = [[[179, -70], [-179, -70], [-179, -69], [179, -69], [179, -70]]]
    region = world.region("ACROSS", {"type": "Polygon", "coordinates": ring})
    assert region["bbox"] == [179, -70, -179, -69]
    for longitude in (179.5, -179.5, 180, -180):
        found = locate(world, longitude, -69.5)
        assert found["code"] == "ACROSS"
        assert found["bbox"] == [179, -70, -179, -69]
    with pytest.raises(NotFound):
        locate(world, 0, -69.5)
    assert [one["code"] for one in listed(world, bbox=[179.2, -69.9, 180, -69.1])["items"]] == ["ACROSS"]
    assert "ACROSS" in {one["code"] for one in listed(world, bbox=[-180, -69.9, -179.9, -69.1])["items"]}

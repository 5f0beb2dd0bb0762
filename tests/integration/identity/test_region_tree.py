"""Regions nest: the parent that is found or declared, moves, the deepest region of a point, and the tree as a whole."""

import math
import threading
from uuid import uuid4

import pytest

from services.identity import region_tree, regions, roles, schemas
from services.identity.region_tree import MAX_NESTED
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain.identity import UNKNOWN_REGION_ID
from tests.integration.identity.test_regions import box, listed, locate, update
from tests.support.randomness import chance
from tests.support.waiting import eventually

PLACES = iter(range(-170, 165))


@pytest.fixture
def west(world):
    """The western edge of a part of the ocean in which nothing else is drawn."""
    yield next(PLACES)
    world.sql("UPDATE identity.regions SET boundaries = NULL WHERE boundaries IS NOT NULL")


@pytest.fixture
def draw(world, west):
    """Creates a region by the edges of a box in that part of the ocean, from 0 to 10."""

    def drawn(code, left, bottom, right, top, **arguments):
        return world.region(f"{code}@{west}", square(west, left, bottom, right, top), **arguments)

    return drawn


def square(west, left, bottom, right, top):
    return box(west + left, bottom - 60, west + right, top - 60)


def now(world, region):
    return world.read(regions.get_region, region_id=region["id"])


def parent_of(world, region):
    return now(world, region)["parent_id"]


def ancestors(world, region):
    return [one["id"] for one in now(world, region)["ancestors"]]


def tree_of(world, code, depth=50):
    return world.read(region_tree.get_region_tree, code=code, depth=depth)


def names(tree):
    return {tree["name"]: [names(child) for child in tree["children"]]}


def test_the_parent_is_the_smallest_region_that_contains_a_region(world, draw):
    country = draw("C", 0, 0, 10, 10)
    department = draw("D", 0, 0, 5, 10)
    commune = draw("E", 1, 1, 2, 2)
    assert [ancestors(world, one) for one in (country, department, commune)] == [
        [],
        [country["id"]],
        [country["id"], department["id"]],
    ]
    assert (commune["parent_code"], commune["parent_is_declared"]) == (department["code"], False)
    assert commune["ancestors"][0] == {"id": country["id"], "code": country["code"], "name": "Somewhere"}


def test_a_region_that_is_drawn_around_others_becomes_their_parent(world, draw):
    commune = draw("E", 1, 1, 2, 2)
    country = draw("C", 0, 0, 10, 10)
    assert parent_of(world, commune) == country["id"]
    department = draw("D", 0, 0, 5, 10)
    assert ancestors(world, commune) == [country["id"], department["id"]]
    events = world.events(commune["id"])
    assert [event.type for event in events] == ["region_created", "region_updated", "region_updated"]
    assert [event.data["parent_id"] for event in events] == [
        None,
        str(country["id"]),
        str(department["id"]),
    ]
    assert {event.correlation_id for event in events} == {"test"}


@pytest.mark.parametrize(("share", "is_inside"), [(0.992, True), (0.988, False)])
def test_a_region_lies_in_another_if_99_percent_of_its_area_do(world, draw, share, is_inside):
    outer = draw("C", 0, 0, 5, 5)
    inner = draw("D", 5 - share, 1, 6 - share, 2)
    assert parent_of(world, inner) == (outer["id"] if is_inside else None)


def test_shares_are_of_the_area_on_the_earth_and_not_on_the_map(world, west):
    """Half of the map between 60 and 88 degrees is far more than half of the area."""
    top = box(west, 60, west + 4, 88)
    share = (math.sin(math.radians(85.5)) - math.sin(math.radians(60))) / (
        math.sin(math.radians(88)) - math.sin(math.radians(60))
    )
    assert share > 0.98
    world.region(f"POLAR@{west}", top)
    inner = world.region(f"WEDGE@{west}", box(west + 1, 60, west + 2, 88.1))
    outer = now(world, inner)["parent_code"]
    assert outer == f"POLAR@{west}", "3.6 per mille of the map, and next to nothing of the area"


def test_what_lies_in_a_hole_lies_outside(world, west):
    ring = square(west, 0, 0, 10, 10)["coordinates"][0]
    hole = square(west, 2, 2, 8, 8)["coordinates"][0]
    outer = world.region(f"RING@{west}", {"type": "Polygon", "coordinates": [ring, hole]})
    enclave = world.region(f"ENCLAVE@{west}", square(west, 3, 3, 4, 4))
    border = world.region(f"BORDER@{west}", square(west, 0, 0, 2, 2))
    assert (parent_of(world, enclave), parent_of(world, border)) == (None, outer["id"])


def test_a_region_across_the_antimeridian_contains_parts_on_both_sides(world, west):
    del west

    def across(code, west, south, east, north):
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return world.region(code, {"type": "Polygon", "coordinates": [ring]})

    outer = across("FIJI", 178, -50, 182, -45)
    left, right = across("FIJI-W", 178.5, -49, 179, -48), across("FIJI-E", -179, -49, -178.5, -48)
    both = across("FIJI-B", 179.5, -47, 180.5, -46)
    assert [parent_of(world, one) for one in (left, right, both)] == [outer["id"]] * 3
    assert locate(world, 180, -46.5)["code"] == "FIJI-B"
    assert locate(world, -180, -46.5)["code"] == "FIJI-B"


def test_of_two_copies_of_the_same_boundaries_the_second_by_code_lies_in_the_first(world, draw):
    second = draw("B", 0, 0, 4, 4)
    first = draw("A", 0, 0, 4, 4)
    third = draw("C", 0, 0, 4, 4)
    assert [ancestors(world, one) for one in (first, second, third)] == [
        [],
        [first["id"]],
        [first["id"], second["id"]],
    ]


def test_a_declared_parent_is_kept_whatever_the_boundaries_say(world, draw):
    country, other = draw("C", 0, 0, 10, 10), draw("O", 10, 10, 11, 11)
    island = draw("I", 1, 1, 2, 2, parent_id=other["id"])
    alone = draw("A", 3, 3, 4, 4, parent_id=None)
    assert [(one["parent_id"], one["parent_is_declared"]) for one in (island, alone)] == [
        (other["id"], True),
        (None, True),
    ]
    draw("D", 0, 0, 5, 5)
    assert [parent_of(world, one) for one in (island, alone)] == [other["id"], None]
    moved = update(world, world.admin(), island, boundaries=island["boundaries"] | {})
    assert moved["parent_id"] == other["id"]
    found = update(world, world.admin(), moved, parent_is_declared=False)
    assert (found["parent_code"], found["parent_is_declared"]) == (draw_code(country, "D"), False)
    kept = update(world, world.admin(), found, parent_is_declared=True)
    assert (kept["parent_code"], kept["parent_is_declared"]) == (draw_code(country, "D"), True)


def draw_code(region, code):
    return f"{code}@{region['code'].partition('@')[2]}"


def test_boundaries_that_change_find_their_parent_again_and_let_go_of_children(world, draw, west):
    country = draw("C", 0, 0, 10, 10)
    left, right = draw("L", 0, 0, 5, 10), draw("R", 5, 0, 10, 10)
    commune = draw("E", 1, 1, 2, 2)
    moved = update(world, world.admin(), now(world, commune), boundaries=square(west, 6, 1, 7, 2))
    assert moved["parent_id"] == right["id"]
    shrunk = update(world, world.admin(), now(world, right), boundaries=square(west, 8, 0, 10, 10))
    assert (shrunk["parent_id"], parent_of(world, commune)) == (country["id"], country["id"])
    grown = update(world, world.admin(), now(world, left), boundaries=square(west, 0, 0, 8, 10))
    assert (grown["parent_id"], parent_of(world, commune)) == (country["id"], left["id"])
    gone = update(world, world.admin(), now(world, left), boundaries=None)
    assert (gone["parent_id"], parent_of(world, commune)) == (None, country["id"])


def test_a_move_takes_everything_along_and_is_one_operation(world, draw):
    country, other = draw("C", 0, 0, 10, 10), draw("O", 10, 10, 11, 11)
    department = draw("D", 0, 0, 5, 10)
    commune = draw("E", 1, 1, 2, 2)
    before = now(world, commune)
    moved = update(world, world.admin(), now(world, department), parent_id=other["id"])
    assert (moved["parent_id"], moved["parent_is_declared"]) == (other["id"], True)
    assert ancestors(world, commune) == [other["id"], department["id"]]
    assert now(world, commune)["version"] == before["version"]
    assert [event.data["changed"] for event in world.events(department["id"])[1:]] == [
        ["parent_id", "parent_is_declared"]
    ]
    again = update(world, world.admin(), {**moved, "version": moved["version"] - 1}, parent_id=other["id"])
    assert again == moved, "a repeat changes nothing"
    with pytest.raises(Conflict):
        update(world, world.admin(), {**moved, "version": 1}, parent_id=country["id"])
    top = update(world, world.admin(), moved, parent_id=None)
    assert (top["parent_id"], ancestors(world, commune)) == (None, [department["id"]])


def test_what_would_be_a_cycle_is_refused(world, draw):
    country = draw("C", 0, 0, 10, 10)
    department, commune = draw("D", 0, 0, 5, 10), draw("E", 1, 1, 2, 2)
    for below in (country, department, commune):
        with pytest.raises(Invalid) as refusal:
            update(world, world.admin(), now(world, country), parent_id=below["id"])
        assert list(refusal.value.fields) == ["parent_id"]
    assert names(tree_of(world, country["code"])) == {"Somewhere": [{"Somewhere": [{"Somewhere": []}]}]}


def test_a_region_that_is_declared_to_lie_in_a_part_of_it_is_no_parent_of_that_part(world, draw):
    small = draw("S", 1, 1, 2, 2)
    large = draw("L", 0, 0, 5, 5, parent_id=small["id"])
    assert [ancestors(world, one) for one in (small, large)] == [[], [small["id"]]]
    around = draw("A", 0, 0, 6, 6)
    assert [ancestors(world, one) for one in (small, large)] == [
        [around["id"]],
        [around["id"], small["id"]],
    ]


@pytest.mark.parametrize("parent_id", [uuid4(), UNKNOWN_REGION_ID])
def test_a_parent_that_cannot_be_one_is_refused(world, draw, parent_id):
    with pytest.raises(Invalid) as refusal:
        draw("X", 0, 0, 1, 1, parent_id=parent_id)
    assert list(refusal.value.fields) == ["parent_id"]
    region = draw("Y", 0, 0, 1, 1)
    with pytest.raises(Invalid) as refusal:
        update(world, world.admin(), region, parent_id=parent_id)
    assert list(refusal.value.fields) == ["parent_id"]


def test_the_reserved_region_has_no_parent(world, draw):
    reserved = world.read(regions.get_region, region_id=UNKNOWN_REGION_ID)
    with pytest.raises(Invalid) as refusal:
        update(world, world.admin(), reserved, parent_id=draw("X", 0, 0, 1, 1)["id"])
    assert list(refusal.value.fields) == ["parent_id"]


def test_a_parent_that_is_given_is_declared():
    errors = schemas.UpdateRegion().validate(
        {"region_id": str(uuid4()), "version": 1, "parent_id": None, "parent_is_declared": False}
    )
    assert list(errors) == ["parent_is_declared"]


# --- who may -------------------------------------------------------------------------------------------------------


def test_who_may_change_a_region_changes_everything_in_it_and_nothing_else(world, draw):
    country, other = draw("C", 0, 0, 10, 10), draw("O", 10, 10, 11, 11)
    commune = draw("E", 1, 1, 2, 2)
    keeper = world.caller(world.role(f"region:write:{country['code']}"))
    assert update(world, keeper, now(world, commune), name="Kept")["name"] == "Kept"
    with pytest.raises(Forbidden):
        update(world, keeper, now(world, other), name="Taken")
    create = (regions.create_region, keeper, schemas.CreateRegion)
    inside = world.write(*create, code="KEPT-1", name="In", boundaries=country["boundaries"])
    assert inside["parent_id"] == country["id"]
    below = world.write(*create, code="KEPT-2", name="In", parent_id=commune["id"])
    assert below["parent_id"] == commune["id"]
    for arguments in (
        {},
        {"boundaries": other["boundaries"]},
        {"parent_id": other["id"]},
        {"parent_id": None},
    ):
        with pytest.raises(Forbidden):
            world.write(*create, code="NEW", name="New", **arguments)


def test_who_may_change_a_region_moves_within_it_and_neither_out_of_it_nor_into_it(world, draw, west):
    country, other = draw("C", 0, 0, 10, 10), draw("O", 10, 10, 11, 11)
    department, commune = draw("D", 0, 0, 5, 10), draw("E", 6, 1, 7, 2)
    keeper = world.caller(world.role(f"region:write:{country['code']}"))
    assert (
        update(world, keeper, now(world, commune), parent_id=department["id"])["parent_id"]
        == department["id"]
    )
    for moved, parent_id in (
        (commune, other["id"]),
        (commune, None),
        (country, other["id"]),
        (other, country["id"]),
    ):
        with pytest.raises(Forbidden):
            update(world, keeper, now(world, moved), parent_id=parent_id)
    of_commune = world.caller(world.role(f"region:write:{commune['code']}"))
    with pytest.raises(Forbidden):
        update(world, of_commune, now(world, commune), parent_id=country["id"])
    found = update(world, world.admin(), now(world, commune), parent_is_declared=False)
    with pytest.raises(Forbidden):
        update(world, of_commune, found, boundaries=square(west, 10, 10, 11, 11))


def test_nobody_gets_a_region_by_drawing_around_it(world, draw):
    country, other = draw("C", 0, 0, 10, 10), draw("O", 10, 10, 11, 11)
    keeper = world.caller(world.role(f"region:write:{country['code']}"))
    around = world.write(
        regions.create_region,
        keeper,
        schemas.CreateRegion,
        code=f"AROUND-{country['code']}",
        name="Around",
        boundaries=other["boundaries"] | {},
        parent_id=country["id"],
    )
    assert around["parent_id"] == country["id"]
    update(world, keeper, around, boundaries=box(-180, -80, 180, 80))
    assert parent_of(world, other) is None


@pytest.mark.parametrize("verb", ["read", "*"])
def test_what_is_held_in_a_region_may_be_granted_in_what_lies_in_it(world, draw, verb):
    country, other = draw("C", 0, 0, 10, 10), draw("O", 10, 10, 11, 11)
    department = draw("D", 0, 0, 5, 10)
    held = f"report:{verb}:{country['code']}"
    granter = world.caller(world.role("role:grant", held), "reporter")
    inner = world.role(f"report:read:{department['code']}")
    outer, beside = world.role(held), world.role(f"report:read:{other['code']}")

    def grant(role):
        account = world.register()
        return world.write(roles.grant_role, granter, schemas.GrantRole, user_id=account["id"], role=role)

    assert inner in grant(inner)["roles"]
    assert outer in grant(outer)["roles"]
    for role in (beside, world.role("report:read")):
        with pytest.raises(Forbidden):
            grant(role)
    update(world, world.admin(), now(world, department), parent_id=other["id"])
    with pytest.raises(Forbidden):
        grant(inner)


# --- points, lists and the tree ---------------------------------------------------------------------------------------


def test_a_point_lies_in_the_deepest_region_with_its_ancestors(world, draw, west):
    country, department = draw("C", 0, 0, 10, 10), draw("D", 0, 0, 5, 10)
    found = locate(world, west + 1, -55)
    assert found["code"] == department["code"]
    assert [one["code"] for one in found["ancestors"]] == [country["code"]]
    points = [{"lon": west + 1, "lat": -55}, {"lon": west + 6, "lat": -55}, {"lon": west + 1, "lat": -85}]

    def located(**arguments):
        with world.database.read() as connection:
            return regions.locate_regions(connection, world.locator, points=points, **arguments)

    expected = [department["id"], country["id"], None]
    assert located(include_regions=False) == {"region_ids": expected, "regions": None}
    described = {one["id"]: one for one in located(include_regions=True)["regions"]}
    assert described.keys() == {country["id"], department["id"]}
    assert [one["code"] for one in described[department["id"]]["ancestors"]] == [country["code"]]
    assert described[country["id"]]["ancestors"] == []
    assert schemas.LocatedRegions().dump(located(include_regions=True))["regions"]


def test_the_depth_of_a_point_follows_a_move(world, draw, west):
    small, large = draw("S", 0, 0, 4, 4, parent_id=None), draw("L", 0, 0, 6, 6, parent_id=None)
    assert locate(world, west + 1, -59)["code"] == small["code"]
    top = draw("T", 8, 8, 9, 9)
    update(world, world.admin(), large, parent_id=top["id"])
    assert locate(world, west + 1, -59)["code"] == large["code"]
    update(world, world.admin(), top, parent_id=small["id"])
    update(world, world.admin(), now(world, large), parent_id=None)
    assert locate(world, west + 1, -59)["code"] == small["code"]


def test_regions_are_listed_by_their_place_in_the_tree(world, draw):
    country, other = draw("C", 0, 0, 10, 10), draw("O", 10, 10, 11, 11)
    department, commune = draw("D", 0, 0, 5, 10), draw("E", 1, 1, 2, 2)

    def codes(**filters):
        return {one["code"] for one in listed(world, limit=500, **filters)["items"]}

    assert codes(parent=country["code"]) == {department["code"]}
    assert codes(within=country["code"]) == {country["code"], department["code"], commune["code"]}
    assert codes(within=country["code"], exact=True) == {country["code"]}
    assert codes(within="NOWHERE") == codes(parent="NOWHERE") == codes(within="NOWHERE", exact=True) == set()
    roots, others = codes(is_root=True), codes(is_root=False)
    assert {country["code"], other["code"]} <= roots
    assert {department["code"], commune["code"]} <= others
    [shown] = listed(world, codes=[commune["code"]])["items"]
    assert (shown["parent_code"], shown["parent_id"], shown["ancestors"]) == (
        department["code"],
        department["id"],
        None,
    )


def test_the_tree_of_a_region_nests_what_lies_in_it_to_a_depth(world, draw):
    country = draw("C", 0, 0, 10, 10, name="Country")
    draw("D", 0, 0, 5, 10, name="West")
    draw("F", 5, 0, 10, 10, name="East")
    commune = draw("E", 1, 1, 2, 2, name="Commune")
    assert names(tree_of(world, country["code"])) == {"Country": [{"West": [{"Commune": []}]}, {"East": []}]}
    shallow = tree_of(world, country["code"], depth=1)
    assert names(shallow) == {"Country": [{"West": []}, {"East": []}]}
    assert [child["children_count"] for child in shallow["children"]] == [1, 0]
    assert names(tree_of(world, commune["code"])) == {"Commune": []}
    assert schemas.RegionTree().dump(shallow)["children"][0]["name"] == "West"
    with pytest.raises(NotFound):
        tree_of(world, "NOWHERE")


def test_a_tree_that_is_too_large_is_refused_and_the_flat_list_has_it_in_pages(world, draw):
    country = draw("C", 0, 0, 10, 10)
    world.sql(
        "INSERT INTO identity.regions (name, code, parent_id)"
        " SELECT 'Part', %s || '-' || number, %s FROM generate_series(1, %s) AS number",
        country["code"],
        country["id"],
        MAX_NESTED,
    )
    with pytest.raises(Invalid) as refusal:
        tree_of(world, country["code"])
    assert list(refusal.value.fields) == ["depth"]
    seen, cursor = [], None
    while True:
        found = world.read(region_tree.list_region_tree, cursor=cursor, limit=700, within=country["code"])
        seen += found["items"]
        cursor = found["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len({one["id"] for one in seen}) == MAX_NESTED + 1
    assert {one["parent_id"] for one in seen} == {country["parent_id"], country["id"]}
    whole = world.read(region_tree.list_region_tree, cursor=None, limit=5_000, within=None)
    assert len(whole["items"]) > MAX_NESTED
    assert whole["version"] == listed(world)["version"]


# --- against a reference ----------------------------------------------------------------------------------------------


def boxes(random, number):
    """Boxes that nest often: halves and quarters of one another, some of which others share an edge with."""
    found = [(0, 0, 8, 8)]
    while len(found) < number:
        left, bottom, right, top = random.choice(found)
        if random.random() < 0.5:
            middle = random.uniform(left, right) if random.random() < 0.3 else (left + right) / 2
            part = random.choice([(left, bottom, middle, top), (middle, bottom, right, top)])
        else:
            middle = random.uniform(bottom, top) if random.random() < 0.3 else (bottom + top) / 2
            part = random.choice([(left, bottom, right, middle), (left, middle, right, top)])
        if random.random() < 0.2:
            part = (part[0] - 0.3, *part[1:])
        found.append(part)
    return found


def area(edges):
    left, bottom, right, top = edges
    width, height = max(right - left, 0), max(top - bottom, 0)
    rise = math.sin(math.radians(bottom - 60 + height)) - math.sin(math.radians(bottom - 60))
    return float(f"{math.radians(width) * rise:.5e}")


def reference(drawn):
    """The parent of each code: the smallest larger box with 99 % of it; of equal ones the first by code is larger."""

    def contains(outer, inner):
        (a, b, c, d), (e, f, g, h) = drawn[outer], drawn[inner]
        larger = (area(drawn[outer]), inner) > (area(drawn[inner]), outer)
        return larger and area((max(a, e), max(b, f), min(c, g), min(d, h))) >= 0.99 * area(drawn[inner])

    found = {}
    for code in drawn:
        outer = [other for other in drawn if other != code and contains(other, code)]
        smallest = min((area(drawn[other]) for other in outer), default=None)
        found[code] = max((other for other in outer if area(drawn[other]) == smallest), default=None)
    return found


def parents(world, drawn):
    rows = world.sql(
        "SELECT r.code, p.code FROM identity.regions r LEFT JOIN identity.regions p ON p.id = r.parent_id"
        " WHERE r.code = ANY(%s)",
        list(drawn),
    )
    return dict(rows)


def check_lineages(world):
    rows = world.sql("SELECT id, parent_id, lineage FROM identity.regions")
    parent = {row[0]: row[1] for row in rows}
    for region_id, _, lineage in rows:
        climbed, at = [], region_id
        while at is not None:
            climbed.append(at)
            at = parent[at]
        assert lineage == climbed[::-1]


@pytest.mark.parametrize("run", range(4))
def test_found_parents_are_those_of_the_reference_in_whatever_order_regions_come_and_change(world, west, run):
    del run
    random = chance()
    edges = boxes(random, 14)
    drawn, made = {}, {}
    for number, one in sorted(enumerate(edges), key=lambda _: random.random()):
        code = f"P{number:02}@{west}"
        drawn[code] = one
        made[code] = world.region(code, square(west, *one))
        assert parents(world, drawn) == reference(drawn)
    for _ in range(8):
        code = random.choice(list(drawn))
        drawn[code] = random.choice(boxes(random, 10))
        update(world, world.admin(), now(world, made[code]), boundaries=square(west, *drawn[code]))
        assert parents(world, drawn) == reference(drawn)
    check_lineages(world)


@pytest.mark.parametrize("run", range(4))
def test_whatever_is_moved_lineages_are_those_of_the_parents_and_there_is_no_cycle(world, west, run):
    del run
    random = chance()
    made = [world.region(f"M{number:02}@{west}") for number in range(9)]
    parent = dict.fromkeys(one["id"] for one in made)

    def above(region_id):
        while region_id is not None:
            yield region_id
            region_id = parent[region_id]

    for _ in range(40):
        moved, to = random.choice(made)["id"], random.choice([None, *(one["id"] for one in made)])
        try:
            update(world, world.admin(), now(world, {"id": moved}), parent_id=to)
        except Invalid:
            assert moved in above(to)
        else:
            assert moved not in above(to)
            parent[moved] = to
        check_lineages(world)
    assert {one["id"]: parent_of(world, one) for one in made} == parent


def test_of_two_moves_that_would_make_a_cycle_together_one_is_refused(world, draw):
    one, other = draw("A", 0, 0, 1, 1), draw("B", 2, 2, 3, 3)
    admin, refused = world.admin(), []

    def move():
        try:
            update(world, admin, other, parent_id=one["id"])
        except Invalid as error:
            refused.append(error.fields)

    with world.database.write() as connection:
        given = {"region_id": one["id"], "version": 1, "parent_id": other["id"]}
        regions.update_region(connection, admin, world.locator, one["id"], 1, given)
        moving = threading.Thread(target=move)
        moving.start()
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        eventually(lambda: world.sql(waits) == [(1,)], "the second move waits for the first")
    moving.join(10)
    assert [list(fields) for fields in refused] == [["parent_id"]]
    assert (parent_of(world, one), parent_of(world, other)) == (other["id"], None)

"""The tree of regions, held against a reference of a few lines."""

import random
import threading
from types import SimpleNamespace
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from uuid6 import uuid7

from services.reports.models import REGIONS, regions
from shared.client.errors import Forbidden
from shared.domain import region_tree
from shared.platform.db.engine import Database
from shared.platform.rpc.context import Caller
from tests.support.postgresql import fresh_database

IDS = [UUID(int=number) for number in range(1, 13)]
PERMISSION = "report:read"


@pytest.fixture(scope="module")
def db():
    database = fresh_database()
    opened = Database(database.admin_url, pool_size=5)
    yield opened
    opened.close()
    database.drop()


@pytest.fixture(autouse=True)
def empty(db):
    with db.write() as connection:
        connection.execute(delete(regions))


def told(region_id, version, parent_id):
    """What the tree reads of an event about a region."""
    return SimpleNamespace(data={"region_id": region_id, "version": version, "parent_id": parent_id})


def record(db, *events):
    with db.write() as connection:
        REGIONS.record(connection, events)


def grow(db, parents):
    record(db, *(told(region_id, 1, parent_id) for region_id, parent_id in parents.items()))


def lineages(db):
    with db.read() as connection:
        rows = connection.execute(select(regions.c.region_id, regions.c.lineage))
        return {row.region_id: list(row.lineage) for row in rows}


def chosen(db, region_ids, *, exact=False):
    with db.read() as connection:
        condition = REGIONS.within(connection, regions.c.region_id, region_ids, exact=exact)
        return set(connection.scalars(select(regions.c.region_id).where(condition)))


def reference(events):
    """The lineages that the events leave, in whatever order they came."""
    newest = {}
    for event in events:
        said = event.data
        if said["region_id"] not in newest or newest[said["region_id"]]["version"] < said["version"]:
            newest[said["region_id"]] = said
    found = {}
    for region_id in newest:
        at, path = region_id, []
        while at is not None and at not in path:
            path.insert(0, at)
            at = newest[at]["parent_id"] if at in newest else None
        found[region_id] = path
    return found


@st.composite
def stories(draw):
    """Events about a tree that is rearranged, some lost, some repeated, in any order and in batches of any size."""
    events = []
    for version in range(1, draw(st.integers(1, 4)) + 1):
        order = draw(st.permutations(IDS))
        for place, region_id in enumerate(order):
            parent_id = draw(st.sampled_from([None, *order[:place]]))
            events.append(told(region_id, version, parent_id))
    kept = draw(st.lists(st.sampled_from(events), min_size=1, max_size=2 * len(events)))
    cuts = sorted(draw(st.sets(st.integers(1, len(kept)), max_size=6)) | {len(kept)})
    return [kept[first:last] for first, last in zip([0, *cuts], cuts, strict=False)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories())
def test_lineages_are_those_of_the_newest_events_in_whatever_order_they_came(db, batches):
    with db.write() as connection:
        connection.execute(delete(regions))
    for batch in batches:
        record(db, *batch)
    expected = reference([event for batch in batches for event in batch])
    assert {region_id: set(path) for region_id, path in lineages(db).items()} == {
        region_id: set(path) for region_id, path in expected.items()
    }
    for region_id in IDS:
        below = {found for found, path in expected.items() if region_id in path}
        assert chosen(db, [region_id]) == below


def test_a_lineage_begins_with_the_root_and_ends_with_the_region(db):
    country, department, commune = IDS[:3]
    grow(db, {commune: department, department: country, country: None})
    with db.read() as connection:
        assert REGIONS.lineage(connection, commune) == (country, department, commune)


def test_a_region_that_moves_takes_along_what_lies_in_it(db):
    north, south, town, quarter = IDS[:4]
    grow(db, {north: None, south: None, town: north, quarter: town})
    record(db, told(town, 2, south))
    assert chosen(db, [north]) == {north}
    assert chosen(db, [south]) == {south, town, quarter}


def test_a_child_may_be_told_before_its_parent(db):
    country, department, commune = IDS[:3]
    record(db, told(commune, 1, department))
    assert chosen(db, [department]) == {commune}
    record(db, told(department, 1, country))
    assert chosen(db, [country]) == {department, commune}


def test_a_cycle_that_passes_leaves_no_trace(db):
    one, two = IDS[:2]
    grow(db, {one: None, two: one})
    record(db, told(one, 2, two))
    assert {region_id: set(path) for region_id, path in lineages(db).items()} == {
        one: {one, two},
        two: {one, two},
    }
    record(db, told(two, 2, None))
    assert lineages(db) == {one: [two, one], two: [two]}


def test_an_event_without_a_parent_is_about_a_root(db):
    record(db, SimpleNamespace(data={"region_id": IDS[0], "version": 1}))
    assert lineages(db) == {IDS[0]: [IDS[0]]}


def test_what_identity_says_now_replaces_the_same_version_and_not_a_newer_one(db):
    one, two, parent = IDS[:3]
    record(db, told(one, 1, None), told(two, 3, None))
    with db.write() as connection:
        REGIONS.store(
            connection,
            [
                region_tree.region_row({"version": version, "parent_id": parent}, region_id)
                for region_id, version in ((one, 1), (two, 2))
            ],
        )
    assert lineages(db) == {one: [parent, one], two: [two]}


def test_two_who_move_regions_at_once_both_see_what_the_other_did(db):
    """Each waits for the other: the lineage of a commune follows both, whoever comes first."""
    country, department, commune = IDS[:3]
    grow(db, {country: None, department: None, commune: None})
    first_has_stored, failures = threading.Event(), []

    def second():
        try:
            first_has_stored.wait()
            record(db, told(commune, 2, department))
        except Exception as error:  # noqa: BLE001 - told by the assertion
            failures.append(error)

    other = threading.Thread(target=second)
    other.start()
    with db.write() as connection:
        REGIONS.record(connection, [told(department, 2, country)])
        first_has_stored.set()
    other.join()
    assert failures == []
    assert lineages(db)[commune] == [country, department, commune]


def test_exact_means_the_region_alone(db):
    country, department = IDS[:2]
    grow(db, {country: None, department: country})
    assert chosen(db, [country], exact=True) == {country}
    assert chosen(db, [country]) == {country, department}


def test_no_region_is_chosen_where_none_is_named(db):
    grow(db, {IDS[0]: None})
    assert chosen(db, []) == set()


@pytest.mark.parametrize("count", [1, region_tree.MAX_LISTED, region_tree.MAX_LISTED + 1])
def test_few_and_many_regions_are_chosen_alike(db, count):
    root, *below = [uuid7() for _ in range(count)]
    grow(db, {root: None, IDS[0]: None, **dict.fromkeys(below, root)})
    assert chosen(db, [root]) == {root, *below}
    assert chosen(db, [root, IDS[0]]) == {root, *below, IDS[0]}


def caller(*region_ids):
    return Caller(uuid7(), frozenset(), {PERMISSION: frozenset(region_ids)}, token="", correlation_id="")


def everywhere():
    return Caller(uuid7(), frozenset(), {PERMISSION: None}, token="", correlation_id="")


def may_in(db, who):
    """The regions in which an account holds the permission, asked in the three ways there are."""
    as_given = select(regions.c.region_id).where(REGIONS.held_as_given(regions.c.region_id))
    with db.read() as connection:
        known = list(connection.scalars(select(regions.c.region_id)))
        held = REGIONS.held(connection, who, PERMISSION, regions.c.region_id)
        ways = [
            {region_id for region_id in known if REGIONS.may(connection, who, PERMISSION, region_id)},
            set(connection.scalars(select(regions.c.region_id).where(held))),
            set(connection.scalars(as_given, region_tree.given(who, PERMISSION))),
        ]
    assert ways[0] == ways[1] == ways[2]
    return ways[0]


def test_a_permission_holds_in_what_lies_in_its_region(db):
    country, department, commune, other = IDS[:4]
    grow(db, {country: None, department: country, commune: department, other: None})
    assert may_in(db, caller(department)) == {department, commune}
    assert may_in(db, caller(country)) == {country, department, commune}
    assert may_in(db, caller(commune, other)) == {commune, other}
    assert may_in(db, caller()) == set()
    assert may_in(db, everywhere()) == {country, department, commune, other}


def test_a_permission_follows_a_region_that_moves(db):
    north, south, town = IDS[:3]
    grow(db, {north: None, south: None, town: north})
    who = caller(north)
    record(db, told(town, 2, south))
    assert may_in(db, who) == {north}
    assert may_in(db, caller(south)) == {south, town}


def test_a_permission_in_a_region_that_is_not_known_yet_holds_there(db):
    with db.read() as connection:
        assert REGIONS.may(connection, caller(IDS[0]), PERMISSION, IDS[0])
        assert not REGIONS.may(connection, caller(IDS[1]), PERMISSION, IDS[0])


def test_who_lacks_the_permission_is_told_which(db):
    with db.read() as connection, pytest.raises(Forbidden) as refused:
        REGIONS.require(connection, caller(IDS[1]), PERMISSION, IDS[0])
    assert refused.value.details["permission"] == PERMISSION


def test_callers_with_the_permission_everywhere_cost_no_statement():
    no_connection = None
    assert REGIONS.may(no_connection, everywhere(), PERMISSION, IDS[0])
    REGIONS.held(no_connection, everywhere(), PERMISSION, regions.c.region_id)


def test_a_random_tree_of_some_thousand_regions_is_placed_at_once(db):
    chance = random.Random(7)
    order = [uuid7() for _ in range(3000)]
    parents = {order[0]: None} | {
        region_id: order[chance.randrange(place)] for place, region_id in enumerate(order[1:], start=1)
    }
    mixed = [told(region_id, 1, parent_id) for region_id, parent_id in parents.items()]
    chance.shuffle(mixed)
    record(db, *mixed)
    assert lineages(db) == reference(mixed)
    assert chosen(db, [order[0]]) == set(order)

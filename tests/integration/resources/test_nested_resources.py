"""A region means all that lies in it: in permissions and filters of resources."""

import pytest
from uuid6 import uuid7

from services.resources import imports, schemas, statistics, status, usage
from shared.client.errors import Forbidden, NotFound
from shared.platform.schemas import load
from tests.support.permissions import HELD_IN

REFUSED = (Forbidden, NotFound)
HARBOUR = {"lon": -82.5, "lat": 27.9}


def store(world, caller, row):
    batch = imports.check_rows([row], "nested")
    with world.db.write() as connection:
        result = imports.import_resources(connection, caller, batch)
    if result["refused"]:
        raise Forbidden(str(result["refused"]))
    return result


def read(world, query, *arguments):
    with world.db.read() as connection:
        return query(connection, *arguments)


ACTIONS = {
    "get_resource": lambda world, caller, resource: world.get(caller, resource["id"]),
    "create_resource": lambda world, caller, resource: world.create(caller, region_id=resource["region_id"]),
    "update_resource": lambda world, caller, resource: world.update(caller, resource, name="Other"),
    "move_resource": lambda world, caller, resource: world.update(
        caller, resource, region_id=resource["region_id"], name="Moved"
    ),
    "change_resource_status": lambda world, caller, resource: world.change(caller, resource, "limited"),
    "update_resource_usage": lambda world, caller, resource: world.use(caller, resource, 1),
    "get_resource_history": lambda world, caller, resource: read(
        world, status.get_resource_history, caller, resource["id"], None, 5
    ),
    "list_usage_changes": lambda world, caller, resource: read(
        world, usage.list_usage_changes, caller, resource["id"], None, 5
    ),
    "import_resources": lambda world, caller, resource: store(
        world, caller, world.arguments(region_id=resource["region_id"], key=str(uuid7()))
    ),
    "import_of_a_known_resource": lambda world, caller, resource: store(
        world,
        caller,
        world.arguments(id=resource["id"], region_id=resource["region_id"], name="Imported", current_usage=2),
    ),
}


@pytest.fixture(scope="module")
def places(world):
    return world.places()


@pytest.mark.parametrize("held_in", HELD_IN)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_permission_counts_in_what_lies_in_its_region(world, places, action, held_in):
    resource = world.create(world.caller(), region_id=places["the region"])
    caller = world.caller(only=places[held_in])
    if HELD_IN[held_in]:
        ACTIONS[action](world, caller, resource)
    else:
        with pytest.raises(REFUSED):
            ACTIONS[action](world, caller, resource)


@pytest.mark.parametrize("held_in", HELD_IN)
def test_lists_hold_what_the_caller_may_read(world, held_in):
    places = world.places()
    resource = world.create(world.caller(), region_id=places["the region"])
    caller = world.caller(only=places[held_in])
    expected = [resource["id"]] if HELD_IN[held_in] else []
    assert world.ids(caller) == expected
    assert [item["id"] for item in world.available(caller)] == expected
    assert [item["id"] for item in world.nearest(caller, **HARBOUR)] == expected


def test_a_filter_means_a_region_with_all_below_and_exact_only_itself(world):
    places, reader = world.places(), world.caller()
    there = {name: world.create(reader, region_id=region_id)["id"] for name, region_id in places.items()}

    def found(name, **more):
        filters = {"region_id": str(places[name]), **more}
        listed = set(world.ids(reader, **filters))
        assert {item["id"] for item in world.available(reader, **filters)} == listed
        assert {item["id"] for item in world.nearest(reader, **HARBOUR, **filters)} == listed
        cells = load(schemas.AggregateResources(), {"bbox": [-180, -90, 180, 90], "cell_size": 10, **filters})
        assert read(world, statistics.aggregate_resources, reader, cells)["total"] == len(listed)
        return listed

    assert found("a region above") == set(there.values())
    assert found("the region") == {there["the region"], there["a region below"]}
    for name, resource_id in there.items():
        assert found(name, exact=True) == {resource_id}


def test_everything_follows_a_region_that_moves(world):
    places, reader = world.places(), world.caller()
    resource = world.create(reader, region_id=places["a region below"])
    narrowed = world.caller(only=places["the region"])
    world.use(narrowed, resource, 1)
    world.nest(places["a region below"], places["a region beside"], version=2)
    with pytest.raises(NotFound):
        world.use(narrowed, resource, 1)
    world.use(world.caller(only=places["a region beside"]), resource, 1)

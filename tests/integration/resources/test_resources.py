"""Adding, editing and seeing resources, on PostgreSQL."""

from __future__ import annotations

import pytest
from uuid6 import uuid7

from services.resources import catalogue
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain import CONTRACTS
from shared.domain.permissions import RESOURCE_READ, RESOURCE_UPDATE


def test_a_resource_is_added_with_its_event(world):
    caller = world.caller()
    resource = world.create(caller, current_usage=4)
    assert (resource["status"], resource["version"], resource["available_capacity"]) == ("available", 1, 6)
    [event] = world.events(resource["id"])
    assert (event["type"], event["sequence"]) == ("resource_created", 1)
    assert event["correlation_id"] == caller.correlation_id
    assert event["data"]["changed_by"] == str(caller.user_id)


def test_a_resource_without_a_capacity_is_unlimited(world):
    resource = world.create(world.caller(), capacity=...)
    assert (resource["capacity"], resource["available_capacity"], resource["current_usage"]) == (
        None,
        None,
        0,
    )


def test_a_repeated_create_returns_the_first(world):
    caller, resource_id = world.caller(), uuid7()
    first = world.create(caller, id=resource_id)
    assert world.create(caller, id=resource_id)["created_at"] == first["created_at"]
    assert len(world.events(resource_id)) == 1


@pytest.mark.parametrize("who", ["same", "other"])
def test_an_id_belongs_to_one_resource(world, who):
    caller, resource_id = world.caller(), uuid7()
    world.create(caller, id=resource_id)
    changed = {"name": "Else"} if who == "same" else {}
    with pytest.raises(Conflict) as caught:
        world.create(caller if who == "same" else world.caller(), id=resource_id, **changed)
    assert set(caught.value.fields) == {"id"}


def test_unknown_ids_are_named(world):
    caller = world.caller()
    for field in ("region_id", "resource_type_id"):
        with pytest.raises(Invalid) as caught:
            world.create(caller, **{field: uuid7()})
        assert set(caught.value.fields) == {field}


def test_a_type_out_of_use_is_not_given_any_more(world):
    caller = world.caller()
    with world.db.autocommit() as connection:
        made = catalogue.create_resource_type(connection, caller, {"name": f"Tent {uuid7()}"})
    resource = world.create(caller, resource_type_id=made["id"])
    with world.db.autocommit() as connection:
        assert catalogue.deactivate_resource_type(connection, made["id"])["is_active"] is False
    for change in (
        lambda: world.create(caller, resource_type_id=made["id"]),
        lambda: world.update(caller, world.create(caller), resource_type_id=made["id"]),
    ):
        with pytest.raises(Invalid) as caught:
            change()
        assert caught.value.fields == {"resource_type_id": ["This resource type is not in use any more."]}
    assert world.update(caller, resource, resource_type_id=made["id"], name="Still one")["version"] == 2


def test_an_edit_is_one_event_that_names_what_changed(world):
    caller = world.caller()
    resource = world.create(caller)
    edited = world.update(caller, resource, name="Harbour hall", capacity=20)
    assert (edited["name"], edited["capacity"], edited["version"]) == ("Harbour hall", 20, 2)
    assert edited["updated_by"] == caller.user_id
    _, event = world.events(resource["id"])
    assert (event["type"], event["data"]["changed"]) == ("resource_updated", ["name", "capacity"])
    assert event["correlation_id"] == caller.correlation_id


def test_a_repeated_edit_changes_nothing_and_a_late_one_is_refused(world):
    caller = world.caller()
    resource = world.create(caller)
    first = world.update(caller, resource, name="Hall")
    assert world.update(caller, resource, name="Hall")["version"] == first["version"]
    with pytest.raises(Conflict) as caught:
        world.update(caller, resource, name="Barn")
    assert caught.value.details["version"] == 2


def test_a_capacity_holds_what_is_in_use(world):
    caller = world.caller()
    resource = world.create(caller, current_usage=7)
    with pytest.raises(Conflict) as caught:
        world.update(caller, resource, capacity=6)
    assert set(caught.value.fields) == {"capacity"}
    assert caught.value.details["current_usage"] == 7
    assert world.update(caller, resource, capacity=7)["available_capacity"] == 0
    assert world.update(caller, resource, capacity=None, version=2)["capacity"] is None


def test_permissions_end_at_the_region(world):
    north, south = world.regions["north"], world.regions["south"]
    resource = world.create(world.caller())
    with pytest.raises(Forbidden):
        world.create(world.caller(only=south))
    stranger = world.caller(only=south)
    for attempt in (
        lambda: world.get(stranger, resource["id"]),
        lambda: world.update(stranger, resource, name="Mine"),
        lambda: world.change(stranger, resource, "closed"),
        lambda: world.use(stranger, resource, 1),
    ):
        with pytest.raises(NotFound):
            attempt()
    reader = world.caller("viewer", only=north)
    assert world.get(reader, resource["id"])["id"] == resource["id"]
    for attempt in (
        lambda: world.update(reader, resource, name="Mine"),
        lambda: world.change(reader, resource, "closed"),
        lambda: world.use(reader, resource, 1),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_a_resource_moves_only_where_the_caller_may_edit(world):
    north, south = world.regions["north"], world.regions["south"]
    resource = world.create(world.caller())
    with pytest.raises(Forbidden):
        world.update(world.caller(only=north), resource, region_id=south)
    both = world.caller_with({RESOURCE_READ: None, RESOURCE_UPDATE: frozenset({north, south})})
    assert world.update(both, resource, region_id=south)["region_id"] == south
    with pytest.raises(NotFound):
        world.update(world.caller(only=north), resource, region_id=south)


def test_every_event_is_as_its_contract_says(world):
    caller = world.caller()
    resource = world.create(caller)
    world.use(caller, resource, 3)
    world.change(caller, resource, "limited", version=2)
    world.update(caller, resource, version=3, contact_phone="555-0100", capacity=None)
    events = world.events(resource["id"])
    assert [(event["type"], event["sequence"]) for event in events] == [
        ("resource_created", 1),
        ("resource_usage_changed", 2),
        ("resource_status_changed", 3),
        ("resource_updated", 4),
    ]
    for event in events:
        schema = CONTRACTS["resources", event["type"]].schema()
        assert set(event["data"]) == set(schema.fields)
        assert schema.load(event["data"])["resource_id"] == resource["id"]
    assert "555-0100" not in str(events)

"""Storing many resources in one call, on PostgreSQL."""

from __future__ import annotations

from uuid6 import uuid7

from services.resources import operations, schemas


def store(world, caller, rows):
    batch = operations.check_rows(rows)
    with world.db.write() as connection:
        result = operations.import_resources(connection, caller, batch)
    return schemas.ImportResult().dump(result)


def rows_of(world, count):
    return [world.arguments(id=uuid7(), name=f"Row {number}") for number in range(count)]


def test_rows_are_stored_with_their_events(world):
    caller = world.caller()
    rows = rows_of(world, 500)
    rows[499] |= {"current_usage": 3, "contact_phone": "555-0100"}
    rows[498].pop("capacity")
    result = store(world, caller, rows)
    assert (result["stored"], result["unchanged"], result["refused"]) == (500, 0, [])
    last, unlimited = (world.get(caller, result["ids"][index]) for index in (499, 498))
    assert (last["name"], last["current_usage"], last["contact_phone"]) == ("Row 499", 3, "555-0100")
    assert (unlimited["capacity"], unlimited["current_usage"]) == (None, 0)
    [event] = world.events(last["id"])
    assert (event["type"], event["correlation_id"]) == ("resource_created", caller.correlation_id)
    assert event["data"]["changed_by"] == str(caller.user_id)


def test_a_repeat_changes_nothing(world):
    caller = world.caller()
    rows = rows_of(world, 5)
    store(world, caller, rows[:3])
    result = store(world, caller, rows)
    assert (result["stored"], result["unchanged"], result["refused"]) == (2, 3, [])
    changed = store(world, caller, [{**rows[0], "name": "Else"}])
    assert changed["refused"][0]["fields"] == {"id": ["Is taken already."]}


def test_a_row_is_the_same_resource_as_a_create(world):
    caller, resource_id = world.caller(), uuid7()
    world.create(caller, id=resource_id)
    assert store(world, caller, [world.arguments(id=resource_id)])["unchanged"] == 1


def test_each_row_at_fault_is_answered_and_the_others_are_stored(world):
    caller = world.caller()
    faults = {
        "name": world.arguments(name=""),
        "current_usage": world.arguments(current_usage=11),
        "location.coordinates": world.arguments(location={"type": "Point", "coordinates": [500, 0]}),
        "status": world.arguments(status="closed"),
        "resource_type_id": world.arguments(resource_type_id=uuid7()),
        "region_id": world.arguments(region_id=uuid7()),
    }
    result = store(world, caller, [world.arguments(), *faults.values(), world.arguments()])
    assert result["stored"] == 2
    assert [refusal["row"] for refusal in result["refused"]] == list(range(1, 7))
    for (field, _), refusal in zip(faults.items(), result["refused"], strict=True):
        assert set(refusal["fields"]) == {field}


def test_rows_of_forbidden_regions_are_refused(world):
    caller = world.caller(only=world.regions["north"])
    rows = [world.arguments(), world.arguments(region_id=world.regions["south"])]
    result = store(world, caller, rows)
    assert result["stored"] == 1
    assert [(refusal["row"], refusal["error"]) for refusal in result["refused"]] == [(1, "forbidden")]

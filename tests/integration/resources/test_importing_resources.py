"""Storing many resources in one call, on PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from uuid6 import uuid7

from services.resources import catalogue, imports, schemas, usage
from tests.support.waiting import eventually


def store(world, caller, rows, source=""):
    batch = imports.check_rows(rows, source)
    with world.db.write() as connection:
        result = imports.import_resources(connection, caller, batch)
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
    assert len(world.events(rows[0]["id"])) == 1


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
        "status": world.arguments(status="shut"),
        "key": world.arguments(key=" "),
        "resource_type_id": world.arguments(resource_type_id=uuid7()),
        "region_id": world.arguments(region_id=uuid7()),
    }
    result = store(world, caller, [world.arguments(), *faults.values(), world.arguments()])
    assert result["stored"] == 2
    assert [refusal["row"] for refusal in result["refused"]] == list(range(1, 8))
    for (field, _), refusal in zip(faults.items(), result["refused"], strict=True):
        assert set(refusal["fields"]) == {field}


def test_rows_of_forbidden_regions_are_refused(world):
    caller = world.caller(only=world.regions["north"])
    rows = [world.arguments(), world.arguments(region_id=world.regions["south"])]
    result = store(world, caller, rows)
    assert result["stored"] == 1
    assert [(refusal["row"], refusal["error"]) for refusal in result["refused"]] == [(1, "forbidden")]


def types_of_events(world, resource_id):
    return [event["type"] for event in world.events(resource_id)]


def test_a_key_names_the_same_resource_again_and_what_changed_is_updated(world):
    caller, source = world.caller(), str(uuid7())
    rows = [
        world.arguments(key="17", current_usage=4),
        world.arguments(key="18", name="Hall", current_usage=5),
    ]
    first = store(world, caller, rows, source)
    later = [rows[0] | {"current_usage": 9, "capacity": 12}, rows[1]]
    second = store(world, caller, later, source)
    assert (first["stored"], first["updated"]) == (2, 0)
    assert (second["stored"], second["updated"], second["unchanged"]) == (0, 1, 1)
    assert second["ids"] == first["ids"]
    full, same = (world.get(caller, row_id) for row_id in first["ids"])
    assert (full["current_usage"], full["capacity"], full["version"]) == (9, 12, 2)
    assert same["version"] == 1
    assert sorted(types_of_events(world, full["id"])) == [
        "resource_created",
        "resource_updated",
        "resource_usage_changed",
    ]
    with world.db.read() as connection:
        [entry] = usage.list_usage_changes(connection, caller, full["id"], None, 10)["items"]
    assert (entry["usage_change"], entry["current_usage"], entry["capacity"], entry["version"]) == (
        5,
        9,
        12,
        2,
    )
    assert entry["changed_by"] == caller.user_id
    again = store(world, caller, later, source)
    assert (again["stored"], again["updated"], again["unchanged"]) == (0, 0, 2)
    assert world.get(caller, full["id"])["version"] == 2


def test_keys_of_different_sources_are_different_resources(world):
    caller = world.caller()
    ids = [store(world, caller, [world.arguments(key="17")], str(uuid7()))["ids"] for _ in range(2)]
    assert ids[0] != ids[1]


def test_what_people_changed_since_stays_when_the_row_says_what_it_said_before(world):
    caller, source = world.caller(), str(uuid7())
    row = world.arguments(key="17", current_usage=4)
    [resource_id] = store(world, caller, [row], source)["ids"]
    world.use(caller, {"id": resource_id}, 3)
    assert store(world, caller, [row], source)["unchanged"] == 1
    assert world.get(caller, resource_id)["current_usage"] == 7
    store(world, caller, [row | {"current_usage": 5}], source)
    assert world.get(caller, resource_id)["current_usage"] == 5


def test_a_status_is_entered_by_the_rules_of_its_moves(world):
    caller, source = world.caller(), str(uuid7())
    row = world.arguments(key="17")
    [resource_id] = store(
        world, caller, [row | {"status": "closed", "status_notes": "Roof damaged"}], source
    )["ids"]
    resource = world.get(caller, resource_id)
    assert (resource["status"], resource["status_notes"]) == ("closed", "Roof damaged")
    assert resource_id not in [found["id"] for found in world.available(caller)]
    [refusal] = store(world, caller, [row | {"status": "limited"}], source)["refused"]
    assert (refusal["row"], refusal["error"]) == (0, "conflict")
    store(world, caller, [row | {"status": "available"}], source)
    resource = world.get(caller, resource_id)
    assert (resource["status"], resource["status_notes"]) == ("available", None)
    assert types_of_events(world, resource_id) == ["resource_created", "resource_status_changed"]


def test_null_clears_what_may_be_empty_and_leaving_out_keeps(world):
    caller, source = world.caller(), str(uuid7())
    row = world.arguments(key="17", contact_phone="555-0100", description="Two floors", current_usage=4)
    [resource_id] = store(world, caller, [row], source)["ids"]
    changed = {name: value for name, value in row.items() if name != "description"}
    store(world, caller, [changed | {"contact_phone": None, "current_usage": None, "capacity": None}], source)
    resource = world.get(caller, resource_id)
    assert (resource["contact_phone"], resource["capacity"]) == (None, None)
    assert (resource["description"], resource["current_usage"]) == ("Two floors", 4)


def test_a_change_that_the_resource_cannot_bear_is_refused_alone(world):
    caller, source = world.caller(), str(uuid7())
    rows = [world.arguments(key=str(number), current_usage=4) for number in range(3)]
    store(world, caller, rows, source)
    later = [rows[0] | {"capacity": 3}, rows[1] | {"current_usage": 5}, rows[2]]
    for row in later:
        row.pop("current_usage") if row["capacity"] == 3 else None
    result = store(world, caller, later, source)
    assert (result["updated"], result["unchanged"]) == (1, 1)
    assert [(refusal["row"], refusal["error"]) for refusal in result["refused"]] == [(0, "conflict")]
    assert result["ids"][0] is None


def test_an_update_needs_what_the_operations_on_one_resource_need(world):
    source = str(uuid7())
    row = world.arguments(key="17")
    store(world, world.caller(), [row], source)
    importer = world.caller_with({"resource:import": None, "resource:read": None})
    for change in ({"name": "Hall"}, {"current_usage": 1}, {"status": "limited"}):
        [refusal] = store(world, importer, [row | change], source)["refused"]
        assert refusal["error"] == "forbidden"
    assert store(world, importer, [row], source)["unchanged"] == 1


def test_a_resource_of_another_region_is_not_taken_over(world):
    caller = world.caller()
    [resource_id] = store(world, caller, [world.arguments(region_id=world.regions["south"])])["ids"]
    northern = world.caller(only=world.regions["north"])
    [refusal] = store(world, northern, [world.arguments(id=resource_id, name="Mine")])["refused"]
    assert refusal["error"] == "forbidden"
    assert world.get(caller, resource_id)["name"] == "Harbour school"


def test_what_was_imported_before_there_were_keys_is_recognised_and_gets_its_key(world):
    caller, source, former = world.caller(), str(uuid7()), uuid7()
    row = world.arguments(id=former)
    store(world, caller, [row])
    keyed = world.arguments(key="17", former_id=former, current_usage=2)
    result = store(world, caller, [keyed], source)
    assert (result["stored"], result["updated"], result["ids"]) == (0, 1, [former])
    [found] = world.list(caller, import_source=source)["items"]
    assert (found["id"], found["import_key"], found["current_usage"]) == (former, "17", 2)
    later = world.arguments(key="17", former_id=uuid7(), current_usage=3)
    assert store(world, caller, [later], source)["ids"] == [former]


def test_a_record_that_was_imported_under_another_key_is_recognised_and_gets_the_new_one(world):
    caller, source = world.caller(), str(uuid7())
    usual = f"by name {source}"
    [resource_id] = store(world, caller, [world.arguments(key=usual)])["ids"]
    keyed = world.arguments(key="17", former_key=usual, current_usage=2)
    result = store(world, caller, [keyed, world.arguments(key="18", former_key="none")], source)
    assert (result["stored"], result["updated"], result["ids"][0]) == (1, 1, resource_id)
    again = store(world, caller, [keyed], source)
    assert (again["unchanged"], again["ids"]) == (1, [resource_id])
    other = store(world, caller, [world.arguments(key=usual)])["ids"]
    assert store(world, caller, [keyed | {"current_usage": 3}], source)["ids"] == [resource_id]
    assert other != [resource_id], "a key counts before a former one"


def test_the_second_row_about_the_same_record_is_refused(world):
    rows = [world.arguments(key="17"), world.arguments(key="17", name="Hall")]
    result = store(world, world.caller(), rows, str(uuid7()))
    assert result["stored"] == 1
    assert result["refused"][0]["fields"] == {"key": ["Row 0 of this call has the same key."]}


def test_a_row_that_names_a_resource_by_id_which_another_names_by_key_is_refused(world):
    caller, source = world.caller(), str(uuid7())
    [resource_id] = store(world, caller, [world.arguments(key="17")], source)["ids"]
    rows = [world.arguments(key="17", name="Hall"), world.arguments(id=resource_id, name="Barn")]
    result = store(world, caller, rows, source)
    assert (result["updated"], [refusal["row"] for refusal in result["refused"]]) == (1, [1])
    assert world.get(caller, resource_id)["name"] == "Hall"


def test_an_unknown_region_of_an_update_is_refused_alone(world):
    caller, source = world.caller(), str(uuid7())
    rows = [world.arguments(key=str(number)) for number in range(2)]
    store(world, caller, rows, source)
    later = [rows[0] | {"region_id": str(uuid7())}, rows[1] | {"name": "Hall"}]
    result = store(world, caller, later, source)
    assert result["updated"] == 1
    assert result["refused"][0]["fields"] == {"region_id": ["No such region."]}


def test_a_place_that_moves_takes_its_region_along_and_one_that_stays_keeps_its_own(world):
    caller, source = world.caller(), str(uuid7())
    row = world.arguments(key="17", region_id=...)
    north, south = world.regions["north"], world.regions["south"]

    def put(row, region_id):
        batch = imports.check_rows([row], source)
        batch.locate(0, region_id)
        with world.db.write() as connection:
            return imports.import_resources(connection, caller, batch)["ids"][0]

    resource_id = put(row, north)
    put(row | {"name": "Hall"}, south)
    assert world.get(caller, resource_id)["region_id"] == north
    put(row | {"location": {"type": "Point", "coordinates": [-82, 27]}}, south)
    assert world.get(caller, resource_id)["region_id"] == south


def test_a_resource_keeps_a_type_that_went_out_of_use_and_no_other_gets_it(world):
    caller, source = world.caller(), str(uuid7())
    with world.db.autocommit() as connection:
        made = catalogue.create_resource_type(connection, caller, {"name": f"Barge {source}"})
    rows = [world.arguments(key=str(number), resource_type_id=made["id"]) for number in range(2)]
    [resource_id] = store(world, caller, rows[:1], source)["ids"]
    with world.db.autocommit() as connection:
        catalogue.deactivate_resource_type(connection, made["id"])
    result = store(world, caller, [rows[0] | {"name": "Hall"}, rows[1]], source)
    assert (result["updated"], result["stored"]) == (1, 0)
    assert result["refused"][0]["fields"] == {
        "resource_type_id": ["This resource type is not in use any more."]
    }
    assert world.get(caller, resource_id)["name"] == "Hall"


def test_two_imports_of_the_same_rows_at_the_same_time_make_each_resource_once(world):
    caller, source = world.caller(), str(uuid7())
    rows = [world.arguments(key=str(number), current_usage=number % 10) for number in range(200)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: store(world, caller, rows, source), range(4)))
    assert sum(result["stored"] for result in results) == 200
    assert sum(result["unchanged"] for result in results) == 600
    assert len({tuple(result["ids"]) for result in results}) == 1


def test_a_key_that_two_imports_give_to_different_resources_at_once_is_given_to_one(world):
    caller, source = world.caller(), str(uuid7())
    first, second, third = store(world, caller, rows_of(world, 3))["ids"]
    other = [world.arguments(id=second, key="17"), world.arguments(id=third, key="18", name="Hall")]
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool:
        with world.db.write() as connection:
            batch = imports.check_rows([world.arguments(id=first, key="17")], source)
            assert imports.import_resources(connection, caller, batch)["updated"] == 1
            late = pool.submit(store, world, caller, other, source)
            with world.db.read() as onlooker:
                eventually(lambda: onlooker.exec_driver_sql(waits).scalar_one(), "the other waits")
        result = late.result()
    assert (result["updated"], [refusal["row"] for refusal in result["refused"]]) == (1, [0])
    assert "at this very moment" in result["refused"][0]["fields"]["key"][0]
    assert world.get(caller, third)["name"] == "Hall"
    assert world.get(caller, second)["version"] == 1


def test_a_row_cannot_fill_what_is_closed_nor_close_what_is_in_use_without_saying_how_much(world):
    caller, source = world.caller(), "shelters"
    open_row = world.arguments(key="21", current_usage=4)
    store(world, caller, [open_row], source)
    shut = world.arguments(key="21", status="closed", current_usage=None)
    [problem] = store(world, caller, [shut], source)["refused"]
    assert problem["fields"] == {"despite_usage": ["Must be true, because 4 are still in use."]}
    [resource_id] = store(world, caller, [open_row | {"status": "closed"}], source)["ids"]
    closed = world.get(caller, resource_id)
    assert (closed["status"], closed["current_usage"]) == ("closed", 4)
    [problem] = store(world, caller, [open_row | {"status": "closed", "current_usage": 5}], source)["refused"]
    assert "admits nobody" in problem["message"]
    assert world.get(caller, resource_id)["current_usage"] == 4

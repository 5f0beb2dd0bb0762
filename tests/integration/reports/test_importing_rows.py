"""Storing many reports in one call, on PostgreSQL."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from uuid6 import uuid7

from services.reports import imports, schemas
from shared.client.errors import Invalid
from shared.platform.schemas import load
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.integration.reports.conftest import World


def store(world: World, caller, rows, source=""):
    batch = imports.check_rows(rows, source)
    with world.db.write() as connection:
        result = imports.import_reports(connection, caller, batch)
    return schemas.ImportResult().dump(result)


def rows_of(world, count):
    return [world.arguments(id=uuid7(), title=f"Row {number}") for number in range(count)]


def test_rows_are_stored_with_their_events(world):
    caller = world.caller()
    rows = rows_of(world, 500)
    result = store(world, caller, rows)
    assert (result["stored"], result["unchanged"], result["refused"]) == (500, 0, [])
    assert [str(row_id) for row_id in result["ids"]] == [row["id"] for row in rows]
    report = world.get(caller, result["ids"][499])
    assert (report["title"], report["status"], report["user_id"]) == ("Row 499", "pending", caller.user_id)
    [event] = world.events(report["id"])
    assert (event["type"], event["correlation_id"]) == ("report_created", caller.correlation_id)


def test_a_repeat_changes_nothing(world):
    caller = world.caller()
    rows = rows_of(world, 5)
    store(world, caller, rows[:3])
    result = store(world, caller, rows)
    assert (result["stored"], result["unchanged"], result["refused"]) == (2, 3, [])
    assert len(world.events(rows[0]["id"])) == 1
    other = store(world, world.caller(), rows[:1])
    assert (other["unchanged"], other["refused"]) == (1, [])


def test_a_key_names_the_same_report_again_and_what_was_wrong_is_corrected(world):
    caller, source = world.caller(), str(uuid7())
    row = world.arguments(key="4052", reported_at="2010-07-05T17:26:00+00:00")
    [report_id] = store(world, caller, [row], source)["ids"]
    result = store(world, caller, [row | {"reported_at": "2010-07-05T22:26:00+00:00"}], source)
    assert (result["stored"], result["updated"], result["ids"]) == (0, 1, [report_id])
    report = world.get(caller, report_id)
    assert (report["reported_at"].hour, report["version"]) == (22, 2)
    assert [event["type"] for event in world.events(report_id)] == ["report_created", "report_updated"]
    again = store(world, caller, [row | {"reported_at": "2010-07-05T22:26:00+00:00"}], source)
    assert again["unchanged"] == 1
    assert world.get(caller, report_id)["version"] == 2


def test_a_row_without_a_time_leaves_the_one_that_the_report_has(world):
    caller, source = world.caller(), str(uuid7())
    row = world.arguments(key="1", reported_at="2010-07-05T17:26:00+00:00")
    [report_id] = store(world, caller, [row], source)["ids"]
    store(world, caller, [world.arguments(key="1", reported_at=..., title="Else")], source)
    report = world.get(caller, report_id)
    assert (report["title"], report["reported_at"].year) == ("Else", 2010)


def test_a_status_is_entered_by_the_rules_of_its_moves(world):
    caller, source = world.caller(), str(uuid7())
    row = world.arguments(key="1", status="resolved", status_notes="Bridge rebuilt")
    [report_id] = store(world, caller, [row], source)["ids"]
    report = world.get(caller, report_id)
    assert (report["status"], report["status_notes"]) == ("resolved", "Bridge rebuilt")
    assert report["resolved_at"] is not None
    [refusal] = store(world, caller, [row | {"status": "pending"}], source)["refused"]
    assert refusal["error"] == "conflict"
    assert store(world, caller, [row | {"status": "closed"}], source)["updated"] == 1
    [refusal] = store(world, caller, [world.arguments(status="duplicate")])["refused"]
    assert set(refusal["fields"]) == {"status"}


def test_somebody_who_may_not_edit_reports_updates_none(world):
    source = str(uuid7())
    row = world.arguments(key="1")
    store(world, world.caller(), [row], source)
    importer = world.caller_with({"report:import": None})
    [refusal] = store(world, importer, [row | {"title": "Else"}], source)["refused"]
    assert refusal["error"] == "forbidden"
    assert store(world, importer, [world.arguments(key="2")], source)["stored"] == 1


def test_a_row_is_the_same_report_as_a_create(world):
    caller, report_id = world.caller(), uuid7()
    world.create(caller, id=report_id)
    result = store(world, caller, [world.arguments(id=report_id)])
    assert result["unchanged"] == 1


def test_each_row_at_fault_is_answered_and_the_others_are_stored(world):
    caller = world.caller()
    good, twin, anonymous = world.arguments(id=uuid7()), uuid7(), world.arguments()
    tomorrow = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).isoformat()
    faults = {
        "title": world.arguments(title=""),
        "description": world.arguments(description=...),
        "location.coordinates": world.arguments(location={"type": "Point", "coordinates": [500, 0]}),
        "reported_at": world.arguments(reported_at="05/07/2010 17:26"),
        "status": world.arguments(status="solved"),
        "report_type_id": world.arguments(report_type_id=uuid7()),
        "severity_level_id": world.arguments(severity_level_id=uuid7()),
        "region_id": world.arguments(region_id=uuid7()),
    }
    rows = [
        good,
        *faults.values(),
        world.arguments(reported_at=tomorrow),
        world.arguments(id=twin),
        world.arguments(id=twin),
        "not an object",
        None,
        anonymous,
    ]
    result = store(world, caller, rows)
    assert (result["stored"], result["unchanged"]) == (3, 0)
    refused = {refusal["row"]: refusal for refusal in result["refused"]}
    for index, field in enumerate(faults, start=1):
        assert set(refused.pop(index)["fields"]) == {field}
    assert set(refused.pop(9)["fields"]) == {"reported_at"}
    assert refused.pop(11)["fields"] == {"id": ["Row 10 of this call has the same id."]}
    assert {refusal["error"] for refusal in refused.values()} == {"invalid"}
    assert refused.keys() == {12, 13}
    assert [index for index, row_id in enumerate(result["ids"]) if row_id] == [0, 10, 14]
    assert world.get(caller, result["ids"][14])["title"] == "Bridge out"


def test_a_region_narrows_what_may_be_imported(world):
    caller = world.caller("coordinator", only=world.regions["north"])
    rows = [world.arguments(), world.arguments(region_id=world.regions["south"])]
    result = store(world, caller, rows)
    assert result["stored"] == 1
    [refusal] = result["refused"]
    assert (refusal["row"], refusal["error"]) == (1, "forbidden")


def test_a_row_without_a_region_is_located_or_refused(world):
    batch = imports.check_rows([world.arguments(region_id=...), world.arguments(region_id=None)])
    assert batch.unlocated() == [0, 1]
    batch.locate(0, world.regions["south"])
    batch.locate(1, None)
    caller = world.caller()
    with world.db.write() as connection:
        result = imports.import_reports(connection, caller, batch)
    assert world.get(caller, result["ids"][0])["region_id"] == world.regions["south"]
    assert set(result["refused"][0]["fields"]) == {"region_id"}


@pytest.mark.parametrize("rows", [[], [{}] * 501, "rows", None])
def test_a_call_has_1_to_500_rows(rows):
    with pytest.raises(Invalid) as caught:
        load(schemas.ImportReports(), {"rows": rows})
    assert set(caught.value.fields) == {"rows"}


def test_a_key_that_two_imports_give_to_different_reports_at_once_is_given_to_one(world):
    caller, source = world.caller(), str(uuid7())
    first, second, third = store(world, caller, rows_of(world, 3))["ids"]
    other = [world.arguments(id=second, key="17"), world.arguments(id=third, key="18", title="Hall")]
    waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as pool:
        with world.db.write() as connection:
            batch = imports.check_rows([world.arguments(id=first, key="17")], source)
            assert imports.import_reports(connection, caller, batch)["updated"] == 1
            late = pool.submit(store, world, caller, other, source)
            with world.db.read() as onlooker:
                eventually(lambda: onlooker.exec_driver_sql(waits).scalar_one(), "the other waits")
        result = late.result()
    assert (result["updated"], [refusal["row"] for refusal in result["refused"]]) == (1, [0])
    assert "at this very moment" in result["refused"][0]["fields"]["key"][0]
    assert world.get(caller, third)["title"] == "Hall"
    assert world.get(caller, second)["version"] == 1

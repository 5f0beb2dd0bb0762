"""Filing and editing reports, and who may see and do it, on PostgreSQL."""

from __future__ import annotations

import datetime as dt

import pytest
from uuid6 import uuid7

from services.reports import catalogue, comments, schemas
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain import CONTRACTS
from shared.platform.schemas import load


def test_a_report_begins_as_pending_and_tells_of_itself(world):
    reporter = world.caller("reporter")
    report = world.create(reporter, id=uuid7())
    assert (report["status"], report["version"], report["user_id"]) == ("pending", 1, reporter.user_id)
    assert abs(report["reported_at"] - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=10)
    [event] = world.events(report["id"])
    assert (event["type"], event["sequence"]) == ("report_created", 1)
    assert event["correlation_id"] == reporter.correlation_id
    data = CONTRACTS["reports", "report_created"].schema().load(event["data"])
    assert data["severity_level"] == 3
    assert data["changed_by"] == reporter.user_id
    assert schemas.Report().dump(world.get(reporter, report["id"]))["location"]["address"] == "Jacmel"


def test_a_repeated_create_returns_the_first(world):
    reporter, report_id = world.caller("reporter"), uuid7()
    first = world.create(reporter, id=report_id)
    world.update(reporter, first, title="Renamed since")
    again = world.create(reporter, id=report_id)
    assert (again["id"], again["version"]) == (report_id, 2)
    assert [event["type"] for event in world.events(report_id)] == ["report_created", "report_updated"]


def test_an_id_belongs_to_one_content_and_one_author(world):
    reporter, report_id = world.caller("reporter"), uuid7()
    world.create(reporter, id=report_id)
    with pytest.raises(Conflict) as caught:
        world.create(reporter, id=report_id, title="Another one")
    assert set(caught.value.fields) == {"id"}
    with pytest.raises(Conflict):
        world.create(world.caller("reporter"), id=report_id)


@pytest.mark.parametrize("field", ["region_id", "report_type_id", "severity_level_id"])
def test_unknown_ids_are_named(world, field):
    with pytest.raises(Invalid) as caught:
        world.create(world.caller(), **{field: uuid7()})
    assert set(caught.value.fields) == {field}


def test_both_unknown_catalogue_ids_are_named_at_once(world):
    with pytest.raises(Invalid) as caught:
        world.create(world.caller(), report_type_id=uuid7(), severity_level_id=uuid7())
    assert set(caught.value.fields) == {"report_type_id", "severity_level_id"}


def test_an_inactive_type_is_taken_from_the_field_and_given_by_nobody_else(world):
    with world.db.autocommit() as connection:
        kind = catalogue.TYPES.create(
            connection, world.caller(), {"id": None, "name": f"Passing {uuid7()}", "description": None}
        )
        before = world.create(world.caller(), report_type_id=kind["id"])
        catalogue.TYPES.update(connection, kind["id"], {"is_active": False})
    filed = world.create(world.caller(), report_type_id=kind["id"])
    assert (filed["report_type_id"], filed["review_reasons"]) == (kind["id"], ["type_inactive"])
    other = world.create(world.caller())
    with pytest.raises(Invalid, match="not in use"):
        world.update(world.caller(), other, report_type_id=kind["id"])
    assert world.get(world.caller(), before["id"])["report_type_id"] == kind["id"]


def test_the_future_cannot_be_reported(world):
    tomorrow = dt.datetime.now(dt.UTC) + dt.timedelta(days=1, minutes=6)
    with pytest.raises(Invalid) as caught:
        world.create(world.caller(), reported_at=tomorrow.isoformat())
    assert set(caught.value.fields) == {"reported_at"}
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=2)
    report = world.create(world.caller(), reported_at=soon.isoformat())
    with pytest.raises(Invalid):
        world.update(world.caller(), report, reported_at=tomorrow)


def test_null_is_as_good_as_nothing(world):
    arguments = load(schemas.CreateReport(), world.arguments(id=None, reported_at=None))
    assert not arguments.keys() & {"id", "reported_at"}


def test_a_reporter_sees_and_edits_its_own_only(world):
    owner, other = world.caller("reporter"), world.caller("reporter")
    report = world.create(owner)
    assert world.get(owner, report["id"])["id"] == report["id"]
    assert world.ids(owner) == [report["id"]]
    assert world.ids(other) == []
    with pytest.raises(NotFound):
        world.get(other, report["id"])
    with pytest.raises(NotFound):
        world.update(other, report, title="Mine now")
    assert world.update(owner, report, title="Bridge gone")["title"] == "Bridge gone"


def test_ones_own_report_can_be_edited_only_while_it_is_pending(world):
    owner = world.caller("reporter")
    report = world.create(owner)
    confirmed = world.change(world.caller(), report, "confirmed")
    with pytest.raises(Conflict) as caught:
        world.update(owner, confirmed, title="Late")
    assert caught.value.details["status"] == "confirmed"
    assert world.update(world.caller(), confirmed, title="Corrected")["version"] == 3


def test_a_reader_may_not_edit(world):
    report = world.create(world.caller())
    with pytest.raises(Forbidden):
        world.update(world.caller("viewer"), report, title="No")


def test_a_region_narrows_what_one_sees_and_edits(world):
    north, south = world.regions["north"], world.regions["south"]
    keeper = world.caller("responder", only=north)
    here, there = world.create(world.caller()), world.create(world.caller(), region_id=south)
    assert world.get(keeper, here["id"])["region_id"] == north
    with pytest.raises(NotFound):
        world.get(keeper, there["id"])
    assert there["id"] not in world.ids(keeper, limit=500)
    with pytest.raises(NotFound):
        world.update(keeper, there, title="Not mine")
    with pytest.raises(Forbidden):
        world.update(keeper, here, region_id=south)
    with pytest.raises(Forbidden):
        world.create(keeper, region_id=south)
    with pytest.raises(NotFound):
        world.change(keeper, there, "confirmed")
    assert world.update(keeper, here, title="Mine")["version"] == 2


def test_a_permission_without_the_right_to_read_still_finds_the_report(world):
    report = world.create(world.caller())
    clerk = world.caller_with({"report:update": None})
    with pytest.raises(Conflict):
        world.update(clerk, report, version=7, title="Stale")


def test_an_update_says_what_changed(world):
    editor = world.caller()
    report = world.create(editor)
    moved = {"type": "Point", "coordinates": [-72.6, 18.3]}
    world.update(editor, report, title="Bridge gone", location=moved, severity_level_id=world.levels[5])
    event = world.events(report["id"])[-1]
    data = CONTRACTS["reports", "report_updated"].schema().load(event["data"])
    assert set(data["changed"]) == {"title", "location", "severity_level_id"}
    assert (data["severity_level"], data["version"], data["changed_by"]) == (5, 2, editor.user_id)
    assert event["correlation_id"] == editor.correlation_id
    assert world.ids(editor, bbox=[-72.61, 18.29, -72.59, 18.31], limit=500).count(report["id"]) == 1


def test_a_change_names_the_version_it_saw(world):
    editor = world.caller()
    report = world.create(editor)
    world.update(editor, report, title="First")
    with pytest.raises(Conflict) as caught:
        world.update(world.caller(), report, title="Second")
    assert caught.value.details["version"] == 2
    assert world.update(editor, report, title="First")["version"] == 2, "a repeat changes nothing"
    with pytest.raises(Conflict):
        world.update(editor, report, title="Something else")


def test_what_is_not_there_is_not_found(world):
    with pytest.raises(NotFound):
        world.get(world.caller("administrator"), uuid7())
    with pytest.raises(NotFound):
        world.update(world.caller(), {"id": uuid7(), "version": 1}, title="Nothing")


def test_nothing_at_all_is_visible_without_permission(world):
    report = world.create(world.caller())
    stranger = world.caller_with({})
    assert world.ids(stranger) == []
    with pytest.raises(NotFound), world.db.read() as connection:
        comments.list_comments(connection, stranger, {"report_id": report["id"], "cursor": None, "limit": 50})

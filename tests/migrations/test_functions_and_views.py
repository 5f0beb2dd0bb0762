"""The seed's functions and views, as an operator in psql meets them."""

import pytest
from sqlalchemy import exc
from uuid6 import uuid7

from tests.migrations.world import SYSTEM, types

RESOLVE = "SELECT reports.resolve_report(:id, :resolver, :notes)"
USE = "SELECT resources.update_resource_usage(:id, :change)"


@pytest.mark.parametrize("status", ["pending", "confirmed", "in_progress"])
def test_resolve_report_records_the_change_once(world, status):
    report_id = world.report(status=status)
    world.events("reports")
    world.run(RESOLVE, id=report_id, resolver=world.user, notes="Water is gone.")
    (event,) = world.events("reports")
    assert event["type"] == "report_status_changed"
    assert event["data"]["changed_by"] == str(world.user)
    assert event["data"]["notes"] == "Water is gone."
    row = world.row("reports.reports", report_id)
    assert (row["status"], row["updated_by"], row["version"]) == ("resolved", world.user, 2)
    assert row["resolved_at"] is not None


def test_the_notes_of_resolve_report_may_be_left_out(world):
    report_id = world.report(status="confirmed", status_notes="Seen.")
    world.events("reports")
    world.run("SELECT reports.resolve_report(:id, :resolver)", id=report_id, resolver=world.user)
    assert world.events("reports")[0]["data"]["notes"] is None


def test_resolving_again_changes_nothing(world):
    report_id = world.report(status="confirmed")
    world.run(RESOLVE, id=report_id, resolver=world.user, notes="Done.")
    before = world.row("reports.reports", report_id)
    world.events("reports")
    world.run(RESOLVE, id=report_id, resolver=world.person("bob"), notes="Done again.")
    assert world.events("reports") == []
    assert world.row("reports.reports", report_id) == before


@pytest.mark.parametrize("status", ["rejected", "duplicate", "closed"])
def test_resolve_report_refuses_what_is_over(world, status):
    report_id = world.report(status=status)
    with pytest.raises(exc.IntegrityError, match=f"a report that is {status} cannot be resolved"):
        world.run(RESOLVE, id=report_id, resolver=world.user, notes=None)


def test_resolve_report_refuses_an_unknown_report(world):
    with pytest.raises(exc.DBAPIError, match="there is no report"):
        world.run(RESOLVE, id=uuid7(), resolver=world.user, notes=None)


def test_usage_moves_between_nothing_and_the_capacity(world):
    resource_id = world.resource(capacity=10)
    world.events("resources")
    for change, usage in ((4, 4), (6, 10), (-10, 0)):
        world.run(USE, id=resource_id, change=change)
        assert world.row("resources.resources", resource_id)["current_usage"] == usage
        (event,) = world.events("resources")
        assert event["type"] == "resource_usage_changed"
        assert (event["data"]["usage_change"], event["data"]["current_usage"]) == (change, usage)


@pytest.mark.parametrize("change", [-5, 7, 2**31 - 1, -(2**31)])
def test_a_change_of_usage_beyond_the_bounds_is_refused_and_says_what_is_in_use(world, change):
    resource_id = world.resource(capacity=10, current_usage=4)
    with pytest.raises(exc.IntegrityError, match="4 of 10 are in use") as refused:
        world.run(USE, id=resource_id, change=change)
    assert refused.value.orig.diag.constraint_name == "resources_current_usage_check"


def test_without_a_capacity_there_is_no_upper_bound(world):
    resource_id = world.resource(capacity=None)
    world.run(USE, id=resource_id, change=1_000_000)
    assert world.row("resources.resources", resource_id)["current_usage"] == 1_000_000


def test_the_usage_of_an_unknown_resource_is_refused(world):
    with pytest.raises(exc.DBAPIError, match="there is no resource"):
        world.run(USE, id=uuid7(), change=1)


@pytest.mark.parametrize(
    "values", [{"capacity": 3, "current_usage": 4}, {"current_usage": -1}, {"capacity": -1}]
)
def test_the_bounds_hold_for_every_statement(world, values):
    with pytest.raises(exc.IntegrityError):
        world.resource(**values)


def test_resources_emit_creation_status_and_content(world):
    resource_id = world.resource()
    world.run(
        "UPDATE resources.resources SET status = 'limited', name = 'École' WHERE id = :id", id=resource_id
    )
    events = world.events("resources")
    assert types(events) == ["resource_created", "resource_status_changed", "resource_updated"]
    assert [event["data"]["changed_by"] for event in events] == [str(SYSTEM)] * 3
    assert events[1]["data"]["previous_status"] == "available"
    assert events[2]["data"]["changed"] == ["name"]


def test_the_nearest_resource_is_found_through_the_earth(world):
    near = world.resource(location='{"type": "Point", "coordinates": [179.9, 10]}')
    world.resource(location='{"type": "Point", "coordinates": [170, 10]}')
    found = world.run(
        "SELECT id FROM resources.resources ORDER BY earth OPERATOR(extensions.<->) extensions.cube(ARRAY["
        "6371008.8 * cosd(10) * cosd(-179.9), 6371008.8 * cosd(10) * sind(-179.9), 6371008.8 * sind(10)]) LIMIT 1"
    ).scalar_one()
    assert found == near


def test_active_reports_shows_names_and_leaves_out_what_is_over(world):
    shown = {world.report(status=status) for status in ("pending", "confirmed", "in_progress")}
    for status in ("resolved", "closed", "rejected", "duplicate"):
        world.report(status=status)
    rows = world.run("SELECT * FROM reports.active_reports").mappings().all()
    assert {row["id"] for row in rows} == shown
    assert {(row["region_name"], row["reporter_name"]) for row in rows} == {("North", "Ada Lovelace")}


def test_available_resources_have_room(world):
    with_room = world.resource(capacity=10, current_usage=4)
    unlimited = world.resource(capacity=None)
    world.resource(capacity=4, current_usage=4)
    world.resource(status="closed")
    rows = world.run("SELECT id, available_capacity FROM resources.available_resources").all()
    assert {tuple(row) for row in rows} == {(with_room, 6), (unlimited, None)}


def test_recent_alerts_are_current_and_the_newest_first(world):
    lasting = world.alert(issued_at="2026-01-01T00:00:00Z")
    passing = world.alert(issued_at="2026-01-02T00:00:00Z", expires_at="2999-01-01T00:00:00Z")
    world.alert(expires_at="2020-01-01T00:00:00Z")
    world.alert(status="cancelled")
    rows = world.run("SELECT id, issuer_name FROM alerts.recent_alerts").all()
    assert [tuple(row) for row in rows] == [(passing, "Ada Lovelace"), (lasting, "Ada Lovelace")]


def test_an_alert_is_issued_once_when_it_becomes_active(world):
    issued = world.alert()
    draft = world.alert(status="draft")
    assert [(event["type"], event["subject"]) for event in world.events("alerts")] == [
        ("alert_issued", issued)
    ]
    world.run("UPDATE alerts.alerts SET status = 'active' WHERE id = :id", id=draft)
    world.run("UPDATE alerts.alerts SET status = 'cancelled' WHERE id = :id", id=draft)
    assert types(world.events("alerts")) == ["alert_status_changed", "alert_issued", "alert_status_changed"]

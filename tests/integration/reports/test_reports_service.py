"""The running service: the main path through RPC and events, and what is refused at once."""

from __future__ import annotations

import csv

import pytest
from click.testing import CliRunner
from uuid6 import uuid7

from services.cli.importing.reports import import_reports
from services.reports import catalogue
from services.reports.service import ReportsService
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.client.rpc import RpcClient
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.platform.settings import MEMORY_BROKER
from tests.support.running import Person, people_of, running
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def client():
    with running(ReportsService, catalogue.seed) as connected:
        yield connected


@pytest.fixture(scope="module")
def administrator(client):
    return Person(client, "reports")


@pytest.fixture(scope="module")
def person(administrator):
    """Makes people with a role."""
    return administrator.another


@pytest.fixture(scope="module")
def people(administrator):
    return people_of(administrator)


@pytest.fixture(scope="module")
def incident(administrator):
    """The arguments of a report from Kathmandu, which lies in one of the seeded regions."""
    types = {row["name"]: row["id"] for row in administrator.list_report_types()["items"]}
    levels = {row["level"]: row["id"] for row in administrator.list_severity_levels()["items"]}
    return {
        "report_type_id": types["Earthquake"],
        "severity_level_id": levels[4],
        "title": "Temple down",
        "description": "The square is full of rubble.",
        "location": {"type": "Point", "coordinates": [85.32, 27.71]},
    }


def statuses(somebody, report_id, count):
    """The history, once it has this many entries; it is written from events."""

    def entries():
        found = somebody.get_report_history(report_id=report_id)["items"]
        return found if len(found) >= count else None

    return [
        (entry["status"], entry["version"], entry["notes"]) for entry in eventually(entries, "the history")
    ]


def test_a_report_is_located_confirmed_resolved_and_historied(people, administrator, incident):
    reporter, coordinator = people["reporter"], people["coordinator"]
    report = reporter.create_report(**incident)
    region = administrator.call("get_region", "identity", region_id=report["region_id"])
    assert (region["code"], report["status"], report["version"]) == ("NP", "pending", 1)
    confirmed = coordinator.change_report_status(
        report_id=report["id"], version=1, status="confirmed", notes="Seen."
    )
    resolved = coordinator.resolve_report(
        report_id=report["id"], version=confirmed["version"], resolution_notes="Cleared."
    )
    assert resolved["resolved_at"] is not None
    assert statuses(reporter, report["id"], 3) == [
        ("pending", 1, None),
        ("confirmed", 2, "Seen."),
        ("resolved", 3, "Cleared."),
    ]
    with pytest.raises(Conflict) as caught:
        coordinator.change_report_status(report_id=report["id"], version=3, status="confirmed")
    assert caught.value.details["legal"] == ["closed", "in_progress"]


def test_a_report_from_no_region_is_taken_and_reviewed(people, incident):
    nowhere = {**incident, "location": {"type": "Point", "coordinates": [0, 0]}}
    report = people["reporter"].create_report(**nowhere)
    assert (report["needs_review"], report["review_reasons"]) == (True, ["outside_regions"])
    assert report["region_id"] == str(UNKNOWN_REGION_ID)
    coordinator = people["coordinator"]
    to_review = coordinator.list_reports(needs_review=True, review_reason="outside_regions", limit=500)
    assert report["id"] in [item["id"] for item in to_review["items"]]
    with pytest.raises(Forbidden):
        people["reporter"].review_report(report_id=report["id"], version=1)
    reviewed = coordinator.review_report(report_id=report["id"], version=1)
    assert (reviewed["needs_review"], reviewed["version"]) == (False, 2)


def test_another_ones_report_does_not_exist(person, people, incident):
    owner, stranger = people["reporter"], person("reporter")
    report = owner.create_report(**incident)
    comment = owner.add_comment(report_id=report["id"], content="Mine.")
    attachment = owner.add_attachment(
        report_id=report["id"], file_name="a.jpg", mime_type="image/jpeg", file_size=1, sha256="0" * 64
    )
    calls = [
        ("get_report", {"report_id": report["id"]}),
        ("update_report", {"report_id": report["id"], "version": 1, "title": "Mine"}),
        ("get_report_history", {"report_id": report["id"]}),
        ("add_comment", {"report_id": report["id"], "content": "Hello"}),
        ("list_comments", {"report_id": report["id"]}),
        ("edit_comment", {"comment_id": comment["id"], "version": 1, "content": "Hello"}),
        ("list_attachments", {"report_id": report["id"]}),
        ("get_attachment", {"attachment_id": attachment["id"]}),
        ("get_attachment_allowance", {"report_id": report["id"]}),
        (
            "add_attachment",
            {
                "report_id": report["id"],
                "file_name": "b.jpg",
                "mime_type": "image/jpeg",
                "file_size": 1,
                "sha256": "0" * 64,
            },
        ),
    ]
    for method, arguments in calls:
        with pytest.raises(NotFound):
            stranger.call(method, **arguments)
    assert stranger.list_reports()["items"] == []
    assert stranger.list_active_reports()["items"] == []
    assert stranger.summarise_reports()["total"] == 0
    assert owner.get_report(report_id=report["id"])["version"] == 1


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"title": "a\x00b"}, "title"),
        ({"title": ""}, "title"),
        ({"title": "x" * 256}, "title"),
        ({"title": 5}, "title"),
        ({"description": "   "}, "description"),
        ({"location": nested(25)}, "location"),
        ({"location": {"__type__": "datetime", "__value__": "2026"}}, "location"),
        ({"location": {"type": "Point", "coordinates": [181, 0]}}, "location.coordinates"),
        ({"location": {"type": "Point", "coordinates": [0, -90.5]}}, "location.coordinates"),
        ({"location": {"type": "Point", "coordinates": ["0", 0]}}, "location.coordinates"),
        ({"location": {"type": "Point", "coordinates": [0, 0], "accuracy": 5}}, "location.accuracy"),
        ({"location": {"type": "LineString", "coordinates": [0, 0]}}, "location.type"),
        ({"location": {"type": "Point", "coordinates": [0, 0], "address": "a\x00"}}, "location.address"),
        ({"reported_at": "2026-01-31T12:00:00"}, "reported_at"),
        ({"reported_at": "yesterday"}, "reported_at"),
        ({"reported_at": 1738324800}, "reported_at"),
        ({"reported_at": "2999-01-01T00:00:00Z"}, "reported_at"),
        ({"report_type_id": "flood"}, "report_type_id"),
        ({"report_type_id": str(uuid7())}, "report_type_id"),
        ({"severity_level_id": str(uuid7())}, "severity_level_id"),
        ({"region_id": str(uuid7())}, "region_id"),
        ({"id": "1"}, "id"),
        ({"user_id": str(uuid7())}, "user_id"),
        ({"status": "resolved"}, "status"),
        ({"version": 7}, "version"),
        ({"resolved_at": "2026-01-31T12:00:00Z"}, "resolved_at"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_input_is_refused_by_name(administrator, incident, changed, field):
    with pytest.raises(Invalid) as caught:
        administrator.create_report(**{**incident, **changed})
    assert set(caught.value.fields) == {field}


@pytest.mark.parametrize("name", ["user_id", "status", "version_seen", "resolved_at", "created_at"])
def test_an_update_sets_nothing_that_is_not_offered(administrator, incident, name):
    report = administrator.create_report(**incident)
    with pytest.raises(Invalid) as caught:
        administrator.update_report(report_id=report["id"], version=1, **{name: "x"})
    assert set(caught.value.fields) == {name}
    with pytest.raises(Invalid):
        administrator.update_report(report_id=report["id"], version=1)


def test_imported_rows_are_located(people, incident):
    nowhere = {**incident, "location": {"type": "Point", "coordinates": [0, 0]}}
    result = people["coordinator"].import_reports(rows=[incident, nowhere])
    assert (result["stored"], [refusal["row"] for refusal in result["refused"]]) == (1, [1])
    stored = people["coordinator"].get_report(report_id=result["ids"][0])
    assert stored["region_id"]
    assert statuses(people["coordinator"], stored["id"], 1) == [("pending", 1, None)]


def test_a_file_is_imported_and_a_repeat_changes_nothing(client, people, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "incidents.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["what", "words", "when", "lat", "lon"])
        for number in range(700):
            latitude = "0" if number % 100 == 0 else f"27.7{number % 10}"
            writer.writerow([f"Incident {number}", "=1+1", "25/04/2015 11:56", latitude, "85.32"])
    options = ["title=what", "description=words", "reported_at=when", "latitude=lat", "longitude=lon"]
    arguments = ["incidents.csv", *(part for option in options for part in ("--map", option))]
    arguments += ["--set", "report_type=earthquake", "--set", "severity=Severe"]
    arguments += ["--date-format", "%d/%m/%Y %H:%M", "--timezone", "Asia/Kathmandu"]

    def connect():
        return RpcClient(MEMORY_BROKER, token=people["coordinator"].token, name="import")

    for said in ("stored          693", "unchanged       693"):
        result = CliRunner().invoke(import_reports, arguments, obj=connect)
        assert result.exit_code == 0, result.output
        assert said in result.output
        assert "7  region_id: No region contains this location; name the region." in result.output
    found = people["coordinator"].list_reports(
        reported_from="2015-04-25T06:11:00Z", reported_to="2015-04-25T06:12:00Z", limit=500
    )
    assert len(found["items"]) == 500
    assert found["next_cursor"]
    assert {item["description"] for item in found["items"]} == {"=1+1"}

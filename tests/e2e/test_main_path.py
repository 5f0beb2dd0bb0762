"""The main job through the whole system: a report is filed, verified, resolved, and historied by events."""

import csv
from uuid import uuid4

import orjson
import pytest
from uuid6 import uuid7

from shared.client.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from tests.support.waiting import eventually


class Town:
    """A region with a square border, and the catalogue that reports in it need."""

    def __init__(self, administrator):
        self.administrator = administrator
        self.code = f"TOWN-{uuid4().hex[:8]}"
        west = (int(self.code[-6:], 16) % 300) - 150 + 0.5
        ring = [[west, 10.0], [west + 0.4, 10.0], [west + 0.4, 10.4], [west, 10.4], [west, 10.0]]
        self.place = [west + 0.2, 10.2]
        region = administrator.identity.create_region(
            name="Town", code=self.code, boundaries={"type": "Polygon", "coordinates": [ring]}
        )
        self.region_id = region["id"]
        self.report_type = administrator.reports.list_report_types()["items"][0]
        self.severity = administrator.reports.list_severity_levels()["items"][-1]

    def report(self, **changed):
        return {
            "report_type_id": self.report_type["id"],
            "severity_level_id": self.severity["id"],
            "title": "Bridge out",
            "description": "The bridge is gone.",
            "location": {"type": "Point", "coordinates": self.place, "address": "River Road"},
        } | changed


@pytest.fixture(scope="module")
def town(administrator):
    return Town(administrator)


@pytest.fixture
def join(running, administrator):
    """Lets somebody register and sign in, with another role if one is named."""
    clients = []

    def joining(role=None):
        email, password = f"{uuid4().hex}@impactx.example", "correct horse battery"
        with running.nobody() as nobody:
            user = nobody.identity.register_user(
                email=email, password=password, first_name="Ada", last_name="Lovelace"
            )
        if role is not None:
            administrator.identity.grant_role(user_id=user["id"], role=role)
        clients.append(running.client(email=email, password=password))
        return clients[-1]

    yield joining
    for client in clients:
        client.close()


def history_of(client, report_id):
    return client.reports.get_report_history(report_id=report_id)["items"]


def test_a_report_is_filed_verified_resolved_and_historied_through_events(join, town):
    reporter, responder = join(), join("responder")
    report = reporter.reports.create_report(**town.report())
    assert (report["status"], report["version"], report["region_id"]) == ("pending", 1, town.region_id)
    for status, note in (("confirmed", "Seen."), ("in_progress", None)):
        report = responder.reports.change_report_status(
            report_id=report["id"], version=report["version"], status=status, notes=note
        )
    report = responder.reports.resolve_report(
        report_id=report["id"], version=report["version"], resolution_notes="A new bridge."
    )
    assert (report["status"], report["version"]) == ("resolved", 4)
    assert report["resolved_at"]
    entries = eventually(lambda: len(found := history_of(reporter, report["id"])) == 4 and found)
    assert [entry["status"] for entry in entries] == ["pending", "confirmed", "in_progress", "resolved"]
    assert [entry["version"] for entry in entries] == [1, 2, 3, 4]
    assert [entry["notes"] for entry in entries] == [None, "Seen.", None, "A new bridge."]
    assert reporter.reports.get_report(report_id=report["id"])["status"] == "resolved"


def test_an_illegal_move_says_what_is_legal_and_leaves_no_trace(join, town):
    responder = join("responder")
    report = responder.reports.create_report(**town.report())
    with pytest.raises(Conflict) as refusal:
        responder.reports.resolve_report(report_id=report["id"], version=1, resolution_notes="Already?")
    assert set(refusal.value.details["legal"]) == {"confirmed", "rejected", "duplicate"}
    eventually(lambda: history_of(responder, report["id"]))
    assert [entry["status"] for entry in history_of(responder, report["id"])] == ["pending"]


def test_a_repeat_is_harmless_and_a_stale_change_is_refused(join, town):
    responder = join("responder")
    filed = town.report(id=str(uuid7()))
    first = responder.reports.create_report(**filed)
    assert responder.reports.create_report(**filed) == first
    with pytest.raises(Conflict):
        responder.reports.create_report(**filed | {"title": "Something else"})
    change = {"report_id": first["id"], "version": 1, "status": "confirmed"}
    confirmed = responder.reports.change_report_status(**change)
    assert responder.reports.change_report_status(**change) == confirmed
    with pytest.raises(Conflict):
        responder.reports.change_report_status(**change | {"status": "rejected"})
    eventually(lambda: len(history_of(responder, first["id"])) == 2)


def test_people_see_and_do_what_their_role_allows(running, join, town):
    reporter, other, viewer = join(), join(), join("viewer")
    report = reporter.reports.create_report(**town.report())
    with pytest.raises(NotFound):
        other.reports.get_report(report_id=report["id"])
    with pytest.raises(NotFound):
        other.reports.update_report(report_id=report["id"], version=1, title="Mine now")
    with pytest.raises(Forbidden):
        reporter.reports.change_report_status(report_id=report["id"], version=1, status="confirmed")
    assert viewer.reports.get_report(report_id=report["id"])["title"] == "Bridge out"
    with pytest.raises((Forbidden, NotFound)):
        viewer.reports.update_report(report_id=report["id"], version=1, title="Mine now")
    assert (
        reporter.reports.update_report(report_id=report["id"], version=1, title="Bridge gone")["version"] == 2
    )
    with running.nobody() as nobody, pytest.raises(Unauthenticated):
        nobody.reports.get_report(report_id=report["id"])


@pytest.mark.parametrize("field", ["user_id", "status", "version", "is_active", "created_at", "resolved_at"])
def test_nobody_sets_what_is_not_offered(join, town, field):
    with pytest.raises(Invalid) as refusal:
        join().reports.create_report(**town.report(**{field: "closed"}))
    assert list(refusal.value.fields) == [field]


def test_a_role_that_was_taken_back_counts_no_more_after_the_next_sign_in(running, join, administrator):
    coordinator = join("coordinator")
    assert coordinator.identity.list_users(limit=1)["items"]
    user = coordinator.identity.get_me()
    administrator.identity.revoke_role(user_id=user["id"], role="coordinator")
    with (
        running.client(email=user["email"], password="correct horse battery") as again,
        pytest.raises(Forbidden),
    ):
        again.identity.list_users(limit=1)


def test_pages_show_every_report_once_while_reports_are_being_filed(join, town):
    coordinator = join("coordinator")
    rows = [town.report(id=str(uuid7()), title=f"Row {number}") for number in range(25)]
    assert coordinator.reports.import_reports(rows=rows)["stored"] == 25
    seen, cursor = [], None
    while True:
        page = coordinator.reports.list_reports(region_id=[town.region_id], limit=10, cursor=cursor)
        seen += [report["id"] for report in page["items"]]
        coordinator.reports.create_report(**town.report(title="Filed meanwhile"))
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert {row["id"] for row in rows} <= set(seen)
    with pytest.raises(Invalid) as refusal:
        coordinator.reports.list_reports(cursor="broken")
    assert list(refusal.value.fields) == ["cursor"]


def test_a_file_is_imported_and_importing_it_again_changes_nothing(running, town, tmp_path, administrator):
    file = tmp_path / "incidents.csv"
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(["INCIDENT TITLE", "DESCRIPTION", "LATITUDE", "LONGITUDE", "DATE", "KIND"])
        for number in range(30):
            writer.writerow(
                [
                    f"{town.code} {number}",
                    "Told by phone",
                    town.place[1],
                    town.place[0],
                    "2010-05-07T17:26:00Z",
                    "Roads",
                ]
            )
        writer.writerow([f"{town.code} nowhere", "Out of range", 50.2, 999, "2010-05-07T17:26:00Z", "Roads"])
    refused = tmp_path / "refused.csv"
    columns = {
        "title": "INCIDENT TITLE",
        "description": "DESCRIPTION",
        "latitude": "LATITUDE",
        "longitude": "LONGITUDE",
        "reported_at": "DATE",
        "report_type": "KIND",
    }
    arguments = [
        "import",
        "reports",
        file,
        *(part for field, column in columns.items() for part in ("--map", f"{field}={column}")),
        *("--set", "severity=3", "--create-types", "--refused", refused),
    ]
    running.command(*arguments)
    running.command(*arguments)
    found = administrator.reports.list_reports(region_id=[town.region_id], text=town.code, limit=100)["items"]
    assert len(found) == 30
    assert "nowhere" in refused.read_text()
    eventually(
        lambda: [entry["status"] for entry in history_of(administrator, found[0]["id"])] == ["pending"]
    )


def test_the_command_line_calls_any_method(running, town):
    done = running.command("call", "reports.list_reports", '{"limit": 1}')
    assert len(orjson.loads(done.stdout)["items"]) == 1


def test_the_demo_runs(running):
    assert "resolved" in running.command("demo").stdout


def test_nothing_of_all_this_is_dead(running):
    assert "reports.history" not in running.dead_letters()
    for process in running.processes:
        assert process.is_running
        assert "Traceback" not in process.output()
        assert "ACCESS_REFUSED" not in process.output()

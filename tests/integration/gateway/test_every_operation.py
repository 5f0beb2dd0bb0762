"""Every operation of the document does what it is for."""

from __future__ import annotations

import csv
import io
import itertools

import pytest

from tests.integration.gateway.conftest import JPEG, PASSWORD
from tests.support.gateway import OPERATIONS
from tests.support.waiting import eventually

PLACE = {"type": "Point", "coordinates": [-72.5, 18.2]}
SQUARE = {"type": "Polygon", "coordinates": [[[50, 50], [51, 50], [51, 51], [50, 51], [50, 50]]]}

_numbers = itertools.count(1)
_happy = {}


def happy(*names):
    """Marks the function that shows that these operations work."""

    def keep(function):
        _happy.update(dict.fromkeys(names, function))
        return function

    return keep


@pytest.fixture(scope="module")
def admin(system):
    return system.admin


def name(kind):
    return f"{kind}-{next(_numbers)}"


def test_every_operation_is_shown():
    assert _happy.keys() == OPERATIONS.keys()


@happy("authenticate", "refresh", "revoke", "get_me", "get_jwks")
def test_sessions(system):
    account = system.account("viewer")
    said = {"email": account["email"], "password": PASSWORD}
    tokens = system.anonymous.done("POST", "/auth/login", json=said)
    assert tokens["token_type"] == "Bearer"
    fresh = system.anonymous.done("POST", "/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    bearer = {"Authorization": f"Bearer {fresh['access_token']}"}
    me = system.anonymous.done("GET", "/auth/me", headers=bearer)
    assert me["id"] == account["id"]
    assert me["permissions"]["report:read"] is True
    closing = system.anonymous("POST", "/auth/logout", json={"refresh_token": fresh["refresh_token"]})
    assert (closing.status_code, closing.content) == (204, b"")
    again = {"refresh_token": fresh["refresh_token"]}
    system.anonymous.refused(401, "POST", "/auth/refresh", json=again)
    assert system.anonymous.done("GET", "/auth/keys")["keys"][0]["kty"] == "OKP"


def test_guessing_is_slowed_down(system):
    account = system.account()
    wrong = {"email": account["email"], "password": "not this one, surely"}
    answers = [system.anonymous("POST", "/auth/login", json=wrong) for _ in range(12)]
    assert {answer.status_code for answer in answers} == {401, 429}
    assert int(answers[-1].headers["Retry-After"]) > 0


@happy("register_user", "get_user", "update_user", "list_users", "change_password")
def test_accounts(system, admin):
    account = system.account()
    who = system.signed_in(account["email"])
    path = f"/users/{account['id']}"
    changed = who.done("PATCH", path, version=account["version"], json={"phone": "+509 2812 0000"})
    assert who.done("GET", path) == changed
    found = admin.done("GET", f"/users?text={account['email']}")["items"]
    assert [item["id"] for item in found] == [account["id"]]
    new = "another long enough password"
    who.done("PUT", "/auth/password", json={"current_password": PASSWORD, "new_password": new})
    system.signed_in(account["email"], new)


@happy("reset_password", "deactivate_user", "reactivate_user", "grant_role", "revoke_role")
def test_managing_accounts(system, admin):
    account = system.account()
    path = f"/users/{account['id']}"
    new = "another long enough password"
    admin.done("PUT", f"{path}/password", json={"new_password": new})
    system.signed_in(account["email"], new)
    assert admin.done("PUT", f"{path}/roles/viewer")["roles"] == ["reporter", "viewer"]
    assert admin.done("PUT", f"{path}/roles/responder", json={"primary": True})["roles"]
    assert admin.done("DELETE", f"{path}/roles/viewer")["roles"] == ["reporter", "responder"]
    assert admin.done("PUT", f"{path}/deactivation")["is_active"] is False
    said = {"email": account["email"], "password": new}
    system.anonymous.refused(401, "POST", "/auth/login", json=said)
    assert admin.done("DELETE", f"{path}/deactivation")["is_active"] is True
    system.signed_in(account["email"], new)


@happy("create_role", "get_role", "list_roles", "update_role", "set_role_permissions", "list_permissions")
def test_roles(admin):
    role = name("role")
    answer = admin("POST", "/roles", json={"name": role, "permissions": ["report:read"]})
    assert answer.headers["Location"] == f"/api/v1/roles/{role}"
    path = f"/roles/{role}"
    assert admin.done("PATCH", path, json={"description": "For a test."})["description"] == "For a test."
    admin.done("PUT", f"{path}/permissions", json={"permissions": ["report:read", "report:create"]})
    assert admin.done("GET", path)["permissions"] == ["report:create", "report:read"]
    assert role in [item["name"] for item in admin.done("GET", "/roles?limit=500")["items"]]
    assert "report:read" in [item["name"] for item in admin.done("GET", "/permissions")["items"]]


@happy(
    "create_region",
    "get_region",
    "list_regions",
    "update_region",
    "locate_region",
    "locate_regions",
    "get_region_tree",
    "list_region_tree",
)
def test_regions(admin):
    code = name("R")
    made = admin.done("POST", "/regions", json={"code": code, "name": "Square", "boundaries": SQUARE})
    path = f"/regions/{made['id']}"
    assert admin.done("GET", path)["boundaries"] == SQUARE
    assert admin.done("PATCH", path, version=1, json={"name": "Renamed"})["version"] == 2
    listed = admin("GET", f"/regions?codes={code},HT", headers={"Accept": "application/geo+json"}).json()
    assert SQUARE in [feature["geometry"] for feature in listed["features"]]
    assert admin.done("GET", f"/regions?codes={code}")["items"][0]["boundaries"] is None
    assert admin.done("GET", "/located-region?lon=50.5&lat=50.5")["code"] == code
    points = {"points": [{"lon": 50.5, "lat": 50.5}, {"lon": 0, "lat": 0}]}
    located = {"region_ids": [made["id"], None], "regions": None}
    assert admin.done("POST", "/located-regions", json=points) == located
    part = {"code": name("R"), "name": "Part", "parent_id": made["id"]}
    assert admin.done("POST", "/regions", json=part)["parent_code"] == code
    tree = admin.done("GET", f"/regions/{code}/tree?depth=2")
    assert [child["code"] for child in tree["children"]] == [part["code"]]
    links = admin.done("GET", f"/region-tree?within={code}")["items"]
    assert [link["parent_id"] for link in links if link["code"] == part["code"]] == [made["id"]]
    within = admin.done("GET", f"/regions?within={code}")["items"]
    assert {region["code"] for region in within} == {code, part["code"]}
    crossed = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    body = {"code": name("R"), "name": "Bow", "boundaries": crossed}
    assert list(admin.refused(422, "POST", "/regions", json=body)["fields"]) == ["boundaries"]


@happy(
    "create_report_type",
    "list_report_types",
    "update_report_type",
    "create_severity_level",
    "list_severity_levels",
    "update_severity_level",
    "create_resource_type",
    "list_resource_types",
    "update_resource_type",
    "deactivate_resource_type",
)
def test_catalogues(admin):
    for kind, more in (("report-types", {}), ("severity-levels", {"level": 3}), ("resource-types", {})):
        made = admin.done("POST", f"/{kind}", json={"name": name("Kind"), **more})
        path = f"/{kind}/{made['id']}"
        assert admin.done("PATCH", path, json={"description": "New"})["description"] == "New"
        listed = admin.done("GET", f"/{kind}?limit=500")["items"]
        assert made["id"] in [item["id"] for item in listed]
    assert admin.done("PUT", f"{path}/deactivation")["is_active"] is False


@happy("create_report", "get_report", "update_report", "list_reports", "list_active_reports")
def test_reports(system, admin):
    report = system.report(title="Landslide")
    path = f"/reports/{report['id']}"
    assert admin.done("PATCH", path, version=1, json={"title": "Mudslide"})["title"] == "Mudslide"
    assert admin.done("GET", path)["version"] == 2
    assert report["id"] in [item["id"] for item in admin.done("GET", "/reports?text=mudslide")["items"]]
    active = admin.done("GET", "/active-reports?text=mudslide")["items"]
    assert active[0]["region_name"]


@happy("review_report")
def test_reports_under_review(system, admin):
    given = {"location": {"address": "Behind the market"}, "reported_at": "1970-01-01T00:00:00z"}
    body = system.report_body(**given)
    del body["region_id"]
    report = admin.done("POST", "/reports", json=body)
    assert report["review_reasons"] == ["no_coordinates", "no_region", "clock_past"]
    path = "/reports?needs_review=true&review_reason=no_region,outside_regions&sort=updated_at"
    assert report["id"] in [item["id"] for item in admin.done("GET", path)["items"]]
    listed = admin("GET", path, headers={"Accept": "application/geo+json"}).json()["features"]
    [feature] = [feature for feature in listed if feature["id"] == report["id"]]
    assert (feature["geometry"], feature["properties"]["address"]) == (None, "Behind the market")
    lines = csv.DictReader(io.StringIO(admin("GET", path, headers={"Accept": "text/csv"}).text))
    [line] = [line for line in lines if line["id"] == report["id"]]
    assert (line["longitude"], line["latitude"], line["address"]) == ("", "", "Behind the market")
    reviewed = admin.done("PUT", f"/reports/{report['id']}/review", version=1)
    assert (reviewed["needs_review"], reviewed["version"]) == (False, 2)
    admin.refused(412, "PUT", f"/reports/{report['id']}/review", version=7)


@happy("change_report_status", "resolve_report", "get_report_history")
def test_report_statuses(system, admin):
    path = f"/reports/{system.report()['id']}"
    admin.done("PUT", f"{path}/status", version=1, json={"status": "confirmed", "notes": "Seen."})
    admin.done("PUT", f"{path}/resolution", version=2, json={"resolution_notes": "Done."})
    history = eventually(
        lambda: (found := admin.done("GET", f"{path}/history")["items"]) and len(found) == 3 and found,
        "the history",
    )
    assert [entry["status"] for entry in history] == ["pending", "confirmed", "resolved"]


@happy("add_comment", "edit_comment", "list_comments")
def test_comments(system, admin):
    path = f"/reports/{system.report()['id']}/comments"
    comment = admin.done("POST", path, json={"content": "First"})
    edited = admin.done("PATCH", f"/comments/{comment['id']}", version=1, json={"content": "Second"})
    assert admin.done("GET", path)["items"] == [edited]


@happy(
    "add_attachment",
    "get_attachment",
    "get_attachment_allowance",
    "list_attachments",
    "get_attachment_content",
)
def test_attachments(system, admin):
    report = system.report()
    before = admin.done("GET", f"/reports/{report['id']}/attachment-allowance")
    assert (before["scope"], before["quota"], before["remaining"]) == ("report", 2**30, 2**30)
    made = system.attachment(report)
    assert admin.done("GET", f"/attachments/{made['id']}") == made
    assert admin.done("GET", f"/reports/{report['id']}/attachments")["items"] == [made]
    assert admin("GET", f"/attachments/{made['id']}/content").content == JPEG


@happy("import_reports", "import_resources")
def test_imports(system, admin):
    rows = [system.report_body(), {"title": "No more"}]
    done = admin.done("POST", "/report-imports", json={"rows": rows})
    assert len(done["refused"]) == 1
    done = admin.done("POST", "/resource-imports", json={"rows": [system.resource_body()]})
    assert done["refused"] == []


@happy("summarise_reports", "aggregate_reports")
def test_statistics(system, admin):
    system.report()
    assert admin.done("GET", "/statistics/reports?bbox=-73,18,-72,19")["total"] > 0
    path = "/statistics/report-cells?bbox=-73,18,-72,19&cell_size=0.5"
    assert admin.done("GET", path)["items"][0]["count"] > 0
    cells = admin("GET", path, headers={"Accept": "application/geo+json"}).json()
    assert cells["features"][0]["geometry"]["type"] == "Point"


@happy("aggregate_resources")
def test_statistics_of_resources(system, admin):
    admin.done("POST", "/resources", json=system.resource_body())
    path = "/statistics/resource-cells?bbox=-180,-90,180,90&cell_size=10"
    found = admin.done("GET", path)
    assert found["total"] >= found["items"][0]["count"] > 0
    cells = admin("GET", path, headers={"Accept": "application/geo+json"}).json()
    assert cells["features"][0]["geometry"]["type"] == "Point"


@happy(
    "create_resource",
    "get_resource",
    "update_resource",
    "list_resources",
    "list_available_resources",
    "find_nearest_resources",
)
def test_resources(system, admin):
    made = system.resource(name="Hall")
    path = f"/resources/{made['id']}"
    assert admin.done("PATCH", path, version=1, json={"name": "Town hall"})["name"] == "Town hall"
    assert admin.done("GET", path)["version"] == 2
    for listed in ("/resources", "/available-resources"):
        assert made["id"] in [item["id"] for item in admin.done("GET", f"{listed}?text=town hall")["items"]]
    near = admin.done("GET", f"/nearest-resources?lon=-72.5&lat=18.2&resource_type_id={system.resource_type}")
    assert near["items"][0]["distance_m"] == 0


@happy("change_resource_status", "get_resource_history", "update_resource_usage", "list_usage_changes")
def test_resource_statuses_and_usage(system, admin):
    made = system.resource(capacity=10)
    path = f"/resources/{made['id']}"
    taken = admin.done("POST", f"{path}/usage-changes", json={"usage_change": 7})
    assert taken["remaining"] == 3
    key = {"Idempotency-Key": name("key")}
    for _ in range(2):
        admin.done("POST", f"{path}/usage-changes", json={"usage_change": 1}, headers=key)
    refused = admin.refused(409, "POST", f"{path}/usage-changes", json={"usage_change": 3})
    assert refused["remaining"] == 2
    assert [one["usage_change"] for one in admin.done("GET", f"{path}/usage-changes")["items"]] == [1, 7]
    version = admin.done("GET", path)["version"]
    admin.done("PUT", f"{path}/status", version=version, json={"status": "limited"})
    eventually(lambda: len(admin.done("GET", f"{path}/history")["items"]) == 2, "the history")


def alert_body(system, **changed):
    return {
        "title": "High water",
        "message": "Go to higher ground.",
        "region_id": system.region,
        "priority": "high",
        "targets": [{"target_type": "user", "target_id": system.people["viewer"].user_id}],
    } | changed


@happy(
    "draft_alert", "issue_draft", "issue_alert", "update_alert", "cancel_alert", "get_alert", "list_alerts"
)
def test_alerts(system, admin):
    draft = admin("POST", "/alert-drafts", json=alert_body(system))
    assert draft.status_code == 201
    path = draft.headers["Location"]
    drafted = admin.done("PATCH", path, version=1, json={"title": "Higher water"})
    issued = admin.done("PUT", f"{path}/issue", version=drafted["version"])
    assert (issued["status"], issued["title"]) == ("active", "Higher water")
    assert admin.done("GET", path)["status"] == "active"
    changed = admin("PATCH", path, version=issued["version"], json={"message": "It falls."})
    update = changed.json()
    assert update["references"] == [issued["id"]]
    assert changed.headers["Content-Location"] == f"/api/v1/alerts/{update['id']}"
    whole = admin("POST", "/alerts", json=alert_body(system))
    assert whole.json()["status"] == "active"
    cancelled = admin.done(
        "PUT",
        f"{whole.headers['Location']}/cancellation",
        version=whole.json()["version"],
        json={"notes": "False alarm."},
    )
    assert cancelled
    assert admin.done("GET", whole.headers["Location"])["status"] == "cancelled"
    assert issued["id"] in [item["id"] for item in admin.done("GET", "/alerts?status=superseded")["items"]]
    problem = admin.refused(422, "POST", "/alerts", json={"title": "Nothing else"})
    assert problem["fields"].keys() == {"message", "region_id", "priority"}


@happy("preview_alert", "preview_change")
def test_what_would_happen_is_shown_before(system, admin):
    [effect] = admin.done("POST", "/alerts/preview", json=alert_body(system))["effects"]
    assert (effect["action"], effect["people"], effect["on_public_feed"]) == ("issue", 1, False)
    report = system.report()
    asked = {
        "source": "report",
        "source_id": report["id"],
        "changes": {"status": "confirmed", "severity_level": 5},
    }
    shown = eventually(
        lambda: (answer := admin("POST", "/alerts/preview-change", json=asked)).ok and answer.json(),
        "the alerts know the report",
    )
    # Rules of other tests may have something to say as well.
    assert ("issue", "critical") in [(effect["action"], effect["priority"]) for effect in shown["effects"]]
    refused = admin.refused(422, "POST", "/alerts/preview-change", json={**asked, "source": "region"})
    assert list(refused["fields"]) == ["source"]


@happy("request_approval", "approve_alert", "return_alert", "get_alert_history")
def test_approving_an_alert(system, admin):
    coordinator = system.people["coordinator"]
    draft = coordinator("POST", "/alert-drafts", json=alert_body(system))
    path = draft.headers["Location"]
    pending = coordinator.done("PUT", f"{path}/approval-request", version=1)
    assert pending["status"] == "pending_approval"
    coordinator.refused(403, "PUT", f"{path}/approval", version=pending["version"])
    returned = admin.done(
        "PUT", f"{path}/return", version=pending["version"], json={"notes": "Which bridge?"}
    )
    assert (returned["status"], returned["status_notes"]) == ("draft", "Which bridge?")
    pending = coordinator.done("PUT", f"{path}/approval-request", version=returned["version"])
    assert admin.done("PUT", f"{path}/approval", version=pending["version"])["status"] == "active"
    history = coordinator.done("GET", f"{path}/history")["items"]
    assert [entry["status"] for entry in history] == [
        "draft",
        "pending_approval",
        "draft",
        "pending_approval",
        "active",
    ]


@happy("list_private_alert_reads")
def test_who_read_a_private_alert_is_recorded(system, admin):
    alert = system.people["coordinator"].done("POST", "/alerts", json=alert_body(system))
    admin.done("GET", f"/alerts/{alert['id']}")
    [reading] = admin.done("GET", f"/private-alert-reads?alert_id={alert['id']}")["items"]
    assert (reading["alert_id"], reading["user_id"]) == (alert["id"], admin.user_id)


@happy(
    "list_recent_alerts",
    "list_public_alerts",
    "list_my_alerts",
    "mark_alert_read",
    "get_alert_reach",
    "list_alert_targets",
    "get_alert_cap",
)
def test_reading_alerts(system, admin):
    viewer = system.people["viewer"]
    alert = admin.done("POST", "/alerts", json=alert_body(system))
    path = f"/alerts/{alert['id']}"
    eventually(lambda: admin.done("GET", f"{path}/reach")["targets"] == 1, "the alert reaches somebody")
    assert alert["id"] in [item["id"] for item in viewer.done("GET", "/my-alerts?unread_only=true")["items"]]
    assert viewer.done("PUT", f"{path}/reading")["is_read"] is True
    assert admin.done("GET", f"{path}/reach")["read"] == 1
    targets = admin.done("GET", f"{path}/targets")["items"]
    assert {target["target_id"] for target in targets} == {viewer.user_id}
    assert alert["id"] in [item["id"] for item in viewer.done("GET", "/recent-alerts")["items"]]
    message = viewer("GET", f"{path}/cap")
    nobody = system.anonymous.done("GET", "/public-alerts")["items"]
    assert alert["id"] not in [item["id"] for item in nobody]  # it is for one person alone
    assert message.headers["Content-Type"] == "application/cap+xml"
    assert "urn:oasis:names:tc:emergency:cap:1.2" in message.text


@happy("create_alert_rule", "get_alert_rule", "list_alert_rules", "update_alert_rule")
def test_rules_make_alerts(system, admin):
    """From a report to the person who reads the alert, all of it over HTTP."""
    rule = {
        "name": name("rule"),
        "source_event": "report_status_changed",
        "status_entered": "confirmed",
        "priority": "low",
        "title_template": "Heard: {title}",
        "message_template": "{title} was confirmed.",
        "target_type": "user",
        "target_id": system.people["viewer"].user_id,
        "region_id": system.region,
    }
    made = admin.done("POST", "/alert-rules", json=rule)
    path = f"/alert-rules/{made['id']}"
    title = name("A mast fell")
    report = system.report(title=title)
    admin.done("PUT", f"/reports/{report['id']}/status", version=1, json={"status": "confirmed"})
    viewer = system.people["viewer"]
    eventually(
        lambda: [
            item for item in viewer.done("GET", "/my-alerts")["items"] if item["title"] == f"Heard: {title}"
        ],
        "the rule's alert",
    )
    changed = admin.done("PATCH", path, version=made["version"], json={"is_active": False})
    assert admin.done("GET", path) == changed
    assert made["id"] in [item["id"] for item in admin.done("GET", "/alert-rules?limit=500")["items"]]

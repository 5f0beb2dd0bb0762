"""Values at and beyond the ends of every range are answered or refused by name; none reaches the database unchecked."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict

import pytest

from tests.integration.gateway.conftest import NOWHERE, PASSWORD
from tests.support.gateway import OPERATIONS, document
from tests.support.waiting import eventually

BEYOND = [
    2**15,
    2**31 - 1,
    2**31,
    -(2**31) - 1,
    2**63,
    -(2**63) - 1,
    10**30,
    1.5,
    1e308,
    True,
    None,
    "",
    "a\x00b",
    "\ud800",
    "x" * 1500,
    "infinity",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999-14:00",
    "0000-01-01T00:00:00Z",
    "2026-01-31T12:00:00",
    "01978f3d0c007d308f332a3b4c5d6e7f",
    [],
    {"a": 1},
]
"""What a part of a cursor may be replaced with."""

INTEGERS = [-(2**63) - 1, -(2**31) - 1, -(2**31), -1, 0, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, 10**30]
NUMBERS = [*INTEGERS, -180.0000001, 180.0000001, 5e-324, 1.7976931348623157e308]
MOMENTS = [
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "0000-12-31T23:59:59Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-14:00",
    "10000-01-01T00:00:00Z",
    "2026-02-30T00:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T12:00:00+24:00",
]
TEXTS = ["\u200b", "\ufeff\u202e", "\u2800", "\u3164", "\x07", "\u0344" * 255]


@pytest.fixture(scope="module")
def things(system):
    """Two of everything, by the name that addresses give it, so that each list has a second page of one item."""
    admin = system.admin
    for number in range(2):
        admin.done("POST", "/alerts", json=alert_body(system))
        report, resource, account = system.report(), system.resource(), system.account()
        admin.done("POST", "/resource-types", json={"name": f"Type {number} of extremes"})
        rule = admin.done("POST", "/alert-rules", json=rule_body(f"Rule {number} of extremes"))
        alert = admin.done("POST", "/alerts", json=alert_body(system, "user", admin.user_id))
    report_path, resource_path = f"/reports/{report['id']}", f"/resources/{resource['id']}"
    system.resource()
    for content in ("one", "two"):
        admin.done("POST", f"{report_path}/comments", json={"content": content})
        system.attachment(report)
        admin.done("POST", f"{resource_path}/usage-changes", json={"usage_change": 1})
    viewer = system.people["viewer"].user_id
    private = system.people["coordinator"].done("POST", "/alerts", json=alert_body(system, "user", viewer))
    for _ in range(2):
        admin.done("GET", f"/alerts/{private['id']}")
    body = alert_body(system, "user", admin.user_id, ("group", "coordinator"))
    alert = admin.done("POST", "/alert-drafts", json=body)
    alert = admin.done("PUT", f"/alerts/{alert['id']}/issue", version=alert["version"])
    report = admin.done("PUT", f"{report_path}/status", version=1, json={"status": "confirmed"})
    resource = admin.done("GET", resource_path)
    admin.done("PUT", f"{resource_path}/status", version=resource["version"], json={"status": "limited"})
    for path in (report_path, resource_path):
        eventually(lambda path=path: len(admin.done("GET", f"{path}/history")["items"]) > 1, "the history")
    eventually(lambda: len(admin.done("GET", f"/alerts/{alert['id']}/targets")["items"]) > 1, "the targets")
    places = {
        "report_id": report,
        "resource_id": resource,
        "alert_id": alert,
        "rule_id": rule,
        "user_id": account,
    }
    return {name: thing["id"] for name, thing in places.items()}


def rule_body(name):
    return {
        "name": name,
        "source_event": "report_status_changed",
        "status_entered": "rejected",
        "priority": "low",
        "title_template": "{title}",
        "message_template": "{title}",
        "action": "draft",
    }


def alert_body(system, kind="region", target=None, *more):
    targets = [(kind, target or system.region), *more]
    return {
        "title": "Of extremes",
        "message": "Nothing happened.",
        "region_id": system.region,
        "priority": "low",
        "targets": [{"target_type": kind, "target_id": target} for kind, target in targets],
    }


def decoded(cursor):
    return json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))


def encoded(parts):
    return urlsafe_b64encode(json.dumps(parts).encode()).rstrip(b"=").decode()


LISTS = sorted(
    name
    for name, operation in OPERATIONS.items()
    if any(one.get("name") == "cursor" for one in operation.get("parameters", ()))
)


@pytest.mark.parametrize("name", LISTS)
def test_no_cursor_is_answered_with_a_fault(system, things, name):
    path = OPERATIONS[name]["path"].format_map(things)
    cursor = system.admin.done("GET", f"{path}?limit=1")["next_cursor"]
    assert cursor, "there is no second page"
    parts = decoded(cursor)
    for place in range(len(parts)):
        for value in BEYOND:
            changed = [*parts[:place], value, *parts[place + 1 :]]
            answer = system.admin("GET", f"{path}?limit=1&cursor={encoded(changed)}")
            assert answer.status_code in (200, 422), (changed, answer.text)
            if answer.status_code == 422:
                assert list(answer.json()["fields"]) == ["cursor"]


def form_of(operation):
    schema = next(iter(operation["requestBody"]["content"].values()))["schema"]
    return document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]


def extremes_of(form):
    """What to try in a field of this form."""
    kinds = form.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    if "integer" in kinds:
        return INTEGERS
    if "number" in kinds:
        return NUMBERS
    if form.get("format") == "date-time":
        return MOMENTS
    return [*TEXTS, 2**63, 1e308, [], {}] if "string" in kinds else []


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_no_parameter_is_answered_with_a_fault(system, things, name):
    operation = OPERATIONS[name]
    path = operation["path"].format_map(defaultdict(lambda: NOWHERE, things))
    for parameter in operation.get("parameters", ()):
        if parameter["in"] != "query":
            continue
        for value in extremes_of(parameter.get("schema", {})) or [*INTEGERS, *MOMENTS, *TEXTS]:
            answer = system.admin(operation["verb"], path, params={parameter["name"]: str(value)})
            assert answer.status_code < 500, (parameter["name"], value, answer.text)


WRITES = {
    "create_report": lambda system: system.report_body(),
    "create_resource": lambda system: system.resource_body(),
    "issue_alert": alert_body,
    "draft_alert": alert_body,
    "create_alert_rule": lambda _system: rule_body("Extreme"),
    "create_region": lambda _system: {"code": "EXTREME", "name": "Extreme"},
    "create_role": lambda _system: {"name": "extreme"},
    "create_report_type": lambda _system: {"name": "Extreme"},
    "create_resource_type": lambda _system: {"name": "Extreme"},
    "create_severity_level": lambda _system: {"name": "Extreme", "level": 3},
    "register_user": lambda _system: {
        "email": "extreme@impactx.example",
        "password": PASSWORD,
        "first_name": "X",
        "last_name": "Y",
    },
    "update_report": lambda _system: {},
    "update_resource": lambda _system: {},
    "update_alert_rule": lambda _system: {},
    "update_user": lambda _system: {},
    "add_comment": lambda _system: {},
    "update_resource_usage": lambda _system: {},
}
"""A body that is accepted, for the operations that take most fields; an update needs none beside the field itself."""


@pytest.mark.parametrize("name", sorted(WRITES))
def test_no_field_of_a_body_is_answered_with_a_fault(system, things, name):
    operation, usual = OPERATIONS[name], WRITES[name](system)
    path = operation["path"].format_map(things)
    for field, form in form_of(operation).items():
        for value in extremes_of(form):
            version = system.admin.done("GET", path)["version"] if operation["verb"] == "PATCH" else None
            answer = system.admin(operation["verb"], path, version=version, json={**usual, field: value})
            assert answer.status_code < 500, (field, value, answer.text)
            if value in ("\u200b", "\ufeff\u202e", "\u2800", "\u3164") and answer.status_code == 422:
                assert field in answer.json()["fields"]

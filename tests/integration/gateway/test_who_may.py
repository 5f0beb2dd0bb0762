"""Every operation of the document: closed without a token, closed to who lacks the permission, open to who has it."""

import re

import pytest

from shared.domain.permissions import DEFAULT_ROLES
from tests.integration.gateway.conftest import NOWHERE
from tests.support.gateway import OPERATIONS
from tests.support.permissions import ANONYMOUS, MATRIX
from tests.support.waiting import eventually

CALLERS = {name: MATRIX[found["x-rpc-method"]] for name, found in OPERATIONS.items()}
CLOSED = sorted(name for name, callers in CALLERS.items() if ANONYMOUS not in callers)
PERMITTED = sorted(name for name in CLOSED if "signed in" not in OPERATIONS[name]["x-permission"])
OF_ONE_THING = sorted(name for name in CLOSED if re.search(r"\{\w+_id\}", OPERATIONS[name]["path"]))
NOT_BY_ID = {"grant_role", "revoke_role"}
"""What they refuse first is the role."""


def names_in(path):
    """The names of the arguments in an address."""
    return re.findall(r"\{(\w+)\}", path)


def call(client, name, **options):
    """The operation on something that is not there, with nothing said beyond that."""
    operation = OPERATIONS[name]
    path = re.sub(r"\{\w+_id\}", NOWHERE, operation["path"]).replace("{role}", "nobody")
    if "requestBody" in operation and "files" not in options:
        options.setdefault("json", {})
    return client(operation["verb"], path, version=1, **options)


@pytest.mark.parametrize("name", CLOSED)
def test_without_a_token_it_is_closed(system, name):
    answer = call(system.anonymous, name)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@pytest.mark.parametrize("token", ["nonsense", "e30.e30.e30", "x" * 7000])
def test_with_a_false_token_it_is_closed(system, name, token):
    answer = call(system.anonymous, name, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("role", DEFAULT_ROLES)
@pytest.mark.parametrize("name", PERMITTED)
def test_the_permission_decides(system, name, role):
    answer = call(system.people[role], name)
    if role not in CALLERS[name]:
        # what one may not see is not there: an attachment's report is looked for first
        assert answer.status_code == 403, answer.text
    else:
        assert answer.status_code not in (401, 403), answer.text


@pytest.mark.parametrize("name", sorted(set(OF_ONE_THING) - NOT_BY_ID))
def test_what_is_not_there_is_not_found(system, name):
    """With a body that is right; the operation itself is what looks."""
    answer = call(system.people["administrator"], name, **SAID.get(name, {}))
    if OPERATIONS[name]["verb"] == "POST" and name == "add_attachment":
        assert answer.status_code == 404
        return
    assert answer.status_code == 404, answer.text
    assert answer.json()["slug"] == "not_found"


SAID = {
    "update_user": {"json": {"first_name": "Grace"}},
    "reset_password": {"json": {"new_password": "another long enough password"}},
    "update_region": {"json": {"name": "There"}},
    "update_report_type": {"json": {"name": "There"}},
    "update_severity_level": {"json": {"name": "There"}},
    "update_resource_type": {"json": {"name": "There"}},
    "update_report": {"json": {"title": "There"}},
    "change_report_status": {"json": {"status": "confirmed"}},
    "resolve_report": {"json": {}},
    "add_comment": {"json": {"content": "There"}},
    "edit_comment": {"json": {"content": "There"}},
    "update_alert": {"json": {"title": "There"}},
    "cancel_alert": {"json": {"notes": "There"}},
    "update_alert_rule": {"json": {"name": "There"}},
    "update_resource": {"json": {"name": "There"}},
    "change_resource_status": {"json": {"status": "limited"}},
    "update_resource_usage": {"json": {"usage_change": 1}},
    "add_attachment": {"files": {"file": ("a.jpg", b"\xff\xd8\xff\xe0")}},
}


OWNED = frozenset({"report_id", "comment_id", "attachment_id", "user_id", "alert_id"})
"""What belongs to somebody, by the names of addresses."""

ON_OWNED = sorted(
    name
    for name, found in OPERATIONS.items()
    if OWNED & set(names_in(found["path"])) and set(names_in(found["path"])) <= OWNED | {"role"}
)
FOR_STAFF = {"get_alert_reach", "list_alert_targets", "get_alert_history"}
"""Whom an alert reached, and who decided about it, is not for those whom it reached."""


@pytest.fixture(scope="module")
def theirs(system):
    """Somebody's report with everything that can belong to it, and an alert to them alone."""
    owner = system.person()
    report = system.report(owner)
    comment = owner.done("POST", f"/reports/{report['id']}/comments", json={"content": "Mine"})
    attachment = system.attachment(report, owner)
    alert = {
        "title": "Mine",
        "message": "Mine",
        "region_id": system.region,
        "priority": "low",
        "targets": [{"target_type": "user", "target_id": owner.user_id}],
    }
    issued = eventually(
        lambda: (answer := system.admin("POST", "/alerts", json=alert)).ok and answer.json(),
        "the alerts know this person",
    )
    eventually(lambda: owner("GET", f"/alerts/{issued['id']}").ok, "it has reached them")
    return owner, {
        "report_id": report["id"],
        "comment_id": comment["id"],
        "attachment_id": attachment["id"],
        "user_id": owner.user_id,
        "alert_id": issued["id"],
    }


@pytest.fixture(scope="module")
def other(system):
    return system.person()


class TestTwoPeople:
    """What belongs to one is not there for the other, whatever is tried on it."""

    @staticmethod
    def path(name, ids):
        return OPERATIONS[name]["path"].format_map({**ids, "role": "viewer"})

    @pytest.mark.parametrize("name", ON_OWNED)
    def test_nothing_of_theirs_is_there(self, theirs, other, name):
        operation = OPERATIONS[name]
        said = SAID.get(name, _body(operation))
        answer = other(operation["verb"], self.path(name, theirs[1]), version=1, **said)
        assert answer.status_code in (403, 404), answer.text
        assert "Mine" not in answer.text

    @pytest.mark.parametrize(
        "name", [name for name in ON_OWNED if OPERATIONS[name]["verb"] == "GET" and name not in FOR_STAFF]
    )
    def test_the_owner_sees_it(self, theirs, name):
        owner, ids = theirs
        assert owner("GET", self.path(name, ids)).ok

    @pytest.mark.parametrize("path", ["/reports", "/active-reports", "/my-alerts", "/public-alerts"])
    def test_lists_leave_it_out(self, theirs, other, path):
        listed = other.done("GET", f"{path}?limit=500")["items"]
        assert not {item["id"] for item in listed} & set(theirs[1].values())


def _body(operation):
    return {"json": {}} if "requestBody" in operation else {}

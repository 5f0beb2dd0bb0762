"""The running service: the main path through RPC and events, and the audience read anew."""

from __future__ import annotations

import pytest
from lxml import etree
from uuid6 import uuid7

from services.alerts import alert_rules
from services.alerts.service import AlertsService
from shared.client.errors import Invalid, NotFound, Unavailable
from tests.support.running import PASSWORD, Person, outcome, people_of, running
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def client():
    with running(AlertsService, alert_rules.seed) as connected:
        yield connected


@pytest.fixture(scope="module")
def administrator(client):
    return Person(client, "alerts")


@pytest.fixture(scope="module")
def people(administrator):
    return people_of(administrator)


@pytest.fixture(scope="module")
def region(administrator):
    return administrator.call("list_regions", "identity", codes=["NP"])["items"][0]


def register(client, region, **preferences):
    """Somebody who wants the alerts of the region, signed in."""
    email = f"{uuid7()}@impactx.example"
    account = client.call(
        "identity.register_user",
        {
            "email": email,
            "password": PASSWORD,
            "first_name": "Ada",
            "last_name": "Lovelace",
            "preferences": {"regions": [region["code"]], **preferences},
        },
        token="",
    )
    return account["id"], Person(client, "alerts", email)


def is_known(person, region, user_id):
    """Whether identity's event of the account has come: a draft to somebody unknown is refused."""
    target = {"target_type": "user", "target_id": user_id}
    try:
        return person.draft_alert(**alert(region), targets=[target])
    except Invalid:
        return None


def alert(region, **changed):
    return {
        "title": "Leave the river banks",
        "message": "The dam may break.",
        "region_id": region["id"],
        "priority": "high",
    } | changed


def test_an_alert_goes_out_is_read_and_is_called_off(client, administrator, people, region):
    user_id, reader = register(client, region)
    coordinator = people["coordinator"]
    eventually(lambda: is_known(coordinator, region, user_id), "the account is known")
    issued = coordinator.issue_alert(**alert(region))
    mine = eventually(lambda: reader.list_my_alerts(unread_only=True)["items"], "the alert arrives")
    assert [row["id"] for row in mine] == [issued["id"]]
    assert reader.mark_alert_read(alert_id=issued["id"])["is_read"]
    reach = coordinator.get_alert_reach(alert_id=issued["id"])
    assert reach["read"] == reach["by_target"][0]["read"] == 1
    users = coordinator.list_alert_targets(alert_id=issued["id"], target_type="user")["items"]
    assert user_id in {row["target_id"] for row in users if row["is_read"]}
    assert coordinator.list_recent_alerts(region_id=region["id"])["items"][0]["region_name"] == region["name"]
    over = coordinator.cancel_alert(alert_id=issued["id"], version=issued["version"], notes="It held.")
    assert reader.get_alert(alert_id=issued["id"])["status"] == "cancelled"
    cap = reader.get_alert_cap(alert_id=over["cancelled_by"])
    root = etree.fromstring(cap["cap"].encode())
    names = {etree.QName(part).localname: part.text for part in root}
    assert names["msgType"] == "Cancel"
    assert names["references"].split(",")[1] == f"urn:uuid:{issued['id']}"


def test_a_draft_has_no_cap_message(administrator, region):
    draft = administrator.draft_alert(**alert(region))
    found = outcome(lambda: administrator.get_alert_cap(alert_id=draft["id"]))
    assert found.slug == "conflict"
    with pytest.raises(NotFound):
        administrator.get_alert_cap(alert_id=str(uuid7()))


def test_the_public_sees_what_is_for_a_region_and_nothing_else(client, administrator, region):
    def listed():
        found = client.call("alerts.list_public_alerts", {"limit": 500}, token="")["items"]
        return {item["id"]: item for item in found}

    def is_told(alert_id):
        given = {"alert_id": alert_id}
        found = outcome(lambda: client.call("alerts.get_alert_cap", given, token=""))
        assert found == "allowed" or isinstance(found, NotFound)
        return found == "allowed"

    me = administrator.call("get_me", "identity")["id"]
    eventually(lambda: is_known(administrator, region, me), "the account is known")
    for_one = {"target_type": "user", "target_id": me}
    for_all = {"target_type": "region", "target_id": region["id"]}
    public = administrator.issue_alert(**alert(region))
    both = administrator.issue_alert(**alert(region), targets=[for_one, for_all])
    private = administrator.issue_alert(**alert(region), targets=[for_one])
    draft = administrator.draft_alert(**alert(region))
    dropped = administrator.draft_alert(**alert(region))
    administrator.cancel_alert(alert_id=dropped["id"], version=dropped["version"])
    found = listed()
    assert {public["id"], both["id"]} <= found.keys()
    assert not {private["id"], draft["id"], dropped["id"]} & found.keys()
    shown = found[public["id"]]
    assert shown["region_name"] == region["name"]
    assert not {"issuer_name", "issued_by", "status_notes", "source_id", "rule_id"} & shown.keys()
    assert is_told(public["id"])
    assert not is_told(private["id"])
    assert not is_told(draft["id"])
    assert not is_told(dropped["id"])
    for one, is_public in ((public, True), (private, False)):
        over = administrator.cancel_alert(alert_id=one["id"], version=one["version"], notes="Over.")
        assert one["id"] not in listed()
        assert is_told(over["cancelled_by"]) is is_public


def test_the_cap_message_tells_the_area_as_it_was_when_the_alert_was_issued(administrator):
    boundaries = {"type": "Polygon", "coordinates": [[[1, 2], [3, 2], [3, 4], [1, 4], [1, 2]]]}
    region = administrator.call(
        "create_region", "identity", code=f"T-{uuid7()}", name="Before", boundaries=boundaries
    )
    issued = eventually(lambda: _issued(administrator, region), "the region is known")
    administrator.call(
        "update_region",
        "identity",
        region_id=region["id"],
        version=region["version"],
        name="After",
        boundaries=None,
    )
    later = eventually(lambda: _named(administrator, region, "After"), "the region's new name is known")
    first = administrator.get_alert_cap(alert_id=issued["id"])["cap"]
    assert "<areaDesc>Before</areaDesc>" in first
    assert "<polygon>2,1 2,3 4,3 4,1 2,1</polygon>" in first
    assert "<polygon>" not in later


def _issued(person, region):
    try:
        return person.issue_alert(**alert(region))
    except Unavailable:
        return None


def _named(person, region, name):
    cap = person.get_alert_cap(alert_id=_issued(person, region)["id"])["cap"]
    return cap if f"<areaDesc>{name}</areaDesc>" in cap else None


def test_the_audience_can_be_read_anew_at_any_time(client, administrator, region):
    register(client, region)
    accounts = len(administrator.call("list_users", "identity", limit=500)["items"])
    found = administrator.rebuild_audience()
    assert found == {"regions": found["regions"], "members": accounts, "next_cursor": None}
    assert found["regions"] >= 4
    with pytest.raises(Invalid):
        administrator.rebuild_audience(cursor="elsewhere")
    with pytest.raises(Invalid):
        administrator.rebuild_audience(cursor="members:elsewhere")


def test_the_shipped_rules_are_there(administrator):
    listed = administrator.list_alert_rules()["items"]
    assert {(rule["source_event"], rule["status_entered"], rule["priority"]) for rule in listed} == {
        ("report_status_changed", "confirmed", "critical"),
        ("report_status_changed", "confirmed", "high"),
        ("resource_status_changed", "unavailable", "medium"),
        ("resource_status_changed", "out_of_service", "medium"),
    }

"""The whole chain: a report is confirmed, people are alerted by a rule, one reads, and the end of it is told."""

from __future__ import annotations

import itertools

import pytest
from lxml import etree
from uuid6 import uuid7

from shared.client.errors import Invalid
from tests.e2e.systems import PASSWORD
from tests.support.waiting import eventually

PEOPLE = 12
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"

_degrees = itertools.count(1)


@pytest.fixture
def client(administrator):
    return administrator


@pytest.fixture
def place():
    """Somewhere in the Pacific, where no other test is."""
    return [-150.0 + next(_degrees), -40.0]


@pytest.fixture
def region(client, place):
    """A region around the place, which nobody wants to hear of yet."""
    west, south = place[0] - 0.25, place[1] - 0.25
    corners = [[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5], [0, 0]]
    ring = [[west + east, south + north] for east, north in corners]
    return client.identity.create_region(
        code=f"P-{uuid7()}", name="Pacific", boundaries={"type": "Polygon", "coordinates": [ring]}
    )


def people(client, region, number, **preferences):
    """Accounts that want the alerts of a region, and a token of the last of them."""
    ids = []
    for _ in range(number):
        email = f"{uuid7()}@impactx.example"
        account = {
            "email": email,
            "password": PASSWORD,
            "first_name": "Ada",
            "last_name": "Lovelace",
            "preferences": {"regions": [region["code"]], **preferences},
        }
        ids.append(client.call("identity.register_user", account, token="")["id"])
    signed_in = client.call("identity.authenticate", {"email": email, "password": PASSWORD}, token="")
    return ids, signed_in["access_token"]


def known(client, region, user_ids):
    """Waits until the alerts have heard of all of them; a draft to somebody unknown is refused."""
    targets = [{"target_type": "user", "target_id": user_id} for user_id in user_ids]
    content = {"title": "x", "message": "x", "region_id": region["id"], "priority": "low"}

    def is_accepted():
        try:
            return client.alerts.draft_alert(**content, targets=targets)
        except Invalid:
            return None

    eventually(is_accepted, "the alerts know these people")


def severe_report(client, place):
    types = client.reports.list_report_types()["items"]
    levels = {level["level"]: level["id"] for level in client.reports.list_severity_levels()["items"]}
    return client.reports.create_report(
        report_type_id=types[0]["id"],
        severity_level_id=levels[5],
        title="Dam breaks",
        description="Water comes down the valley.",
        location={"type": "Point", "coordinates": place},
    )


def cap_of(client, alert_id):
    """The message as its elements' texts, those of its first info block and area included."""
    root = etree.fromstring(client.alerts.get_alert_cap(alert_id=alert_id)["cap"].encode())
    return {element.tag.removeprefix(CAP): element.text for element in root.iter()}


def test_from_a_confirmed_report_to_the_end_of_its_alert(client, region, place):
    told, reader = people(client, region, PEOPLE)
    people(client, {"code": "NP"}, 3)
    known(client, region, told)
    report = severe_report(client, place)
    assert report["region_id"] == region["id"]
    report = client.reports.change_report_status(
        report_id=report["id"], version=report["version"], status="confirmed", notes="Seen from the air."
    )

    [alert] = eventually(
        lambda: client.alerts.list_alerts(source_id=report["id"])["items"], "the rule issues an alert"
    )
    assert (alert["status"], alert["priority"], alert["title"]) == ("active", "critical", "Dam breaks")
    reach = eventually(
        lambda: next(
            (
                found
                for found in [client.alerts.get_alert_reach(alert_id=alert["id"])]
                if found["targeted_at"]
            ),
            None,
        ),
        "everybody has it",
    )
    assert (reach["targets"], reach["read"]) == (PEOPLE, 0)
    users = client.alerts.list_alert_targets(alert_id=alert["id"], target_type="user")["items"]
    assert {row["target_id"] for row in users} == set(told)

    [mine] = client.call("alerts.list_my_alerts", {"unread_only": True}, token=reader)["items"]
    assert mine["id"] == alert["id"]
    client.call("alerts.mark_alert_read", {"alert_id": alert["id"]}, token=reader)
    reach = client.alerts.get_alert_reach(alert_id=alert["id"])
    assert (reach["read"], reach["unread"]) == (1, PEOPLE - 1)
    assert reach["by_target"] == [
        {
            "target_type": "region",
            "target_id": region["id"],
            "targets": PEOPLE,
            "read": 1,
            "unread": PEOPLE - 1,
        }
    ]

    client.reports.resolve_report(report_id=report["id"], version=report["version"])
    over = eventually(
        lambda: next(
            (
                found
                for found in [client.alerts.get_alert(alert_id=alert["id"])]
                if found["status"] == "cancelled"
            ),
            None,
        ),
        "the alert is cancelled",
    )
    first, last = cap_of(client, alert["id"]), cap_of(client, over["cancelled_by"])
    assert (first["msgType"], last["msgType"]) == ("Alert", "Cancel")
    assert last["references"] == f"{first['sender']},{first['identifier']},{first['sent']}"
    assert first["value"] == last["value"] == region["code"]
    assert client.call("alerts.list_my_alerts", {}, token=reader)["items"][0]["status"] == "cancelled"


def test_a_resource_out_of_service_alerts_the_coordinators_of_its_region(client, region, place):
    coordinators = {}
    for code in (region["code"], "NP"):
        email = f"{uuid7()}@impactx.example"
        coordinators[code] = client.identity.register_user(
            email=email,
            password=PASSWORD,
            first_name="Grace",
            last_name="Hopper",
            roles=["coordinator"],
            preferences={"regions": [code]},
        )["id"]
    people(client, region, 2)
    known(client, region, coordinators.values())
    resource_type = client.resources.list_resource_types()["items"][0]
    resource = client.resources.create_resource(
        name="Lycée",
        region_id=region["id"],
        resource_type_id=resource_type["id"],
        location={"type": "Point", "coordinates": place},
    )
    client.resources.change_resource_status(
        resource_id=resource["id"], version=resource["version"], status="out_of_service"
    )
    [alert] = eventually(
        lambda: client.alerts.list_alerts(source_id=resource["id"])["items"], "the rule issues an alert"
    )
    eventually(lambda: client.alerts.get_alert_reach(alert_id=alert["id"])["targeted_at"], "everybody has it")
    users = client.alerts.list_alert_targets(alert_id=alert["id"], target_type="user")["items"]
    assert [row["target_id"] for row in users] == [coordinators[region["code"]]]

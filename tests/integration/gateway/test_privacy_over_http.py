"""Whoever registers sees neither alerts of others nor contacts, in any way that HTTP offers."""

from __future__ import annotations

import json

import pytest

from tests.support.http import Listener
from tests.support.waiting import eventually

SECRET = "Only for you"


@pytest.fixture
def listen():
    made = []

    def listening(client):
        made.append(Listener(client))
        return made[-1]

    yield listening
    for listener in made:
        listener.close()


def issue(system, targets=None, title=SECRET):
    body = {"title": title, "message": title, "region_id": system.region, "priority": "low"}
    body |= {"targets": targets} if targets else {}
    coordinator = system.people["coordinator"]
    answer = eventually(
        lambda: (found := coordinator("POST", "/alerts", json=body)).ok and found, "alerts know the accounts"
    )
    return answer.json()


WAYS = {
    "get": lambda client, alert: client("GET", f"/alerts/{alert['id']}").ok,
    "list": lambda client, alert: listed(client, "/alerts", alert),
    "recent": lambda client, alert: listed(client, "/recent-alerts", alert),
    "cap": lambda client, alert: client("GET", f"/alerts/{alert['id']}/cap").ok,
    "cap document": lambda client, alert: (
        client.session.get(
            f"{client.url.removesuffix('/api/v1')}/alerts/{alert['id']}.cap",
            headers={"Authorization": f"Bearer {client.token}"} if client.token else {},
            timeout=60,
        ).ok
    ),
}


def listed(client, path, alert):
    items = client.done("GET", f"{path}?limit=500")["items"]
    return alert["id"] in [item["id"] for item in items]


@pytest.mark.parametrize("audience_class", ["restricted", "private"])
def test_a_stranger_sees_nothing_of_an_alert_that_is_for_others(system, listen, audience_class):
    addressee, stranger = system.person("reporter", "responder"), system.person("reporter")
    targets = {
        "restricted": [{"target_type": "group", "target_id": "responder"}],
        "private": [{"target_type": "user", "target_id": addressee.user_id}],
    }[audience_class]
    theirs, others = listen(addressee), listen(stranger)
    alert = issue(system, targets)
    assert alert["audience_class"] == audience_class
    eventually(lambda: WAYS["get"](addressee, alert), "it has reached them")
    eventually(lambda: theirs.about(alert["id"], "alert_issued"), "they hear of it")
    known = issue(system, title="For everybody")
    eventually(lambda: others.about(known["id"], "alert_issued"), "the stranger hears what is public")
    for name, way in WAYS.items():
        assert way(addressee, alert), name
        assert not way(stranger, alert), name
        assert way(stranger, known), name
    assert not others.about(alert["id"])
    assert SECRET not in json.dumps(others.heard)
    assert addressee.user_id not in json.dumps(theirs.about(alert["id"]))
    everything = [
        stranger("GET", path).text
        for path in ("/alerts?limit=500", "/recent-alerts?limit=500", "/public-alerts", "/my-alerts")
    ]
    assert not [text for text in everything if SECRET in text or addressee.user_id in text]
    for path in ("reach", "targets", "cap"):
        hidden, missing = (
            stranger("GET", f"/alerts/{alert_id}/{path}") for alert_id in (alert["id"], system.region)
        )
        assert hidden.status_code == missing.status_code
        assert hidden.json()["slug"] == missing.json()["slug"]


def test_what_the_administrator_reads_of_others_is_on_record(system):
    addressee = system.person("reporter")
    alert = issue(system, [{"target_type": "user", "target_id": addressee.user_id}])
    assert not WAYS["get"](system.person("coordinator"), alert)
    answer = system.admin("GET", f"/alerts/{alert['id']}")
    assert answer.ok
    [record] = system.admin.done("GET", f"/private-alert-reads?alert_id={alert['id']}")["items"]
    assert record["user_id"] == system.admin.user_id
    assert record["way"] == "get"
    assert record["correlation_id"] == answer.headers["X-Request-ID"]
    assert system.people["coordinator"]("GET", "/private-alert-reads").status_code == 403


def test_whoever_registers_sees_neither_contacts_nor_the_names_of_issuers(system):
    of_type = system.admin.done("POST", "/resource-types", json={"name": "With contacts"})["id"]
    resource = system.resource(
        resource_type_id=of_type,
        name="Contactable",
        contact_person="Grace Hopper",
        contact_phone="555-0199",
        contact_email="g@impactx.example",
    )
    alert = issue(system, title="For all")
    stranger = system.person("reporter")
    for path in (
        f"/resources/{resource['id']}",
        "/resources?text=Contactable",
        "/available-resources?text=Contactable",
        f"/nearest-resources?lon=-72.5&lat=18.2&resource_type_id={of_type}",
    ):
        answer = stranger("GET", path)
        assert answer.ok, answer.text
        assert "Contactable" in answer.text
        assert not [word for word in ("Grace", "555-0199", "g@impactx") if word in answer.text]
        assert "Grace" in system.people["responder"]("GET", path).text
    [recent] = [item for item in stranger.done("GET", "/recent-alerts")["items"] if item["id"] == alert["id"]]
    assert recent["issuer_name"] is None
    assert recent["sender"]

"""The stream, the feeds and the probes of a whole system, over HTTP."""

from __future__ import annotations

import json
import time

import pytest
import requests

from tests.integration.gateway.conftest import HEARTBEAT
from tests.support.http import Listener
from tests.support.waiting import eventually, patience


@pytest.fixture
def listen():
    made = []

    def listening(client, **options):
        made.append(Listener(client, **options))
        return made[-1]

    yield listening
    for listener in made:
        listener.close()


def test_everybody_hears_what_they_may_and_nothing_else(system, listen):
    reporter, stranger, viewer = system.person("reporter"), system.person("reporter"), system.person("viewer")
    own, others, everything = listen(reporter), listen(stranger), listen(viewer)
    only_resources = listen(viewer, query="?type=resource_created")
    report = system.report(reporter)
    resource = system.resource()
    eventually(
        lambda: everything.about(report["id"]) and everything.about(resource["id"]), "the viewer hears"
    )
    eventually(lambda: own.about(report["id"]) and own.about(resource["id"]), "who filed it hears")
    eventually(lambda: others.about(resource["id"]), "others hear of resources")
    eventually(lambda: only_resources.about(resource["id"]), "resources alone are heard of")
    assert not others.about(report["id"])
    assert not only_resources.about(report["id"])
    (event,) = own.about(report["id"])
    data = json.loads(event["data"])
    assert data["type"] == event["event"] == "report_created"
    assert data["data"]["title"] == report["title"]
    assert event["id"].startswith(data["id"])


def test_a_listener_that_comes_again_gets_what_it_missed_in_order(system, listen):
    listener = listen(system.admin)
    first = system.report()
    eventually(lambda: listener.about(first["id"]), "it hears")
    last_id = listener.heard[-1]["id"]
    listener.close()
    missed = [system.report() for _ in range(5)]
    ids = [report["id"] for report in missed]
    again = listen(system.admin, query="?type=report_created", last_id=last_id)

    def subjects():
        return [json.loads(event["data"])["subject"] for event in again.heard]

    eventually(lambda: subjects() == ids, "it gets all that it missed, once and in order")
    unknown = listen(system.admin, last_id="01978f41-3b00-7d2c-9b21-4e5f60718293")
    eventually(lambda: [event["event"] for event in unknown.heard] == ["reset"], "it is told to read anew")


def test_a_stream_says_when_it_is_alive(system, listen):
    began = time.monotonic()
    listener = listen(system.admin, query="?type=region_updated")
    eventually(lambda: listener.comments == 2, "two heartbeats")
    assert time.monotonic() - began > 1.5 * HEARTBEAT


def test_listeners_are_counted_and_forgotten(system, listen):
    def listeners():
        text = requests.get(f"{system.url}/metrics", timeout=patience(10)).text
        (line,) = [line for line in text.splitlines() if line.startswith("impactx_stream_listeners ")]
        return float(line.split()[1])

    # those of other tests may not be missed yet
    before = eventually(lambda: [listeners()])[0]
    viewer = system.person("viewer")
    made = [listen(viewer) for _ in range(10)]
    eventually(lambda: listeners() >= 10, "they are counted")
    for listener in made:
        listener.close()

    def went():
        system.report()  # writing to them shows that they are gone
        return listeners() <= before

    eventually(went, "they are forgotten", every=0.2)


def test_the_public_reads_alerts_without_a_token(system):
    body = {
        "title": "High water & <worse>",
        "message": "Go to higher ground.",
        "region_id": system.region,
        "priority": "high",
    }
    viewer = system.person("viewer")
    to_one = {"targets": [{"target_type": "user", "target_id": viewer.user_id}]}

    def issued(**more):
        answer = system.admin("POST", "/alerts", json=body | more)
        return answer.json() if answer.ok else None

    public = eventually(issued, "the region is known")
    private = eventually(lambda: issued(**to_one), "the account is known")
    eventually(
        lambda: public["id"] in requests.get(f"{system.url}/feeds/alerts.atom", timeout=patience(10)).text,
        "it shows",
    )
    elsewhere = system.admin.done("GET", "/regions?codes=NP")["items"][0]["id"]
    for form in ("atom", "rss"):
        feed = requests.get(f"{system.url}/feeds/alerts.{form}", timeout=patience(10))
        assert f"{system.url}/alerts/{public['id']}.cap" in feed.text
        assert private["id"] not in feed.text
        for region_id, is_there in ((system.region, True), (elsewhere, False)):
            of_region = requests.get(feed.url, params={"region_id": region_id}, timeout=patience(10))
            assert (public["id"] in of_region.text) is is_there
        tag = {"If-None-Match": feed.headers["ETag"]}
        assert requests.get(feed.url, headers=tag, timeout=patience(10)).status_code == 304
    document = requests.get(f"{system.url}/alerts/{public['id']}.cap", timeout=patience(10))
    assert document.headers["Content-Type"] == "application/cap+xml"
    assert "High water &amp; &lt;worse&gt;" in document.text
    assert requests.get(f"{system.url}/alerts/{private['id']}.cap", timeout=patience(10)).status_code == 404
    system.admin.done("PUT", f"/alerts/{public['id']}/cancellation", version=1, json={})
    eventually(
        lambda: (
            public["id"] not in requests.get(f"{system.url}/feeds/alerts.atom", timeout=patience(10)).text
        ),
        "it goes",
    )


def test_the_system_is_ready(system):
    answer = requests.get(f"{system.url}/health/ready", timeout=patience(10))
    assert answer.status_code == 200, answer.text
    assert set(answer.json()["present"]) == {
        "connections",
        "broker",
        "identity",
        "reports",
        "resources",
        "alerts",
        "work",
    }

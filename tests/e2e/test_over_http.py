"""The story of a report and its alert over HTTP: whichever gateway is asked, and whatever is killed meanwhile."""

from __future__ import annotations

import itertools
from uuid import uuid4

import pytest
import requests
from lxml import etree

from tests.e2e.systems import EMAIL, PASSWORD
from tests.support.http import Client, Listener
from tests.support.waiting import eventually, patience

PEOPLE = 6
CAP = "{urn:oasis:names:tc:emergency:cap:1.2}"

_degrees = itertools.count(1)


class Visitor:
    """Somebody behind a balancer: each request goes to the next gateway, past one that cannot be reached."""

    def __init__(self, running, email=EMAIL):
        self.running = running
        self._turns = itertools.count()
        self.token = ""
        self.token = self.done("POST", "/auth/login", json={"email": email, "password": PASSWORD})[
            "access_token"
        ]

    def at(self, number):
        """The same one, who speaks with this gateway alone; with one gateway that is always the same."""
        urls = self.running.urls
        return Client(urls[number % len(urls)], self.token)

    def done(self, verb, path, **options):
        return self.at(next(self._turns)).done(verb, path, **options)

    def done_twice(self, verb, path, **options):
        """As one does it who got no answer and asks again, elsewhere; both answers are the same."""
        first, again = self.done(verb, path, **options), self.done(verb, path, **options)
        assert again == first
        return first


@pytest.fixture(scope="module")
def admin(running):
    return Visitor(running)


@pytest.fixture(scope="module")
def where(admin):
    """A place in a region."""
    found = place()
    region_at(admin, found)
    return found


def key():
    return {"Idempotency-Key": str(uuid4())}


def place():
    """Somewhere in the Atlantic, where no other test is."""
    return [-40.0 + next(_degrees), -30.0]


def region_at(admin, where):
    west, south = where[0] - 0.25, where[1] - 0.25
    ring = [[west, south], [west + 0.5, south], [west + 0.5, south + 0.5], [west, south + 0.5], [west, south]]
    body = {
        "code": f"A-{uuid4()}",
        "name": "Atlantic",
        "boundaries": {"type": "Polygon", "coordinates": [ring]},
    }
    return admin.done_twice("POST", "/regions", json=body, headers=key())


def severe_report(admin, where):
    levels = {level["level"]: level["id"] for level in admin.done("GET", "/severity-levels")["items"]}
    body = {
        "report_type_id": admin.done("GET", "/report-types?limit=1")["items"][0]["id"],
        "severity_level_id": levels[5],
        "title": "Dam breaks",
        "description": "Water comes down the valley.",
        "location": {"type": "Point", "coordinates": where},
    }
    return admin.done_twice("POST", "/reports", json=body, headers=key())


def people_of(running, region):
    """Accounts that want the region's alerts: their ids, and the last of them signed in."""
    anyone, ids = Client(running.urls[0]), []
    for _ in range(PEOPLE):
        account = {
            "email": f"{uuid4()}@impactx.example",
            "password": PASSWORD,
            "first_name": "Ada",
            "last_name": "Lovelace",
            "preferences": {"regions": [region["code"]]},
        }
        ids.append(anyone.done("POST", "/users", json=account)["id"])
    return ids, Visitor(running, account["email"])


def are_known(admin, region, ids):
    """Waits until the alerts have heard of all of them; a draft to somebody unknown is refused."""
    targets = [{"target_type": "user", "target_id": user_id} for user_id in ids]
    body = {"title": "x", "message": "x", "region_id": region["id"], "priority": "low", "targets": targets}
    eventually(lambda: admin.at(0)("POST", "/alert-drafts", json=body).ok, "the alerts know these people")


def texts(document):
    """The texts of a CAP message by their elements."""
    return {element.tag.removeprefix(CAP): element.text for element in etree.fromstring(document).iter()}


def test_from_a_confirmed_report_to_the_end_of_its_alert(running, admin):
    where = place()
    region = region_at(admin, where)
    told, reader = people_of(running, region)
    are_known(admin, region, told)
    report = severe_report(admin, where)
    assert report["region_id"] == region["id"]
    confirmed = admin.done_twice(
        "PUT",
        f"/reports/{report['id']}/status",
        version=report["version"],
        json={"status": "confirmed", "notes": "Seen from the air."},
    )
    with running.without_spare():
        [alert] = eventually(
            lambda: admin.done("GET", f"/alerts?source_id={report['id']}")["items"],
            "the rule issues an alert",
        )
        assert (alert["status"], alert["priority"], alert["title"]) == ("active", "critical", "Dam breaks")
        path = f"/alerts/{alert['id']}"
        eventually(lambda: admin.done("GET", f"{path}/reach")["targeted_at"], "everybody has it")
        assert reader.done("GET", "/my-alerts?unread_only=true")["items"][0]["id"] == alert["id"]
        assert in_feeds(running, alert)
    targets = admin.done("GET", f"{path}/targets?target_type=user")["items"]
    assert {target["target_id"] for target in targets} == set(told)
    reader.done_twice("PUT", f"{path}/reading")
    counted = {"targets": PEOPLE, "read": 1, "unread": PEOPLE - 1}
    reach = admin.done("GET", f"{path}/reach")
    assert reach["by_target"] == [{"target_type": "region", "target_id": region["id"], **counted}]
    assert {name: reach[name] for name in counted} == counted

    admin.done_twice("PUT", f"/reports/{report['id']}/resolution", version=confirmed["version"], json={})
    over = eventually(
        lambda: (found := admin.done("GET", path))["status"] == "cancelled" and found, "it is called off"
    )
    first, last = (texts(cap_of(running, alert_id)) for alert_id in (alert["id"], over["cancelled_by"]))
    assert (first["msgType"], last["msgType"]) == ("Alert", "Cancel")
    assert last["references"] == f"{first['sender']},{first['identifier']},{first['sent']}"
    assert first["value"] == last["value"] == region["code"]
    eventually(lambda: not in_feeds(running, alert), "it has left the feeds")
    assert reader.done("GET", "/my-alerts")["items"][0]["status"] == "cancelled"


def in_feeds(running, alert):
    """Whether the public finds the alert; every feed of every gateway has to say the same in the end."""
    feeds = [f"{url}/feeds/alerts.{form}" for url in running.urls for form in ("atom", "rss")]
    found = {f"/alerts/{alert['id']}.cap" in requests.get(feed, timeout=patience(10)).text for feed in feeds}
    return found == {True}


def cap_of(running, alert_id):
    """The message as the public gets it, byte for byte the same from every gateway."""
    answers = [requests.get(f"{url}/alerts/{alert_id}.cap", timeout=patience(10)) for url in running.urls]
    [content] = {answer.content for answer in answers if answer.ok}
    [_] = {answer.headers["ETag"] for answer in answers}
    return content


def test_what_one_gateway_says_holds_at_the_other(admin, where):
    first, second = admin.at(0), admin.at(1)
    report = severe_report(admin, where)
    path = f"/reports/{report['id']}"
    tag = first("GET", path).headers["ETag"]
    assert second("GET", path, headers={"If-None-Match": tag}).status_code == 304
    changed = second("PATCH", path, json={"title": "Dam holds"}, headers={"If-Match": tag})
    assert changed.json()["title"] == "Dam holds"
    assert first("GET", path, headers={"If-None-Match": tag}).json() == changed.json()
    assert first.refused(412, "PATCH", path, json={"title": "x"}, headers={"If-Match": tag})["version"] == 2
    file = {"file": ("a.jpg", b"\xff\xd8\xff\xe0" + b"x" * 1000)}
    [attachment] = {
        gateway.done("POST", f"{path}/attachments", files=file, headers={"Idempotency-Key": path})["id"]
        for gateway in (first, second)
    }
    assert second("GET", f"/attachments/{attachment}/content").content == file["file"][1]


def test_a_stream_goes_on_at_the_other_gateway(admin, where):
    first, second = admin.at(0), admin.at(1)
    listener = Listener(first)
    try:
        seen = severe_report(admin, where)
        second.done("PUT", f"/reports/{seen['id']}/status", version=1, json={"status": "confirmed"})
        eventually(
            lambda: listener.about(seen["id"], "report_status_changed"),
            "one hears what was done at the other",
        )
        last_id = listener.about(seen["id"], "report_status_changed")[0]["id"]
    finally:
        listener.close()
    missed = [severe_report(admin, where)["id"] for _ in range(3)]
    again = Listener(second, last_id=last_id)
    try:
        eventually(
            lambda: all(again.about(report_id) for report_id in missed), "what was missed is told there"
        )
        assert [event["event"] for event in again.heard if event["event"] == "reset"] == []
    finally:
        again.close()
    unknown = Listener(second, last_id=f"{uuid4()}.elsewhere")
    try:
        eventually(lambda: unknown.heard, "who cannot resume is told")
        assert unknown.heard[0]["event"] == "reset"
    finally:
        unknown.close()

"""Creating the same thing many times at once makes it once, and nobody is told that the service failed."""

from __future__ import annotations

import itertools
from uuid import UUID

import eventlet
import pytest
from uuid6 import uuid7

from tests.integration.gateway.conftest import JPEG
from tests.support.http import Client

AT_ONCE = 8
SQUARE = {"type": "Polygon", "coordinates": [[[60, 60], [61, 60], [61, 61], [60, 61], [60, 60]]]}

_numbers = itertools.count(1)


def unique(kind):
    return f"{kind}-at-once-{next(_numbers)}"


def rule(system, name):
    return {
        "name": name,
        "source_event": "report_status_changed",
        "status_entered": "confirmed",
        "priority": "low",
        "title_template": "Heard: {title}",
        "message_template": "{title} was confirmed.",
        "target_type": "user",
        "target_id": system.people["viewer"].user_id,
        "region_id": system.region,
    }


def alert(system, title):
    return {
        "title": title,
        "message": "Go to higher ground.",
        "region_id": system.region,
        "priority": "high",
        "targets": [{"target_type": "user", "target_id": system.people["viewer"].user_id}],
    }


def account(name):
    return {
        "email": f"{name}@impactx.example",
        "password": "a long enough password",
        "first_name": "Ada",
        "last_name": "Lovelace",
    }


# what is created: the path, the body for a name, what changes the content, and what has to be unique beside the id
CREATES = {
    "account": (lambda _: "/users", lambda _, name: account(name), {"last_name": "Byron"}, "email"),
    "role": (lambda _: "/roles", lambda _, name: {"name": name}, {"description": "Another."}, "name"),
    "region": (
        lambda _: "/regions",
        lambda _, name: {"code": name, "name": "Square", "boundaries": SQUARE},
        {"name": "Other square"},
        "code",
    ),
    "report type": (lambda _: "/report-types", lambda _, name: {"name": name}, {"description": "X"}, "name"),
    "severity level": (
        lambda _: "/severity-levels",
        lambda _, name: {"name": name, "level": 3},
        {"description": "X"},
        "name",
    ),
    "resource type": (
        lambda _: "/resource-types",
        lambda _, name: {"name": name},
        {"description": "X"},
        "name",
    ),
    "report": (
        lambda _: "/reports",
        lambda system, name: system.report_body(title=name),
        {"description": "Another."},
        None,
    ),
    "comment": (
        lambda system: f"/reports/{system.report()['id']}/comments",
        lambda _, name: {"content": name},
        {"content": "Another."},
        None,
    ),
    "resource": (
        lambda _: "/resources",
        lambda system, name: system.resource_body(name=name),
        {"capacity": 3},
        None,
    ),
    "usage change": (
        lambda system: f"/resources/{system.resource()['id']}/usage-changes",
        lambda *_: {"usage_change": 2},
        {"usage_change": 1},
        None,
    ),
    "draft": (lambda _: "/alert-drafts", alert, {"message": "Another."}, None),
    "alert": (lambda _: "/alerts", alert, {"message": "Another."}, None),
    "alert rule": (lambda _: "/alert-rules", rule, {"priority": "high"}, "name"),
}


def post_at_once(system, path, bodies):
    """The answers to these bodies, sent at the same moment on a connection each."""
    return send_at_once(system, "POST", path, [{"json": body} for body in bodies])


def send_at_once(system, verb, path, requests):
    ready = eventlet.event.Event()
    clients = [Client(system.url, system.admin.token, system.admin.user_id) for _ in requests]

    def send(client, request):
        ready.wait()
        return client(verb, path, **request)

    sent = [eventlet.spawn(send, *one) for one in zip(clients, requests, strict=True)]
    eventlet.sleep(0)
    ready.send(None)
    return [one.wait() for one in sent]


@pytest.mark.parametrize("kind", CREATES)
def test_the_same_create_many_times_at_once_makes_one_thing(system, kind):
    path_of, body_of, _, _ = CREATES[kind]
    body = body_of(system, unique("same")) | {"id": str(UUID(bytes=uuid7().bytes))}
    answers = post_at_once(system, path_of(system), [body] * AT_ONCE)
    assert [answer.status_code for answer in answers] == [201] * AT_ONCE, answers[0].text
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize("kind", CREATES)
def test_of_other_contents_with_the_same_id_one_wins_and_the_others_are_conflicts(system, kind):
    path_of, body_of, changed, _ = CREATES[kind]
    body = body_of(system, unique("other")) | {"id": str(UUID(bytes=uuid7().bytes))}
    answers = post_at_once(system, path_of(system), [body, body | changed] * (AT_ONCE // 2))
    codes = [answer.status_code for answer in answers]
    assert sorted({*codes}) == [201, 409], [answer.text for answer in answers]
    assert codes.count(201) == AT_ONCE // 2
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["fields"].keys() == {"id"}


@pytest.mark.parametrize("kind", [kind for kind, (*_, field) in CREATES.items() if field])
def test_of_other_things_with_the_same_name_one_wins_and_the_others_are_conflicts(system, kind):
    path_of, body_of, _, field = CREATES[kind]
    name = unique("name")
    bodies = [body_of(system, name) | {"id": str(UUID(bytes=uuid7().bytes))} for _ in range(AT_ONCE)]
    answers = post_at_once(system, path_of(system), bodies)
    codes = [answer.status_code for answer in answers]
    assert sorted(codes) == [201] + [409] * (AT_ONCE - 1), [answer.text for answer in answers]
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["fields"].keys() == {field}


def test_the_same_attachment_many_times_at_once_is_one(system):
    report = system.report()
    request = {"files": {"file": ("a.jpg", JPEG)}, "headers": {"Idempotency-Key": unique("key")}}
    answers = send_at_once(system, "POST", f"/reports/{report['id']}/attachments", [request] * AT_ONCE)
    assert [answer.status_code for answer in answers] == [201] * AT_ONCE, answers[0].text
    assert len({answer.content for answer in answers}) == 1
    listed = system.admin.done("GET", f"/reports/{report['id']}/attachments")["items"]
    assert [one["id"] for one in listed] == [answers[0].json()["id"]]


@pytest.mark.parametrize("kind", ["report", "resource"])
def test_the_same_import_many_times_at_once_stores_each_row_once(system, kind):
    body = system.report_body if kind == "report" else system.resource_body
    named = "title" if kind == "report" else "name"
    rows = [body(**{named: unique("row")}) | {"id": str(UUID(bytes=uuid7().bytes))} for _ in range(20)]
    bodies = [{"rows": rows}, {"rows": rows[::-1]}] * (
        AT_ONCE // 2
    )  # in another order, they lock another way
    answers = post_at_once(system, f"/{kind}-imports", bodies)
    assert [answer.status_code for answer in answers] == [200] * AT_ONCE, [one.text for one in answers]
    done = [answer.json() for answer in answers]
    assert sum(one["stored"] for one in done) == len(rows)
    assert [one["refused"] for one in done] == [[]] * AT_ONCE
    ids = [row["id"] for row in rows]
    assert all(one["ids"] in (ids, ids[::-1]) for one in done)


def test_a_role_given_many_times_at_once_is_held_once(system):
    account_id = system.account("viewer")["id"]
    answers = send_at_once(system, "PUT", f"/users/{account_id}/roles/responder", [{}] * AT_ONCE)
    assert [answer.status_code for answer in answers] == [200] * AT_ONCE, [one.text for one in answers]
    assert {tuple(answer.json()["roles"]) for answer in answers} == {("responder", "viewer")}

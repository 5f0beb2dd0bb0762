"""Moving resources from status to status, and the history that the events write, on PostgreSQL."""

from __future__ import annotations

import random
import threading

import pytest

from services.resources import status
from shared.client.errors import Conflict
from shared.domain import CONTRACTS
from shared.domain.resources import AVAILABLE, STATUS
from shared.platform.outbox.event import Event


def event_of_row(row):
    data = CONTRACTS["resources", row["type"]].schema().load(row["data"])
    return Event(
        row["id"],
        row["type"],
        "resources",
        row["subject"],
        row["sequence"],
        row["occurred_at"],
        data,
        row["correlation_id"],
    )


@pytest.mark.parametrize("current", STATUS.statuses)
@pytest.mark.parametrize("requested", STATUS.statuses)
def test_every_move(world, current, requested):
    caller = world.caller("responder")
    resource = world.create(world.caller())
    if current != AVAILABLE:
        resource = world.change(caller, resource, current)
    if requested in STATUS.moves[current]:
        moved = world.change(caller, resource, requested, "because")
        assert (moved["status"], moved["status_notes"]) == (requested, "because")
        assert moved["version"] == resource["version"] + 1
        event = world.events(resource["id"])[-1]
        assert event["type"] == "resource_status_changed"
        assert (event["data"]["previous_status"], event["data"]["notes"]) == (current, "because")
        assert event["correlation_id"] == caller.correlation_id
    else:
        with pytest.raises(Conflict) as caught:
            world.change(caller, resource, requested)
        assert caught.value.details["legal"] == list(STATUS.moves[current])


def test_a_repeated_move_changes_nothing_and_a_late_one_is_refused(world):
    caller = world.caller()
    resource = world.create(caller)
    first = world.change(caller, resource, "limited", "one ward shut")
    assert world.change(caller, resource, "limited", "one ward shut")["version"] == first["version"]
    with pytest.raises(Conflict) as caught:
        world.change(caller, resource, "closed")
    assert (caught.value.details["version"], caught.value.details["status"]) == (2, "limited")
    assert len(world.events(resource["id"])) == 2


def test_the_history_is_written_once_whatever_comes_twice_or_in_disorder(world):
    caller = world.caller()
    resource = world.create(caller)
    for entered in ("limited", "unavailable", "available", "closed"):
        resource = world.change(caller, resource, entered, f"now {entered}")
        world.update(caller, resource, name=f"School, {entered}")
        resource = world.get(caller, resource["id"])
    heard = {"resource_created", "resource_status_changed"}
    events = [event_of_row(row) for row in world.events(resource["id"]) if row["type"] in heard]
    chaos = random.Random(7).sample(events * 5, 25)
    for batch in (chaos[:9], chaos[9:10], chaos[10:]):
        with world.db.autocommit() as connection:
            status.record_history(connection, batch)
    with world.db.read() as connection:
        page = status.get_resource_history(connection, caller, resource["id"], None, 50)
    assert [entry["status"] for entry in page["items"]] == [
        "available",
        "limited",
        "unavailable",
        "available",
        "closed",
    ]
    assert [entry["id"] for entry in page["items"]] == [event.id for event in events]
    assert page["items"][1]["notes"] == "now limited"


@pytest.mark.parametrize("closing", ["unavailable", "out_of_service", "closed"])
def test_closing_what_is_in_use_needs_the_intent_and_says_how_many_are_inside(world, closing):
    caller = world.caller()
    shelter = world.create(caller)
    world.use(caller, shelter, 7)
    shelter = world.get(caller, shelter["id"])
    with pytest.raises(Conflict, match="7 of the capacity are still in use") as caught:
        world.change(caller, shelter, closing)
    assert caught.value.details["current_usage"] == 7
    assert list(caught.value.fields) == ["despite_usage"]
    assert world.get(caller, shelter["id"])["status"] == AVAILABLE
    closed = world.change(caller, shelter, closing, despite_usage=True)
    assert (closed["status"], closed["current_usage"]) == (closing, 7)
    again = world.change(caller, shelter, closing, version=shelter["version"], despite_usage=True)
    assert again["version"] == closed["version"]


def test_what_is_closed_already_and_what_is_empty_is_closed_without_asking(world):
    caller = world.caller()
    shelter = world.create(caller)
    world.use(caller, shelter, 7)
    shut = world.change(caller, world.get(caller, shelter["id"]), "unavailable", despite_usage=True)
    assert world.change(caller, shut, "closed")["status"] == "closed"
    empty = world.create(caller)
    assert world.change(caller, empty, "closed")["status"] == "closed"


def test_whoever_comes_while_it_closes_is_in_before_or_refused(world):
    """The last place and the closing at the same moment: never somebody inside who was not asked about."""
    caller = world.caller()
    for _ in range(10):
        shelter = world.create(caller)
        outcomes = {}

        def close(shelter=shelter, outcomes=outcomes):
            try:
                outcomes["closed"] = world.change(caller, shelter, "closed")
            except Conflict as error:
                outcomes["refused"] = error

        def enter(shelter=shelter, outcomes=outcomes):
            try:
                outcomes["entered"] = world.use(caller, shelter, 1)
            except Conflict as error:
                outcomes["turned_away"] = error

        threads = [threading.Thread(target=task) for task in (close, enter)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        now = world.get(caller, shelter["id"])
        assert ("closed" in outcomes) != ("entered" in outcomes), outcomes
        assert (now["status"] == "closed") == (now["current_usage"] == 0)

"""Moving resources from status to status, and the history that the events write, on PostgreSQL."""

from __future__ import annotations

import random

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

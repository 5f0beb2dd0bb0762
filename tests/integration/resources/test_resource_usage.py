"""Taking and giving back: atomic, bounded, once for each id, on PostgreSQL."""

from __future__ import annotations

from collections import Counter

import eventlet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uuid6 import uuid7

from services.resources import usage
from shared.client.errors import Conflict, NotFound
from shared.platform.db.engine import Database

TAKERS = 200
CONNECTIONS = 20
LEFT = 10


def ledger(world, caller, resource):
    with world.db.read() as connection:
        return usage.list_usage_changes(connection, caller, resource["id"], None, 500)["items"]


def usage_events(world, resource):
    return [row for row in world.events(resource["id"]) if row["type"] == "resource_usage_changed"]


def test_what_is_taken_is_in_the_ledger_and_in_an_event(world):
    caller = world.caller("responder")
    resource = world.create(world.caller())
    entry = world.use(caller, resource, 4)
    assert (entry["usage_change"], entry["current_usage"]) == (4, 4)
    assert (entry["capacity"], entry["remaining"]) == (10, 6)
    assert (entry["version"], entry["changed_by"]) == (2, caller.user_id)
    assert world.use(caller, resource, -1)["current_usage"] == 3
    assert [item["usage_change"] for item in ledger(world, caller, resource)] == [-1, 4]
    first, second = usage_events(world, resource)
    assert (first["data"]["usage_change"], first["data"]["current_usage"]) == (4, 4)
    assert (second["data"]["usage_change"], second["sequence"]) == (-1, 3)
    assert first["correlation_id"] == caller.correlation_id


def test_a_repeat_returns_the_same_outcome(world):
    caller, change_id = world.caller(), uuid7()
    resource = world.create(caller)
    first = world.use(caller, resource, 3, change_id)
    world.use(caller, resource, 5)
    world.update(caller, world.get(caller, resource["id"]), capacity=8)
    repeated = world.use(caller, resource, 3, change_id)
    assert {name: repeated[name] for name in repeated} == {name: first[name] for name in repeated}
    assert world.get(caller, resource["id"])["current_usage"] == 8
    assert len(usage_events(world, resource)) == 2


@pytest.mark.parametrize("difference", ["amount", "resource", "caller"])
def test_an_id_belongs_to_one_change(world, difference):
    caller, change_id = world.caller(), uuid7()
    resource, other = world.create(caller), world.create(caller)
    world.use(caller, resource, 3, change_id)
    with pytest.raises(Conflict) as caught:
        world.use(
            world.caller() if difference == "caller" else caller,
            other if difference == "resource" else resource,
            4 if difference == "amount" else 3,
            change_id,
        )
    assert set(caught.value.fields) == {"id"}
    assert world.get(caller, resource["id"])["current_usage"] == 3
    assert world.get(caller, other["id"])["current_usage"] == 0


@pytest.mark.parametrize(("usage_change", "left"), [(4, 3), (-8, 3), (2**31 - 1, 3)])
def test_beyond_the_bounds_nothing_changes_and_the_refusal_says_what_is_left(world, usage_change, left):
    caller = world.caller()
    resource = world.create(caller, current_usage=7)
    with pytest.raises(Conflict) as caught:
        world.use(caller, resource, usage_change)
    assert caught.value.details == {"remaining": left, "capacity": 10, "current_usage": 7}
    assert world.get(caller, resource["id"])["version"] == 1
    assert ledger(world, caller, resource) == []


def test_without_a_capacity_only_the_number_ends(world):
    caller = world.caller()
    resource = world.create(caller, capacity=...)
    assert world.use(caller, resource, 2**31 - 1)["current_usage"] == 2**31 - 1
    with pytest.raises(Conflict) as caught:
        world.use(caller, resource, 1)
    assert caught.value.details["remaining"] is None


def test_a_resource_that_is_not_there(world):
    with pytest.raises(NotFound):
        world.use(world.caller(), {"id": uuid7()}, 1)


def all_at_once(world, works):
    """Runs them on as many green threads as there are connections; what each returned or raised."""
    db = Database(world.database.url("resources"), pool_size=CONNECTIONS)
    sharing = type(world)(world.database, db, world.regions, types=world.types)

    def outcome(work):
        try:
            return work(sharing)
        except Conflict as refusal:
            return refusal

    try:
        # No more than have a connection: how long the others wait for one is not what is tried here.
        return list(eventlet.GreenPool(CONNECTIONS).imap(outcome, works))
    finally:
        db.close()


def test_200_takers_of_the_last_10(world):
    caller = world.caller("responder")
    resource = world.create(world.caller(), capacity=100, current_usage=100 - LEFT)
    outcomes = all_at_once(world, [lambda each: each.use(caller, resource, 1)] * TAKERS)
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    assert len(outcomes) - len(refusals) == LEFT
    assert Counter(refusal.details["remaining"] for refusal in refusals) == {0: TAKERS - LEFT}
    after = world.get(caller, resource["id"])
    assert (after["current_usage"], after["available_capacity"], after["version"]) == (100, 0, 1 + LEFT)
    assert sorted(entry["current_usage"] for entry in ledger(world, caller, resource)) == list(range(91, 101))
    assert len(usage_events(world, resource)) == LEFT


def test_one_change_sent_50_times_at_once_counts_once(world):
    caller, change_id = world.caller("responder"), uuid7()
    resource = world.create(world.caller())
    outcomes = all_at_once(world, [lambda each: each.use(caller, resource, 3, change_id)] * 50)
    assert {outcome["current_usage"] for outcome in outcomes} == {3}
    assert world.get(caller, resource["id"])["current_usage"] == 3
    assert len(usage_events(world, resource)) == 1


@settings(max_examples=25, deadline=None)
@given(
    capacity=st.none() | st.integers(0, 12),
    changes=st.lists(st.integers(-6, 6).filter(bool), min_size=1, max_size=12),
)
def test_usage_is_the_sum_of_the_ledger_and_never_out_of_bounds(world, capacity, changes):
    caller = world.caller("system")
    resource = world.create(caller, capacity=capacity)
    model = 0
    for change in changes:
        after = model + change
        if after >= 0 and (capacity is None or after <= capacity):
            assert world.use(caller, resource, change)["current_usage"] == after
            model = after
        else:
            with pytest.raises(Conflict):
                world.use(caller, resource, change)
    assert world.get(caller, resource["id"])["current_usage"] == model
    assert sum(entry["usage_change"] for entry in ledger(world, caller, resource)) == model


@pytest.mark.parametrize("status", ["unavailable", "out_of_service", "closed"])
def test_what_is_not_open_admits_nobody_and_lets_everybody_out(world, status):
    caller = world.caller()
    shelter = world.create(caller)
    world.use(caller, shelter, 4)
    shut = world.change(caller, world.get(caller, shelter["id"]), status, despite_usage=True)
    with pytest.raises(Conflict, match="admits nobody") as caught:
        world.use(caller, shut, 1)
    assert caught.value.details["status"] == status
    assert world.use(caller, shut, -4)["current_usage"] == 0
    world.change(caller, world.get(caller, shelter["id"]), "available")
    assert world.use(caller, shut, 1)["current_usage"] == 1


def test_a_repeated_admission_stays_what_it_was_after_the_closing(world):
    caller = world.caller()
    shelter = world.create(caller)
    change_id = uuid7()
    first = world.use(caller, shelter, 4, change_id)
    world.change(caller, world.get(caller, shelter["id"]), "closed", despite_usage=True)
    assert world.use(caller, shelter, 4, change_id).items() <= first.items()

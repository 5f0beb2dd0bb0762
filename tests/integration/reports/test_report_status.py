"""The status machine on PostgreSQL, and the history that its events write."""

from __future__ import annotations

import datetime as dt
import random
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid6 import uuid7

from services.reports import comments, reports, schemas, status
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain import CONTRACTS
from shared.domain.reports import STATUS
from shared.platform.outbox.event import Event


def events_of(world, report_id):
    """The report's status events as the handler gets them."""
    return [
        Event(
            id=row["id"],
            type=row["type"],
            source="reports",
            subject=row["subject"],
            sequence=row["sequence"],
            time=row["occurred_at"],
            data=CONTRACTS["reports", row["type"]].schema().load(row["data"]),
            correlation_id=row["correlation_id"] or "",
        )
        for row in world.events(report_id)
        if row["type"] in ("report_created", "report_status_changed")
    ]


def record(world, events):
    with world.db.autocommit() as connection:
        status.record_history(connection, events)


def history(world, caller, report_id):
    with world.db.read() as connection:
        return status.get_report_history(
            connection, caller, {"report_id": report_id, "cursor": None, "limit": 500}
        )["items"]


def shown(report):
    return schemas.Report().dump(report)


def test_a_report_goes_its_way_to_resolved_and_back(world):
    keeper = world.caller()
    report = world.create(world.caller("reporter"))
    for requested in ("confirmed", "in_progress", "resolved"):
        assert report["resolved_at"] is None
        report = world.change(keeper, report, requested, notes=f"now {requested}")
        assert (report["status"], report["status_notes"]) == (requested, f"now {requested}")
        assert report["updated_by"] == keeper.user_id
    assert abs(report["resolved_at"] - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=10)
    report = world.change(keeper, report, "in_progress")
    assert report["resolved_at"] is None
    assert report["status_notes"] is None
    report = world.change(keeper, world.change(keeper, report, "resolved"), "closed")
    assert report["resolved_at"] is not None


def test_an_illegal_move_lists_the_legal_ones(world):
    report = world.create(world.caller())
    with pytest.raises(Conflict) as caught:
        world.change(world.caller(), report, "resolved")
    assert caught.value.details["legal"] == ["confirmed", "rejected", "duplicate"]
    assert len(world.events(report["id"])) == 1


def test_a_change_names_the_version_it_saw(world):
    keeper = world.caller()
    report = world.create(keeper)
    changed = world.change(keeper, report, "confirmed", notes="seen")
    again = world.change(keeper, report, "confirmed", notes="seen")
    assert shown(again) == shown(changed), "a repeat changes nothing"
    for caller, notes in ((world.caller(), "seen"), (keeper, "heard")):
        with pytest.raises(Conflict) as caught:
            world.change(caller, report, "confirmed", notes=notes)
        assert caught.value.details["version"] == 2
    assert [row["type"] for row in world.events(report["id"])] == ["report_created", "report_status_changed"]


def test_who_reads_may_not_move_and_who_does_not_see_finds_nothing(world):
    owner = world.caller("reporter")
    report = world.create(owner)
    for caller, refusal in (
        (world.caller("viewer"), Forbidden),
        (owner, Forbidden),
        (world.caller("reporter"), NotFound),
    ):
        with pytest.raises(refusal):
            world.change(caller, report, "confirmed")
    with pytest.raises(NotFound):
        world.change(world.caller(), {"id": uuid7(), "version": 1}, "confirmed")


def test_a_duplicate_names_the_original(world):
    keeper = world.caller()
    original, report = world.create(keeper), world.create(keeper)
    for wrong in (None, report["id"], uuid7()):
        with pytest.raises(Invalid) as caught:
            world.change(keeper, report, "duplicate", duplicate_of=wrong)
        assert set(caught.value.fields) == {"duplicate_of"}
    with pytest.raises(Invalid):
        world.change(keeper, report, "confirmed", duplicate_of=original["id"])
    marked = world.change(keeper, report, "duplicate", duplicate_of=original["id"])
    assert marked["duplicate_of"] == original["id"]
    assert shown(world.change(keeper, report, "duplicate", duplicate_of=original["id"])) == shown(marked)
    assert world.change(keeper, marked, "pending")["duplicate_of"] is None


def test_one_cannot_name_an_original_that_one_may_not_see(world):
    keeper = world.caller("responder", only=world.regions["north"])
    hidden = world.create(world.caller(), region_id=world.regions["south"])
    with pytest.raises(Invalid, match="No such report"):
        world.change(keeper, world.create(world.caller()), "duplicate", duplicate_of=hidden["id"])


def test_duplicates_form_chains_but_no_circles(world):
    keeper = world.caller()
    first, second, third = (world.create(keeper) for _ in range(3))
    world.change(keeper, second, "duplicate", duplicate_of=third["id"])
    world.change(keeper, first, "duplicate", duplicate_of=second["id"])
    with pytest.raises(Invalid, match="duplicate of this one"):
        world.change(keeper, third, "duplicate", duplicate_of=first["id"])


def test_two_reports_do_not_become_duplicates_of_each_other_at_the_same_time(world):
    keeper = world.caller()
    for _ in range(5):
        pair = [world.create(keeper), world.create(keeper)]
        outcomes = []

        def mark(report, other, outcomes=outcomes):
            try:
                outcomes.append(world.change(keeper, report, "duplicate", duplicate_of=other["id"])["status"])
            except Invalid:
                outcomes.append("refused")

        threads = [threading.Thread(target=mark, args=order) for order in (pair, pair[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["duplicate", "refused"]


def test_the_history_is_what_happened(world):
    owner, keeper = world.caller("reporter"), world.caller()
    report = world.create(owner)
    for requested in ("confirmed", "resolved"):
        report = world.change(keeper, report, requested, notes=requested.upper())
    record(world, events_of(world, report["id"]))
    entries = history(world, owner, report["id"])
    assert [
        (entry["status"], entry["version"], entry["notes"], entry["changed_by"]) for entry in entries
    ] == [
        ("pending", 1, None, owner.user_id),
        ("confirmed", 2, "CONFIRMED", keeper.user_id),
        ("resolved", 3, "RESOLVED", keeper.user_id),
    ]
    assert [entry["id"] for entry in entries] == [event.id for event in events_of(world, report["id"])]
    with pytest.raises(NotFound):
        history(world, world.caller("reporter"), report["id"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(), asked=st.lists(st.sampled_from(STATUS.statuses), max_size=12))
def test_whatever_is_asked_and_however_events_come_the_history_is_complete(world, keeper, seed, asked):
    original, report = world.create(keeper), world.create(keeper)
    entered = ["pending"]
    for requested in asked:
        more = {"duplicate_of": original["id"]} if requested == "duplicate" else {}
        if requested in STATUS.moves[report["status"]]:
            report = world.change(keeper, report, requested, **more)
            entered.append(requested)
        else:
            with pytest.raises(Conflict) as caught:
                world.change(keeper, report, requested, **more)
            assert caught.value.details["legal"] == list(STATUS.moves[report["status"]])
    chance = random.Random(seed)
    events = events_of(world, report["id"]) * 3
    chance.shuffle(events)
    while events:
        size = chance.randint(1, len(events))
        record(world, events[:size])
        del events[:size]
    entries = history(world, keeper, report["id"])
    assert [entry["status"] for entry in entries] == entered
    assert [entry["version"] for entry in entries] == list(range(1, len(entered) + 1))


@pytest.fixture(scope="module")
def keeper(world):
    return world.caller()


def test_duplicates_lead_both_ways(world):
    keeper = world.caller()
    original, first, second, other = (world.create(keeper) for _ in range(4))
    for report in (first, second):
        world.change(keeper, report, "duplicate", duplicate_of=original["id"])
    found = {report["id"] for report in world.list(keeper, duplicate_of=str(original["id"]))["items"]}
    assert found == {first["id"], second["id"]}
    assert world.list(keeper, duplicate_of=str(other["id"]))["items"] == []


def test_whoever_filed_a_duplicate_follows_the_original_and_sees_neither_its_comments_nor_others(world):
    keeper, reporter, stranger = world.caller(), world.caller("reporter"), world.caller("reporter")
    original, between = world.create(stranger), world.create(world.caller("reporter"))
    mine = world.create(reporter)
    unrelated = world.create(stranger)
    with pytest.raises(NotFound):
        shown_to(world, reporter, original["id"])
    world.change(keeper, mine, "duplicate", duplicate_of=between["id"])
    world.change(keeper, between, "duplicate", duplicate_of=original["id"])
    for report in (between, original):
        assert shown_to(world, reporter, report["id"])["id"] == report["id"]
    record(world, events_of(world, original["id"]))
    assert [entry["status"] for entry in history(world, reporter, original["id"])] == ["pending"]
    with pytest.raises(NotFound):
        shown_to(world, reporter, unrelated["id"])
    with pytest.raises(NotFound), world.db.read() as connection:
        comments.list_comments(
            connection, reporter, {"report_id": original["id"], "cursor": None, "limit": 50}
        )
    with pytest.raises(NotFound):
        shown_to(world, stranger, mine["id"])


def shown_to(world, caller, report_id):
    with world.db.read() as connection:
        return reports.show_report(connection, caller, report_id)

"""The status machine of reports, and the decisions around it."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reports import rules
from shared.errors import Conflict, Invalid

LEGAL = {
    ("pending", "confirmed"),
    ("pending", "rejected"),
    ("pending", "duplicate"),
    ("confirmed", "in_progress"),
    ("confirmed", "resolved"),
    ("confirmed", "rejected"),
    ("confirmed", "duplicate"),
    ("in_progress", "resolved"),
    ("in_progress", "confirmed"),
    ("resolved", "closed"),
    ("resolved", "in_progress"),
    ("rejected", "pending"),
    ("duplicate", "pending"),
}
STATUS = st.sampled_from(rules.STATUSES)


@given(STATUS, STATUS)
def test_exactly_the_moves_of_the_domain_are_legal(current, requested):
    if (current, requested) in LEGAL:
        rules.check_move(current, requested)
    else:
        with pytest.raises(Conflict) as caught:
            rules.check_move(current, requested)
        assert caught.value.details["legal"] == list(rules.MOVES[current])
        assert caught.value.details["status"] == current
        assert all(status in str(caught.value) for status in rules.MOVES[current])


@given(st.lists(STATUS, max_size=30))
def test_whatever_is_asked_a_report_stays_on_the_machine(requests):
    status = rules.PENDING
    for requested in requests:
        if status in rules.ORIGINS[requested]:
            rules.check_move(status, requested)
            status = requested
        else:
            with pytest.raises(Conflict) as caught:
                rules.check_move(status, requested)
            assert requested not in caught.value.details["legal"]
    assert status in rules.STATUSES


def test_nothing_follows_closed():
    with pytest.raises(Conflict, match="nothing follows"):
        rules.check_move("closed", "pending")


def test_origins_are_the_moves_read_backwards():
    assert {(origin, status) for status, origins in rules.ORIGINS.items() for origin in origins} == LEGAL


def test_a_duplicate_names_another_report_and_nothing_else_does():
    report, other = uuid4(), uuid4()
    rules.check_duplicate(report, "duplicate", other)
    rules.check_duplicate(report, "confirmed", None)
    for status, duplicate_of in (("duplicate", None), ("duplicate", report), ("confirmed", other)):
        with pytest.raises(Invalid) as caught:
            rules.check_duplicate(report, status, duplicate_of)
        assert set(caught.value.fields) == {"duplicate_of"}


def test_a_report_is_not_of_the_future_but_for_a_clock_that_is_ahead():
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    assert rules.reported_at_problem(now - dt.timedelta(days=5000), now) is None
    assert rules.reported_at_problem(now + dt.timedelta(minutes=5), now) is None
    assert rules.reported_at_problem(now + dt.timedelta(minutes=5, seconds=1), now)

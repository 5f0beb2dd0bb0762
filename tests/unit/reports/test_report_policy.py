"""The status machine of reports, and the decisions around it."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reports import policy
from shared.client.errors import Conflict, Invalid
from shared.domain.reports import PENDING, STATUS

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
STATUSES = st.sampled_from(STATUS.statuses)


@given(STATUSES, STATUSES)
def test_exactly_the_moves_of_the_domain_are_legal(current, requested):
    if (current, requested) in LEGAL:
        STATUS.check_move(current, requested)
    else:
        with pytest.raises(Conflict) as caught:
            STATUS.check_move(current, requested)
        assert caught.value.details["legal"] == list(STATUS.moves[current])
        assert caught.value.details["status"] == current
        assert all(status in str(caught.value) for status in STATUS.moves[current])


@given(st.lists(STATUSES, max_size=30))
def test_whatever_is_asked_a_report_stays_on_the_machine(requests):
    status = PENDING
    for requested in requests:
        if status in STATUS.origins[requested]:
            STATUS.check_move(status, requested)
            status = requested
        else:
            with pytest.raises(Conflict) as caught:
                STATUS.check_move(status, requested)
            assert requested not in caught.value.details["legal"]
    assert status in STATUS.statuses


def test_nothing_follows_closed():
    with pytest.raises(Conflict, match="nothing follows"):
        STATUS.check_move("closed", "pending")


def test_origins_are_the_moves_read_backwards():
    assert {(origin, status) for status, origins in STATUS.origins.items() for origin in origins} == LEGAL


def test_a_duplicate_names_another_report_and_nothing_else_does():
    report, other = uuid4(), uuid4()
    policy.check_duplicate(report, "duplicate", other)
    policy.check_duplicate(report, "confirmed", None)
    for status, duplicate_of in (("duplicate", None), ("duplicate", report), ("confirmed", other)):
        with pytest.raises(Invalid) as caught:
            policy.check_duplicate(report, status, duplicate_of)
        assert set(caught.value.fields) == {"duplicate_of"}


NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("reported_at", "reasons"),
    [
        (NOW, []),
        (NOW - dt.timedelta(days=30), []),
        (NOW - dt.timedelta(days=366), []),
        (NOW - dt.timedelta(days=367), ["clock_past"]),
        (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), ["clock_past"]),
        (dt.datetime(1, 1, 1, tzinfo=dt.UTC), ["clock_past"]),
        (NOW + dt.timedelta(minutes=5), []),
        (NOW + dt.timedelta(minutes=5, seconds=1), ["clock_ahead"]),
        (NOW + dt.timedelta(days=1), ["clock_ahead"]),
    ],
)
def test_a_clock_that_is_wrong_is_a_reason_for_a_review(reported_at, reasons):
    assert policy.clock_reasons(reported_at, NOW, policy.OLDEST_FILED) == reasons


def test_a_record_of_an_old_event_is_in_doubt_only_before_any_such_record():
    assert policy.clock_reasons(dt.datetime(2010, 1, 12, tzinfo=dt.UTC), NOW) == []
    assert policy.clock_reasons(dt.datetime(2000, 1, 1, tzinfo=dt.UTC), NOW) == ["clock_past"]


def test_more_than_a_day_ahead_is_refused():
    with pytest.raises(Invalid) as refused:
        policy.clock_reasons(NOW + dt.timedelta(days=1, minutes=6), NOW)
    assert set(refused.value.fields) == {"reported_at"}


@pytest.mark.parametrize(
    ("location", "is_known", "reasons"),
    [
        ({"type": "Point", "coordinates": [0, 0]}, True, []),
        ({"type": "Point", "coordinates": [0, 0]}, False, ["outside_regions"]),
        ({"address": "Jacmel"}, True, ["no_coordinates"]),
        ({"address": "Jacmel"}, False, ["no_coordinates", "no_region"]),
    ],
)
def test_a_place_that_is_not_known_is_a_reason_for_a_review(location, is_known, reasons):
    assert policy.place_reasons(location, region_is_known=is_known) == reasons

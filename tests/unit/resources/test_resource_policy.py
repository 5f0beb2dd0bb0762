"""Which status may follow which, and how much may be used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.resources import policy
from shared.client.errors import Conflict
from shared.domain.resources import AVAILABLE, CLOSED, STATUS

STATUSES = st.sampled_from(STATUS.statuses)


@given(STATUSES, STATUSES)
def test_any_other_status_follows_any_but_closed(current, requested):
    legal = current != requested and (current != CLOSED or requested == AVAILABLE)
    if legal:
        STATUS.check_move(current, requested)
    else:
        with pytest.raises(Conflict) as caught:
            STATUS.check_move(current, requested)
        assert caught.value.details == {"legal": list(STATUS.moves[current]), "status": current}
    assert (current in STATUS.origins[requested]) == legal


@given(st.none() | st.integers(0, 50), st.integers(0, 50), st.integers(-60, 60))
def test_usage_stays_between_nothing_and_the_capacity(capacity, current_usage, usage_change):
    after = current_usage + usage_change
    expected = after >= 0 and (capacity is None or after <= capacity)
    assert policy.is_within_bounds(usage_change, capacity, current_usage) == expected


def test_what_is_not_limited_can_still_be_counted():
    assert policy.is_within_bounds(1, None, policy.MAX_USAGE - 1)
    assert not policy.is_within_bounds(1, None, policy.MAX_USAGE)


@pytest.mark.parametrize(
    ("usage_change", "capacity", "current_usage", "message", "left"),
    [
        (5, 10, 7, "Only 3 are left; 5 cannot be taken.", 3),
        (-5, 10, 3, "Only 3 are in use; 5 cannot be given back.", 7),
        (-5, None, 3, "Only 3 are in use; 5 cannot be given back.", None),
        (
            5,
            None,
            policy.MAX_USAGE,
            f"{policy.MAX_USAGE} are in use; 5 more would exceed the maximum of {policy.MAX_USAGE}.",
            None,
        ),
    ],
)
def test_the_refusal_says_what_is_left(usage_change, capacity, current_usage, message, left):
    error = policy.beyond_bounds(usage_change, capacity, current_usage)
    assert error.message == message
    assert error.details == {"remaining": left, "capacity": capacity, "current_usage": current_usage}

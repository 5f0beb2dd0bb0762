"""The decisions of the resources service: how much of a resource may be in use.

"Full" is not a status: a resource is full when ``current_usage >= capacity``. A capacity of None is unlimited.
"""

from __future__ import annotations

from typing import Final

from shared.client.errors import Conflict
from shared.domain.resources import ADMITTING

MAX_USAGE: Final = 2**31 - 1
"""The largest usage of an unlimited resource; the column of the specification is an INTEGER."""


def is_within_bounds(usage_change: int, capacity: int | None, current_usage: int) -> bool:
    """Return whether the usage stays between 0 and the capacity after the change."""
    after = current_usage + usage_change
    return 0 <= after <= (MAX_USAGE if capacity is None else capacity)


def beyond_bounds(usage_change: int, capacity: int | None, current_usage: int) -> Conflict:
    """Return the error for a change after which the usage would not be between 0 and the capacity.

    Its details are ``remaining`` (None if unlimited), ``capacity`` and ``current_usage``.
    """
    remaining = None if capacity is None else capacity - current_usage
    if usage_change < 0:
        message = f"Only {current_usage} are in use; {-usage_change} cannot be given back."
    elif remaining is None:
        message = f"{current_usage} are in use; {usage_change} more would exceed the maximum of {MAX_USAGE}."
    else:
        message = f"Only {remaining} are left; {usage_change} cannot be taken."
    return Conflict(message, remaining=remaining, capacity=capacity, current_usage=current_usage)


def admits(status: str, usage_change: int) -> bool:
    """Return whether a resource with this status allows the change: giving back always, taking while it is open."""
    return usage_change <= 0 or status in ADMITTING


def admits_nobody(status: str) -> Conflict:
    """Return the error for taking something of a resource that is not open; its detail is ``status``."""
    return Conflict(
        f"The resource is {status.replace('_', ' ')} and admits nobody. Set it to available or limited first.",
        status=status,
    )


def closes(before: str, after: str) -> bool:
    """Return whether the change of status closes a resource to those who come; a closed one cannot be closed more."""
    return before in ADMITTING and after not in ADMITTING


def still_in_use(status: str, current_usage: int) -> Conflict:
    """Return the error for closing a resource that is in use without saying so; its detail is ``current_usage``."""
    return Conflict(
        f"{current_usage} of the capacity are still in use. To set the status {status} nevertheless, send"
        " `despite_usage: true`; those inside stay counted until they leave.",
        fields={"despite_usage": [f"Must be true, because {current_usage} are still in use."]},
        current_usage=current_usage,
    )


def usage_problem(capacity: int | None, current_usage: int) -> str | None:
    """Return what is wrong with the initial usage of a resource; None if nothing is."""
    is_beyond = capacity is not None and current_usage > capacity
    return "Must not be more than the capacity." if is_beyond else None


def below_usage(capacity: int, current_usage: int) -> Conflict:
    """Return the error for a new capacity that is less than the current usage."""
    return Conflict(
        f"{current_usage} are in use; the capacity cannot become {capacity}.",
        fields={"capacity": [f"Must be at least {current_usage}, which are in use."]},
        current_usage=current_usage,
    )

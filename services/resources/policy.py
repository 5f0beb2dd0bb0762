"""The decisions of the resources service: which status may follow which, and how much may be used.

"Full" is no status: it is ``current_usage >= capacity``. A capacity of None is unlimited.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from shared.client.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping

AVAILABLE: Final = "available"
LIMITED: Final = "limited"
UNAVAILABLE: Final = "unavailable"
OUT_OF_SERVICE: Final = "out_of_service"
CLOSED: Final = "closed"

STATUSES: Final = (AVAILABLE, LIMITED, UNAVAILABLE, OUT_OF_SERVICE, CLOSED)

MOVES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        status: (AVAILABLE,) if status == CLOSED else tuple(other for other in STATUSES if other != status)
        for status in STATUSES
    }
)
"""For each status those that may follow it: any other one, but out of `closed` only `available`."""

ORIGINS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {status: tuple(origin for origin, targets in MOVES.items() if status in targets) for status in STATUSES}
)
"""For each status those that it may follow."""


MAX_USAGE: Final = 2**31 - 1
"""What can be counted where there is no limit: the specification's column is an INTEGER."""


def check_move(current: str, requested: str) -> None:
    """Refuses a status that may not follow the current one.

    Raises:
        Conflict: It lists the legal next statuses as ``legal``.
    """
    legal = MOVES[current]
    if requested not in legal:
        raise Conflict(
            f"A resource that is {current} cannot become {requested}: it can become {', '.join(legal)}.",
            legal=list(legal),
            status=current,
        )


def remaining(capacity: int | None, current_usage: int) -> int | None:
    """How much is left; None without a limit."""
    return None if capacity is None else capacity - current_usage


def is_within_bounds(usage_change: int, capacity: int | None, current_usage: int) -> bool:
    """Whether the resource can bear the change."""
    after = current_usage + usage_change
    return 0 <= after <= (MAX_USAGE if capacity is None else capacity)


def beyond_bounds(usage_change: int, capacity: int | None, current_usage: int) -> Conflict:
    """The refusal of a change that the resource cannot bear; its details say what it could."""
    left = remaining(capacity, current_usage)
    if usage_change < 0:
        message = f"Only {current_usage} are in use; {-usage_change} cannot be given back."
    elif left is None:
        message = f"{current_usage} are in use; {usage_change} more cannot be counted."
    else:
        message = f"Only {left} are left; {usage_change} cannot be taken."
    return Conflict(message, remaining=left, capacity=capacity, current_usage=current_usage)


def usage_problem(capacity: int | None, current_usage: int) -> str | None:
    """What is wrong with the usage that a resource begins with."""
    beyond = capacity is not None and current_usage > capacity
    return "Is more than the capacity." if beyond else None


def below_usage(capacity: int, current_usage: int) -> Conflict:
    """The refusal of a new capacity that is less than what is in use."""
    return Conflict(
        f"{current_usage} are in use; the capacity cannot become {capacity}.",
        fields={"capacity": [f"Less than the {current_usage} in use."]},
        current_usage=current_usage,
    )

"""The decisions of the reports service: which status may follow which, and what follows from it.

The machine is the one of the domain's vocabulary; `pending`, `confirmed` and `in_progress` are the active
statuses of the seed's view ``active_reports``.
"""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from shared.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

PENDING: Final = "pending"
CONFIRMED: Final = "confirmed"
IN_PROGRESS: Final = "in_progress"
RESOLVED: Final = "resolved"
CLOSED: Final = "closed"
REJECTED: Final = "rejected"
DUPLICATE: Final = "duplicate"

MOVES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        PENDING: (CONFIRMED, REJECTED, DUPLICATE),
        CONFIRMED: (IN_PROGRESS, RESOLVED, REJECTED, DUPLICATE),
        IN_PROGRESS: (RESOLVED, CONFIRMED),
        RESOLVED: (CLOSED, IN_PROGRESS),
        REJECTED: (PENDING,),
        DUPLICATE: (PENDING,),
        CLOSED: (),
    }
)
"""For each status those that may follow it, in the order in which they are shown."""

STATUSES: Final = tuple(MOVES)
ACTIVE_STATUSES: Final = (PENDING, CONFIRMED, IN_PROGRESS)

ORIGINS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {status: tuple(origin for origin, targets in MOVES.items() if status in targets) for status in STATUSES}
)
"""For each status those that it may follow."""

CLOCK_TOLERANCE: Final = dt.timedelta(minutes=5)
"""How far a reporter's clock may be ahead of ours."""


def check_move(current: str, requested: str) -> None:
    """Refuses a status that may not follow the current one.

    Raises:
        Conflict: It lists the legal next statuses as ``legal``.
    """
    legal = MOVES[current]
    if requested not in legal:
        then = f"it can become {', '.join(legal)}" if legal else "nothing follows that"
        raise Conflict(
            f"A report that is {current} cannot become {requested}: {then}.",
            legal=list(legal),
            status=current,
        )


def check_duplicate(report_id: object, status: str, duplicate_of: object | None) -> None:
    """Refuses a duplicate that names no other report, and a ``duplicate_of`` for any other status.

    Raises:
        Invalid: It names ``duplicate_of``.
    """
    problem = None
    if status == DUPLICATE and duplicate_of is None:
        problem = "Name the report that this one repeats."
    elif status != DUPLICATE and duplicate_of is not None:
        problem = "Only a report that becomes a duplicate names another."
    elif duplicate_of is not None and duplicate_of == report_id:
        problem = "A report cannot repeat itself."
    if problem:
        raise Invalid(fields={"duplicate_of": [problem]})


def reported_at_problem(reported_at: dt.datetime, now: dt.datetime) -> str | None:
    """What is wrong with the moment of a report: the future is, but for a clock that is a little ahead."""
    return "Lies in the future." if reported_at > now + CLOCK_TOLERANCE else None

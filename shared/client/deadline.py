"""Until when the work in hand is of use: the moment at which whoever asked for it stops waiting for the answer.

Each green thread, and each native one, has its own; a new one begins without any. The clock is this process's own
(`time.monotonic`), so that nothing here depends on the time of day.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_due: ContextVar[float] = ContextVar("due", default=math.inf)


def begin(due: float) -> None:
    """Set the deadline of this green thread, by `time.monotonic`; ``math.inf`` is none."""
    _due.set(due)


def due() -> float:
    """Return the deadline of the work in hand, by `time.monotonic`; ``math.inf`` without one."""
    return _due.get()


def left() -> float:
    """Return the seconds until the deadline: negative when it is past, ``math.inf`` without one."""
    moment = _due.get()
    return moment if moment == math.inf else moment - time.monotonic()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the work of the block at most so many seconds, and never more than it has anyway."""
    token = _due.set(min(_due.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _due.reset(token)

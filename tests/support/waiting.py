"""Waits for something to become true, and says what it was when it did not in time.

No test decides anything by a clock: it waits for a signal, or counts what happened. A clock is there to end a test that
would wait for ever. Such a limit is far longer than anything takes, and grows with the machine (`patience`): with its
speed, measured once, and with how much else it has to do at the moment. IMPACTX_TEST_PATIENCE multiplies it.
"""

from __future__ import annotations

import functools
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import eventlet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

TIMEOUT = 10.0
"""Seconds; far more than anything takes on an idle machine."""

HANGS = 60.0
"""Seconds after which something that has to end by itself is taken not to, on an idle machine."""

ROUNDS = 200_000
ROUNDS_SECONDS = 0.02
"""What the work of `_slowness` takes on the machine that the limits were chosen on."""

MIN = 3.0
"""The factor on a machine that is fast and idle now: it may not be idle a second later."""


@functools.cache
def _slowness() -> float:
    """How many times slower this machine is than the one that the limits were chosen on, at least 1."""

    def work() -> float:
        began = time.perf_counter()
        for _ in range(ROUNDS):
            pass
        return time.perf_counter() - began

    return max(min(work() for _ in range(3)) / ROUNDS_SECONDS, 1.0)


def factor() -> float:
    """By how much limits are longer than on an idle machine."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    asked = float(os.environ.get("IMPACTX_TEST_PATIENCE", "1"))
    return max(MIN, _slowness() * max(load, 1.0)) * asked


def patience(seconds: float) -> float:
    """A limit on this machine, now, that is so many seconds on an idle one."""
    return seconds * factor()


def eventually(
    condition: Callable[[], T], what: str = "it", timeout: float = TIMEOUT, every: float = 0.01
) -> T:
    """The first true value of the condition.

    Args:
        condition: Looked at again and again.
        what: What becomes true, in words.
        timeout: Seconds on an idle machine; see `patience`.
        every: Seconds between two looks.

    Raises:
        AssertionError: It stayed false; the message says its last value.
    """
    limit = patience(timeout)
    deadline = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {limit:.0f} s; the last look gave {value!r}")
        time.sleep(every)


@contextmanager
def ends(what: str = "it", timeout: float = HANGS) -> Iterator[None]:
    """Fails a block that does not end by itself.

    Args:
        what: What has to end, in words.
        timeout: Seconds on an idle machine; see `patience`.
    """
    limit = patience(timeout)
    with eventlet.Timeout(limit, AssertionError(f"{what} did not end within {limit:.0f} s")):
        yield

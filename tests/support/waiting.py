"""Waits for something to become true, and says what it was when it did not in time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TIMEOUT = 10.0
"""Seconds; far more than anything takes on an idle machine."""


def eventually(
    condition: Callable[[], T], what: str = "it", timeout: float = TIMEOUT, every: float = 0.01
) -> T:
    """The first true value of the condition.

    Raises:
        AssertionError: It stayed false; the message says its last value.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {timeout:g} s; the last look gave {value!r}")
        time.sleep(every)

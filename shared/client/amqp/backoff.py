"""Growing, capped, jittered delays."""

from __future__ import annotations

import random


class Backoff:
    """Delays that double from ``first`` to ``max_value`` seconds, each shortened by up to a half at random."""

    def __init__(self, first: float = 0.1, max_value: float = 5.0) -> None:
        self._first = first
        self._max_value = max_value
        self._delay = first

    def next(self) -> float:
        """The next delay in seconds."""
        delay = self._delay
        self._delay = min(delay * 2, self._max_value)
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret

    def reset(self) -> None:
        """Begins again with the first."""
        self._delay = self._first

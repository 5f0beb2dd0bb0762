"""Tells how late a request arrives, although the clocks of two machines may be an hour apart.

The broker drops a request that waits in its queue for longer than the caller does. It cannot see the time that a
request spends behind the queue: in a blocked connection, in the buffers of a frozen process. So a request says when it
was sent, by two clocks of its caller:

- The steady one, which is never set. Its distance from ours is the same for every request of one caller, and the
  smallest distance seen is that of a request that came at once: what a request has more than that, it is late.
- The time of day, for the first request of a caller. Where it agrees with ours within `TOLERANCE`, that is enough.

Where it does not agree, the first request is refused with an **echo**, our own steady time, and the caller sends it
again with that: what carries our echo was sent after we had said it, whatever any clock shows. The same mends a
distance that has become wrong, such as that of a virtual machine that was paused.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SENT_HEADER: Final = "x-impactx-sent"
ECHO_HEADER: Final = "x-impactx-echo"

TOLERANCE: Final = 1.0
"""Seconds by which the lateness of a request may be underestimated."""

DRIFT: Final = 2e-4
"""By how much two steady clocks may run apart: seconds a second."""

REMEMBERED: Final = 4096
"""Callers; the one that has been silent longest is forgotten, and begins anew."""

MAX_ECHOES: Final = 16
MAX_LENGTH: Final = 2000
SEPARATOR: Final = " "

_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady() -> float:
    """Return the seconds of a clock that is never set, and goes on while the machine sleeps where there is one."""
    return time.clock_gettime(_CLOCK)


@dataclass(frozen=True, slots=True)
class Sent:
    """When a request was sent, by the clocks of its caller.

    Attributes:
        time_of_day: Seconds since 1970.
        steady: Seconds of its steady clock.
    """

    time_of_day: float
    steady: float


def stamp() -> str:
    """Return what a request says of the moment at which it is sent, which is now."""
    return f"{time.time():.3f}{SEPARATOR}{steady():.3f}"


def sent_of(headers: Mapping[str, Any]) -> Sent | None:
    """Return when the request says that it was sent; None when it does not, or not as `stamp` does."""
    text = headers.get(SENT_HEADER)
    if not isinstance(text, str) or len(text) > MAX_LENGTH:
        return None
    try:
        time_of_day, by_steady = map(float, text.split(SEPARATOR))
    except ValueError:
        return None
    return Sent(time_of_day, by_steady)


@dataclass(slots=True)
class _Distance:
    """Between the steady clock of a caller and ours, with a request that comes at once."""

    seconds: float
    at: float


class Lateness:
    """What one server knows of its callers' clocks.

    Args:
        now: The time of day, in seconds since 1970.
        clock: The steady clock, in seconds.
    """

    def __init__(self, *, now: Callable[[], float] = time.time, clock: Callable[[], float] = steady) -> None:
        self._now = now
        self._clock = clock
        self._name = uuid4().hex[:12]
        self._distances: OrderedDict[str, _Distance] = OrderedDict()

    def of(self, caller: str, sent: Sent, echoes: object = "") -> float | None:
        """Return how many seconds late a request is, at least; None when that is not known.

        Args:
            caller: Whose clocks they are; the same for every request of one process.
            sent: What the request says.
            echoes: What it repeats of refusals, from its header `ECHO_HEADER`.
        """
        clock = self._clock()
        distance = clock - sent.steady
        if not abs(distance) < float("inf"):
            return None
        known = self._distances.get(caller)
        if self._said_within_tolerance(echoes, clock):
            known = self._distances[caller] = _Distance(distance, clock)
        elif known is None:
            apart = self._now() - sent.time_of_day
            if not abs(apart) <= TOLERANCE:
                return None
            self._distances[caller] = _Distance(distance, clock)
            self._forget_the_silent()
            return max(apart, 0.0)
        self._distances.move_to_end(caller)
        self._forget_the_silent()
        known.seconds = min(distance, known.seconds + DRIFT * (clock - known.at))
        known.at = clock
        return distance - known.seconds

    def echo(self) -> str:
        """Return what a refused caller is to send along with its next attempt."""
        return f"{self._name}:{self._clock():.3f}"

    def _said_within_tolerance(self, echoes: object, clock: float) -> bool:
        """Whether the request was sent after something that we said a moment ago."""
        if not isinstance(echoes, str) or len(echoes) > MAX_LENGTH:
            return False
        for echo in echoes.split(SEPARATOR):
            name, _, said = echo.partition(":")
            if name == self._name:
                try:
                    return 0 <= clock - float(said) <= TOLERANCE
                except ValueError:
                    return False
        return False

    def _forget_the_silent(self) -> None:
        while len(self._distances) > REMEMBERED:
            self._distances.popitem(last=False)


class Echoes:
    """What the servers that refused a call have said, for its next attempt: the latest of each."""

    def __init__(self) -> None:
        self._said: OrderedDict[str, str] = OrderedDict()

    def hear(self, details: Mapping[str, Any]) -> bool:
        """Remember the echo of a refusal, and return whether there was one."""
        echo = details.get("echo")
        if not isinstance(echo, str) or len(echo) * MAX_ECHOES > MAX_LENGTH or SEPARATOR in echo:
            return False
        name = echo.partition(":")[0]
        self._said.pop(name, None)
        self._said[name] = echo
        while len(self._said) > MAX_ECHOES:
            self._said.popitem(last=False)
        return True

    @property
    def headers(self) -> dict[str, str]:
        """What the next attempt carries."""
        return {ECHO_HEADER: SEPARATOR.join(self._said.values())} if self._said else {}

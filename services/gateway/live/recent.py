"""The last events, in the order in which they came: what listeners read, each from its own place."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

MAX_EVENTS: Final = 5000
MAX_BYTES: Final = 16 * 1024 * 1024
OVERLAP_SECONDS: Final = 5.0
"""How far back a listener from another replica resumes before its last event.

Two replicas may receive events of different services in a different order, so what stands here before that event
may be what the other replica had not sent yet.
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as listeners are sent it.

    Attributes:
        id: The event's own.
        type: Its name.
        region_id: Where it lies; None for nowhere.
        user_id: Whom it is about; None for nobody.
        frame: Its bytes in the stream.
    """

    id: str
    type: str
    region_id: UUID | None
    user_id: UUID | None
    frame: bytes


class RecentEvents:
    """A ring of events with growing positions.

    Args:
        max_events: How many it keeps.
        max_bytes: How large all frames together may be.
        clock: Seconds, always growing.
    """

    def __init__(
        self,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._clock = clock
        self._events: dict[int, tuple[float, Heard]] = {}
        self._positions: dict[str, int] = {}
        self._bytes = 0
        self.first = 0
        self.next = 0

    def add(self, event: Heard) -> bool:
        """Adds an event at the end; false for one that is there already, since events may come twice."""
        if event.id in self._positions:
            return False
        self._events[self.next] = (self._clock(), event)
        self._positions[event.id] = self.next
        self._bytes += len(event.frame)
        self.next += 1
        while self.next - self.first > self._max_events or self._bytes > self._max_bytes:
            self._forget_first()
        return True

    def clear(self) -> None:
        """Forgets everything: something may be missing after the last one."""
        while self.first < self.next:
            self._forget_first()

    def read(self, start: int, limit: int) -> Iterator[Heard]:
        """Up to ``limit`` events from this position on, which must not be before ``first``."""
        for position in range(start, min(start + limit, self.next)):
            yield self._events[position][1]

    def after(self, event_id: str, *, overlap: bool) -> int | None:
        """Where to go on after an event; None when it is not there any more, or never was.

        Args:
            event_id: The last event that was seen.
            overlap: Whether it was seen elsewhere, so that it takes some before it to be sure.
        """
        position = self._positions.get(event_id)
        if position is None:
            return None
        start = position + 1
        if overlap:
            since = self._events[position][0] - OVERLAP_SECONDS
            while start > self.first and self._events[start - 1][0] >= since:
                start -= 1
        return start

    def _forget_first(self) -> None:
        _, event = self._events.pop(self.first)
        del self._positions[event.id]
        self._bytes -= len(event.frame)
        self.first += 1

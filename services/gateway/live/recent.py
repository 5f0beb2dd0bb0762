"""The last events, in the order in which they arrived; each listener reads from its own position."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from services.gateway.live.audiences import Circle

MAX_EVENTS: Final = 5000
MAX_BYTES: Final = 16 * 1024 * 1024
OVERLAP_SECONDS: Final = 5.0
"""How far before its last event a listener from another replica resumes.

Two replicas may receive events of different services in a different order, so events before that one may not have been
sent by the other replica yet.
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event in the form in which it is sent to listeners.

    Attributes:
        id: The id of the event.
        type: The type of the event.
        region_id: The region of the event, if it has one.
        user_id: The account that it is about, if any.
        frame: Its bytes in the stream.
        circle: The listeners to whom it is limited, if it is not for everybody who may see its type.
        placed: Of an event about a region: its id, its version and its parent.
    """

    id: str
    type: str
    region_id: UUID | None
    user_id: UUID | None
    frame: bytes
    placed: tuple[UUID, int, UUID | None] | None = None
    circle: Circle | None = None


class RecentEvents:
    """A ring of events with growing positions.

    Args:
        max_events: The number of events that are kept.
        max_bytes: The bytes of all frames together.
        clock: Returns seconds, always growing.
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
        """Add an event at the end; return false for one that is there already, since events may arrive twice."""
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
        """Forget all events, because some may have been missed after the last one."""
        while self.first < self.next:
            self._forget_first()

    def read(self, start: int, limit: int) -> Iterator[Heard]:
        """Yield up to ``limit`` events from this position on, which must not be before ``first``."""
        for position in range(start, min(start + limit, self.next)):
            yield self._events[position][1]

    def after(self, event_id: str, *, overlap: bool) -> int | None:
        """Return the position after an event; None when it is not there any more, or never was.

        Args:
            event_id: The last event that the listener received.
            overlap: Whether another replica sent it, so that some events before it have to be sent again.
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

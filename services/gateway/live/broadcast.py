"""Sends events to all listeners, without letting one wait for another.

Listeners have no queues: each has a position in the recent events and reads on from there when it is woken. A listener
that is so slow that its position is forgotten is told to reload everything, and its stream ends.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from services.gateway.live import frames
from services.gateway.live.recent import RecentEvents
from services.gateway.live.region_parents import RegionParents
from shared.client import supervision
from shared.platform.concurrency import Semaphore, sleep, spawn
from shared.platform.observability import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from services.gateway.live.audiences import Hearing
    from services.gateway.live.recent import Heard

WOKEN_AT_ONCE: Final = 25
"""Listeners that are woken before other work of the process gets its turn."""

READ_AT_ONCE: Final = 200
"""Events that are sent to a listener in one piece."""

GAP = "The connection to the message broker was interrupted."
UNKNOWN = "The event in Last-Event-ID is no longer available."
INCOMPLETE = "The regions could not be read for a while."
SLOW = "The client read too slowly. Connect again."
EXPIRED = "token_expired"
STOPPING = "stopping"


def _never() -> str:
    return ""


class _Listener:
    """One stream: its position, its deadline, the number of interruptions that it was told of, and why it ends."""

    def __init__(
        self, position: int, deadline: float, interruptions: int, reason_to_refuse: Callable[[], str]
    ) -> None:
        self.position = position
        self.deadline = deadline
        self.interruptions = interruptions
        self.reason_to_refuse = reason_to_refuse
        self.ending = ""
        self.is_woken = False
        self._bell = Semaphore(0)

    def wake(self) -> None:
        if not self.is_woken:
            self.is_woken = True
            self._bell.release()

    def wait(self, seconds: float) -> None:
        if self._bell.acquire(timeout=max(seconds, 0.001)):
            self.is_woken = False


class Broadcast:
    """The listeners of one replica and the events that they receive.

    Attributes:
        replica: A name of this replica, for the ids of frames.
        is_live: Whether events arrive at present.
        recent: The last events.
        regions: The tree of the regions.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, heartbeat: float = 5.0) -> None:
        self.replica = uuid4().hex[:8]
        self.is_live = False
        self.recent = RecentEvents()
        self.regions = RegionParents(clock=clock)
        self._clock = clock
        self._heartbeat = heartbeat
        self._listeners: dict[_Listener, None] = {}
        self._accounts: Counter[UUID] = Counter()
        self._interruptions = 0
        self._ending = ""
        self._is_waking = False
        self._wake_again = False
        self._watchers: list[Callable[[str], object]] = []

    def watch(self, watcher: Callable[[str], object]) -> None:
        """Call a function with the type of every event, and with an empty one when some may have been missed."""
        self._watchers.append(watcher)

    def send(self, event: Heard) -> None:
        """Send an event to the listeners."""
        metrics.stream_events.labels(event.type).inc()
        self._tell(event.type)
        if event.placed is not None:
            self.regions.hear(*event.placed)
        if self.recent.add(event):
            self._wake_all()

    def resume(self) -> None:
        """Note that events arrive from now on; some before may have been missed, so nobody can resume past this."""
        self.recent.clear()
        self.regions.forget()
        self._interruptions += 1
        self.is_live = True
        self._tell("")
        self._wake_all()

    def _tell(self, event_type: str) -> None:
        for watcher in self._watchers:
            watcher(event_type)

    def interrupt(self) -> None:
        """Note that no events arrive any more."""
        self.is_live = False

    def end(self, reason: str = STOPPING) -> None:
        """End all streams with the reason, and every one that begins later."""
        self._ending = reason
        for listener in self._listeners:
            listener.wake()

    def end_revoked(self) -> None:
        """End the streams whose token is refused by now."""
        for listener in list(self._listeners):
            listener.ending = listener.ending or listener.reason_to_refuse()
            if listener.ending:
                listener.wake()

    def listening(self, user_id: UUID) -> int:
        """Return the number of streams that an account listens to."""
        return self._accounts[user_id]

    def listen(
        self,
        user_id: UUID,
        hearing: Hearing,
        seconds: float,
        start: int | None,
        reason_to_refuse: Callable[[], str] = _never,
    ) -> Iterator[bytes]:
        """Yield the stream of one listener until it leaves, is too slow, its token ends, or the process stops.

        Args:
            user_id: The account that listens.
            hearing: The events that it receives.
            seconds: How long its token is still valid.
            start: Its position in `recent`; None if it cannot resume, which it is told.
            reason_to_refuse: Returns why its token is refused by now, or an empty text.
        """
        position = self.recent.next if start is None else start
        listener = _Listener(position, self._clock() + seconds, self._interruptions, reason_to_refuse)
        greeting = frames.RETRY if start is not None else frames.RETRY + self._reset(UNKNOWN, "unknown")
        return self._stream(user_id, listener, hearing, greeting)

    def _stream(
        self, user_id: UUID, listener: _Listener, hearing: Hearing, greeting: bytes
    ) -> Iterator[bytes]:
        self._listeners[listener] = None
        self._accounts[user_id] += 1
        metrics.stream_listeners.inc()
        # Its token was verified before it stood among the listeners.
        listener.ending = listener.reason_to_refuse()
        try:
            yield greeting
            yield from self._events(listener, hearing)
        finally:
            del self._listeners[listener]
            self._accounts[user_id] -= 1
            self._accounts += Counter()  # forgets accounts at zero
            metrics.stream_listeners.dec()

    def _events(self, listener: _Listener, hearing: Hearing) -> Iterator[bytes]:
        wrote_at, is_complete = self._clock(), True
        while True:
            now = self._clock()
            if self._ending or listener.ending or now >= listener.deadline:
                yield frames.end(self._ending or listener.ending or EXPIRED)
                return
            was_complete, is_complete = is_complete, hearing.is_complete()
            if listener.interruptions != self._interruptions:
                listener.interruptions = self._interruptions
                listener.position = self.recent.first
                yield self._reset(GAP, "gap")
            elif listener.position < self.recent.first:
                yield self._reset(SLOW, "slow")
                return
            elif is_complete and not was_complete:
                yield self._reset(INCOMPLETE, "incomplete")
            elif piece := self._piece(listener, hearing):
                yield piece
            elif now - wrote_at >= self._heartbeat:
                yield frames.HEARTBEAT
            else:
                if listener.position == self.recent.next:
                    listener.wait(min(wrote_at + self._heartbeat, listener.deadline) - now)
                continue
            wrote_at = self._clock()

    def _piece(self, listener: _Listener, hearing: Hearing) -> bytes:
        """Return the next events for the listener as one piece; empty when none of those read is for it."""
        read = list(self.recent.read(listener.position, READ_AT_ONCE))
        listener.position += len(read)
        found = [
            event.frame
            for event in read
            if hearing.hears(event.type, event.region_id, event.user_id, event.circle)
        ]
        metrics.stream_sent.inc(len(found))
        return b"".join(found)

    def _reset(self, reason: str, label: str) -> bytes:
        metrics.stream_resets.labels(label).inc()
        return frames.reset(reason)

    def _wake_all(self) -> None:
        self._wake_again = True
        if not self._is_waking:
            self._is_waking = True
            spawn(supervision.guarded, "live stream", self._wake_in_turns)

    def _wake_in_turns(self) -> None:
        """Wake the listeners in groups, so that other work of the process never waits for all of them."""
        try:
            while self._wake_again:
                self._wake_again = False
                for number, listener in enumerate(list(self._listeners), start=1):
                    listener.wake()
                    if number % WOKEN_AT_ONCE == 0:
                        sleep(0)
        finally:
            self._is_waking = False

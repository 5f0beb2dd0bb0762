"""Sends what happens to everyone who listens, without letting one wait for another.

Listeners keep no queue: each has a place in the recent events and reads on from there when it is woken. One that is
so slow that its place is forgotten is told to read everything anew, and goes.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from services.gateway.live import frames
from services.gateway.live.recent import RecentEvents
from shared.client import supervision
from shared.platform.concurrency import Semaphore, sleep, spawn
from shared.platform.observability import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from services.gateway.live.audiences import Hearing
    from services.gateway.live.recent import Heard

WOKEN_AT_ONCE: Final = 25
"""Listeners after which other work of the process gets its turn."""

READ_AT_ONCE: Final = 200
"""Events that a listener is sent in one piece."""

GAP = "The connection to the message broker was interrupted."
UNKNOWN = "The last event that you saw is not known here any more."
SLOW = "You were too slow; connect again."
EXPIRED = "token_expired"
STOPPING = "stopping"


class _Listener:
    """One stream: its place, until when it may go on, and the interruptions of which it knows."""

    def __init__(self, position: int, deadline: float, interruptions: int) -> None:
        self.position = position
        self.deadline = deadline
        self.interruptions = interruptions
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
    """The listeners of one replica and the events that they hear.

    Attributes:
        replica: A name of this one, for the ids of frames.
        is_live: Whether events come in now.
        recent: The last ones.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, heartbeat: float = 15.0) -> None:
        self.replica = uuid4().hex[:8]
        self.is_live = False
        self.recent = RecentEvents()
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
        """Has a part of this process told the type of every event, and an empty one when some may have been missed."""
        self._watchers.append(watcher)

    def send(self, event: Heard) -> None:
        """Something has happened."""
        metrics.stream_events.labels(event.type).inc()
        self._tell(event.type)
        if self.recent.add(event):
            self._wake_all()

    def resume(self) -> None:
        """Events come in from now on; what came before may have gone by unheard, so nobody can resume past this."""
        self.recent.clear()
        self._interruptions += 1
        self.is_live = True
        self._tell("")
        self._wake_all()

    def _tell(self, event_type: str) -> None:
        for watcher in self._watchers:
            watcher(event_type)

    def interrupt(self) -> None:
        """No events come in."""
        self.is_live = False

    def end(self, reason: str = STOPPING) -> None:
        """Ends all streams, with the reason, and every one that begins later."""
        self._ending = reason
        for listener in self._listeners:
            listener.wake()

    def listening(self, user_id: UUID) -> int:
        """How many streams an account listens to now."""
        return self._accounts[user_id]

    def listen(self, user_id: UUID, hearing: Hearing, seconds: float, start: int | None) -> Iterator[bytes]:
        """The stream of one listener, until it goes, is too slow, its token expires, or the process stops.

        Args:
            user_id: Who listens.
            hearing: What it hears.
            seconds: How long its token is still valid.
            start: Its place, of `recent`; None where it cannot resume, of which it is told.
        """
        listener = _Listener(
            self.recent.next if start is None else start, self._clock() + seconds, self._interruptions
        )
        greeting = frames.RETRY if start is not None else frames.RETRY + self._reset(UNKNOWN, "unknown")
        return self._stream(user_id, listener, hearing, greeting)

    def _stream(
        self, user_id: UUID, listener: _Listener, hearing: Hearing, greeting: bytes
    ) -> Iterator[bytes]:
        self._listeners[listener] = None
        self._accounts[user_id] += 1
        metrics.stream_listeners.inc()
        try:
            yield greeting
            yield from self._events(listener, hearing)
        finally:
            del self._listeners[listener]
            self._accounts[user_id] -= 1
            self._accounts += Counter()  # forgets who is at zero
            metrics.stream_listeners.dec()

    def _events(self, listener: _Listener, hearing: Hearing) -> Iterator[bytes]:
        wrote_at = self._clock()
        while True:
            now = self._clock()
            if self._ending or now >= listener.deadline:
                yield frames.end(self._ending or EXPIRED)
                return
            if listener.interruptions != self._interruptions:
                listener.interruptions = self._interruptions
                listener.position = self.recent.first
                yield self._reset(GAP, "gap")
            elif listener.position < self.recent.first:
                yield self._reset(SLOW, "slow")
                return
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
        """The next events that the listener hears, as one piece; empty when none of these is for it."""
        read = list(self.recent.read(listener.position, READ_AT_ONCE))
        listener.position += len(read)
        found = [event.frame for event in read if hearing.hears(event.type, event.region_id, event.user_id)]
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
        """Wakes some, lets them and everything else have their turn, wakes the next: a call never waits for all."""
        try:
            while self._wake_again:
                self._wake_again = False
                for number, listener in enumerate(list(self._listeners), start=1):
                    listener.wake()
                    if number % WOKEN_AT_ONCE == 0:
                        sleep(0)
        finally:
            self._is_waking = False

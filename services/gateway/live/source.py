"""Receives the events of all services, in a queue of this replica alone (`shared.platform.outbox.tail`).

Listeners are told when they may have missed events. The queue is bound only once the queues exist in which events must
not be lost, because the broker regards an event as delivered when any queue has received it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from nameko.extensions import SharedExtension

from services.gateway.live import frames
from services.gateway.live.audiences import AUDIENCES
from services.gateway.live.broadcast import Broadcast
from shared.client.amqp.received import bytes_of
from shared.client.errors import TooLarge
from shared.domain import topology
from shared.platform.concurrency import run_blocking
from shared.platform.outbox.subscribe import LARGE_BODY
from shared.platform.outbox.tail import EventTail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.gateway.live.recent import Heard

logger = logging.getLogger(__name__)


class LiveEvents(SharedExtension):
    """Feeds a `Broadcast`, which exists from `setup` on, from the broker."""

    broadcast: Broadcast

    def setup(self) -> None:
        """Called by nameko."""
        settings = self.container.config["SETTINGS"]
        self.broadcast = Broadcast(heartbeat=settings.http_heartbeat)
        self._tail = EventTail(
            settings.amqp_uri,
            "live stream",
            prefix=topology.STREAM_QUEUES,
            events=AUDIENCES,
            on_message=self._hear,
            on_open=self.broadcast.resume,
            on_lost=self.broadcast.interrupt,
            after=topology.BY_QUEUE,
        )

    def start(self) -> None:
        """Called by nameko."""
        self._tail.start()

    def stop(self) -> None:
        """Called by nameko."""
        self._tail.stop()

    def kill(self) -> None:
        """Called by nameko when there is no time."""
        self._tail.kill()

    def _hear(self, message: Any) -> None:
        try:
            event = self._read(bytes_of(message), message.headers)
        except (LookupError, ValueError, TypeError, AttributeError, TooLarge) as error:
            logger.warning("received an event that cannot be streamed: %s: %s", type(error).__name__, error)
            return
        self.broadcast.send(event)

    def _read(self, body: bytes, headers: Mapping[str, Any]) -> Heard:
        """Return the event as it is streamed; a large one is parsed in a native thread."""
        if len(body) <= LARGE_BODY:
            return frames.heard(body, headers, self.broadcast.replica)
        return run_blocking(frames.heard, body, headers, self.broadcast.replica)

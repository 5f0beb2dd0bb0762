"""Receives the events of all services, in a queue of this replica alone.

The queue is deleted with its connection: listeners are told that they may have missed events meanwhile. It is bound
only once the queues exist in which events must not be lost, because the broker regards an event as delivered when any
queue has received it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import kombu
from nameko.extensions import SharedExtension

from services.gateway.live import frames
from services.gateway.live.audiences import AUDIENCES
from services.gateway.live.broadcast import Broadcast
from shared.client.amqp.link import Link
from shared.client.amqp.received import bytes_of
from shared.client.errors import TooLarge
from shared.domain import topology
from shared.platform.concurrency import run_blocking
from shared.platform.outbox.subscribe import LARGE_BODY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.gateway.live.recent import Heard

logger = logging.getLogger(__name__)

EXPIRES_MILLISECONDS = 60_000
MAX_QUEUE = 20_000


class LiveEvents(SharedExtension):
    """Feeds a `Broadcast`, which exists from `setup` on, from the broker."""

    broadcast: Broadcast

    def setup(self) -> None:
        """Called by nameko."""
        settings = self.container.config["SETTINGS"]
        self.broadcast = Broadcast(heartbeat=settings.http_heartbeat)
        self._link = Link(
            settings.amqp_uri,
            "live stream",
            on_open=self._listen,
            on_lost=self.broadcast.interrupt,
        )

    def start(self) -> None:
        """Called by nameko."""
        self._link.start()

    def stop(self) -> None:
        """Called by nameko."""
        self._link.stop()

    def kill(self) -> None:
        """Called by nameko when there is no time."""
        self._link.stop(0)

    def _listen(self, channel: Any) -> None:
        for subscription in topology.SUBSCRIPTIONS:
            # Only checks, which needs no right to configure them; fails, and is tried again, until all exist.
            channel.queue_declare(subscription.queue, passive=True)
        queue = kombu.Queue(
            f"{topology.STREAM_QUEUES}{uuid4()}",
            exclusive=True,
            auto_delete=True,
            durable=False,
            queue_arguments={"x-expires": EXPIRES_MILLISECONDS, "x-max-length": MAX_QUEUE},
        )(channel)
        queue.queue_declare()
        for service, types in AUDIENCES.items():
            for event_type in types:
                queue.bind_to(topology.exchange_of(service), event_type)
        kombu.Consumer(
            channel, queues=[queue], on_message=self._hear, no_ack=True, auto_declare=False
        ).consume()
        self.broadcast.resume()

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

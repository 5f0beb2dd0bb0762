"""Hears events from now on, in a queue of this process alone, for what every process has to know at once.

The queue is deleted with its connection, so events can be missed while there is none: the owner is told, and loads what
it needs. What must not be missed has a queue that stays; see `shared.platform.outbox.subscribe`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import kombu

from shared.client.amqp.link import Link
from shared.platform import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

EXPIRES_MILLISECONDS: Final = 60_000
MAX_WAITING: Final = 20_000
"""Events that wait in the queue at most; of more, the broker drops the oldest."""


class EventTail:
    """A queue of its own that hears some events.

    Args:
        uri: The broker.
        name: Of the connection, as the broker shows it.
        prefix: Of the name of the queue; the user of the broker has rights to such names.
        events: The event types that are heard, by the service that emits them.
        on_message: Called with each message. It must not raise.
        on_open: Called when events arrive from now on; some before may have been missed.
        on_lost: Called when no events arrive any more.
        after: Queues that have to exist first: an event that only this one has got counts as delivered.
    """

    def __init__(
        self,
        uri: str,
        name: str,
        *,
        prefix: str,
        events: Mapping[str, Iterable[str]],
        on_message: Callable[[Any], None],
        on_open: Callable[[], object],
        on_lost: Callable[[], None],
        after: Iterable[str] = (),
    ) -> None:
        self._prefix = prefix
        self._events = {service: tuple(types) for service, types in events.items()}
        self._on_message = on_message
        self._on_open = on_open
        self._after = tuple(after)
        self._link = Link(uri, name, on_open=self._listen, on_lost=on_lost)

    def start(self) -> None:
        """Begin to listen; returns at once."""
        self._link.start()

    def stop(self) -> None:
        """Hear no more."""
        self._link.stop()

    def kill(self) -> None:
        """Hear no more, without a goodbye."""
        self._link.stop(0)

    def _listen(self, channel: Any) -> None:
        for queue in self._after:
            # Only checks, which needs no right to configure them; fails, and is tried again, until all exist.
            channel.queue_declare(queue, passive=True)
        own = kombu.Queue(
            f"{self._prefix}{uuid4()}",
            exclusive=True,
            auto_delete=True,
            durable=False,
            queue_arguments={"x-expires": EXPIRES_MILLISECONDS, "x-max-length": MAX_WAITING},
        )(channel)
        own.queue_declare()
        for service, types in self._events.items():
            for event_type in types:
                own.bind_to(registry.exchange_of(service), event_type)
        kombu.Consumer(
            channel, queues=[own], on_message=self._on_message, no_ack=True, auto_declare=False
        ).consume()
        self._on_open()

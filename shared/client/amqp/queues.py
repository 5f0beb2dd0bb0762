"""Exchanges and event queues: declaring them again changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import amqp.exceptions
import kombu

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_DELIVERIES: Final = 100
"""How often the broker redelivers an event whose consumers keep dying before it calls the event dead.

A lost connection counts as well, so it is far above what an unsteady network or a restarting service uses up
while a batch waits for a database.
"""

UNLIMITED_DELIVERIES: Final = 2**31 - 1
"""For dead queues: looking at a dead letter is a delivery too, and RabbitMQ 4 drops a message at the 20th."""


def declare_exchange(name: str, channel: Any, *, kind: str = "topic") -> None:
    """Declare a durable exchange."""
    kombu.Exchange(name, type=kind, durable=True)(channel).declare()


def require_exchange(name: str, channel: Any, *, kind: str = "topic") -> None:
    """Make sure that an exchange is there, which may belong to another system.

    To ask for it takes no right. To declare it takes the right to delete it too, so only what is missing is declared,
    by users of the broker who may.
    """
    try:
        kombu.Exchange(name, type=kind, passive=True)(channel).declare()
    except amqp.exceptions.ChannelError:
        declare_exchange(name, channel, kind=kind)


def declare_event_queue(
    channel: Any, queue: str, *, dead_letters: str, dead: str, bindings: Iterable[tuple[str, str]]
) -> None:
    """Declare a durable event queue, with a queue for its dead letters, and bind it.

    Args:
        channel: A channel of kombu's.
        queue: The name of the queue.
        dead_letters: The direct exchange through which its dead letters go; it is declared where it is missing.
        dead: The name of the queue for its dead letters, and their routing key.
        bindings: The exchange and the event type of each event that the queue hears. The exchanges must be there.
    """
    require_exchange(dead_letters, channel, kind="direct")
    dead_queue = _quorum_queue(channel, dead, {"x-delivery-limit": UNLIMITED_DELIVERIES})
    dead_queue.bind_to(dead_letters, dead)
    bound = _quorum_queue(
        channel,
        queue,
        {
            "x-delivery-limit": MAX_DELIVERIES,
            "x-dead-letter-exchange": dead_letters,
            "x-dead-letter-routing-key": dead,
        },
    )
    for exchange, event_type in bindings:
        bound.bind_to(exchange, event_type)


def _quorum_queue(channel: Any, name: str, arguments: dict[str, Any]) -> Any:
    queue = kombu.Queue(name, durable=True, queue_arguments={"x-queue-type": "quorum", **arguments})(channel)
    queue.queue_declare()
    return queue

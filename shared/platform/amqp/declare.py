"""Declares exchanges, queues and bindings from the registry; doing it again changes nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import amqp.exceptions
import kombu

from shared.client.amqp.link import declare_exchange, require_exchange
from shared.client.errors import Conflict
from shared.client.request import RPC_EXCHANGE
from shared.platform import registry
from shared.platform.amqp.commands import command_connection

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_DELIVERIES = 100
"""How often the broker redelivers a message whose consumers keep dying before it calls the message dead.

A lost connection counts as well, so it is far above what an unsteady network or a restarting service uses up
while a batch waits for a database.
"""

UNLIMITED_DELIVERIES = 2**31 - 1
"""For dead queues: looking at a dead letter is a delivery too, and RabbitMQ 4 drops a message at the 20th."""


def declare_subscription(queue: str, channel: Any) -> None:
    """An event queue with the queue for its dead letters, bound to everything it hears."""
    subscription = registry.current().by_queue[queue]
    dead = registry.dead_queue_of(queue)
    dead_letters = registry.dead_letter_exchange_of(subscription.service)
    dead_queue = kombu.Queue(
        dead,
        durable=True,
        queue_arguments={"x-queue-type": "quorum", "x-delivery-limit": UNLIMITED_DELIVERIES},
    )(channel)
    dead_queue.queue_declare()
    require_exchange(dead_letters, channel, kind="direct")
    dead_queue.bind_to(dead_letters, dead)
    bound = kombu.Queue(
        queue,
        durable=True,
        queue_arguments={
            "x-queue-type": "quorum",
            "x-delivery-limit": MAX_DELIVERIES,
            "x-dead-letter-exchange": dead_letters,
            "x-dead-letter-routing-key": dead,
        },
    )(channel)
    bound.queue_declare()
    for source, types in subscription.events.items():
        require_exchange(registry.exchange_of(source), channel)
        for event_type in types:
            bound.bind_to(registry.exchange_of(source), event_type)


def declare_rpc(service: str, channel: Any, *, quorum: bool) -> None:
    """The request queue of a service, bound on nameko's RPC exchange."""
    require_exchange(RPC_EXCHANGE, channel)
    queue = kombu.Queue(
        registry.rpc_queue_of(service),
        durable=True,
        queue_arguments={"x-queue-type": "quorum"} if quorum else None,
    )(channel)
    queue.queue_declare()
    queue.bind_to(RPC_EXCHANGE, f"{service}.*")


def declare_everything(amqp_uri: str, *, quorum: bool) -> list[str]:
    """What the ``topology`` command does.

    Args:
        amqp_uri: The broker; the user needs the right to configure all of these names.
        quorum: Whether RPC request queues are quorum queues.

    Returns:
        A line for each thing declared.

    Raises:
        Conflict: The broker has one of them that was made otherwise.
        Unavailable: The broker cannot be reached, or does not let this user do it.
    """
    done: list[str] = []

    def step(line: str, declare: Callable[[Any], None]) -> None:
        try:
            declare(channel)
        except amqp.exceptions.PreconditionFailed as error:
            raise Conflict(f"The broker has another {line}; delete that one first: {error}") from error
        done.append(line)

    with command_connection(amqp_uri) as connection:
        channel = connection.channel()
        step(f"exchange {RPC_EXCHANGE}", partial(declare_exchange, RPC_EXCHANGE))
        for service in registry.current().services:
            events, dead_letters = registry.exchange_of(service), registry.dead_letter_exchange_of(service)
            step(f"exchange {events}", partial(declare_exchange, events))
            step(f"exchange {dead_letters}", partial(declare_exchange, dead_letters, kind="direct"))
            step(f"queue {registry.rpc_queue_of(service)}", partial(declare_rpc, service, quorum=quorum))
        for subscription in registry.current().subscriptions:
            step(
                f"queue {subscription.queue} with its dead letters",
                partial(declare_subscription, subscription.queue),
            )
    return done

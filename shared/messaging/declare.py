"""Declares exchanges, queues and bindings from `shared.contracts.topology`; doing it again changes nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import amqp.exceptions
import kombu

from shared.contracts import topology
from shared.errors import Conflict
from shared.messaging.commands import command_connection

if TYPE_CHECKING:
    from collections.abc import Callable

GREATEST_DELIVERIES = 100
"""How often the broker redelivers a message whose consumers keep dying before it calls the message dead.

A lost connection counts as well, so it is far above what an unsteady network or a restarting service uses up
while a batch waits for a database.
"""

UNLIMITED_DELIVERIES = 2**31 - 1
"""For dead queues: looking at a dead letter is a delivery too, and RabbitMQ 4 drops a message at the 20th."""


def declare_events(service: str, channel: Any) -> None:
    """The topic exchange that a service publishes to."""
    kombu.Exchange(topology.exchange_of(service), type="topic", durable=True)(channel).declare()


def declare_subscription(queue: str, channel: Any) -> None:
    """An event queue with the queue for its dead letters, bound to everything it hears."""
    subscription = topology.BY_QUEUE[queue]
    dead = topology.dead_queue_of(queue)
    kombu.Queue(
        dead,
        durable=True,
        queue_arguments={"x-queue-type": "quorum", "x-delivery-limit": UNLIMITED_DELIVERIES},
    )(channel).queue_declare()
    bound = kombu.Queue(
        queue,
        durable=True,
        queue_arguments={
            "x-queue-type": "quorum",
            "x-delivery-limit": GREATEST_DELIVERIES,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": dead,
        },
    )(channel)
    bound.queue_declare()
    for source, types in subscription.events.items():
        declare_events(source, channel)
        for event_type in types:
            bound.bind_to(topology.exchange_of(source), event_type)


def declare_rpc(service: str, channel: Any, *, quorum: bool) -> None:
    """The request queue of a service, bound on nameko's RPC exchange."""
    declare_rpc_exchange(channel)
    queue = kombu.Queue(
        topology.rpc_queue_of(service),
        durable=True,
        queue_arguments={"x-queue-type": "quorum"} if quorum else None,
    )(channel)
    queue.queue_declare()
    queue.bind_to(topology.RPC_EXCHANGE, f"{service}.*")


def declare_rpc_exchange(channel: Any) -> None:
    """nameko's exchange for requests and replies."""
    kombu.Exchange(topology.RPC_EXCHANGE, type="topic", durable=True)(channel).declare()


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
        for service in topology.SERVICES:
            step(f"exchange {topology.exchange_of(service)}", partial(declare_events, service))
            step(f"queue {topology.rpc_queue_of(service)}", partial(declare_rpc, service, quorum=quorum))
        for subscription in topology.SUBSCRIPTIONS:
            step(
                f"queue {subscription.queue} with its dead letters",
                partial(declare_subscription, subscription.queue),
            )
    return done

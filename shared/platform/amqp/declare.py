"""Declares exchanges, queues and bindings from the registry; doing it again changes nothing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import amqp.exceptions
import kombu

from shared.client.amqp.queues import declare_event_queue, declare_exchange, require_exchange
from shared.client.errors import Conflict
from shared.client.request import RPC_EXCHANGE
from shared.platform import registry
from shared.platform.amqp.commands import command_connection

if TYPE_CHECKING:
    from collections.abc import Callable


def declare_subscription(queue: str, channel: Any) -> None:
    """Declare an event queue and the queue for its dead letters, and bind it to everything it hears."""
    subscription = registry.current().by_queue[queue]
    for source in subscription.events:
        require_exchange(registry.exchange_of(source), channel)
    declare_event_queue(
        channel,
        queue,
        dead_letters=registry.dead_letter_exchange_of(subscription.service),
        dead=registry.dead_queue_of(queue),
        bindings=[
            (registry.exchange_of(source), event_type)
            for source, types in subscription.events.items()
            for event_type in types
        ],
    )


def declare_rpc(service: str, channel: Any, *, quorum: bool) -> None:
    """Declare the request queue of a service, and bind it to nameko's RPC exchange."""
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

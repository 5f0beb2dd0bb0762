"""What the platform has to know of the services that stand on it, and how exchanges and queues are named.

The platform names no service, queue or event of its own. `shared.domain` registers them when it is imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shared.platform.outbox.contract import Contract

PROBE_KEY = "probe"
"""A routing key of the RPC exchange without a binding. Messages with it test whether the broker accepts messages."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One event queue.

    Attributes:
        queue: Its name, ``<service>.<purpose>``.
        events: The event types that are bound to it, by the service that emits them.
    """

    queue: str
    events: dict[str, tuple[str, ...]]

    @property
    def service(self) -> str:
        """The service that consumes the queue."""
        return self.queue.partition(".")[0]


@dataclass(frozen=True)
class Registry:
    """The services of a system.

    Attributes:
        services: Their names, in the order in which their schemas depend on one another.
        subscriptions: Their event queues.
        contracts: The contracts of their events, by service and type.
    """

    services: tuple[str, ...]
    subscriptions: tuple[Subscription, ...]
    contracts: Mapping[tuple[str, str], Contract]

    @cached_property
    def by_queue(self) -> dict[str, Subscription]:
        """The subscriptions by the name of their queue."""
        return {subscription.queue: subscription for subscription in self.subscriptions}

    def hearers_of(self, service: str, event_type: str) -> tuple[str, ...]:
        """Return the names of the queues that an event of this type must be routed to."""
        return tuple(one.queue for one in self.subscriptions if event_type in one.events.get(service, ()))


class _State:
    registry: Registry | None = None


def register(registry: Registry) -> None:
    """Have the platform of this process serve this system."""
    _State.registry = registry


def current() -> Registry:
    """Return what has been registered.

    Raises:
        LookupError: Nothing has.
    """
    if _State.registry is None:
        raise LookupError("No services are registered: import shared.domain first.")
    return _State.registry


def exchange_of(service: str) -> str:
    """Return the name of the topic exchange for the events of a service."""
    return f"{service}.events"


def dead_queue_of(queue: str) -> str:
    """Return the name of the queue for messages of an event queue that could not be handled."""
    return f"{queue}.dead"


def dead_letter_exchange_of(service: str) -> str:
    """Return the name of the direct exchange that routes to the dead-letter queues of a service.

    The default exchange routes to every queue. A user of the broker who may publish to it could publish anything.
    """
    return f"{service}.dead-letters"


def rpc_queue_of(service: str) -> str:
    """Return the name of the queue for RPC requests to a service."""
    return f"rpc-{service}"


def revocation_queues_of(service: str) -> str:
    """Return the prefix of the names of the queues in which the processes of a service hear of revoked access."""
    return f"{service}.revocations-"


def calls_of(service: str) -> str:
    """Return the name of the connection over which a service calls other services."""
    return f"calls of {service}"

"""The topology of the broker: every exchange, every event queue and its bindings.

The ``topology`` command declares all of it in advance, so that no event is lost that is published before the first
start of its consumer. A service declares its own queues again whenever it connects. The outbox relay looks up here
whether an event must be routed to a queue.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.client import request

SERVICES = ("identity", "reports", "resources", "alerts")
"""The services, in the order in which their schemas depend on one another."""

RPC_EXCHANGE = request.RPC_EXCHANGE

CALLS = {"reports": ("identity",), "resources": ("identity",), "alerts": ("identity",)}
"""The services that each service calls. The gateway and other systems may call all of them."""

PROBE_KEY = "probe"
"""A routing key of the RPC exchange without a binding. Messages with it test whether the broker accepts messages."""

STREAM_QUEUES = "gateway.stream-"
"""The prefix of the names of the queues of the gateway's replicas."""


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


SUBSCRIPTIONS = (
    Subscription("reports.history", {"reports": ("report_created", "report_status_changed")}),
    Subscription("resources.history", {"resources": ("resource_created", "resource_status_changed")}),
    Subscription(
        "alerts.audience",
        {
            "identity": (
                "user_created",
                "user_updated",
                "user_deactivated",
                "role_granted",
                "role_revoked",
                "region_created",
                "region_updated",
            )
        },
    ),
    Subscription(
        "alerts.rules",
        {"reports": ("report_status_changed",), "resources": ("resource_status_changed",)},
    ),
    Subscription("alerts.targeting", {"alerts": ("alert_issued",)}),
)

BY_QUEUE = {subscription.queue: subscription for subscription in SUBSCRIPTIONS}


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


def calls_of(service: str) -> str:
    """Return the name of the connection over which a service calls other services."""
    return f"calls of {service}"


def hearers_of(service: str, event_type: str) -> tuple[str, ...]:
    """Return the names of the queues that an event of this type must be routed to."""
    return tuple(one.queue for one in SUBSCRIPTIONS if event_type in one.events.get(service, ()))

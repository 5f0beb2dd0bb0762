"""Who hears what: every exchange, every event queue and its bindings, in one place.

The ``topology`` command declares all of it ahead, so that an event published before a consumer's first start is
kept; a service declares what it reads again whenever it connects; and the relay knows from here whether an
event that found no queue is a fault.
"""

from __future__ import annotations

from dataclasses import dataclass

SERVICES = ("identity", "reports", "resources", "alerts")
"""The services, in the order in which their schemas depend on one another."""

RPC_EXCHANGE = "nameko-rpc"

CALLS = {"reports": ("identity",), "resources": ("identity",), "alerts": ("identity",)}
"""Which services a service calls; the gateway and other systems may call all of them."""

REPLY_QUEUES = "rpc.reply-"
"""How the queues of RPC replies begin; nameko's do."""

PROBE_KEY = "probe"
"""A routing key of the RPC exchange that nothing is bound to: what is sent there finds out whether the broker takes
messages."""

STREAM_QUEUES = "gateway.stream-"
"""How the queues of the gateway's replicas begin."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One event queue.

    Attributes:
        queue: Its name: the hearing service, then what it does with the events.
        events: ``source service`` to the types bound from its exchange.
    """

    queue: str
    events: dict[str, tuple[str, ...]]

    @property
    def service(self) -> str:
        """The service that hears."""
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
    """The topic exchange that a service's events go to."""
    return f"{service}.events"


def dead_queue_of(queue: str) -> str:
    """Where the messages of an event queue go that cannot be handled."""
    return f"{queue}.dead"


def dead_letter_exchange_of(service: str) -> str:
    """The direct exchange that leads to the dead queues of a service.

    The default exchange would do, but it leads to every queue there is, so who may publish to it may publish anything.
    """
    return f"{service}.dead-letters"


def rpc_queue_of(service: str) -> str:
    """The queue of a service's RPC requests."""
    return f"rpc-{service}"


def reply_queues_of(connection: str) -> str:
    """How the reply queues of a connection begin, by its name."""
    return f"{REPLY_QUEUES}{connection.replace(' ', '-')}-"


def calls_of(service: str) -> str:
    """The name of the connection by which a service calls others."""
    return f"calls of {service}"


def hearers_of(service: str, event_type: str) -> tuple[str, ...]:
    """Return the queues of ours that have to hear this event."""
    return tuple(one.queue for one in SUBSCRIPTIONS if event_type in one.events.get(service, ()))

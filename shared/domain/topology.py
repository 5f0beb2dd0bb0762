"""The topology of the broker: every exchange, every event queue and its bindings.

The ``topology`` command declares all of it in advance, so that no event is lost that is published before the first
start of its consumer. A service declares its own queues again whenever it connects.
"""

from __future__ import annotations

from shared.client.request import RPC_EXCHANGE
from shared.platform.registry import (
    PROBE_KEY,
    Subscription,
    calls_of,
    dead_letter_exchange_of,
    dead_queue_of,
    exchange_of,
    revocation_queues_of,
    rpc_queue_of,
)
from shared.platform.rpc.revocations import EVENTS as REVOCATIONS

__all__ = [
    "BY_QUEUE",
    "CALLS",
    "PROBE_KEY",
    "REVOCATIONS",
    "RPC_EXCHANGE",
    "SERVICES",
    "STREAM_QUEUES",
    "SUBSCRIPTIONS",
    "calls_of",
    "dead_letter_exchange_of",
    "dead_queue_of",
    "exchange_of",
    "revocation_queues_of",
    "rpc_queue_of",
]

SERVICES = ("identity", "reports", "resources", "alerts")
"""The services, in the order in which their schemas depend on one another."""

CALLS = {"reports": ("identity",), "resources": ("identity",), "alerts": ("identity",)}
"""The services that each service calls. The gateway and other systems may call all of them."""

STREAM_QUEUES = "gateway.stream-"
"""The prefix of the names of the queues of the gateway's replicas."""

_REGION_EVENTS: dict[str, tuple[str, ...]] = {"identity": ("region_created", "region_updated")}

SUBSCRIPTIONS = (
    Subscription("reports.history", {"reports": ("report_created", "report_status_changed")}),
    Subscription("reports.regions", _REGION_EVENTS),
    Subscription("resources.history", {"resources": ("resource_created", "resource_status_changed")}),
    Subscription("resources.regions", _REGION_EVENTS),
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
        {
            "reports": ("report_created", "report_updated", "report_status_changed"),
            "resources": ("resource_created", "resource_updated", "resource_status_changed"),
        },
    ),
    Subscription("alerts.targeting", {"alerts": ("alert_issued",)}),
)

BY_QUEUE = {subscription.queue: subscription for subscription in SUBSCRIPTIONS}

"""The contracts of every event, with golden examples under ``examples``; who hears what; what one may be allowed.

Adding a field to an event is free, for listeners let pass what they do not know. Changing or removing one makes
a new version.
"""

from shared.domain import alerts, identity, reports, resources, topology
from shared.platform import registry
from shared.platform.outbox.contract import Contract

CONTRACTS: dict[tuple[str, str], Contract] = {
    (contract.source, contract.name): contract
    for module in (identity, reports, resources, alerts)
    for contract in module.EVENTS
}
"""Every contract by (source, type)."""

registry.register(registry.Registry(topology.SERVICES, topology.SUBSCRIPTIONS, CONTRACTS))

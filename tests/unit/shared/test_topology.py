"""Who hears what fits together: every binding names an event that somebody emits."""

from shared.domain import CONTRACTS, topology
from shared.platform import registry


def test_every_binding_is_to_an_event_that_has_a_contract():
    bound = {
        (source, event_type)
        for subscription in topology.SUBSCRIPTIONS
        for source, types in subscription.events.items()
        for event_type in types
    }
    assert bound <= CONTRACTS.keys()


def test_every_queue_belongs_to_a_service_and_stands_once():
    queues = [subscription.queue for subscription in topology.SUBSCRIPTIONS]
    assert len(set(queues)) == len(queues)
    assert {queue.partition(".")[0] for queue in queues} <= set(topology.SERVICES)


def test_services_call_services_and_not_themselves():
    for service, called in topology.CALLS.items():
        assert {service, *called} <= set(topology.SERVICES)
        assert service not in called


def test_no_queue_is_another_ones_dead_queue():
    assert not {topology.dead_queue_of(queue) for queue in topology.BY_QUEUE} & topology.BY_QUEUE.keys()


def test_what_is_heard_is_known_and_nothing_else():
    for source, event_type in CONTRACTS:
        heard = any(
            event_type in subscription.events.get(source, ()) for subscription in topology.SUBSCRIPTIONS
        )
        assert bool(registry.current().hearers_of(source, event_type)) is heard
    assert not registry.current().hearers_of("reports", "nothing_of_the_kind")
    assert not registry.current().hearers_of("nobody", "report_created")

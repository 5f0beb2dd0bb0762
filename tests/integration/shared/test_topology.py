"""Everything that is declared ahead is there, as it should be, and declaring it again changes nothing."""

from urllib.parse import quote

import pytest

from shared.client.amqp.queues import MAX_DELIVERIES
from shared.domain import topology
from shared.platform.amqp.declare import declare_everything
from tests.integration.shared.samples import event, publish


def look(virtual_host, kind):
    return virtual_host.broker.api("GET", f"{kind}/{quote(virtual_host.name, safe='')}")


def state(virtual_host):
    """What the broker holds, without figures that move."""
    queues = {
        (queue["name"], queue["durable"], tuple(sorted(queue["arguments"].items())))
        for queue in look(virtual_host, "queues")
    }
    exchanges = {
        (exchange["name"], exchange["type"], exchange["durable"])
        for exchange in look(virtual_host, "exchanges")
    }
    bindings = {
        (binding["source"], binding["destination"], binding["routing_key"])
        for binding in look(virtual_host, "bindings")
        if binding["source"]
    }
    return queues, exchanges, bindings


@pytest.fixture
def declared(virtual_host):
    declare_everything(virtual_host.uri, quorum=False)
    return state(virtual_host)


def test_every_exchange_queue_and_binding_is_there(declared):
    queues, exchanges, bindings = declared
    names = {name for name, _, _ in queues}
    assert names == (
        {topology.rpc_queue_of(service) for service in topology.SERVICES}
        | topology.BY_QUEUE.keys()
        | {topology.dead_queue_of(queue) for queue in topology.BY_QUEUE}
    )
    assert {
        (topology.RPC_EXCHANGE, "topic", True),
        *((topology.exchange_of(service), "topic", True) for service in topology.SERVICES),
        *((topology.dead_letter_exchange_of(service), "direct", True) for service in topology.SERVICES),
    } <= exchanges
    assert bindings == {
        *(
            (topology.RPC_EXCHANGE, topology.rpc_queue_of(service), f"{service}.*")
            for service in topology.SERVICES
        ),
        *(
            (topology.exchange_of(source), subscription.queue, event_type)
            for subscription in topology.SUBSCRIPTIONS
            for source, types in subscription.events.items()
            for event_type in types
        ),
        *(
            (topology.dead_letter_exchange_of(subscription.service), dead, dead)
            for subscription in topology.SUBSCRIPTIONS
            for dead in [topology.dead_queue_of(subscription.queue)]
        ),
    }


def test_queues_are_durable_and_event_queues_are_quorum_queues_that_drop_nothing(declared):
    queues = {name: (durable, dict(arguments)) for name, durable, arguments in declared[0]}
    assert all(durable for durable, _ in queues.values())
    for queue in topology.BY_QUEUE:
        arguments = queues[queue][1]
        assert arguments["x-queue-type"] == "quorum"
        # a limit without somewhere to go would drop the message
        assert arguments["x-delivery-limit"] == MAX_DELIVERIES
        assert arguments["x-dead-letter-routing-key"] == topology.dead_queue_of(queue)
        assert queues[topology.dead_queue_of(queue)][1]["x-queue-type"] == "quorum"


def test_declaring_again_changes_nothing_and_keeps_the_messages(virtual_host, declared):
    publish(virtual_host.uri, [event()])
    lines = declare_everything(virtual_host.uri, quorum=False)
    assert len(lines) == len(set(lines))
    assert state(virtual_host) == declared


def test_request_queues_may_be_quorum_queues_for_a_cluster(virtual_host):
    declare_everything(virtual_host.uri, quorum=True)
    queues = {name: dict(arguments) for name, _, arguments in state(virtual_host)[0]}
    assert all(
        queues[topology.rpc_queue_of(service)]["x-queue-type"] == "quorum" for service in topology.SERVICES
    )

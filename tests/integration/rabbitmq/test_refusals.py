"""Every user of the broker tries what is not its own, made from the topology as it is; RabbitMQ refuses all of it."""

from operator import methodcaller
from uuid import uuid4

import amqp.exceptions
import pytest

from infra.rabbitmq.rights import GATEWAY, OPERATOR
from shared.client.request import reply_queues_of
from shared.domain import CONTRACTS, topology
from shared.domain.topology import RPC_EXCHANGE, SERVICES, SUBSCRIPTIONS

CALLERS = (GATEWAY, "dispatch", "neighbour")
"""Who serves nothing. `dispatch` is another system, `neighbour` one that uses nameko."""

OWN_QUEUES = {service: topology.rpc_queue_of(service) for service in SERVICES} | {
    GATEWAY: f"{topology.STREAM_QUEUES}of-a-test",
    "dispatch": "dispatch.of-a-test",
    "neighbour": "evt-reports-report_created--neighbour.on_report",
}
NEW_QUEUES = {user: OWN_QUEUES[user] for user in CALLERS} | {
    service: f"{reply_queues_of(topology.calls_of(service))}of-a-test" for service in topology.CALLS
}
"""Of their own, and not there yet; who serves and calls nobody has none."""

WILDCARDS = ("#", "*", "*.*", "#.create_report")


def publish(exchange, key):
    """Publishes, and waits for the broker's word on it."""
    return lambda channel: channel.basic_publish(
        channel.prepare_message(b"{}"), exchange=exchange, routing_key=key
    )


def bind(queue, exchange, key):
    return methodcaller("queue_bind", queue, exchange, key)


def consume(queue):
    return methodcaller("basic_consume", queue, callback=print)


def queues_of(service):
    """Every queue that is a service's own."""
    heard = [subscription.queue for subscription in SUBSCRIPTIONS if subscription.service == service]
    return [topology.rpc_queue_of(service), *heard, *map(topology.dead_queue_of, heard)]


def types_of(source):
    """The types of a service's events."""
    return {event_type for service, event_type in CONTRACTS if service == source}


def heard_by(user, source):
    """The types of a service's events that a user has subscribed to."""
    found = [one.events.get(source, ()) for one in SUBSCRIPTIONS if one.service == user]
    # Each of its processes hears what is revoked, in a queue of its own.
    return {event_type for types in (*found, topology.REVOCATIONS.get(source, ())) for event_type in types}


def hears(queue, source):
    """Whether a service's relay has to see to it that this queue gets its events, for which it may bind it."""
    return queue in topology.BY_QUEUE and source in topology.BY_QUEUE[queue].events


def on_queues_of(other, user):
    """What a user tries on the queues of a service."""
    for queue in queues_of(other):
        yield f"consumes {queue}", consume(queue)
        yield f"takes from {queue}", methodcaller("basic_get", queue)
        yield f"purges {queue}", methodcaller("queue_purge", queue)
        yield f"deletes {queue}", methodcaller("queue_delete", queue)
        yield f"declares {queue}", methodcaller("queue_declare", queue, durable=True)
        if not hears(queue, user):
            yield f"binds {queue}", bind(queue, RPC_EXCHANGE, f"{user}.*")
        yield f"binds {queue} to requests of others", bind(queue, RPC_EXCHANGE, f"{other}.*")
        yield f"unbinds {queue}", methodcaller("queue_unbind", queue, RPC_EXCHANGE, f"{other}.*")
        yield f"publishes to {queue}, past the exchanges", publish("", queue)


def on_exchanges_of(other):
    """What anybody tries on the exchanges of a service."""
    for exchange in (topology.exchange_of(other), topology.dead_letter_exchange_of(other)):
        yield f"deletes {exchange}", methodcaller("exchange_delete", exchange)
        yield f"declares {exchange}", methodcaller("exchange_declare", exchange, "topic", durable=True)
        yield f"publishes to {exchange}", publish(exchange, "anything")
        yield f"binds {exchange}", methodcaller("exchange_bind", exchange, RPC_EXCHANGE, "anything")


def on_requests_of(other, own):
    """What anybody tries so as to get the requests of a service into a queue of its own."""
    for key in (f"{other}.*", f"{other}.#", f"{other}.any_method"):
        yield f"hears the requests {key}", bind(own, RPC_EXCHANGE, key)


def by_service(user, other):
    """What a service alone may not, where callers may."""
    if other not in topology.CALLS.get(user, ()):
        yield f"calls {other}", publish(RPC_EXCHANGE, f"{other}.any_method")
    own, events = OWN_QUEUES[user], topology.exchange_of(other)
    heard_by_any = set().union(*(heard_by(service, user) for service in SERVICES))
    for queue in queues_of(other):
        for key in ("#", "*", *sorted(types_of(user) - heard_by_any)):
            yield f"has {queue} hear its {key}", bind(queue, topology.exchange_of(user), key)
    yield (
        f"has the requests to {other} among its events",
        methodcaller("exchange_bind", topology.exchange_of(user), RPC_EXCHANGE, f"{other}.*"),
    )
    for key in ("#", "*", *sorted(types_of(other) - heard_by(user, other))):
        yield f"hears {other}'s {key}", bind(own, events, key)


def by_caller():
    """What those may not who serve nothing, where services may."""
    yield "answers somebody else's call", publish(RPC_EXCHANGE, str(uuid4()))


def by_anybody(user, own):
    """What is nobody's."""
    for key in WILDCARDS:
        yield f"hears requests and replies {key}", bind(own, RPC_EXCHANGE, key)
    yield "declares a queue of any name", methodcaller("queue_declare", "any-name")
    yield "declares an exchange of any name", methodcaller("exchange_declare", "any-name", "topic")
    yield "hears the broker's log", bind(own, "amq.rabbitmq.log", "#")
    if user != "neighbour":
        # nameko's proxies declare it, and who may declare may delete.
        yield "deletes the RPC exchange", methodcaller("exchange_delete", RPC_EXCHANGE)


def by_way_of_dead_letters(user):
    """What would get a message of one's own to where one may not publish."""
    for other in SERVICES:
        if other != user:
            for exchange in ("", topology.exchange_of(other), topology.dead_letter_exchange_of(other)):
                arguments = {"x-dead-letter-exchange": exchange}
                declaring = methodcaller("queue_declare", NEW_QUEUES[user], arguments=arguments)
                yield f"lets its letters die to {exchange or 'all queues'}, as for {other}", declaring


def by_operator():
    """What the operator has no need of."""
    for service in SERVICES:
        requests = topology.rpc_queue_of(service)
        yield f"consumes {requests}", consume(requests)
        yield f"calls {service}", publish(RPC_EXCHANGE, f"{service}.any_method")
        yield f"publishes to {service}.events", publish(topology.exchange_of(service), "anything")


def attempts():
    """Each user with what it tries, in words and as what is done with its channel."""
    for user, own in OWN_QUEUES.items():
        yield from ((user, *attempt) for attempt in by_anybody(user, own))
        yield from ((user, *attempt) for attempt in (by_caller() if user in CALLERS else ()))
        for other in SERVICES:
            if other == user:
                continue
            for tried in (
                on_queues_of(other, user),
                on_exchanges_of(other),
                on_requests_of(other, own),
                () if user in CALLERS else by_service(user, other),
            ):
                yield from ((user, *attempt) for attempt in tried)
    for user in NEW_QUEUES:
        yield from ((user, *attempt) for attempt in by_way_of_dead_letters(user))
    yield from ((OPERATOR, *attempt) for attempt in by_operator())


@pytest.mark.parametrize(
    ("user", "attempt"),
    [pytest.param(user, attempt, id=f"{user} {words}") for user, words, attempt in attempts()],
)
def test_is_refused(channels, user, attempt):
    with pytest.raises(amqp.exceptions.AccessRefused):
        attempt(channels[user])


def test_all_of_it_left_no_trace(host, channels):
    declared = {name for user in (*SERVICES,) for name in queues_of(user)}
    assert host.queues().keys() == declared
    for queue in declared:
        assert channels[OPERATOR].queue_declare(queue, passive=True).message_count == 0

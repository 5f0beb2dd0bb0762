"""What each user of the broker may do, worked out from `shared.domain.topology`; there is no second list.

RabbitMQ holds the name of the exchange or queue against a pattern each for configuring (declaring, deleting), writing
(publishing, binding a queue) and reading (consuming, binding to an exchange), and on a topic exchange the routing key
of what is published or bound as well (https://www.rabbitmq.com/docs/access-control).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from shared.client.request import REPLY_QUEUES, reply_queues_of
from shared.domain import topology

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shared.platform.registry import Subscription

GATEWAY: Final = "gateway"
OPERATOR: Final = "operator"
USERS: Final = (*topology.SERVICES, GATEWAY, OPERATOR)
"""The users that every installation has, one for each kind of process."""

DEFAULT_EXCHANGE: Final = "amq.default"
"""How RabbitMQ calls the exchange without a name where it asks for rights. It leads to every queue."""

REPLY_KEY: Final = r"[^.*#]+"
"""One word, as no method is, and no wildcard: a binding cannot catch the replies to somebody else."""

NOTHING: Final = "^$"


@dataclass(frozen=True, slots=True)
class Topics:
    """Patterns of routing keys on one topic exchange."""

    write: str
    read: str


@dataclass(frozen=True, slots=True)
class Rights:
    """What one user may do.

    Attributes:
        configure: The pattern of the names that it may declare and delete.
        write: Of those that it may publish or bind to.
        read: Of those that it may consume from or have bound to something.
        topics: Routing keys by exchange; on an exchange that does not stand here the names alone decide.
    """

    configure: str
    write: str
    read: str
    topics: Mapping[str, Topics] = field(default_factory=dict)


def rights_of_service(service: str) -> Rights:
    """Serves its RPC queue, publishes its events to whoever has to hear them, hears its own, calls whom it calls."""
    subscriptions = [one for one in topology.SUBSCRIPTIONS if one.service == service]
    heard = [subscription.queue for subscription in subscriptions]
    dead = [topology.dead_queue_of(queue) for queue in heard]
    requests = topology.rpc_queue_of(service)
    events, dead_letters = topology.exchange_of(service), topology.dead_letter_exchange_of(service)
    revocations = [_any(topology.revocation_queues_of(service))]
    sources = _heard_types(subscriptions)
    for source, types in topology.REVOCATIONS.items():
        sources.setdefault(topology.exchange_of(source), []).extend(_names(*types))
    # Its relay makes sure that its events reach every queue that has to hear them (shared.platform.outbox.routes).
    heard_elsewhere = _heard_types(topology.SUBSCRIPTIONS).get(events, [])
    hearers = [
        one.queue for one in topology.SUBSCRIPTIONS if service in one.events and one.queue not in heard
    ]
    called = topology.CALLS.get(service, ())
    replies = [_any(reply_queues_of(topology.calls_of(service)))] if called else []
    own = [*_names(requests, events, dead_letters, *heard, *dead), *revocations, *replies]
    topics = {exchange: Topics(write=NOTHING, read=_pattern(*types)) for exchange, types in sources.items()}
    if heard_elsewhere or events in sources:
        read = sorted({*heard_elsewhere, *sources.get(events, ())})
        topics[events] = Topics(write=".*", read=_pattern(*read))
    topics[topology.RPC_EXCHANGE] = Topics(
        write=_pattern(*map(_methods, called), REPLY_KEY),
        read=_pattern(*_names(f"{service}.*"), *([REPLY_KEY] if called else [])),
    )
    return Rights(
        configure=_pattern(*own),
        write=_pattern(*own, *_names(topology.RPC_EXCHANGE, *hearers)),
        # Its dead letters are for an operator to read.
        read=_pattern(
            *_names(
                requests, dead_letters, topology.RPC_EXCHANGE, *heard, *dict.fromkeys((*sources, events))
            ),
            *revocations,
            *replies,
        ),
        topics=topics,
    )


def rights_of_gateway() -> Rights:
    """Calls every service, and hears every event in queues of its own."""
    own = (
        topology.STREAM_QUEUES,
        topology.revocation_queues_of(GATEWAY),
        reply_queues_of(topology.calls_of(GATEWAY)),
    )
    return _rights_of_caller(*map(_any, own))


def rights_of_client(name: str, *, by_nameko: bool = False) -> Rights:
    """Another system: calls every service, and hears events in queues whose names begin with its own and a dot.

    Args:
        name: Of its user.
        by_nameko: Whether it uses nameko's own proxies and handlers. Those name their queues otherwise, and declare the
            exchange of the calls, which takes the right to delete it as well.
    """
    own = [_any(f"{name}."), _any(REPLY_QUEUES)]
    if not by_nameko:
        return _rights_of_caller(*own)
    handlers = rf"evt-.+--{re.escape(name)}\..+"
    return _rights_of_caller(*own, handlers, declared=_names(topology.RPC_EXCHANGE))


def rights_of_operator() -> Rights:
    """Declares the topology, and looks after the dead letters; it calls nobody and hears nothing."""
    exchanges = [topology.RPC_EXCHANGE, *map(topology.exchange_of, topology.SERVICES)]
    dead_letters = list(map(topology.dead_letter_exchange_of, topology.SERVICES))
    requests = list(map(topology.rpc_queue_of, topology.SERVICES))
    queues = list(topology.BY_QUEUE)
    dead = list(map(topology.dead_queue_of, queues))
    return Rights(
        configure=_pattern(*_names(*exchanges, *dead_letters, *queues, *dead, *requests)),
        # A letter that is replayed goes to its queue alone, not to all who heard the event.
        write=_pattern(*_names(*dead_letters, *queues, *dead, *requests, DEFAULT_EXCHANGE)),
        read=_pattern(*_names(*exchanges, *dead_letters, *queues, *dead)),
    )


def _rights_of_caller(*own: str, declared: Sequence[str] = ()) -> Rights:
    """Calls every service and hears every event, in queues of the patterns `own`."""
    events = [topology.exchange_of(service) for service in topology.SERVICES]
    return Rights(
        configure=_pattern(*own, *declared),
        write=_pattern(*own, *_names(topology.RPC_EXCHANGE)),
        read=_pattern(*own, *_names(topology.RPC_EXCHANGE, *events)),
        topics={
            topology.RPC_EXCHANGE: Topics(
                write=_pattern(*map(_methods, topology.SERVICES)), read=_pattern(REPLY_KEY)
            )
        },
    )


def _heard_types(subscriptions: Iterable[Subscription]) -> dict[str, list[str]]:
    """The patterns of the types that are heard, by exchange."""
    heard: dict[str, list[str]] = {}
    for subscription in subscriptions:
        for source, types in subscription.events.items():
            heard.setdefault(topology.exchange_of(source), []).extend(_names(*types))
    return heard


def _pattern(*alternatives: str) -> str:
    """Exactly one of them, none by accident: RabbitMQ looks for a pattern anywhere in the name."""
    return f"^({'|'.join(alternatives)})$"


def _names(*names: str) -> list[str]:
    return [re.escape(name) for name in names]


def _any(prefix: str) -> str:
    return f"{re.escape(prefix)}.+"


def _methods(service: str) -> str:
    return rf"{re.escape(service)}\.[^.*#]+"

"""A real RabbitMQ for the tests: one broker a session, and a virtual host of its own for who asks.

Where it comes from, in this order:

1. ``IMPACTX_TEST_AMQP_URI``, with ``IMPACTX_TEST_RABBITMQ_API`` for its management API;
2. a container, where a Docker engine answers and has its image or can pull it;
3. the ``rabbitmq-server`` that is installed, as a private node of ours on ports of its own;
4. Debian's package, installed first, where we are root and there is apt-get.

Tests that stop or kill a broker use `new_broker`, which never is the one of 1.
"""

import atexit
import functools
import os

from tests.support.rabbitmq.broker import Broker, BrokerError, ExternalBroker, VirtualHost
from tests.support.rabbitmq.container import ContainerBroker, image_can_be_had
from tests.support.rabbitmq.install import find_or_install_server, find_server
from tests.support.rabbitmq.node import NodeBroker
from tests.support.rabbitmq.users import users_of

__all__ = [
    "Broker",
    "BrokerError",
    "VirtualHost",
    "can_be_had",
    "fresh_virtual_host",
    "new_broker",
    "shared_broker",
    "users_of",
]

NOTHING_FOUND = (
    "The tests need a RabbitMQ and found none. One of these helps: install the rabbitmq-server package "
    "(Debian, Ubuntu: apt-get install rabbitmq-server), start a Docker engine, or set IMPACTX_TEST_AMQP_URI "
    "and IMPACTX_TEST_RABBITMQ_API to a broker with the management plugin."
)


@functools.cache
def shared_broker() -> Broker:
    """The broker of this test session; nobody stops it before the end.

    Raises:
        BrokerError: There is none to be had; the message says exactly what to install.
    """
    uri = os.environ.get("IMPACTX_TEST_AMQP_URI")
    if uri:
        return ExternalBroker(uri, os.environ.get("IMPACTX_TEST_RABBITMQ_API", ""))
    return new_broker()


def new_broker() -> Broker:
    """A broker of one's own, started, for tests that stop or kill it.

    Raises:
        BrokerError: As for `shared_broker`.
    """
    broker = _make()
    atexit.register(broker.remove)
    broker.start()
    return broker


def fresh_virtual_host(broker: Broker | None = None) -> VirtualHost:
    """An empty virtual host, of the session's broker unless another is given."""
    return (broker or shared_broker()).fresh_virtual_host()


def can_be_had() -> bool:
    """Whether there is one to be had without installing anything."""
    return bool(os.environ.get("IMPACTX_TEST_AMQP_URI")) or image_can_be_had() or find_server() is not None


def _make() -> Broker:
    if image_can_be_had():
        return ContainerBroker()
    server = find_or_install_server()
    if server is None:
        raise BrokerError(NOTHING_FOUND)
    return NodeBroker(server)

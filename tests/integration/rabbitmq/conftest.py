"""A virtual host with the topology and every user, each with one connection."""

from contextlib import ExitStack

import kombu
import pytest

from shared.platform.amqp.declare import declare_everything
from tests.support.rabbitmq import users_of


@pytest.fixture(scope="module")
def host(broker):
    made = broker.fresh_virtual_host()
    yield made
    made.drop()


@pytest.fixture(scope="module")
def users(host):
    """What each user connects with; the operator has declared the topology."""
    made = users_of(host, clients=["dispatch"], nameko_clients=["neighbour"])
    declare_everything(made["operator"], quorum=False)
    return made


@pytest.fixture(scope="module")
def channels(users):
    """A channel by user. A refusal closes a channel, and py-amqp opens it again."""
    with ExitStack() as stack:
        connections = {
            user: stack.enter_context(kombu.Connection(uri, transport_options={"confirm_publish": True}))
            for user, uri in users.items()
        }
        yield {user: connection.channel() for user, connection in connections.items()}

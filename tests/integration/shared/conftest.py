"""What the tests of `shared` on a real RabbitMQ need."""

import pytest

from tests.integration.shared import samples
from tests.support.proxy import Proxy


@pytest.fixture
def uri(virtual_host):
    """An empty broker."""
    return virtual_host.uri


@pytest.fixture
def proxy(broker):
    """The network between the tests and the broker."""
    with Proxy(broker.port, broker.host) as made:
        yield made


@pytest.fixture
def handled():
    """What the sample handler saw; empty and willing at first."""
    samples.HANDLED.__init__()
    yield samples.HANDLED
    samples.HANDLED.gate.set()


@pytest.fixture
def executed():
    """What the sample RPC methods did; empty at first."""
    samples.EchoService.executed.clear()
    return samples.EchoService.executed

"""Systems to break."""

from contextlib import ExitStack

import pytest

from tests.faults.harness import Onlooker, System
from tests.support.postgresql import new_server
from tests.support.rabbitmq import new_broker
from tests.support.randomness import chance


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Beside a failure stands what the processes wrote last."""
    report = yield
    if report.when == "call" and report.failed:
        for name in ("system", "breakable", "fleet"):
            if name in getattr(item, "funcargs", {}):
                report.sections += item.funcargs[name].logs()
    return report


def pytest_collection_modifyitems(items):
    for item in items:
        if "tests/faults/" in item.nodeid:
            item.add_marker(pytest.mark.fault)


@pytest.fixture(scope="session")
def system(postgresql, broker):
    """identity, a database and a broker that stay up; what runs of reports is for each test to say."""
    made = System(postgresql, broker)
    yield made
    made.close()


@pytest.fixture(scope="session")
def breakable():
    """A system on a database server and a broker of its own, which may be stopped and killed."""
    with ExitStack() as owned:
        broker = new_broker()
        owned.callback(broker.remove)
        server = new_server("breakable").start()
        owned.callback(server.stop, "immediate")
        made = System(server, broker)
        owned.callback(made.close)
        yield made


@pytest.fixture
def random():
    """Chance, with its seed said."""
    return chance()


@pytest.fixture
def onlooker(system):
    """Sees what is published."""
    with Onlooker(system) as made:
        yield made

"""Makes the test process cooperative, as the services are, and hands out databases and brokers."""

import os
import sys
from pathlib import Path

# Hundreds of processes are started by the tests. Where PYTHONDONTWRITEBYTECODE is set, each of them would compile every
# module that it imports, for seconds.
BYTECODE = Path(__file__).parents[1] / "build" / "bytecode"
sys.dont_write_bytecode, sys.pycache_prefix = False, str(BYTECODE)
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = str(BYTECODE)

from shared.platform import concurrency

concurrency.patch()  # before anything else is imported

import gc
import traceback
import warnings

import hypothesis
import pytest

from shared.client.amqp import link
from tests.support import needs
from tests.support import postgresql as postgresql_support
from tests.support import rabbitmq as rabbitmq_support

# How long one example takes, or making one, says more about who else uses the machine than about the code.
hypothesis.settings.register_profile(
    "impactx", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("impactx")


def pytest_addoption(parser):
    parser.addoption(
        "--pgbouncer",
        action="store_true",
        help="let the services reach their databases through a PgBouncer in transaction mode",
    )


def pytest_configure(config):
    if config.getoption("--pgbouncer"):
        postgresql_support.use_pgbouncer()


def pytest_collection_finish(session):
    """Says all that is missing before the first test, and not as errors of tests an hour later."""
    wanted = {need for item in session.items for need in needs.of_test(item.nodeid, item.fixturenames)}
    if session.config.getoption("--pgbouncer"):
        wanted.add(needs.PGBOUNCER)
    if session.config.option.collectonly:
        return
    try:
        needs.require(wanted)
    except needs.MissingError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Closes what a failed test has left open, as its own fault and not that of the test that comes next.

    The traceback keeps the variables of the test alive until another one runs, and the warning of a connection that was
    never closed would make that one fail.
    """
    report = yield
    if call.excinfo is not None and not item.config.option.usepdb:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            traceback.clear_frames(call.excinfo.tb)
            for frame, _ in traceback.walk_tb(call.excinfo.tb):
                frame.f_locals  # noqa: B018 - what pytest has looked at is kept apart, and is brought up to date by this
            gc.collect()
    return report


@pytest.fixture(scope="session", autouse=True)
def quick_readers():
    """Has the readers of this process look more often whether they are to stop: hundreds of services stop in it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link, "READ_SECONDS", 0.02)
        yield


@pytest.fixture(scope="session")
def postgresql():
    """The PostgreSQL server of the session; tests that stop a server make one of their own."""
    return postgresql_support.shared_server()


@pytest.fixture
def database(postgresql):
    """A migrated database that nobody else uses."""
    made = postgresql_support.fresh_database(postgresql)
    yield made
    made.drop()


@pytest.fixture(scope="session")
def broker():
    """The RabbitMQ of the session; tests that stop a broker make one of their own."""
    return rabbitmq_support.shared_broker()


@pytest.fixture
def virtual_host(broker):
    """An empty virtual host that nobody else uses."""
    made = broker.fresh_virtual_host()
    yield made
    made.drop()

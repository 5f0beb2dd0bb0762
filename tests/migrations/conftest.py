"""Databases for the tests of migrations."""

from contextlib import contextmanager

import pytest
from sqlalchemy import NullPool, create_engine

from shared.domain.topology import SERVICES
from shared.platform.db.engine import database_url
from tests.migrations.world import World
from tests.support import postgresql as postgresql_support


@contextmanager
def connected(url):
    engine = create_engine(database_url(url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def connect():
    """Opens a connection in autocommit: ``with connect(url) as connection``."""
    return connected


@pytest.fixture(params=SERVICES)
def service(request):
    return request.param


@pytest.fixture
def migrated(postgresql):
    """A migrated database of this test's own, that it may take apart."""
    made = postgresql_support.empty_database(postgresql)
    postgresql_support.prepare(postgresql, made.name)
    yield made
    made.drop()


@pytest.fixture(scope="module")
def untouched(postgresql):
    """A migrated database that tests only look at."""
    made = postgresql_support.fresh_database(postgresql)
    yield made
    made.drop()


@pytest.fixture(scope="module")
def looking(untouched):
    """The administrator's connection to it."""
    with connected(untouched.admin_url) as connection:
        yield connection


@pytest.fixture
def world(untouched):
    engine = create_engine(database_url(untouched.admin_url), poolclass=NullPool)
    with engine.connect() as connection:
        yield World(connection)
        connection.rollback()

"""A migrated database, what an administrator sees in it, and every service's own connection."""

from contextlib import ExitStack

import psycopg
import pytest
from psycopg.rows import scalar_row

from infra.postgres.bootstrap import bootstrap
from infra.postgres.roles import runtime_role
from shared.domain.topology import SERVICES
from tests.support.postgresql import fresh_database


@pytest.fixture(scope="module")
def database():
    made = fresh_database()
    # What everybody may do in a database is not copied from the one it was made of.
    bootstrap(made.admin_url, dict.fromkeys(SERVICES))
    yield made
    made.drop()


@pytest.fixture(scope="module")
def look(database):
    """Asks as the administrator; the values of the one column."""
    with psycopg.connect(database.admin_url, autocommit=True, row_factory=scalar_row) as connection:
        yield lambda query, *values: connection.execute(query, values).fetchall()


@pytest.fixture(scope="module")
def connections(database):
    """As each service's role, to the server itself."""
    with ExitStack() as stack:
        yield {
            service: stack.enter_context(
                psycopg.connect(database.server.url(runtime_role(service), database.name), autocommit=True)
            )
            for service in SERVICES
        }

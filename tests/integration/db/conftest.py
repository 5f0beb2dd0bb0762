import pytest

from tests.support import postgresql as postgresql_support


@pytest.fixture(scope="module")
def module_database(postgresql):
    """A migrated database for the tests of one module."""
    made = postgresql_support.fresh_database(postgresql)
    yield made
    made.drop()

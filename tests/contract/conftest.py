"""A database in which events are made by writing to it, as the tests of migrations do."""

import pytest
from sqlalchemy import NullPool, create_engine

from shared.platform.db.engine import database_url
from tests.migrations.world import World


@pytest.fixture
def world(database):
    engine = create_engine(database_url(database.admin_url), poolclass=NullPool)
    with engine.connect() as connection:
        yield World(connection)
        connection.rollback()
    engine.dispose()

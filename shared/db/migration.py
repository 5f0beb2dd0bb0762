"""Moves the schemas of the services from one revision to another.

Each service has its own Alembic environment and its own version table in its own schema; `migrate` runs them on
one direct connection (not through PgBouncer: it holds a session lock), one process at a time, each revision in a
transaction of its own, as the owner of the schema.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, text

from shared.contracts.topology import SERVICES
from shared.db.engine import CONNECT_TIMEOUT, database_url

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from sqlalchemy import Connection, MetaData

LOCK_KEY = 0x696D7061637478  # "impactx"
LOCK_PATIENCE = 60
"""Seconds that a migration waits for another one to end."""

TABLE_LOCK_TIMEOUT = 4
"""Seconds that a revision waits for a table in use; everybody else queues behind it meanwhile."""

STATEMENT_TIMEOUT = 600
"""Seconds that one statement of a revision may take."""

VERSION_TABLE = "alembic_version"

logger = logging.getLogger(__name__)


def migrate(admin_url: str, services: Collection[str] = SERVICES, revision: str = "head") -> None:
    """Takes the schemas of the services to a revision, in the order in which they depend on one another.

    Args:
        admin_url: A direct connection as a role that may become each ``<service>_owner``; see
            `infra.postgres.bootstrap`, which must have run.
        services: Which ones.
        revision: Where to: ``head``, a number, or backwards ``base`` and ``-1``. Going back loses what the
            later revisions hold, and takes the reverse order.

    Raises:
        sqlalchemy.exc.OperationalError: The database is away, another migration took longer than
            `LOCK_PATIENCE`, or a table stayed in use. Finished revisions stay; run it again.
    """
    ordered = [service for service in SERVICES if service in services]
    with _alone(admin_url) as connection:
        for service in reversed(ordered):
            if _lies_behind(connection, service, revision):
                _run(connection, service, command.downgrade, revision)
        if not _is_backwards(revision):
            for service in ordered:
                _run(connection, service, command.upgrade, revision)


def configuration(service: str, connection: Connection | None = None) -> Config:
    """Alembic's configuration for one service, without a file."""
    spec = find_spec(f"services.{service}")
    if spec is None or spec.origin is None:
        raise LookupError(f"There is no service {service}.")
    config = Config()
    config.set_main_option("script_location", str(Path(spec.origin).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def run_revisions(tables: MetaData) -> None:
    """What each service's ``env.py`` is: runs the revisions that Alembic was asked for.

    Args:
        tables: The metadata of the service's models; its schema is where the version table is.
    """
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=tables,
        version_table=VERSION_TABLE,
        version_table_schema=tables.schema,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


@contextmanager
def _alone(admin_url: str) -> Iterator[Connection]:
    """The one connection that may migrate this database now."""
    engine = create_engine(
        database_url(admin_url),
        poolclass=NullPool,
        use_native_hstore=False,
        connect_args={"connect_timeout": CONNECT_TIMEOUT, "application_name": "impactx migrate"},
    )
    with engine.connect() as connection:
        _set(connection, f"lock_timeout = '{LOCK_PATIENCE}s'")
        # It ends with the connection, whichever way that ends.
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_KEY})
        connection.commit()
        _set(connection, f"lock_timeout = '{TABLE_LOCK_TIMEOUT}s'")
        _set(connection, f"statement_timeout = '{STATEMENT_TIMEOUT}s'")
        yield connection


def _run(connection: Connection, service: str, move: Callable[[Config, str], None], revision: str) -> None:
    """Moves one service, as the owner of its schema."""
    _set(connection, f"ROLE {service}_owner")
    move(configuration(service, connection), revision)
    _set(connection, "ROLE NONE")
    logger.info("%s is at revision %s", service, revision)


def _lies_behind(connection: Connection, service: str, revision: str) -> bool:
    """Whether the revision is earlier than where the service is."""
    current = _current(connection, service)
    if current is None or _is_backwards(revision):
        return current is not None
    script = ScriptDirectory.from_config(configuration(service))
    earlier = {found.revision for found in script.iterate_revisions(current, "base")} - {current}
    return revision in earlier


def _is_backwards(revision: str) -> bool:
    return revision == "base" or revision.startswith("-")


def _current(connection: Connection, service: str) -> str | None:
    _set(connection, f"ROLE {service}_owner")
    found: str | None = connection.execute(
        text(f"SELECT version_num FROM {service}.{VERSION_TABLE}")  # noqa: S608 - names of our own
    ).scalar_one_or_none()
    _set(connection, "ROLE NONE")
    return found


def _set(connection: Connection, setting: str) -> None:
    connection.execute(text(f"SET SESSION {setting}"))
    connection.commit()

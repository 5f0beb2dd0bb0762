"""Moves the schemas of the services from one revision to another.

Each service has its own Alembic environment and its own version table in its own schema; `migrate` runs them on
one direct connection (not through PgBouncer: it holds a session lock), one process at a time, each revision in a
transaction of its own, as the owner of the schema.
"""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from alembic import command, context
from alembic.config import Config
from sqlalchemy import NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from shared.platform import registry
from shared.platform.db.connection import GRACE_SECONDS, connect
from shared.platform.db.engine import CONNECT_TIMEOUT, database_url
from shared.platform.db.revisions import (
    VERSION_TABLE,
    SchemaError,
    current,
    directory,
    require_utf8_at,
    revisions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, MetaData

LOCK_KEY = 0x696D7061637478  # "impactx"
LOCK_PATIENCE = 60
"""Seconds that a migration waits for another one to end."""

TABLE_LOCK_TIMEOUT = 4
"""Seconds that a revision waits for a table in use; everybody else queues behind it meanwhile."""

STATEMENT_TIMEOUT = 600
"""Seconds that one statement of a revision may take."""

HEAD, BASE = "head", "base"
_STEPS = re.compile(r"[+-][1-9][0-9]{0,3}")
_MISSING = ("3F000", "42704", "22023", "42P01")
"""SQLSTATEs of a role, a schema or a table that `infra.postgres.bootstrap` has not made yet."""

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the schema of one service is after a migration.

    Attributes:
        service: Its name.
        revision: The number that it has now; None when it has none.
        is_newer: Whether this version does not know that revision, because a newer version of ImpactX made it.
            Nothing has been changed then.
    """

    service: str
    revision: str | None
    is_newer: bool = False


@dataclass(frozen=True, slots=True)
class _Move:
    """What has to happen to the schema of one service; positions count its revisions, 0 is none."""

    service: str
    position: int
    target: int

    def revision(self, position: int) -> str:
        return revisions(self.service)[position - 1] if position else BASE


def migrate(
    admin_url: str,
    services: Collection[str] | None = None,
    revision: str = HEAD,
    *,
    confirm: Callable[[Mapping[str, Sequence[str]]], None] | None = None,
) -> list[Outcome]:
    """Take the schemas of the services to a revision, in the order in which they depend on one another.

    Args:
        admin_url: A direct connection as a role that may become each ``<service>_owner``; see
            `infra.postgres.bootstrap`, which must have run.
        services: Which ones; all by default.
        revision: Where to: ``head``, a number, ``+1``, or backwards ``base`` and ``-1``. Going back loses what the
            later revisions hold, and takes the reverse order.
        confirm: Called before anything goes back that holds data, with the tables that have rows, by service. It
            raises to prevent that.

    Returns:
        Where each service is now. A schema that a newer version made is left as it is by ``head``: an older
        version works on it.

    Raises:
        SchemaError: There is no such revision, a newer version made what should go back, the database is not
            UTF-8, or `infra.postgres.bootstrap` has not run. Nothing has been changed.
        Unavailable: The database cannot be reached.
        sqlalchemy.exc.OperationalError: The database went away, another migration took longer than
            `LOCK_PATIENCE`, or a table stayed in use. Finished revisions stay; run it again.
    """
    known = registry.current().services
    ordered = [service for service in known if services is None or service in services]
    require_utf8_at(admin_url)
    with _alone(admin_url) as connection:
        found = _positions(connection, ordered)
        newer = {
            service: position
            for service, position in found.items()
            if position not in ("", *revisions(service))
        }
        if newer and revision != HEAD:
            service, position = next(iter(newer.items()))
            raise SchemaError(
                f"The schema {service} is at revision {position}, which this version does not know: "
                f"go to {revision} with the version that made it."
            )
        moves = [_move(service, found[service], revision) for service in ordered if service not in newer]
        back = [move for move in moves if move.target < move.position]
        if confirm is not None and back:
            filled = {move.service: _filled_tables(connection, move.service) for move in back}
            if any(filled.values()):
                confirm({service: tables for service, tables in filled.items() if tables})
        for move in reversed(back):
            _run(connection, move, command.downgrade)
        for move in moves:
            if move.target > move.position:
                _run(connection, move, command.upgrade)
    at = {move.service: move.revision(move.target) if move.target else None for move in moves}
    return [Outcome(service, newer.get(service) or at.get(service), service in newer) for service in ordered]


def configuration(service: str, connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for one service, without a file."""
    config = Config()
    config.set_main_option("script_location", str(directory(service)))
    config.attributes["connection"] = connection
    return config


def run_revisions(tables: MetaData) -> None:
    """Run the revisions that Alembic was asked for: this is all of a service's ``env.py``.

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
    event.listen(engine, "do_connect", connect(STATEMENT_TIMEOUT + GRACE_SECONDS))
    with engine.connect() as connection:
        _set(connection, f"lock_timeout = '{LOCK_PATIENCE}s'")
        # It ends with the connection, whichever way that ends.
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK_KEY})
        connection.commit()
        _set(connection, f"lock_timeout = '{TABLE_LOCK_TIMEOUT}s'")
        _set(connection, f"statement_timeout = '{STATEMENT_TIMEOUT}s'")
        yield connection


def _positions(connection: Connection, services: Sequence[str]) -> dict[str, str]:
    """Return the revision of each service, empty where none has been run."""
    try:
        return {service: _as_owner(connection, service, current) or "" for service in services}
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _MISSING:
            raise
        raise SchemaError(
            "The roles and schemas of the services are missing: run `bootstrap` first."
        ) from error


def _move(service: str, found: str, revision: str) -> _Move:
    """Return what has to happen to a service that is at the revision `found`, empty for none."""
    known = revisions(service)
    position = known.index(found) + 1 if found else 0
    if revision in (HEAD, BASE):
        target = len(known) if revision == HEAD else 0
    elif revision in known:
        target = known.index(revision) + 1
    elif _STEPS.fullmatch(revision):
        target = position + int(revision)
        if not 0 <= target <= len(known):
            raise SchemaError(
                f"{service} is at revision {found or BASE}, and there is none {revision} from there: "
                f"it has {', '.join(known)}."
            )
    else:
        raise SchemaError(
            f"{service} has no revision {revision!r}: it has {', '.join(known)}; or say {HEAD}, {BASE}, +1 or -1."
        )
    return _Move(service, position, target)


def _filled_tables(connection: Connection, service: str) -> list[str]:
    """Return the names of the tables of a service that hold at least one row of its own.

    A table whose comment begins with the name of another service is a copy of what that service has.
    """

    def look(connection: Connection, service: str) -> list[str]:
        names = connection.execute(
            text(
                "SELECT relname FROM pg_class WHERE relnamespace = CAST(:schema AS regnamespace)"
                " AND relkind IN ('r', 'p') AND relname <> :versions"
                " AND coalesce(obj_description(oid, 'pg_class'), '') !~ :copies ORDER BY relname"
            ),
            {"schema": service, "versions": VERSION_TABLE, "copies": "^[a-z]+'s "},
        ).scalars()
        return [
            name
            for name in list(names)
            if connection.execute(
                text(f'SELECT EXISTS (SELECT FROM {service}."{name}")')  # noqa: S608 - from the catalogue
            ).scalar_one()
        ]

    return _as_owner(connection, service, look)


def _run(connection: Connection, move: _Move, change: Callable[[Config, str], None]) -> None:
    """Move one service, as the owner of its schema."""
    service, revision = move.service, move.revision(move.target)
    _as_owner(connection, service, lambda *_: change(configuration(service, connection), revision))
    logger.info("%s is at revision %s", service, revision)


def _as_owner(connection: Connection, service: str, work: Callable[[Connection, str], Result]) -> Result:
    """Return what the work returns, done as the owner of a service's schema."""
    _set(connection, f"ROLE {service}_owner")
    result = work(connection, service)
    connection.commit()
    _set(connection, "ROLE NONE")
    return result


def _set(connection: Connection, setting: str) -> None:
    connection.execute(text(f"SET SESSION {setting}"))
    connection.commit()

"""Makes the roles and schemas of the services in a database, with the least privileges that they need.

For a service ``reports`` that is: a role ``reports_owner`` that nobody logs in as and that owns everything in
the schema ``reports``; and a role ``reports_service`` that the service runs as, which may read and write rows
of that schema and nothing else. It can be run any number of times, and serves a hosted PostgreSQL too, where
the administrator is no superuser: CREATEROLE, and CREATE on the database, are enough.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

from infra.postgres.roles import make_roles, owner_role, runtime_role
from shared.platform.db.connection import GRACE_SECONDS, BoundedConnection
from shared.platform.db.revisions import require_utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

EXTENSION_SCHEMA = "extensions"
EXTENSIONS = ("cube", "fuzzystrmatch", "pg_trgm", "unaccent")
"""Trusted ones only: PostgreSQL lets everybody who may create in the database install these."""

VERSION_TABLE = "alembic_version"
OLDEST_SERVER = 140_000
LOCK_KEY = 0x696D7061637478  # "impactx"
ATTEMPTS = 5
STATEMENT_SECONDS = 60

logger = logging.getLogger(__name__)


class BootstrapError(Exception):
    """The database cannot be prepared; the message says what the administrator has to grant or mend."""


def bootstrap(admin_url: str, passwords: Mapping[str, str | None]) -> None:
    """Prepares the database for the services, in one transaction.

    Args:
        admin_url: Connects as a superuser, or as a role with CREATEROLE and with CREATE on this database.
        passwords: For each service the password of its runtime role; None leaves the present one. The server
            is sent the SCRAM verifier alone, so the password cannot show up in its log.

    Raises:
        BootstrapError: The server cannot be reached, the administrator may not do what is missing, or something is
            in the way.
        shared.platform.db.revisions.SchemaError: The database is not UTF-8.
    """
    url = admin_url.replace("postgresql+psycopg://", "postgresql://", 1)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with BoundedConnection.connect(
                url, connect_timeout=10, application_name="impactx bootstrap"
            ) as connection:
                connection.answer_seconds = STATEMENT_SECONDS + GRACE_SECONDS
                _bootstrap(connection, passwords)
        except psycopg.OperationalError as error:
            raise BootstrapError(f"The database cannot be used: {error}") from error
        except errors.InsufficientPrivilege as error:
            raise BootstrapError(f"The administrator lacks a right: {error.diag.message_primary}.") from error
        except (errors.DuplicateObject, errors.UniqueViolation, errors.InternalError_):
            # Roles belong to the whole server, the lock below to one database: somebody prepares another
            # database at this very moment and was first.
            if attempt == ATTEMPTS:
                raise
            time.sleep(0.2 * attempt)
        else:
            return


def _bootstrap(connection: psycopg.Connection, passwords: Mapping[str, str | None]) -> None:
    if connection.info.server_version < OLDEST_SERVER:
        raise BootstrapError(f"PostgreSQL 14 or newer is needed, not {connection.info.server_version}.")
    require_utf8(connection)
    connection.execute("SET LOCAL lock_timeout = '10s'")
    connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")
    # IF NOT EXISTS says so each time; there is nothing to be told
    connection.execute("SET LOCAL client_min_messages = 'warning'")
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
    make_roles(connection, passwords)
    _close_database(connection, passwords)
    _make_extensions(connection, passwords)
    for service in passwords:
        _make_schema(connection, service)


def _close_database(connection: psycopg.Connection, services: Iterable[str]) -> None:
    """Takes from everybody what PostgreSQL gives to everybody, and gives the services what they need of it.

    Only the owner of the database can; a hosted administrator who does not own it is told so in the log.
    """
    row = connection.execute(
        "SELECT current_database(), pg_has_role(current_user, datdba, 'USAGE'),"
        " COALESCE((SELECT pg_has_role(current_user, nspowner, 'USAGE')"
        "           FROM pg_namespace WHERE nspname = 'public'), false)"
        " FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None  # noqa: S101 - we are connected to it
    name, owns_database, owns_public = row
    database = sql.Identifier(name)
    if owns_database:
        roles = sql.SQL(", ").join(sql.Identifier(runtime_role(service)) for service in services)
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, roles))
    else:
        logger.warning("database %s is not ours: everybody may go on connecting to it", name)
    if owns_public:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")


def _make_extensions(connection: psycopg.Connection, services: Iterable[str]) -> None:
    schema = sql.Identifier(EXTENSION_SCHEMA)
    # CREATE SCHEMA IF NOT EXISTS asks for the right to create even where nothing is to be created
    if not _exists(connection, "SELECT 1 FROM pg_namespace WHERE nspname = %s", EXTENSION_SCHEMA):
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
    for service in services:
        for role in (owner_role(service), runtime_role(service)):
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, sql.Identifier(role)))
    for extension in EXTENSIONS:
        row = connection.execute(
            "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = %s", [extension]
        ).fetchone()
        if row is None:
            connection.execute(
                sql.SQL("CREATE EXTENSION {} WITH SCHEMA {}").format(sql.Identifier(extension), schema)
            )
        elif row[0] != EXTENSION_SCHEMA:
            raise BootstrapError(
                f"The extension {extension} is in schema {row[0]}. "
                f"Its owner has to move it: ALTER EXTENSION {extension} SET SCHEMA {EXTENSION_SCHEMA}"
            )


def _make_schema(connection: psycopg.Connection, service: str) -> None:
    names = {
        "schema": sql.Identifier(service),
        "owner": sql.Identifier(owner_role(service)),
        "runtime": sql.Identifier(runtime_role(service)),
        "versions": sql.Identifier(service, VERSION_TABLE),
    }
    row = connection.execute(
        "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = %s", [service]
    ).fetchone()
    if row is None:
        connection.execute(sql.SQL("CREATE SCHEMA {schema} AUTHORIZATION {owner}").format(**names))
        logger.info("made schema %s", service)
    elif row[0] != owner_role(service):
        raise BootstrapError(f"Schema {service} belongs to {row[0]}, not to {owner_role(service)}.")
    connection.execute(sql.SQL("SET LOCAL ROLE {owner}").format(**names))
    for statement in _PRIVILEGES:
        connection.execute(sql.SQL(statement).format(**names))
    connection.execute("RESET ROLE")


_PRIVILEGES = (
    "REVOKE ALL ON SCHEMA {schema} FROM PUBLIC",
    "GRANT USAGE ON SCHEMA {schema} TO {runtime}",
    # what the owner's migrations will make
    "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {runtime}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE ON SEQUENCES TO {runtime}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT EXECUTE ON FUNCTIONS TO {runtime}",
    # Alembic's note of the revision, made here so that it is never the service's to write
    (
        "CREATE TABLE IF NOT EXISTS {versions}"
        " (version_num varchar(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    ),
    "REVOKE ALL ON {versions} FROM {runtime}",
    "GRANT SELECT ON {versions} TO {runtime}",
)
"""What each owner says, as itself."""


def _exists(connection: psycopg.Connection, query: str, value: str) -> bool:
    return connection.execute(query.encode(), [value]).fetchone() is not None

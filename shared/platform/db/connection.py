"""A connection to PostgreSQL on which no wait is without an end.

The server has limits of its own (``statement_timeout``), but a server, a pooler or a sidecar that hangs enforces none
and still acknowledges TCP, so keepalives do not notice it either. Here every wait for an answer ends by the clock of
this process, and the connection is then closed.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import psycopg
from psycopg import errors

from shared.client import deadline

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

STATEMENT_SECONDS: Final = 15.0
"""The ``statement_timeout`` of the services' roles, see `infra.postgres.roles`."""

GRACE_SECONDS: Final = 5.0
"""How much later than the server's own limit its answer may come."""

CANCEL_SECONDS: Final = 2.0
"""How long the server gets to end a statement whose caller has given up, before the connection is closed."""

NOT_READY: Final = 0

T = TypeVar("T")


class BoundedConnection(psycopg.Connection[Any]):
    """psycopg's connection, whose waits end.

    A statement also ends at the deadline of the work in hand (`shared.client.deadline`): it is cancelled, so that the
    connection can be used again. COMMIT, ROLLBACK and what the pool does to a connection are not cancelled.

    Attributes:
        answer_seconds: How long one wait for the server may take.
    """

    answer_seconds: float = STATEMENT_SECONDS + GRACE_SECONDS
    is_executing = False

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.cursor_factory = _Cursor

    def wait(self, gen: Generator[Any, Any, T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait as psycopg does, but not longer than `answer_seconds`, and with a statement than the deadline.

        Raises:
            psycopg.OperationalError: No answer came in time; the connection is closed.
            psycopg.errors.QueryCanceled: The deadline is over.
        """
        limit = self.answer_seconds if timeout is None else min(timeout, self.answer_seconds)
        left = deadline.left() if self.is_executing else limit
        if left <= 0:
            gen.close()
            raise errors.QueryCanceled("not sent: whoever asked for it has given up")
        try:
            return super().wait(gen, interval, min(limit, left))
        except errors._WaitTimeout:  # noqa: SLF001 - what psycopg's own time limit raises has no other name
            if left < limit:
                return self._cancelled(gen, interval)
            raise self._given_up(limit) from None

    def _cancelled(self, gen: Generator[Any, Any, T], interval: float) -> T:
        """The statement's outcome once the server was asked to cancel it; it may have been done a moment before."""
        try:
            with contextlib.suppress(psycopg.Error):
                self.cancel_safe(timeout=CANCEL_SECONDS)
            return super().wait(_resumed(gen), interval, CANCEL_SECONDS)
        except errors._WaitTimeout:  # noqa: SLF001 - as above
            raise self._given_up(CANCEL_SECONDS) from None

    def _given_up(self, seconds: float) -> psycopg.OperationalError:
        self.close()
        return psycopg.OperationalError(f"the database did not answer within {seconds:g} seconds")


class _Cursor(psycopg.Cursor[Any]):
    """Tells its connection that what is waited for is a statement."""

    _conn: BoundedConnection

    def execute(self, *given: Any, **options: Any) -> Self:
        self._conn.is_executing = True
        try:
            return super().execute(*given, **options)
        finally:
            self._conn.is_executing = False

    def executemany(self, *given: Any, **options: Any) -> None:
        self._conn.is_executing = True
        try:
            super().executemany(*given, **options)
        finally:
            self._conn.is_executing = False


def connect(answer_seconds: float | None = None) -> Callable[..., BoundedConnection]:
    """Return what SQLAlchemy's ``do_connect`` event is to call.

    Args:
        answer_seconds: How long one wait for the server may take, where it is not `BoundedConnection.answer_seconds`.
    """

    def opened(_dialect: object, _record: object, conninfo: Any, parameters: Any) -> BoundedConnection:
        connection = BoundedConnection.connect(*conninfo, **parameters)
        if answer_seconds is not None:
            connection.answer_seconds = answer_seconds
        return connection

    return opened


def _resumed(gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
    """Goes on where a wait was given up; psycopg's loops begin with a fresh generator."""
    try:
        wanted = gen.send(NOT_READY)
        while True:
            wanted = gen.send((yield wanted))
    except StopIteration as done:
        outcome: T = done.value
        return outcome

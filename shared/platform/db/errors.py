"""What a failure of the database means: a mistake in the input, a conflict, or a temporary failure."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import exc

from shared.client.errors import Conflict, Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TRANSIENT_CLASSES = (
    "08",  # connection exceptions
    "53",  # insufficient resources: too many connections, disk full, out of memory
    "57",  # operator intervention: shutdown, crash recovery, starting up, cancelled by statement_timeout
    "58",  # system errors outside PostgreSQL
)
TRANSIENT_STATES = frozenset(
    {
        "25006",  # read-only transaction: the connection leads to a former primary
        "25P03",  # idle-in-transaction timeout
        "40001",  # serialization failure
        "40P01",  # deadlock
        "55P03",  # lock not available: lock_timeout
        "26000",  # a prepared statement is gone
    }
)
USELESS_CONNECTION_STATES = frozenset({"25006", "25P03", "26000", "57P01", "57P02", "57P03", "57P05"})
STALE_PLAN = "cached plan must not change result type"

FOREIGN_KEY, UNIQUE, CHECK, NOT_NULL = "23503", "23505", "23514", "23502"
UNSTORABLE_TEXT = frozenset({"22021", "22P05"})


def is_transient(error: BaseException) -> bool:
    """Return whether the same work may succeed when it is tried again later, without any change.

    True for a lost or refused connection, a shutdown or failover of the server, a serialization failure, a
    deadlock, a lock or statement timeout, too many connections and an exhausted pool of our own.
    """
    if isinstance(error, exc.TimeoutError):
        return True
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return True
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    if not isinstance(original, psycopg.Error):
        return False
    state = original.sqlstate
    if state is None:
        # libpq itself failed: it could not connect, or the connection broke.
        return isinstance(original, psycopg.OperationalError)
    return state.startswith(TRANSIENT_CLASSES) or state in TRANSIENT_STATES or _is_stale_plan(original)


def leaves_connection_useless(error: BaseException) -> bool:
    """Return whether a connection that raised this error must not be used again, although it is open."""
    return isinstance(error, psycopg.Error) and (
        error.sqlstate in USELESS_CONNECTION_STATES or _is_stale_plan(error)
    )


@contextmanager
def field_errors(fields: Mapping[str, str]) -> Iterator[None]:
    """Turn violations of the schema's constraints into errors that name the input at fault.

    Args:
        fields: The input field for each constraint, by the constraint's name:
            ``{"fk_reports_region": "region_id", "users_email_key": "email"}``. A constraint that is not
            listed is a programming error, and its exception passes unchanged. A column that must not be NULL
            needs no entry.

    Raises:
        Invalid: A foreign key names nothing ("No such region."), or a check refuses the value.
        Conflict: A unique key is taken already.
    """
    try:
        yield
    except exc.DBAPIError as error:
        original = error.orig
        if not isinstance(original, psycopg.Error):
            raise
        problem = _problem(original, fields)
        if problem is None:
            raise
        raise problem from error


def _problem(error: psycopg.Error, fields: Mapping[str, str]) -> Invalid | Conflict | None:
    state, column = error.sqlstate, error.diag.column_name
    if state in UNSTORABLE_TEXT:
        return Invalid("A text holds a character that cannot be stored.")
    if state == NOT_NULL and column:
        return Invalid(fields={fields.get(column, column): ["Must not be null."]})
    field = fields.get(error.diag.constraint_name or "")
    if field is None:
        return None
    if state == UNIQUE:
        return Conflict(f"This {thing(field)} is taken.", fields={field: ["Is taken already."]})
    invalid = {FOREIGN_KEY: f"No such {thing(field)}.", CHECK: "Not an acceptable value."}
    return Invalid(fields={field: [invalid[state]]}) if state in invalid else None


def constraint_of(error: exc.DBAPIError) -> str | None:
    """Return the name of the constraint that the statement violated, if it violated one."""
    return error.orig.diag.constraint_name if isinstance(error.orig, psycopg.Error) else None


def thing(field: str) -> str:
    """Return what an input field names, in words: ``report_type_id`` is a report type."""
    return field.rpartition(".")[2].removesuffix("_id").replace("_", " ")


def _is_stale_plan(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.errors.FeatureNotSupported) and STALE_PLAN in str(error)

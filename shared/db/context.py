"""Carries the correlation id of a call into the database, where triggers put it on the events they write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, String, bindparam, func, select, true

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.rpc.context import Caller

CORRELATION_SETTING = "impactx.correlation_id"

TRACED: Final = func.set_config(CORRELATION_SETTING, bindparam("correlation_id", type_=String), true()).label(
    "correlation_id"
)
"""`traced` for a statement that is made once; its parameter is ``correlation_id``."""


def traced(caller: Caller | str | None) -> ColumnElement[str]:
    """A column for ``.returning(...)`` that makes the statement's events carry the caller's correlation id.

    RETURNING is evaluated for each row before the statement-level AFTER triggers run, and the setting is
    local to the transaction: the triggers see it, and it costs no round trip of its own.

    Args:
        caller: The caller, or the correlation id itself; None (nobody is known) sets the empty id.
    """
    correlation_id = caller if isinstance(caller, str) else caller.correlation_id if caller else ""
    return func.set_config(
        CORRELATION_SETTING, bindparam("correlation_id", correlation_id, String, unique=True), true()
    ).label("correlation_id")


def trace(connection: Connection, caller: Caller | str | None) -> None:
    """Sets the correlation id for the rest of the transaction, where no statement with RETURNING does it."""
    connection.execute(select(traced(caller)))

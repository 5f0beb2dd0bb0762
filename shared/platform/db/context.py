"""Carries what a call is about into the database, where triggers put it on the events they write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, String, bindparam, func, select, true

from shared.platform.observability import traces

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from shared.platform.rpc.context import Caller

CORRELATION_SETTING = "impactx.correlation_id"
TRACE_SETTING = "impactx.traceparent"


def _carried(correlation_id: ColumnElement[str]) -> ColumnElement[str]:
    """Return one column that sets both the correlation id and the present place in the trace."""
    # Asked for when the statement is executed, so that no operation has to pass it on.
    place = bindparam("traceparent", None, String, unique=True, callable_=traces.current)
    return (
        func.set_config(CORRELATION_SETTING, correlation_id, true())
        .concat(func.set_config(TRACE_SETTING, place, true()))
        .label("correlation_id")
    )


EVENT_CONTEXT: Final = _carried(bindparam("correlation_id", type_=String))
"""`with_event_context` for a statement that is made once; its parameter is ``correlation_id``."""


def with_event_context(caller: Caller | str | None) -> ColumnElement[str]:
    """Return a column for ``.returning(...)`` that gives the statement's events the correlation id and the trace.

    RETURNING is evaluated for each row before the statement-level AFTER triggers run, and the setting is
    local to the transaction: the triggers see it, and it costs no round trip of its own.

    Args:
        caller: The caller, or the correlation id itself; None (nobody is known) sets the empty id.
    """
    correlation_id = caller if isinstance(caller, str) else caller.correlation_id if caller else ""
    return _carried(bindparam("correlation_id", correlation_id, String, unique=True))


def trace(connection: Connection, caller: Caller | str | None) -> None:
    """Set both for the rest of the transaction, where no statement with RETURNING does it."""
    connection.execute(select(with_event_context(caller)))

"""Reads of what belongs to a resource: its status history and the ledger of its usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from services.resources.models import resource_status_history, resource_usage_changes
from services.resources.queries.columns import USAGE_CHANGE_COLUMNS
from services.resources.queries.resources import get_resource
from shared.platform.db import paging

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, Select

    from shared.platform.rpc.context import Caller

_HISTORY: Final[paging.Order] = ((resource_status_history.c.version, "asc"),)
_USAGE_CHANGES: Final[paging.Order] = (
    (resource_usage_changes.c.changed_at, "desc"),
    (resource_usage_changes.c.id, "desc"),
)


def get_resource_history(
    connection: Connection, caller: Caller, resource_id: UUID, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the statuses that a resource entered, the first one first.

    It is written from events, some milliseconds after the change.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
    """
    statement = select(resource_status_history).where(resource_status_history.c.resource_id == resource_id)
    return _page(connection, caller, resource_id, statement, _HISTORY, cursor, limit)


def list_usage_changes(
    connection: Connection, caller: Caller, resource_id: UUID, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of what was taken and given back, the newest first.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
    """
    statement = select(*USAGE_CHANGE_COLUMNS).where(resource_usage_changes.c.resource_id == resource_id)
    return _page(connection, caller, resource_id, statement, _USAGE_CHANGES, cursor, limit)


def _page(
    connection: Connection,
    caller: Caller,
    resource_id: UUID,
    statement: Select[Any],
    order: paging.Order,
    cursor: str | None,
    limit: int,
) -> dict[str, Any]:
    get_resource(connection, caller, resource_id)
    rows = connection.execute(paging.keyset(statement, order, cursor, limit)).all()
    return paging.page(rows, limit, order)

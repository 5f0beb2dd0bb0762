"""The status of resources: the moves, and the history that their events write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ARRAY, Integer, String, Uuid, any_, bindparam, select, update

from services.resources.models import resource_status_history, resources
from services.resources.policy import ORIGINS, check_move
from services.resources.resources import COLUMNS, get_resource, page_of_parts
from shared.domain.history import StatusHistory
from shared.domain.permissions import RESOURCE_CHANGE_STATUS
from shared.platform.db.conditions import granted, in_granted_regions
from shared.platform.db.context import EVENT_CONTEXT
from shared.platform.db.writes import is_repeat, stale

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.db import paging
    from shared.platform.outbox.event import Event
    from shared.platform.rpc.context import Caller


def _change() -> Any:
    return (
        update(resources)
        .where(
            resources.c.id == bindparam("resource_id"),
            resources.c.version == bindparam("seen", type_=Integer),
            resources.c.status == any_(bindparam("origins", type_=ARRAY(String))),
            in_granted_regions(resources.c.region_id),
        )
        .values(
            status=bindparam("new_status", type_=String),
            status_notes=bindparam("notes", type_=String),
            updated_by=bindparam("caller_id", type_=Uuid),
        )
        .returning(*COLUMNS, EVENT_CONTEXT)
    )


_CHANGE: Final = _change()
"""Made once, as the other statements of hot paths; it is the whole transaction."""


def change_resource_status(
    connection: Connection,
    caller: Caller,
    resource_id: UUID,
    version: int,
    status: str,
    notes: str | None = None,
) -> RowMapping:
    """Moves a resource to another status.

    It is one statement, for `Database.autocommit`. The database emits `resource_status_changed`, from which the
    history is written.

    Args:
        connection: In autocommit.
        caller: Needs ``resource:change_status`` in the resource's region.
        resource_id: The resource.
        version: The version that the caller saw.
        status: The status to enter.
        notes: Why.

    Returns:
        The resource as it is now; also when this very change was made before.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
        Forbidden: The caller may not change its status.
        Conflict: The move is not legal (``legal`` lists those that are), or somebody changed the resource.
    """
    values = {
        "resource_id": resource_id,
        "seen": version,
        "origins": list(ORIGINS[status]),
        **granted(caller, RESOURCE_CHANGE_STATUS),
        "new_status": status,
        "notes": notes,
        "caller_id": caller.user_id,
        "correlation_id": caller.correlation_id,
    }
    row = connection.execute(_CHANGE, values).mappings().one_or_none()
    if row is not None:
        return row
    row = get_resource(connection, caller, resource_id, RESOURCE_CHANGE_STATUS)
    caller.require(RESOURCE_CHANGE_STATUS, row["region_id"])
    if is_repeat(caller, row, version, {"status": status, "status_notes": notes}):
        return row
    if row["version"] == version:
        check_move(row["status"], status)
    raise stale("resource", row)


_HISTORY_ORDER: Final[paging.Order] = ((resource_status_history.c.version, "asc"),)
_HISTORY: Final = StatusHistory(resource_status_history, "resource_id")


def record_history(connection: Connection, events: Sequence[Event]) -> None:
    """Writes one history row for each event, in one statement; an event that is repeated writes nothing.

    Args:
        connection: Its one statement is the transaction.
        events: `resource_created` and `resource_status_changed`, in any order.
    """
    _HISTORY.record(connection, events)


def get_resource_history(
    connection: Connection, caller: Caller, resource_id: UUID, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the statuses that a resource entered, the first one first.

    It is written from events, some milliseconds after the change.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
    """
    statement = select(resource_status_history).where(resource_status_history.c.resource_id == resource_id)
    return page_of_parts(connection, caller, resource_id, statement, _HISTORY_ORDER, cursor, limit)

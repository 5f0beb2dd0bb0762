"""The status of resources: changing it, and its history, which is written from events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import Boolean, bindparam, not_, or_

from services.resources.models import REGIONS, resource_status_history, resources
from services.resources.policy import closes, still_in_use
from services.resources.resources import COLUMNS, USAGE, read_resource, shown
from shared.domain.permissions import RESOURCE_CHANGE_STATUS
from shared.domain.resources import ADMITTING, STATUS
from shared.domain.status_changes import StatusChange, StatusHistory
from shared.platform.db.conditions import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from services.resources.schemas import types
    from shared.platform.outbox.event import Event
    from shared.platform.rpc.context import Caller

_HISTORY: Final = StatusHistory(resource_status_history, "resource_id")

_CHANGE: Final = StatusChange(
    STATUS,
    resources,
    REGIONS,
    RESOURCE_CHANGE_STATUS,
    returning=COLUMNS,
    # One statement with the change, so that nobody can be admitted between a check and the closing.
    where=or_(
        bindparam("may_be_in_use", type_=Boolean),
        not_(one_of(resources.c.status, sorted(ADMITTING))),
        USAGE == 0,
    ),
)


def change_resource_status(
    connection: Connection,
    caller: Caller,
    resource_id: UUID,
    version: int,
    status: str,
    notes: str | None = None,
    *,
    despite_usage: bool = False,
) -> types.Resource:
    """Change the status of a resource.

    The database emits `resource_status_changed`, from which the history is written.

    Args:
        connection: In autocommit; it is one statement.
        caller: Needs ``resource:change_status`` in the resource's region.
        resource_id: The resource.
        version: The version that the caller saw.
        status: The new status.
        notes: Why.
        despite_usage: Whether the resource is closed also while something of it is in use.

    Returns:
        The resource as it is now; also when this very change was made before.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
        Forbidden: The caller may not change its status.
        Conflict: The new status may not follow the present one (``legal`` lists those that may), the resource was
            changed meanwhile, or something of it is in use (``current_usage``).
    """
    values = {"status": status, "status_notes": notes}
    may_be_in_use = despite_usage or status in ADMITTING
    row = _CHANGE.make(
        connection, caller, resource_id, version, values, parameters={"may_be_in_use": may_be_in_use}
    )
    if row is not None:
        return shown(connection, caller, cast("types.Resource", row))
    resource = read_resource(connection, caller, resource_id, RESOURCE_CHANGE_STATUS)
    in_use = resource["current_usage"]
    if in_use and not may_be_in_use and resource["version"] == version and closes(resource["status"], status):
        raise still_in_use(status, in_use)
    _CHANGE.check(connection, caller, resource, version, values)
    return shown(connection, caller, resource)


def record_history(connection: Connection, events: Sequence[Event]) -> None:
    """Write one row of the history for each event, in one statement; a repeated event writes nothing.

    Args:
        connection: In autocommit.
        events: `resource_created` and `resource_status_changed`, in any order.
    """
    _HISTORY.record(connection, events)


def get_resource_history(
    connection: Connection, caller: Caller, resource_id: UUID, cursor: str | None, limit: int
) -> types.PageOfResourceHistoryEntry:
    """Return a page of the statuses that a resource entered, the first one first.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
    """
    read_resource(connection, caller, resource_id)
    return cast("types.PageOfResourceHistoryEntry", _HISTORY.page(connection, resource_id, cursor, limit))

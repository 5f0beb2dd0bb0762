"""The usage of resources: taking up and giving back their capacity, and the ledger of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Integer, Uuid, bindparam, cast, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.resources.models import resource_usage_changes, resources
from services.resources.policy import MAX_USAGE, beyond_bounds, is_within_bounds
from services.resources.resources import USAGE, get_resource, page_of_parts
from shared.client.errors import Conflict
from shared.domain.permissions import RESOURCE_UPDATE_USAGE
from shared.platform.db.conditions import granted, in_granted_regions
from shared.platform.db.context import EVENT_CONTEXT
from shared.platform.db.errors import constraint_of
from shared.platform.db.writes import id_taken

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.db import paging
    from shared.platform.rpc.context import Caller


USAGE_CHANGE_COLUMNS: Final = (
    *resource_usage_changes.c,
    (resource_usage_changes.c.capacity - resource_usage_changes.c.current_usage).label("remaining"),
)


_LEDGER_ORDER: Final[paging.Order] = (
    (resource_usage_changes.c.changed_at, "desc"),
    (resource_usage_changes.c.id, "desc"),
)

TRIES: Final = 3
"""How often the statement runs while others change the same resource between it and the look at why it did nothing."""


def _change() -> Any:
    change = bindparam("usage_change", type_=Integer)
    change_id = bindparam("change_id", type_=Uuid)
    after = cast(USAGE, BigInteger) + change
    applied = (
        update(resources)
        .where(
            resources.c.id == bindparam("resource_id", type_=Uuid),
            in_granted_regions(resources.c.region_id),
            after.between(0, func.coalesce(resources.c.capacity, MAX_USAGE)),
            ~exists().where(resource_usage_changes.c.id == change_id),
        )
        .values(current_usage=after, updated_by=bindparam("caller_id", type_=Uuid))
        .returning(
            resources.c.id,
            resources.c.current_usage,
            resources.c.capacity,
            resources.c.version,
            resources.c.updated_at,
        )
        .cte("applied")
    )
    entry = {
        "id": change_id,
        "resource_id": applied.c.id,
        "usage_change": change,
        "current_usage": applied.c.current_usage,
        "capacity": applied.c.capacity,
        "version": applied.c.version,
        "changed_by": bindparam("caller_id", type_=Uuid),
        "changed_at": applied.c.updated_at,
    }
    return (
        insert(resource_usage_changes)
        .from_select(list(entry), select(*entry.values()))
        .returning(*USAGE_CHANGE_COLUMNS, EVENT_CONTEXT)
    )


_CHANGE: Final = _change()
"""Made once: it is the hot path, and its whole transaction.

Of several that change the same resource each waits for the one before and then looks at the bounds again, at the
usage which that one left. Two with the same id cannot both enter the ledger.
"""


def update_resource_usage(
    connection: Connection,
    caller: Caller,
    resource_id: UUID,
    change_id: UUID,
    usage_change: int,
) -> RowMapping:
    """Takes or gives back some of a resource, all of it or nothing.

    It is one statement, for `Database.autocommit`. The database emits `resource_usage_changed`.

    Args:
        connection: In autocommit.
        caller: Needs ``resource:update_usage`` in the resource's region.
        resource_id: The resource.
        change_id: Names this change, made by the caller.
        usage_change: How many more are in use; below zero, how many fewer.

    Returns:
        The entry in the ledger; the one that is there already when the caller made this change before.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
        Forbidden: The caller may not change its usage.
        Conflict: The usage would leave 0 to capacity (``remaining``, ``capacity`` and ``current_usage`` say what is
            left), or the id belongs to another change.
    """
    values = {
        "resource_id": resource_id,
        "change_id": change_id,
        "usage_change": usage_change,
        **granted(caller, RESOURCE_UPDATE_USAGE),
        "caller_id": caller.user_id,
        "correlation_id": caller.correlation_id,
    }
    for _ in range(TRIES):
        entry = _changed(connection, values)
        if entry is not None:
            return entry
        resource = get_resource(connection, caller, resource_id, RESOURCE_UPDATE_USAGE)
        caller.require(RESOURCE_UPDATE_USAGE, resource["region_id"])
        entry = _changed_before(connection, values)
        if entry is not None:
            return entry
        capacity, current_usage = resource["capacity"], resource["current_usage"]
        if not is_within_bounds(usage_change, capacity, current_usage):
            raise beyond_bounds(usage_change, capacity, current_usage)
    raise Conflict("Others change this resource at this very moment; try again.")


def _changed(connection: Connection, values: dict[str, Any]) -> RowMapping | None:
    try:
        return connection.execute(_CHANGE, values).mappings().one_or_none()
    except IntegrityError as error:
        # The same change was made at the same time; the whole statement is undone.
        if constraint_of(error) != "resource_usage_changes_pkey":
            raise
        return None


def _changed_before(connection: Connection, values: dict[str, Any]) -> RowMapping | None:
    """The change with this id, if it was made.

    Raises:
        Conflict: It was another one.
    """
    statement = select(*USAGE_CHANGE_COLUMNS).where(resource_usage_changes.c.id == values["change_id"])
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        return None
    same = (
        row["resource_id"] == values["resource_id"]
        and row["usage_change"] == values["usage_change"]
        and row["changed_by"] == values["caller_id"]
    )
    if not same:
        raise id_taken("usage change")
    return row


def list_usage_changes(
    connection: Connection, caller: Caller, resource_id: UUID, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of what was taken and given back, the newest first.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
    """
    statement = select(*USAGE_CHANGE_COLUMNS).where(resource_usage_changes.c.resource_id == resource_id)
    return page_of_parts(connection, caller, resource_id, statement, _LEDGER_ORDER, cursor, limit)

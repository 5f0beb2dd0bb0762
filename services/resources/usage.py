"""The usage of resources: taking and giving back capacity, and the ledger of these changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import BigInteger, Integer, Uuid, bindparam, exists, func, insert, or_, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.exc import IntegrityError

from services.resources.models import REGIONS, resource_usage_changes, resources
from services.resources.policy import MAX_USAGE, admits, admits_nobody, beyond_bounds, is_within_bounds
from services.resources.resources import USAGE, read_resource
from shared.client.errors import Conflict
from shared.domain.permissions import RESOURCE_UPDATE_USAGE
from shared.domain.region_tree import given
from shared.domain.resources import ADMITTING
from shared.platform.db import paging
from shared.platform.db.conditions import one_of
from shared.platform.db.context import EVENT_CONTEXT
from shared.platform.db.errors import constraint_of
from shared.platform.db.writes import id_taken

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection
    from sqlalchemy.sql.dml import ReturningInsert

    from services.resources.schemas import types
    from shared.platform.rpc.context import Caller

_COLUMNS: Final = (
    *resource_usage_changes.c,
    (resource_usage_changes.c.capacity - resource_usage_changes.c.current_usage).label("remaining"),
)
_LEDGER_ORDER: Final[paging.Order] = (
    (resource_usage_changes.c.changed_at, "desc"),
    (resource_usage_changes.c.id, "desc"),
)

_TRIES: Final = 3
"""How often the statement runs while others change the resource between it and the read that explains a refusal."""


def _change() -> ReturningInsert[Any]:
    change = bindparam("usage_change", type_=Integer)
    change_id = bindparam("change_id", type_=Uuid)
    after = sql_cast(USAGE, BigInteger) + change
    applied = (
        update(resources)
        .where(
            resources.c.id == bindparam("resource_id", type_=Uuid),
            REGIONS.held_as_given(resources.c.region_id),
            after.between(0, func.coalesce(resources.c.capacity, MAX_USAGE)),
            or_(change < 0, one_of(resources.c.status, sorted(ADMITTING))),
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
        .returning(*_COLUMNS, EVENT_CONTEXT)
    )


_CHANGE: Final = _change()
"""Made once, because changing the usage is a hot path; it is the whole transaction.

Concurrent changes of a resource wait for each other, and each checks the bounds against the usage that the previous one
left. Two changes with the same id cannot both enter the ledger.
"""


def update_resource_usage(
    connection: Connection,
    caller: Caller,
    resource_id: UUID,
    change_id: UUID,
    usage_change: int,
) -> types.UsageChange:
    """Take some of the capacity of a resource, or give it back: the whole amount or nothing.

    The database emits `resource_usage_changed`.

    Args:
        connection: In autocommit; it is one statement.
        caller: Needs ``resource:update_usage`` in the resource's region.
        resource_id: The resource.
        change_id: The id of the change, chosen by the caller.
        usage_change: The number taken; below zero, the number given back.

    Returns:
        The entry in the ledger; the existing one if the caller made this change before.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
        Forbidden: The caller may not change its usage.
        Conflict: The usage would not stay between 0 and the capacity (``remaining``, ``capacity`` and
            ``current_usage`` say what is left), the resource is not open (``status``), or the id belongs to another
            change.
    """
    values = {
        "resource_id": resource_id,
        "change_id": change_id,
        "usage_change": usage_change,
        **given(caller, RESOURCE_UPDATE_USAGE),
        "caller_id": caller.user_id,
        "correlation_id": caller.correlation_id,
    }
    for _ in range(_TRIES):
        entry = _changed(connection, values)
        if entry is not None:
            return entry
        resource = read_resource(connection, caller, resource_id, RESOURCE_UPDATE_USAGE)
        REGIONS.require(connection, caller, RESOURCE_UPDATE_USAGE, resource["region_id"])
        entry = _changed_before(connection, values)
        if entry is not None:
            return entry
        if not admits(resource["status"], usage_change):
            raise admits_nobody(resource["status"])
        capacity, current_usage = resource["capacity"], resource["current_usage"]
        if not is_within_bounds(usage_change, capacity, current_usage):
            raise beyond_bounds(usage_change, capacity, current_usage)
    raise Conflict("The resource is being changed by others; try again.")


def _changed(connection: Connection, values: dict[str, Any]) -> types.UsageChange | None:
    try:
        row = connection.execute(_CHANGE, values).mappings().one_or_none()
    except IntegrityError as error:
        # The same change was made at the same time; the whole statement is rolled back.
        if constraint_of(error) != "resource_usage_changes_pkey":
            raise
        return None
    return cast("types.UsageChange | None", row)


def _changed_before(connection: Connection, values: dict[str, Any]) -> types.UsageChange | None:
    """Return the entry of the change with this id, if it was made.

    Raises:
        Conflict: The id belongs to another change.
    """
    statement = select(*_COLUMNS).where(resource_usage_changes.c.id == values["change_id"])
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        return None
    is_same = (
        row["resource_id"] == values["resource_id"]
        and row["usage_change"] == values["usage_change"]
        and row["changed_by"] == values["caller_id"]
    )
    if not is_same:
        raise id_taken("usage change")
    return cast("types.UsageChange", row)


def list_usage_changes(
    connection: Connection, caller: Caller, resource_id: UUID, cursor: str | None, limit: int
) -> types.PageOfUsageChange:
    """Return a page of the changes of the usage of a resource, the newest first.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
    """
    read_resource(connection, caller, resource_id)
    statement = select(*_COLUMNS).where(resource_usage_changes.c.resource_id == resource_id)
    rows = connection.execute(paging.keyset(statement, _LEDGER_ORDER, cursor, limit)).all()
    return cast("types.PageOfUsageChange", paging.page(rows, limit, _LEDGER_ORDER))

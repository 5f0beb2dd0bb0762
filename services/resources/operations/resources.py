"""Adding and editing resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, exists, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.resources.models import resource_types, resources
from services.resources.queries.columns import COLUMNS, USAGE
from services.resources.queries.resources import get_resource, holds
from services.resources.rules import below_usage
from shared.client.errors import Conflict, Invalid
from shared.domain.permissions import RESOURCE_CREATE, RESOURCE_UPDATE
from shared.platform.db.context import EVENT_CONTEXT, with_event_context
from shared.platform.db.digest import content_digest
from shared.platform.db.errors import field_errors
from shared.platform.db.repeats import id_taken, is_repeat, stale

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller

CONSTRAINTS: Final = {
    "fk_resources_region": "region_id",
    "fk_resources_type": "resource_type_id",
}

CONTENT: Final = (
    "name",
    "description",
    "contact_person",
    "contact_phone",
    "contact_email",
    "location",
    "capacity",
    "current_usage",
)
"""What a create says of a resource beside its id, region and type."""


def _create() -> Any:
    names = ("id", "region_id", *CONTENT, "created_by", "content_digest")
    values = [bindparam(f"new_{name}", type_=resources.c[name].type) for name in names]
    source = select(*values, resource_types.c.id).where(
        resource_types.c.id == bindparam("type_id"), resource_types.c.is_active
    )
    return (
        insert(resources)
        .from_select([*names, "resource_type_id"], source)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(*COLUMNS, EVENT_CONTEXT)
    )


_CREATE: Final = _create()
"""Made once, as the other statements of hot paths; it is the whole transaction."""


def create_resource(
    connection: Connection, caller: Caller, arguments: Mapping[str, Any], region_id: UUID
) -> RowMapping:
    """Adds a resource, which is `available`.

    It is one statement, for `Database.autocommit`. The database emits `resource_created`.

    Args:
        connection: In autocommit.
        caller: Needs ``resource:create`` in the region.
        arguments: As `schemas.CreateResource` loads them.
        region_id: The one of the arguments, or the one found for the location.

    Returns:
        The resource; the one that is there already when the caller created it before, with the same id and
        arguments.

    Raises:
        Forbidden: The caller may not add resources in this region.
        Invalid: There is no such region or type, or the type is not in use any more.
        Conflict: The id belongs to another resource.
    """
    caller.require(RESOURCE_CREATE, region_id)
    said = {"current_usage": 0, **arguments}
    values = {
        "new_id": arguments.get("id") or uuid7(),
        "new_region_id": region_id,
        **{f"new_{name}": said.get(name) for name in CONTENT},
        "new_created_by": caller.user_id,
        "new_content_digest": content_digest(arguments),
        "type_id": arguments["resource_type_id"],
        "correlation_id": caller.correlation_id,
    }
    with field_errors(CONSTRAINTS):
        row = connection.execute(_CREATE, values).mappings().one_or_none()
    return row if row is not None else _created_before(connection, caller, values)


def _created_before(connection: Connection, caller: Caller, values: Mapping[str, Any]) -> RowMapping:
    """Why nothing was inserted: a repeat, somebody else's id, or a type that cannot be used."""
    statement = select(*COLUMNS, resources.c.created_by, resources.c.content_digest)
    row = connection.execute(statement.where(resources.c.id == values["new_id"])).mappings().one_or_none()
    if row is not None:
        if row["content_digest"] == values["new_content_digest"] and row["created_by"] == caller.user_id:
            return row
        raise id_taken("resource")
    problems = type_problems({"resource_type_id": values["type_id"]}, types_in_use(connection))
    if problems:
        raise Invalid(fields=problems)
    raise Conflict("The catalogue changed at this very moment; try again.")


def type_problems(given: Mapping[str, Any], types: Mapping[UUID, bool]) -> dict[str, list[str]]:
    """What is wrong with the resource type of some arguments, where they name one.

    Args:
        given: The arguments.
        types: Whether it is in use, for each type that there is.
    """
    if "resource_type_id" not in given or types.get(given["resource_type_id"]):
        return {}
    known = given["resource_type_id"] in types
    problem = "This resource type is not in use any more." if known else "No such resource type."
    return {"resource_type_id": [problem]}


def types_in_use(connection: Connection) -> dict[UUID, bool]:
    """Every resource type with whether it is in use; they are some dozens."""
    rows = connection.execute(select(resource_types.c.id, resource_types.c.is_active)).mappings()
    return {row["id"]: row["is_active"] for row in rows}


def update_resource(
    connection: Connection, caller: Caller, resource_id: UUID, version: int, changes: Mapping[str, Any]
) -> RowMapping:
    """Edits a resource; its status and its usage have operations of their own.

    It is one statement, for `Database.autocommit`. The database emits `resource_updated`.

    Args:
        connection: In autocommit.
        caller: Needs ``resource:update`` in the resource's region, and in the one that it moves to.
        resource_id: The resource.
        version: The version that the caller saw.
        changes: New values by column.

    Returns:
        The resource as it is now; also when this very change was made before.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
        Forbidden: The caller may see but not edit it, or may not move it to the region.
        Conflict: Somebody changed it meanwhile, or more is in use than the new capacity.
        Invalid: A new region or type does not exist, or the type is not in use any more.
    """
    if "region_id" in changes and not caller.may(RESOURCE_UPDATE, changes["region_id"]):
        return _not_updated(connection, caller, resource_id, version, changes)
    statement = (
        update(resources)
        .where(
            resources.c.id == resource_id,
            resources.c.version == version,
            holds(caller, RESOURCE_UPDATE),
        )
        .values(**changes, updated_by=caller.user_id)
        .returning(*COLUMNS, with_event_context(caller))
    )
    if "resource_type_id" in changes:
        # A resource keeps its type when that goes out of use, so repeating it is no mistake.
        statement = statement.where(
            or_(
                resources.c.resource_type_id == changes["resource_type_id"],
                exists().where(
                    resource_types.c.id == changes["resource_type_id"], resource_types.c.is_active
                ),
            )
        )
    if changes.get("capacity") is not None:
        statement = statement.where(changes["capacity"] >= USAGE)
    with field_errors(CONSTRAINTS):
        row = connection.execute(statement).mappings().one_or_none()
    return row if row is not None else _not_updated(connection, caller, resource_id, version, changes)


def _not_updated(
    connection: Connection, caller: Caller, resource_id: UUID, version: int, changes: Mapping[str, Any]
) -> RowMapping:
    """Why nothing was updated: a repeat, or one of the refusals of `update_resource`."""
    row = get_resource(connection, caller, resource_id, RESOURCE_UPDATE)
    caller.require(RESOURCE_UPDATE, row["region_id"])
    caller.require(RESOURCE_UPDATE, changes.get("region_id", row["region_id"]))
    if row["version"] != version:
        if is_repeat(caller, row, version, changes):
            return row
        raise stale("resource", row)
    problems = type_problems(changes, types_in_use(connection))
    if problems:
        raise Invalid(fields=problems)
    capacity = changes.get("capacity")
    if capacity is not None and capacity < row["current_usage"]:
        raise below_usage(capacity, row["current_usage"])
    raise stale("resource", row)

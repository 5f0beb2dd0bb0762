"""Resources: adding and editing them; one, a page of many, the nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, column, exists, func, not_, or_, select, table, update
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.resources.catalogue import type_problems, types_in_use
from services.resources.models import (
    PAIRS,
    SCHEMA,
    WORDS,
    resource_types,
    resources,
)
from services.resources.policy import AVAILABLE, below_usage
from shared.client.errors import Conflict, Invalid, NotFound
from shared.domain import geography
from shared.domain.permissions import RESOURCE_CREATE, RESOURCE_READ, RESOURCE_UPDATE
from shared.platform.db import paging
from shared.platform.db.conditions import conditions_of, in_regions_of, one_of
from shared.platform.db.context import EVENT_CONTEXT, with_event_context
from shared.platform.db.errors import field_errors
from shared.platform.db.search import WordSearch, ranked_page
from shared.platform.db.writes import content_digest, id_taken, is_repeat, stale

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping, Select

    from shared.platform.db.conditions import Condition
    from shared.platform.db.search import Search
    from shared.platform.rpc.context import Caller


USAGE: Final = func.coalesce(resources.c.current_usage, 0, type_=resources.c.current_usage.type)
"""The specification lets it be NULL, which is nobody and nothing."""

FREE: Final = resources.c.capacity - USAGE
"""What is left; NULL without a limit."""

COLUMNS: Final = (
    resources.c.id,
    resources.c.name,
    resources.c.description,
    resources.c.region_id,
    resources.c.resource_type_id,
    resources.c.contact_person,
    resources.c.contact_phone,
    resources.c.contact_email,
    resources.c.location,
    resources.c.capacity,
    USAGE.label("current_usage"),
    FREE.label("available_capacity"),
    resources.c.status,
    resources.c.status_notes,
    resources.c.created_at,
    resources.c.updated_at,
    resources.c.updated_by,
    resources.c.version,
    resources.c.import_source,
    resources.c.import_key,
)


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


SEARCH: Final = WordSearch(SCHEMA, WORDS, PAIRS)


def read_search(connection: Connection, filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters with what ``text`` means as a search, where it is given."""
    written = filters.get("text")
    return {**filters, "text": None if written is None else SEARCH.read(connection, written)}


def conditions(filters: Mapping[str, Any]) -> list[Condition]:
    """One condition for each filter that is given; what is no filter (``cursor``, ``limit``) is let pass.

    Args:
        filters: As `read_search` returns them.
    """
    return conditions_of(filters, _CONDITIONS)


def _contains(search: Search) -> Condition:
    return resources.c.name.icontains(search.written, autoescape=True)


def finds_exactly(search: Search) -> Condition:
    """Resources whose name has what is searched, and not only something that resembles it."""
    return or_(_contains(search), SEARCH.finds_exactly(search))


def _has_free(needed: int) -> Condition:
    return or_(resources.c.capacity.is_(None), needed <= FREE)


_CONDITIONS: dict[str, Callable[[Any], Condition]] = {
    "status": lambda values: one_of(resources.c.status, values),
    "resource_type_id": lambda values: one_of(resources.c.resource_type_id, values),
    "region_id": lambda values: one_of(resources.c.region_id, values),
    "import_source": lambda source: and_(
        resources.c.import_key.is_not(None), resources.c.import_source == source
    ),
    "needed": _has_free,
    "changed_since": lambda value: resources.c.updated_at >= value,
    "bbox": lambda box: geography.within_box(resources.c.point, *box),
    "within": lambda polygons: geography.within_area(resources.c.point, polygons),
    "near": lambda place: geography.near(resources.c.point, place["lon"], place["lat"], place["radius_m"]),
    "text": lambda search: or_(_contains(search), SEARCH.finds(search)),
}


_AVAILABLE: Final = table(
    "available_resources",
    column("id"),
    column("resource_type"),
    column("region_name"),
    schema=SCHEMA,
)
"""The seed's view; it alone may look at the names of regions."""

_ORDER: Final[paging.Order] = ((resources.c.created_at, "desc"), (resources.c.id, "desc"))


def holds(caller: Caller, permission: str) -> Condition:
    """Resources of the regions in which the caller holds the permission."""
    return in_regions_of(caller, permission, resources.c.region_id)


def get_resource(
    connection: Connection, caller: Caller, resource_id: UUID, permission: str = RESOURCE_READ
) -> RowMapping:
    """One resource that the caller may see, or holds the permission for.

    Raises:
        NotFound: There is none.
    """
    seen = or_(holds(caller, RESOURCE_READ), holds(caller, permission))
    statement = select(*COLUMNS, resources.c.created_by, resources.c.content_digest)
    row = connection.execute(statement.where(resources.c.id == resource_id, seen)).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such resource.")
    return row


def list_resources(connection: Connection, caller: Caller, filters: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the resources that the caller may see and that all filters let pass, the newest first."""
    return _page(connection, select(*COLUMNS), caller, filters)


def list_available_resources(
    connection: Connection, caller: Caller, filters: Mapping[str, Any]
) -> dict[str, Any]:
    """A page of the resources in the seed's view ``available_resources``, with the names that it shows.

    They are `available` and have something left, or no limit.
    """
    names = (found for found in _AVAILABLE.c if found.key != "id")
    statement = (
        select(*COLUMNS, *names)
        .join_from(resources, _AVAILABLE, _AVAILABLE.c.id == resources.c.id)
        .where(resources.c.status == AVAILABLE, or_(resources.c.capacity.is_(None), FREE > 0))
    )
    return _page(connection, statement, caller, filters)


def find_nearest_resources(
    connection: Connection, caller: Caller, filters: Mapping[str, Any]
) -> dict[str, Any]:
    """The resources nearest to a place that the caller may see and that all filters let pass.

    The index of ``earth`` hands them out by distance, so the cost is that of those passed on the way and not
    of all there are. Straight through the Earth and along its surface the order is the same.

    Returns:
        ``items`` with ``distance_m``, in metres along the great circle, the nearest first.
    """
    longitude, latitude, radius = filters["lon"], filters["lat"], filters.get("radius_m")
    chosen = [holds(caller, RESOURCE_READ), *conditions(filters)]
    if radius is not None:
        chosen.append(geography.near(resources.c.point, longitude, latitude, radius))
    statement = (
        select(*COLUMNS, geography.distance(resources.c.point, longitude, latitude).label("distance_m"))
        .where(*chosen)
        .order_by(geography.nearest(resources.c.earth, longitude, latitude))
        .limit(filters["limit"])
    )
    return {"items": connection.execute(statement).mappings().all()}


def _page(
    connection: Connection, statement: Select[Any], caller: Caller, filters: Mapping[str, Any]
) -> dict[str, Any]:
    filters = read_search(connection, filters)
    search = filters["text"]
    chosen = statement.where(holds(caller, RESOURCE_READ), *conditions({**filters, "text": None}))
    if search is not None:
        is_exact = finds_exactly(search)
        loose = None if search.is_exact else chosen.where(SEARCH.finds(search), not_(is_exact))
        return ranked_page(connection, chosen.where(is_exact), loose, _ORDER, filters)
    rows = connection.execute(paging.keyset(chosen, _ORDER, filters["cursor"], filters["limit"])).all()
    return paging.page(rows, filters["limit"], _ORDER)


def page_of_parts(
    connection: Connection,
    caller: Caller,
    resource_id: UUID,
    statement: Select[Any],
    order: paging.Order,
    cursor: str | None,
    limit: int,
) -> dict[str, Any]:
    """Return a page of what belongs to one resource.

    Args:
        connection: Reads.
        caller: The caller; may have to see the resource.
        resource_id: The resource.
        statement: The rows that belong to the resource.
        order: The order of the rows.
        cursor: Where the page begins; None for the first one.
        limit: The length of the page.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
    """
    get_resource(connection, caller, resource_id)
    rows = connection.execute(paging.keyset(statement, order, cursor, limit)).all()
    return paging.page(rows, limit, order)

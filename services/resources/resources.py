"""Resources: adding and editing them, and reading one, a page of many, or the nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from sqlalchemy import and_, bindparam, column, exists, func, not_, or_, select, table
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.resources.catalogue import known_types
from services.resources.models import PAIRS, REGIONS, SCHEMA, WORDS, resource_types, resources
from services.resources.policy import below_usage
from shared.client.errors import Invalid, NotFound
from shared.domain import geography
from shared.domain.catalogue import reference_problems, refuse_references
from shared.domain.permissions import RESOURCE_CREATE, RESOURCE_READ, RESOURCE_READ_CONTACTS, RESOURCE_UPDATE
from shared.domain.resources import AVAILABLE
from shared.platform.db import paging
from shared.platform.db.conditions import conditions_of, one_of
from shared.platform.db.context import EVENT_CONTEXT
from shared.platform.db.errors import field_errors
from shared.platform.db.search import WordSearch, ranked_page
from shared.platform.db.writes import (
    change_if_version,
    check_version,
    content_digest,
    created_before,
    stale,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Select
    from sqlalchemy.sql.dml import ReturningInsert

    from services.resources.schemas import types
    from shared.platform.db.conditions import Condition
    from shared.platform.db.search import Search
    from shared.platform.rpc.context import Caller

SomeResource = TypeVar("SomeResource", bound="types.Resource")

USAGE: Final = func.coalesce(resources.c.current_usage, 0, type_=resources.c.current_usage.type)
"""The usage; the specification allows NULL, which means 0."""

FREE: Final = resources.c.capacity - USAGE
"""The free capacity; NULL if unlimited."""

UNLIMITED: Final = 2**31 - 1
"""What an unlimited resource counts as where resources are sorted by their free capacity."""

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
"""The columns that the creator of a resource fills, besides its id, region and type."""


CONTACTS: Final = ("contact_person", "contact_phone", "contact_email")
"""The columns that callers see with ``resource:read_contacts`` alone."""


def _create() -> ReturningInsert[Any]:
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
"""Made once, because adding resources is a hot path; it is the whole transaction."""


def create_resource(
    connection: Connection, caller: Caller, region_id: UUID, arguments: types.CreateResource
) -> types.Resource:
    """Add a resource, which is `available`.

    The database emits `resource_created`.

    Args:
        connection: In autocommit; it is one statement.
        caller: Needs ``resource:create`` in the region.
        region_id: The region of the arguments, or the one that contains the location.
        arguments: The resource.

    Returns:
        The resource; the existing one if the caller added it before, with the same id and arguments.

    Raises:
        Forbidden: The caller may not add resources in this region.
        Invalid: The region or the type does not exist, or the type is not in use any more.
        Conflict: The id belongs to another resource.
    """
    REGIONS.require(connection, caller, RESOURCE_CREATE, region_id)
    resource_id, digest = arguments.get("id") or uuid7(), content_digest(arguments)
    said = {"current_usage": 0, **arguments}
    values = {
        "new_id": resource_id,
        "new_region_id": region_id,
        **{f"new_{name}": said.get(name) for name in CONTENT},
        "new_created_by": caller.user_id,
        "new_content_digest": digest,
        "type_id": arguments["resource_type_id"],
        "correlation_id": caller.correlation_id,
    }
    with field_errors(CONSTRAINTS):
        row = connection.execute(_CREATE, values).mappings().one_or_none()
    if row is None:
        author = {"id": resource_id, "created_by": caller.user_id, "content_digest": digest}
        same = ("created_by", "content_digest")
        row = created_before(connection, resources, author, thing="resource", same=same, returning=COLUMNS)
    if row is None:
        refuse_references(arguments, known_types(connection))
    return shown(connection, caller, cast("types.Resource", row))


def update_resource(
    connection: Connection,
    caller: Caller,
    resource_id: UUID,
    version: int,
    arguments: types.UpdateResource,
) -> types.Resource:
    """Edit a resource; its status and its usage are changed by functions of their own.

    The database emits `resource_updated`.

    Args:
        connection: In autocommit; it is one statement.
        caller: Needs ``resource:update`` in the resource's region, and in the region that it moves to.
        resource_id: The resource.
        version: The version that the caller saw.
        arguments: The new values.

    Returns:
        The resource as it is now; also when this very change was made before.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
        Forbidden: The caller may see but not edit the resource, or may not move it to the region.
        Conflict: The resource was changed meanwhile, or more of it is in use than the new capacity.
        Invalid: A new region or type does not exist, or the type is not in use any more.
    """
    changes = {name: value for name, value in arguments.items() if name not in ("resource_id", "version")}
    region_id, capacity = arguments.get("region_id"), arguments.get("capacity")
    where = [holds(connection, caller, RESOURCE_UPDATE)]
    if "resource_type_id" in arguments:
        type_id = arguments["resource_type_id"]
        is_in_use = exists().where(resource_types.c.id == type_id, resource_types.c.is_active)
        # A resource keeps a type that is not in use any more, so the type may be repeated.
        where.append(or_(resources.c.resource_type_id == type_id, is_in_use))
    if capacity is not None:
        where.append(capacity >= USAGE)
    if region_id is None or REGIONS.may(connection, caller, RESOURCE_UPDATE, region_id):
        with field_errors(CONSTRAINTS):
            row = change_if_version(
                connection,
                caller,
                resources,
                resource_id,
                version,
                changes,
                where=where,
                returning=COLUMNS,
            )
        if row is not None:
            return shown(connection, caller, cast("types.Resource", row))
    resource = read_resource(connection, caller, resource_id, RESOURCE_UPDATE)
    REGIONS.require(connection, caller, RESOURCE_UPDATE, resource["region_id"])
    REGIONS.require(connection, caller, RESOURCE_UPDATE, region_id or resource["region_id"])
    if check_version(caller, resource, version, changes, thing="resource"):
        return shown(connection, caller, resource)
    problems = reference_problems(arguments, known_types(connection))
    if problems:
        raise Invalid(fields=problems)
    if capacity is not None and capacity < resource["current_usage"]:
        raise below_usage(capacity, resource["current_usage"])
    raise stale("resource", resource)


SEARCH: Final = WordSearch(SCHEMA, WORDS, PAIRS)

_CONDITIONS: dict[str, Callable[[Any], Condition]] = {
    "status": lambda values: one_of(resources.c.status, values),
    "resource_type_id": lambda values: one_of(resources.c.resource_type_id, values),
    "import_source": lambda source: and_(
        resources.c.import_key.is_not(None), resources.c.import_source == source
    ),
    "needed": lambda needed: or_(resources.c.capacity.is_(None), needed <= FREE),
    "changed_since": lambda value: resources.c.updated_at >= value,
    "bbox": lambda box: geography.within_box(resources.c.point, *box),
    "within": lambda polygons: geography.within_area(resources.c.point, polygons),
    "near": lambda place: geography.near(resources.c.point, place["lon"], place["lat"], place["radius_m"]),
}
"""The filters of the lists, except ``text`` and ``region_id``."""

_NAMES: Final = table(
    "available_resources",
    column("id"),
    column("resource_type"),
    column("region_name"),
    schema=SCHEMA,
)
"""The view of the specification's seed, which alone may read the names of regions."""

_ROOM: Final = func.coalesce(FREE, UNLIMITED, type_=FREE.type).label("room")
"""The free capacity by which lists are sorted: unlimited is more than any."""

_ORDERS: Final[dict[str, paging.Order]] = {
    "created_at": ((resources.c.created_at, "desc"), (resources.c.id, "desc")),
    "name": ((resources.c.name, "asc"), (resources.c.id, "asc")),
    "available_capacity": ((_ROOM, "desc"), (resources.c.id, "desc")),
}


def holds(connection: Connection, caller: Caller, permission: str) -> Condition:
    """Return the condition that a resource is in a region in which the caller holds the permission."""
    return REGIONS.held(connection, caller, permission, resources.c.region_id)


def shown(connection: Connection, caller: Caller, resource: types.Resource) -> types.Resource:
    """Return the resource as the caller may see it; see `all_shown`."""
    return all_shown(connection, caller, [resource])[0]


def all_shown(
    connection: Connection, caller: Caller, found: Sequence[SomeResource]
) -> Sequence[SomeResource]:
    """Return resources as the caller may see them, without contacts where the caller may not read these.

    Whatever method shows a resource, also one that changes it, shows what this returns.

    Args:
        connection: Reads.
        caller: Needs ``resource:read_contacts`` in the region of a resource to see its contacts.
        found: Whole resources.
    """
    if caller.regions(RESOURCE_READ_CONTACTS) is None:
        return found
    regions = {resource["region_id"] for resource in found}
    open_regions = {
        region_id
        for region_id in regions
        if REGIONS.may(connection, caller, RESOURCE_READ_CONTACTS, region_id)
    }
    hidden = dict.fromkeys(CONTACTS)
    return [
        resource if resource["region_id"] in open_regions else cast("SomeResource", {**resource, **hidden})
        for resource in found
    ]


def get_resource(connection: Connection, caller: Caller, resource_id: UUID) -> types.Resource:
    """Return the resource as the caller may see it.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
    """
    return shown(connection, caller, read_resource(connection, caller, resource_id))


def read_resource(
    connection: Connection, caller: Caller, resource_id: UUID, permission: str = RESOURCE_READ
) -> types.Resource:
    """Return the whole resource, with what may have to be hidden by `shown`.

    Args:
        connection: Reads.
        caller: Needs ``resource:read`` or the permission in the resource's region.
        resource_id: The resource.
        permission: The permission for what the caller wants to do.

    Raises:
        NotFound: There is no such resource, or the caller may not see it.
    """
    seen = or_(holds(connection, caller, RESOURCE_READ), holds(connection, caller, permission))
    statement = select(*COLUMNS).where(resources.c.id == resource_id, seen)
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("Resource not found.")
    return cast("types.Resource", row)


def list_resources(
    connection: Connection, caller: Caller, filters: types.ListResources
) -> types.PageOfResource:
    """Return a page of the resources that the caller may see and that pass all filters, in the order of `sort`."""
    return cast("types.PageOfResource", _page(connection, caller, select(*COLUMNS), filters))


def list_available_resources(
    connection: Connection, caller: Caller, filters: types.ListAvailableResources
) -> types.PageOfAvailableResource:
    """Return a page of the resources that are `available` and not full, with the names of type and region.

    The names are those of the view ``available_resources``.
    """
    statement = (
        select(*COLUMNS, _NAMES.c.resource_type, _NAMES.c.region_name)
        .join_from(resources, _NAMES, _NAMES.c.id == resources.c.id)
        .where(resources.c.status == AVAILABLE, or_(resources.c.capacity.is_(None), FREE > 0))
    )
    return cast("types.PageOfAvailableResource", _page(connection, caller, statement, filters))


def find_nearest_resources(
    connection: Connection, caller: Caller, filters: types.FindNearestResources
) -> types.NearestResources:
    """Return the resources nearest to a location that the caller may see and that pass all filters.

    The index of ``earth`` returns resources by distance, so the cost depends on the resources that it passes on the
    way, and not on all resources. The order through the Earth and along its surface is the same.

    Returns:
        ``items`` with ``distance_m``, in metres along the great circle, the nearest first.
    """
    longitude, latitude, radius = filters["lon"], filters["lat"], filters.get("radius_m")
    chosen = [holds(connection, caller, RESOURCE_READ), *_conditions(connection, filters)]
    if radius is not None:
        chosen.append(geography.near(resources.c.point, longitude, latitude, radius))
    statement = (
        select(*COLUMNS, geography.distance(resources.c.point, longitude, latitude).label("distance_m"))
        .where(*chosen)
        .order_by(geography.nearest(resources.c.earth, longitude, latitude))
        .limit(filters["limit"])
    )
    items = cast("list[types.NearResource]", connection.execute(statement).mappings().all())
    return {"items": all_shown(connection, caller, items)}


def _page(
    connection: Connection,
    caller: Caller,
    statement: Select[Any],
    filters: types.ListResources | types.ListAvailableResources,
) -> dict[str, Any]:
    order = _ORDERS[filters["sort"]]
    chosen = statement.where(holds(connection, caller, RESOURCE_READ), *_conditions(connection, filters))
    if filters["sort"] == "available_capacity":
        chosen = chosen.add_columns(_ROOM)
    text = filters.get("text")
    if text is None:
        page = paging.fetch_page(connection, chosen, order, filters)
    else:
        search = SEARCH.read(connection, text)
        is_exact = _finds_exactly(search)
        loose = None if search.is_exact else chosen.where(SEARCH.finds(search), not_(is_exact))
        page = ranked_page(connection, chosen.where(is_exact), loose, order, filters)
    return {**page, "items": all_shown(connection, caller, page["items"])}


def _finds_exactly(search: Search) -> Condition:
    return or_(resources.c.name.icontains(search.written, autoescape=True), SEARCH.finds_exactly(search))


def _conditions(connection: Connection, filters: Mapping[str, Any]) -> list[Condition]:
    in_regions = REGIONS.chosen(connection, resources.c.region_id, filters)
    return [*conditions_of(filters, _CONDITIONS), *in_regions]


def conditions(connection: Connection, filters: types.AggregateResources) -> list[Condition]:
    """Return one condition for each filter that is given, ``text`` included."""
    chosen = _conditions(connection, filters)
    text = filters.get("text")
    if text is not None:
        search = SEARCH.read(connection, text)
        chosen.append(_finds_exactly(search) if search.is_exact else SEARCH.finds(search))
    return chosen

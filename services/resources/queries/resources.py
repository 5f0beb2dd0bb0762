"""Reads of resources: one, a page of many, the nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import column, not_, or_, select, table

from services.resources.models import SCHEMA, resources
from services.resources.queries.columns import COLUMNS, FREE
from services.resources.queries.filters import SEARCH, conditions, finds_exactly, read_search
from services.resources.rules import AVAILABLE
from shared.client.errors import NotFound
from shared.domain import geography
from shared.domain.permissions import RESOURCE_READ
from shared.platform.db import paging
from shared.platform.db.conditions import in_regions_of
from shared.platform.db.search import ranked_page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping, Select

    from shared.platform.db.conditions import Condition
    from shared.platform.rpc.context import Caller

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

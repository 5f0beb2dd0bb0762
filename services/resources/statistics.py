"""Counts of resources, by cell of a map."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sqlalchemy import func, select

from services.resources.models import resources
from services.resources.resources import conditions, holds
from shared.domain import geography
from shared.domain.permissions import RESOURCE_READ
from shared.domain.resources import AVAILABLE

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.resources.schemas import types
    from shared.platform.rpc.context import Caller


def aggregate_resources(
    connection: Connection, caller: Caller, filters: types.AggregateResources
) -> types.ResourceCells:
    """Return the cells of the box with the resources that the caller may see and that pass all filters.

    Returns:
        The cells that hold any resource, the fullest first.
    """
    size = filters["cell_size"]
    cells = geography.cells(resources.c.point, size)
    is_available = resources.c.status == AVAILABLE
    statement = (
        select(*cells.columns, func.count().filter(is_available).label("available_count"))
        .where(holds(connection, caller, RESOURCE_READ), *conditions(connection, filters))
        .group_by(*cells.numbers)
        .order_by(func.count().desc(), *cells.numbers)
    )
    items = [
        {**geography.cell_of(row), "available_count": row["available_count"]}
        for row in connection.execute(statement).mappings()
    ]
    return {
        "cell_size": size,
        "total": sum(cell["count"] for cell in items),
        "items": cast("list[types.ResourceCell]", items),
    }

"""Reads of the catalogue of resource types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from services.resources.models import resource_types
from shared.platform.db import paging

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ORDER: Final[paging.Order] = ((resource_types.c.name, "asc"), (resource_types.c.id, "asc"))


def list_resource_types(
    connection: Connection, *, include_inactive: bool, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the resource types by name; those that were deactivated only when asked for."""
    statement = select(resource_types)
    if not include_inactive:
        statement = statement.where(resource_types.c.is_active)
    rows = connection.execute(paging.keyset(statement, _ORDER, cursor, limit)).all()
    return paging.page(rows, limit, _ORDER)

"""Reads of the catalogues: report types and severity levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from services.reports.models import report_types, severity_levels
from shared.platform.db import paging

if TYPE_CHECKING:
    from sqlalchemy import Connection

_TYPES: Final[paging.Order] = ((report_types.c.name, "asc"), (report_types.c.id, "asc"))
_LEVELS: Final[paging.Order] = ((severity_levels.c.level, "asc"), (severity_levels.c.id, "asc"))


def list_report_types(
    connection: Connection, *, include_inactive: bool, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the report types by name; those that were deactivated only when asked for."""
    statement = select(report_types)
    if not include_inactive:
        statement = statement.where(report_types.c.is_active)
    rows = connection.execute(paging.keyset(statement, _TYPES, cursor, limit)).all()
    return paging.page(rows, limit, _TYPES)


def list_severity_levels(connection: Connection, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of the severity levels, the lowest first."""
    rows = connection.execute(paging.keyset(select(severity_levels), _LEVELS, cursor, limit)).all()
    return paging.page(rows, limit, _LEVELS)

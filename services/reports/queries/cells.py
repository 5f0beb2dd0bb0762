"""Counts of reports by cell of a grid, for maps that show more of them than can be listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Double, Float, func, literal, select, type_coerce
from sqlalchemy.dialects.postgresql import ARRAY

from services.reports.models import reports, severity_levels
from services.reports.queries.filters import conditions, read_search
from services.reports.queries.visibility import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller

_PLACE: Final = type_coerce(reports.c.point, ARRAY(Double))
_LONGITUDE: Final = _PLACE[0]
_LATITUDE: Final = _PLACE[1]
_EXTENT: Final = {
    "west": func.min(_LONGITUDE),
    "south": func.min(_LATITUDE),
    "east": func.max(_LONGITUDE),
    "north": func.max(_LATITUDE),
}


def aggregate_reports(connection: Connection, caller: Caller, filters: Mapping[str, Any]) -> dict[str, Any]:
    """The cells of the box that hold reports which the caller may see and all filters let pass, the fullest first.

    It is one pass over those reports, which the index of ``point`` finds where the box is small.
    """
    size = filters["cell_size"]
    # Counted from one corner of the Earth, so that a cell is the same whatever the box shows of it.
    numbers = [
        func.floor(degrees / literal(size, Double)).label(name)
        for name, degrees in (("column", _LONGITUDE), ("row", _LATITUDE))
    ]
    statement = (
        select(
            *numbers,
            func.avg(_LONGITUDE, type_=Float).label("longitude"),
            func.avg(_LATITUDE, type_=Float).label("latitude"),
            *(limit.label(name) for name, limit in _EXTENT.items()),
            func.count().label("count"),
            func.max(severity_levels.c.level).label("severity_level"),
        )
        .join_from(reports, severity_levels, severity_levels.c.id == reports.c.severity_level_id)
        .where(visible(caller), *conditions(read_search(connection, filters)))
        .group_by(*numbers)
        .order_by(func.count().desc(), *numbers)
    )
    cells = [_cell(row) for row in connection.execute(statement).mappings()]
    return {"cell_size": size, "total": sum(cell["count"] for cell in cells), "items": cells}


def _cell(row: RowMapping) -> dict[str, Any]:
    return {
        "id": f"{int(row['column'])},{int(row['row'])}",
        "location": {"type": "Point", "coordinates": [row["longitude"], row["latitude"]]},
        "bbox": [row[name] for name in _EXTENT],
        "count": row["count"],
        "severity_level": row["severity_level"],
    }

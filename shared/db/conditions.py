"""Conditions that the statements of several services are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, ColumnElement, and_, any_, bindparam, false, not_, or_, true

from shared.db.geography import within_polygon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared.rpc.context import Caller

Condition = ColumnElement[bool]


def one_of(column: ColumnElement[Any], values: Sequence[Any]) -> Condition:
    """Whether the column has one of the values: one parameter, so that the statement is the same for any number.

    One value alone is compared with ``=``, behind which an index keeps its order.
    """
    alone = len(values) == 1
    condition: Condition = column == (
        values[0] if alone else any_(bindparam(None, list(values), type_=ARRAY(column.type)))
    )
    return condition


def in_regions_of(caller: Caller, permission: str, region: ColumnElement[Any]) -> Condition:
    """Whether the region is one of those in which the caller holds the permission."""
    regions = caller.regions(permission)
    if regions is None:
        return true()
    return one_of(region, sorted(regions)) if regions else false()


def within_area(
    point: ColumnElement[Any], polygons: Sequence[Sequence[Sequence[Sequence[float]]]]
) -> Condition:
    """Whether the point lies in one of the polygons and in none of its holes.

    Args:
        point: A ``point`` column.
        polygons: The coordinates of a GeoJSON MultiPolygon: of each polygon the outline, then the holes.
    """
    return or_(
        *(
            and_(
                within_polygon(point, outline),
                *(not_(within_polygon(point, hole)) for hole in holes),
            )
            for outline, *holes in polygons
        )
    )

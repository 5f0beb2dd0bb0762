"""Conditions that the statements of several services are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, Uuid, and_, any_, bindparam, false, not_, or_, true

from shared.domain.geography import within_polygon

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.platform.rpc.context import Caller

Condition = ColumnElement[bool]


def conditions_of(
    filters: Mapping[str, Any], makers: Mapping[str, Callable[[Any], Condition]]
) -> list[Condition]:
    """One condition for each filter that is given; what is no filter (``cursor``, ``limit``) is let pass.

    Args:
        filters: The loaded arguments of a list.
        makers: For each filter what makes a condition of its value.
    """
    return [make(filters[name]) for name, make in makers.items() if filters.get(name) is not None]


def one_of(column: ColumnElement[Any], values: Sequence[Any]) -> Condition:
    """Whether the column has one of the values: one parameter, so that the statement is the same for any number.

    One value alone is compared with ``=``, behind which an index keeps its order.
    """
    among: ColumnElement[Any] = any_(bindparam(None, list(values), type_=ARRAY(column.type)))
    return column == (values[0] if len(values) == 1 else among)


def in_regions_of(caller: Caller, permission: str, region: ColumnElement[Any]) -> Condition:
    """Whether the region is one of those in which the caller holds the permission."""
    regions = caller.regions(permission)
    if regions is None:
        return true()
    return one_of(region, sorted(regions)) if regions else false()


def in_granted_regions(region: ColumnElement[Any]) -> Condition:
    """`in_regions_of` for a statement that is made once; `granted` makes its parameters."""
    return or_(
        bindparam("everywhere", type_=Boolean), region == any_(bindparam("regions", type_=ARRAY(Uuid)))
    )


def granted(caller: Caller, permission: str) -> dict[str, Any]:
    """The parameters of `in_granted_regions`: ``everywhere`` and ``regions``."""
    regions = caller.regions(permission)
    return {"everywhere": regions is None, "regions": sorted(regions or ())}


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

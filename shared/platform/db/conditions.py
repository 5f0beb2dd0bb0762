"""Conditions for the statements of several services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, Uuid, any_, bindparam, false, or_, true

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from shared.platform.rpc.context import Caller

Condition = ColumnElement[bool]


def conditions_of(
    filters: Mapping[str, Any], makers: Mapping[str, Callable[[Any], Condition]]
) -> list[Condition]:
    """Return one condition for each filter that is given; other arguments (``cursor``, ``limit``) are ignored.

    Args:
        filters: The loaded arguments of a list.
        makers: For each filter the function that makes a condition from its value.
    """
    return [make(filters[name]) for name, make in makers.items() if filters.get(name) is not None]


def one_of(column: ColumnElement[Any], values: Sequence[Any]) -> Condition:
    """Return whether the column has one of the values.

    The values are one parameter, so the statement is the same for any number of them. A single value is compared with
    ``=``, for which an index keeps its order.
    """
    among: ColumnElement[Any] = any_(bindparam(None, list(values), type_=ARRAY(column.type)))
    return column == (values[0] if len(values) == 1 else among)


def in_regions_of(caller: Caller, permission: str, region: ColumnElement[Any]) -> Condition:
    """Return whether the region is one of those in which the caller holds the permission."""
    regions = caller.regions(permission)
    if regions is None:
        return true()
    return one_of(region, sorted(regions)) if regions else false()


def in_granted_regions(region: ColumnElement[Any]) -> Condition:
    """Return `in_regions_of` for a statement that is made once; `granted` returns its parameters."""
    return or_(
        bindparam("everywhere", type_=Boolean), region == any_(bindparam("regions", type_=ARRAY(Uuid)))
    )


def granted(caller: Caller, permission: str) -> dict[str, Any]:
    """Return the parameters of `in_granted_regions`: ``everywhere`` and ``regions``."""
    regions = caller.regions(permission)
    return {"everywhere": regions is None, "regions": sorted(regions or ())}

"""Conditions for the statements of several services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, ColumnElement, any_, bindparam

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


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

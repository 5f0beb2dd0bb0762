"""Keyset pages: a list continues behind the last row that was seen, and never counts rows with OFFSET.

A page costs the same wherever it lies, and rows that come or go meanwhile are neither repeated nor lost.
The cursor is opaque to callers: URL-safe base64 of a JSON array that names the order and holds the last row's
sort values. It is input like any other and is checked as such.
"""

from __future__ import annotations

import datetime as dt
import math
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, ColumnElement, Row, Select, SmallInteger, and_, bindparam, or_, tuple_

from shared.client.errors import Invalid

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.types import TypeEngine

Order: TypeAlias = Sequence[tuple[ColumnElement[Any], Literal["asc", "desc"]]]
"""Sort columns with their directions; all NOT NULL, and the last makes the order total (an id)."""


class PageArguments(TypedDict):
    """The arguments of a list by which its page is chosen."""

    cursor: str | None
    limit: int


Statement = TypeVar("Statement", bound=Select[Any])

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
MAX_CURSOR_LENGTH = 2000
UUID_LENGTH = 36


def keyset(
    statement: Statement, columns: Order, cursor: str | None, limit: int, *, max_limit: int = MAX_LIMIT
) -> Statement:
    """The statement, ordered, beginning behind the cursor, and one row longer than the page.

    The extra row tells `page` whether there is a next page.

    Raises:
        Invalid: The cursor is broken or belongs to another list (``cursor``), or the limit is not 1 to ``max_limit``.
    """
    if not 1 <= limit <= max_limit:
        raise Invalid(fields={"limit": [f"Must be between 1 and {max_limit}."]})
    ordering = _ordering(tuple(columns))
    if cursor is not None:
        statement = statement.where(ordering.behind(decode_cursor(cursor, columns)))
    return statement.order_by(*ordering.clauses).limit(limit + 1)


def page(rows: Sequence[Row[Any]], limit: int, columns: Order) -> dict[str, Any]:
    """What a list method returns: ``{"items": rows, "next_cursor": str or None on the last page}``.

    Args:
        rows: What the statement made by `keyset` returned; the sort columns must be among its columns.
        limit: The limit given to `keyset`.
        columns: The order given to `keyset`.
    """
    items = [row._mapping for row in rows[:limit]]  # noqa: SLF001 - SQLAlchemy's public accessor
    more = len(rows) > limit
    return {"items": items, "next_cursor": encode_cursor(items[-1], columns) if more else None}


def fetch_page(
    connection: Connection, statement: Select[Any], columns: Order, arguments: PageArguments
) -> dict[str, Any]:
    """Execute a statement and return one page of its rows, as `keyset` and `page` do together."""
    limit = arguments["limit"]
    rows = connection.execute(keyset(statement, columns, arguments["cursor"], limit)).all()
    return page(rows, limit, columns)


def encode_cursor(row: Mapping[Any, Any], columns: Order) -> str:
    """The cursor that points behind the row."""
    values = [row[column.key] for column, _ in columns]
    return (
        urlsafe_b64encode(orjson.dumps([_ordering(tuple(columns)).signature, *values])).rstrip(b"=").decode()
    )


def decode_cursor(cursor: str, columns: Order) -> list[Any]:
    """The sort values in the cursor, each of its column's Python type.

    Raises:
        Invalid: It names ``cursor``.
    """
    try:
        return _decoded(cursor, columns)
    except (ValueError, OverflowError):
        raise Invalid(fields={"cursor": ["Not a cursor of this list."]}) from None


def _decoded(cursor: str, columns: Order) -> list[Any]:
    if len(cursor) > MAX_CURSOR_LENGTH or not cursor.isascii():
        raise ValueError
    raw = cursor.encode()
    found = orjson.loads(b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True))
    ordering = _ordering(tuple(columns))
    if not isinstance(found, list) or len(found) != len(columns) + 1 or found[0] != ordering.signature:
        raise ValueError
    return [_value(value, kind) for value, kind in zip(found[1:], ordering.types, strict=True)]


def _value(value: object, column: TypeEngine[Any]) -> object:
    """Return the JSON value as the column's Python type; strictly, and only if the column can hold it.

    Raises:
        ValueError: It is something else.
        OverflowError: It is a number or a moment out of the type's range.
    """
    kind = column.python_type
    if kind is dt.datetime and isinstance(value, str):
        moment = dt.datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(dt.UTC)
    elif kind is UUID and isinstance(value, str) and len(value) == UUID_LENGTH:
        return UUID(value)
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value):
            return float(value)
    elif kind is int and isinstance(value, int) and not isinstance(value, bool):
        max_value = _max_value(column)
        if -max_value - 1 <= value <= max_value:
            return value
    elif kind is str and isinstance(value, str) and "\x00" not in value:
        return value
    raise ValueError


def _max_value(column: TypeEngine[Any]) -> int:
    """Return the greatest number that an integer column can hold."""
    bits = 16 if isinstance(column, SmallInteger) else 64 if isinstance(column, BigInteger) else 32
    return int(2 ** (bits - 1)) - 1


class _Ordering:
    """What of an order is the same for every page, so that a list builds it once.

    Attributes:
        signature: Names the order, so that a cursor of one list is not taken for one of another.
        clauses: What ORDER BY takes.
        types: The types of the sort columns.
    """

    def __init__(self, columns: Order) -> None:
        self._columns = columns
        self.types = [column.type for column, _ in columns]
        self._directions = {direction for _, direction in columns}
        self._row = tuple_(*(column for column, _ in columns))
        self.clauses = [
            column.desc() if direction == "desc" else column.asc() for column, direction in columns
        ]
        self.signature = ",".join(
            f"{column.key}{'-' if direction == 'desc' else '+'}" for column, direction in columns
        )

    def behind(self, values: Sequence[Any]) -> ColumnElement[bool]:
        """The condition that a row comes after the values."""
        bound = [bindparam(None, value, type_=kind) for value, kind in zip(values, self.types, strict=True)]
        if len(self._directions) == 1:
            # A row comparison is one range of the index, where the spelled-out form is a filter over all of it.
            last = tuple_(*bound)
            return self._row < last if self._directions == {"desc"} else self._row > last
        first, direction = self._columns[0]
        # The first condition adds nothing in logic, but it is the range with which the index scan begins.
        start = first <= bound[0] if direction == "desc" else first >= bound[0]
        alternatives = []
        for position, (column, way) in enumerate(self._columns):
            equal = [earlier == bound[index] for index, (earlier, _) in enumerate(self._columns[:position])]
            after = column < bound[position] if way == "desc" else column > bound[position]
            alternatives.append(and_(*equal, after))
        return and_(start, or_(*alternatives))


@lru_cache(maxsize=256)
def _ordering(columns: Order) -> _Ordering:
    return _Ordering(columns)

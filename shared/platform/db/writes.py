"""Creates and changes that may be repeated: the second time they change nothing and answer as the first did.

Any call may come twice, because a caller that got no answer in time asks again. A repeated create is known by its
id and by the digest of what the caller said, a repeated change by what the first one left behind.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from sqlalchemy import null, select, update
from sqlalchemy.dialects.postgresql import insert

from shared.client.errors import Conflict
from shared.platform.db.context import with_event_context

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, RowMapping, Table

    from shared.platform.rpc.context import Caller

DIGEST_LENGTH: Final = 16


class Created(NamedTuple):
    """The outcome of a create.

    Attributes:
        row: The row, of this create or of the one that it repeats.
        is_new: Whether this create made it.
    """

    row: RowMapping
    is_new: bool


def content_digest(arguments: Mapping[str, Any]) -> bytes:
    """Return 16 bytes that stand for the arguments of a create, without the id.

    Only what the caller said counts: a default that the service fills in (now, the region of a place) may come
    out differently the second time. A password must not be among them, for this hash is a fast one.
    """
    said = {name: value for name, value in arguments.items() if name != "id"}
    text = orjson.dumps(said, default=_named_tuple_as_list, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).digest()[:DIGEST_LENGTH]


def _named_tuple_as_list(value: object) -> list[Any]:
    if isinstance(value, tuple):
        return list(value)
    raise TypeError


def without(arguments: Mapping[str, object], *names: str) -> dict[str, object]:
    """Return the arguments without some of them, such as those that name the row and its version."""
    return {name: value for name, value in arguments.items() if name not in names}


def create_once(
    connection: Connection,
    caller: Caller | str | None,
    table: Table,
    values: Mapping[str, Any],
    *,
    thing: str,
    same: Collection[str] = ("content_digest",),
    taken: Conflict | None = None,
    returning: Sequence[ColumnElement[Any]] | None = None,
) -> Created:
    """Insert a row, unless this very create made it before.

    It is one statement where it is new. Constraints that the values may violate are named by a `field_errors` around
    the call.

    Args:
        connection: In autocommit or in a transaction.
        caller: The caller, or the correlation id, that the row's events carry.
        table: The table, with the primary key ``id``.
        values: Every value by column; ``id`` and the columns of `same` among them.
        thing: What a row is, in a word or two, for the refusal.
        same: The columns that tell a repeat from another create with the same id: the digest, and the author where
            the digest does not hold them.
        taken: The error where another row has a value that must be unique. Without it, such a value violates its
            constraint.
        returning: What to return of the row; all columns if omitted.

    Raises:
        Conflict: The id belongs to another row, or the values are `taken`.
    """
    columns = tuple(table.c) if returning is None else returning
    statement = (
        insert(table)
        .values(_with_nulls(values))
        .on_conflict_do_nothing(index_elements=None if taken is not None else ["id"])
        .returning(*columns, with_event_context(caller))
    )
    row = connection.execute(statement).mappings().one_or_none()
    if row is not None:
        return Created(row, is_new=True)
    row = created_before(connection, table, values, thing=thing, same=same, returning=returning)
    if row is None:  # without `taken`: created and deleted by somebody else between the two statements
        raise taken or Conflict(f"The {thing} was deleted meanwhile.")
    return Created(row, is_new=False)


def created_before(
    connection: Connection,
    table: Table,
    values: Mapping[str, Any],
    *,
    thing: str,
    same: Collection[str] = ("content_digest",),
    returning: Sequence[ColumnElement[Any]] | None = None,
) -> RowMapping | None:
    """Return the row that this very create made before; None where there is no row with the id.

    Creates whose statement is made once use it, when that statement inserted nothing. The arguments are those of
    `create_once`; of the values ``id`` and the columns of `same` suffice.

    Raises:
        Conflict: The id belongs to another row.
    """
    columns = tuple(table.c) if returning is None else returning
    statement = select(*columns).where(table.c.id == values["id"])
    is_same = [table.c[name] == values[name] for name in same]
    row = connection.execute(statement.where(*is_same)).mappings().one_or_none()
    if row is None and connection.execute(statement).first() is not None:
        raise id_taken(thing)
    return row


def change_if_version(
    connection: Connection,
    caller: Caller | str,
    table: Table,
    row_id: UUID,
    version: int,
    values: Mapping[str, Any],
    *,
    where: Sequence[ColumnElement[bool]] = (),
    returning: Sequence[ColumnElement[Any]] | None = None,
) -> RowMapping | None:
    """Change a row that still has the version that the caller saw.

    Where it changed nothing, the caller of this function reads the row, refuses what may not be changed, and lets
    `check_version` tell a repeat from a change that came too late.

    Args:
        connection: In autocommit or in a transaction.
        caller: Becomes ``updated_by`` where the table has that column; the events carry the correlation id. A change
            that no caller asked for gives the correlation id alone, and ``updated_by`` among the values.
        table: The table, with ``id`` and ``version``.
        row_id: The row.
        version: The version that the caller saw.
        values: New values by column.
        where: What must hold of the row besides.
        returning: What to return of the row; all columns if omitted.

    Returns:
        The row as it is now; None where nothing was changed.
    """
    author = {} if isinstance(caller, str) or "updated_by" not in table.c else {"updated_by": caller.user_id}
    statement = (
        update(table)
        .where(table.c.id == row_id, table.c.version == version, *where)
        .values(_with_nulls({**values, **author}))
        .returning(*(table.c if returning is None else returning), with_event_context(caller))
    )
    return connection.execute(statement).mappings().one_or_none()


def check_version(
    caller: Caller, row: Mapping[Any, Any], version: int, values: Mapping[str, Any], *, thing: str
) -> bool:
    """Return whether this very change was made before; false means that the version is still the present one.

    Args:
        caller: The caller.
        row: The row as it is, with its ``version``, and with ``updated_by`` where the table has that column.
        version: The version that the caller saw.
        values: What the change would set, by column.
        thing: What a row is, in a word or two.

    Raises:
        Conflict: The row was changed meanwhile, in another way or by another account.
    """
    if row["version"] == version:
        return False
    if is_repeat(caller, row, version, values):
        return True
    raise stale(thing, row)


def is_repeat(caller: Caller, row: Mapping[Any, Any], version: int, values: Mapping[str, Any]) -> bool:
    """Return whether the row is what this very change, made before by this caller, left behind.

    The arguments are those of `check_version`.
    """
    return (
        row["version"] == version + 1
        and row.get("updated_by", caller.user_id) == caller.user_id
        and all(row[name] == value for name, value in values.items())
    )


def stale(thing: str, row: Mapping[Any, Any]) -> Conflict:
    """Return the refusal of a change to a version that is not the present one any more.

    Args:
        thing: What a row is, in a word or two.
        row: The row as it is, with its ``version``, and with its ``status`` where it has one.
    """
    details = {name: row[name] for name in ("version", "status") if name in row}
    return Conflict(f"The {thing} was changed meanwhile; its version is now {row['version']}.", **details)


def id_taken(thing: str) -> Conflict:
    """Return the refusal of a create with the id of another row."""
    return Conflict(f"There is another {thing} with this id.", fields={"id": ["Is taken already."]})


def _with_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with SQL's NULL for None; for a JSON column SQLAlchemy would store JSON's null."""
    return {name: null() if value is None else value for name, value in values.items()}

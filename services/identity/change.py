"""Changes a row that nobody else has changed since the caller saw it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, null, select, update

from shared.client.errors import Conflict, NotFound
from shared.platform.db.context import with_event_context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection

    from shared.platform.rpc.context import Caller


def change(
    connection: Connection,
    caller: Caller,
    table: Table,
    row_id: UUID,
    version: int,
    values: Mapping[str, Any],
) -> None:
    """Sets the values if the row still has the version.

    A repeat is harmless: where the row is one version further and holds exactly the values, the first attempt
    succeeded and its reply was lost.

    Raises:
        NotFound: There is no such row.
        Conflict: Somebody else changed it; ``version`` is the present one.
    """
    if values:
        # None is SQL's NULL for a JSON column too; SQLAlchemy would store JSON's null.
        new = {name: null() if value is None else value for name, value in values.items()}
        changed = connection.execute(
            update(table)
            .where(table.c.id == row_id, table.c.version == version)
            .values(new)
            .returning(table.c.id, with_event_context(caller))
        ).one_or_none()
        if changed is not None:
            return
    row = connection.execute(select(table).where(table.c.id == row_id)).mappings().one_or_none()
    if row is None:
        raise NotFound
    seen = version + 1 if values else version
    if row["version"] != seen or any(row[name] != value for name, value in values.items()):
        raise Conflict(f"It was changed meanwhile; its version is {row['version']}.", version=row["version"])

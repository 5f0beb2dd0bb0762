"""Tells a repeated change from a late one, and words the refusals.

Any call may come twice, because whoever got no answer in time asks again. The second time must change nothing
and answer as the first did. Creates are told by a digest (`shared.platform.db.digest`), changes by what they
left behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shared.client.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import RowMapping

    from shared.platform.rpc.context import Caller


def is_repeat(caller: Caller, row: RowMapping, version: int, values: Mapping[str, Any]) -> bool:
    """Whether the row is what this very change, made before by this caller, left behind.

    Args:
        caller: Who asks now.
        row: The row as it is, with its ``version`` and ``updated_by``.
        version: The version that the caller says to have seen.
        values: What the change would set, by column.
    """
    return (
        row["version"] == version + 1
        and row["updated_by"] == caller.user_id
        and all(row[name] == value for name, value in values.items())
    )


def stale(thing: str, row: RowMapping) -> Conflict:
    """The refusal of a change to a version that is not the current one any more.

    Args:
        thing: What it is, in a word.
        row: The row as it is, with its ``version`` and ``status``.
    """
    return Conflict(
        f"The {thing} was changed meanwhile; its version is {row['version']}.",
        version=row["version"],
        status=row["status"],
    )


def id_taken(thing: str) -> Conflict:
    """The refusal of a create with the id of something else."""
    return Conflict(f"There is another {thing} with this id.", fields={"id": ["Is taken already."]})

"""Moves of regions: when one moves or becomes known, every account that it concerns is looked at again.

That can be all accounts of a country. They are looked at in the order of their ids, in chunks of which each is a
transaction that also stores the progress, so that the events behind the region's do not wait. A process that dies
leaves a whole number of chunks, and any process continues after them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, exists, insert, or_, select, update

from services.alerts import joining, paths
from services.alerts.models import audience_members, audience_moves, audience_regions
from shared.platform.db.conditions import one_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from shared.platform.db.conditions import Condition
    from shared.platform.db.engine import Database

CHUNK: Final = 1_000
"""Accounts in a transaction, whose rows are locked: events about them wait for a fraction of a second."""

SECONDS: Final = 1.0
"""The length of a run."""


def begin_move(connection: Connection, moved: Collection[UUID], new: Collection[UUID]) -> bool:
    """Let the alerts in force lead through the regions as they lie now, and note the accounts to be looked at.

    Args:
        connection: In a transaction that holds the audience's lock alone and has stored the regions.
        moved: The ids of regions that contain, or are contained in, others than before.
        new: The ids of those that were not known before. What lies in them was waiting for them.

    Returns:
        Whether it concerns any account.
    """
    codes = set(
        connection.scalars(
            select(audience_regions.c.code).where(
                or_(
                    one_of(audience_regions.c.region_id, sorted(moved)),
                    one_of(audience_regions.c.parent_id, sorted(new)),
                )
            )
        )
    )
    above = paths.reopen_through(connection, codes, [str(region_id) for region_id in new]) - codes
    if not connection.scalar(select(exists().where(_concerned(_listed(codes), _listed(above))))):
        return False
    # What this one looks at again anyway. Nobody works on it: who does holds the audience's lock as well.
    connection.execute(
        delete(audience_moves).where(
            audience_moves.c.moved.bool_op("<@")(_listed(codes)),
            audience_moves.c.above.bool_op("<@")(_listed(codes | above)),
        )
    )
    connection.execute(insert(audience_moves).values(moved=sorted(codes), above=sorted(above)))
    return True


def _listed(codes: Collection[str]) -> ColumnElement[list[str]]:
    return bindparam(None, sorted(codes), audience_members.c.regions.type)


def _concerned(moved: ColumnElement[list[str]], above: ColumnElement[list[str]]) -> Condition:
    follows = audience_members.c.regions.bool_op("&&")
    return or_(follows(moved), audience_members.c.covers.bool_op("&&")(moved), follows(above))


def next_members(connection: Connection, size: int = CHUNK) -> set[UUID] | None:
    """Lock the next accounts that a move concerns, store what they cover now and the progress, and return their ids.

    Args:
        connection: In a transaction that holds the audience's lock.
        size: The maximal number of accounts.

    Returns:
        None where there is nothing to do, or another process does it.
    """
    move = connection.execute(
        select(audience_moves).order_by(audience_moves.c.id).limit(1).with_for_update(skip_locked=True)
    ).one_or_none()
    if move is None:
        return None
    members = connection.scalars(
        select(audience_members.c.user_id)
        .where(
            _concerned(_listed(move.moved), _listed(move.above)), audience_members.c.user_id > move.done_to
        )
        .order_by(audience_members.c.user_id)
        .limit(size)
        .with_for_update()
    ).all()
    covered = paths.covered(audience_members.c.regions)
    connection.execute(
        update(audience_members)
        .where(
            one_of(audience_members.c.user_id, members), audience_members.c.covers.is_distinct_from(covered)
        )
        .values(covers=covered)
    )
    this = audience_moves.c.id == move.id
    if len(members) < size:
        connection.execute(delete(audience_moves).where(this))
    else:
        connection.execute(update(audience_moves).where(this).values(done_to=members[-1]))
    return set(members)


def follow_moves(database: Database, seconds: float = SECONDS) -> None:
    """Look at the accounts that moves concern, chunk by chunk, until none are left or the time is over.

    Any number of processes may do it at the same time, each with another move.

    Args:
        database: The database of the service.
        seconds: The time after which no other chunk is begun.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with database.write() as connection:
            paths.lock_audience(connection)
            members = next_members(connection)
            if members is None:
                return
            joining.follow_members(connection, members)

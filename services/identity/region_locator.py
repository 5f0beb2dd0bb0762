"""The index of the regions in memory, which every process keeps up to date for itself."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Text, func, select
from sqlalchemy import cast as sql_cast

from services.identity.geometry import OUTLINES_REVISION, RegionIndex, read_entries
from services.identity.models import regions
from shared.platform.concurrency import run_blocking
from shared.platform.db.conditions import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from services.identity.geometry import Entry

READ_TOGETHER: Final = 8
"""Number of regions whose boundaries are read at once for the index; other calls run in between."""


class RegionLocator:
    """A spatial index of all regions in memory that is updated when a region has changed.

    Every call asks the database whether a region has changed: a count and two aggregates of a small table cost a
    fraction of the call, and every replica finds a new region at once. Only the boundaries of changed regions are read,
    as text that is parsed in native threads.
    """

    def __init__(self) -> None:
        self._state: tuple[Any, ...] = ()
        self._index = RegionIndex([])
        self._versions: dict[UUID, int] = {}
        self._entries: dict[UUID, Entry | None] = {}
        self._building = threading.Lock()

    def locate(self, connection: Connection, points: Sequence[tuple[float, float]]) -> list[UUID | None]:
        """Return for each point (longitude, latitude) the id of its region, or None."""
        return self.index(connection).locate(points)

    def touching(self, connection: Connection, bbox: Sequence[float]) -> list[UUID]:
        """Return the ids of the regions that touch the box [west, south, east, north]."""
        return self.index(connection).touching(bbox)

    def index(self, connection: Connection) -> RegionIndex:
        """Return the index of the regions as they are.

        Args:
            connection: A connection that has changed no region in its transaction: the index is for everybody.
        """
        state = state_of(connection)
        if state == self._state:
            return self._index
        with self._building:
            if state == self._state:  # another greenlet has built it in the meantime
                return self._index
            # The state is read before the rows, so that a region that changes in between is read again next time.
            state = state_of(connection)
            depths = self._read_changed(connection)
            index: RegionIndex = run_blocking(RegionIndex.of_entries, list(self._entries.values()), depths)
            self._index, self._state = index, state
            return index

    def _read_changed(self, connection: Connection) -> dict[UUID, int]:
        """Read the boundaries that have changed; return the number of ancestors of every region that has any."""
        depth = func.cardinality(regions.c.lineage) - 1
        rows = connection.execute(
            select(regions.c.id, regions.c.version, depth).where(regions.c.boundaries.is_not(None))
        ).all()
        versions: dict[UUID, int] = {row[0]: row[1] for row in rows}
        changed = [
            region_id for region_id, version in versions.items() if self._versions.get(region_id) != version
        ]
        stale = set(changed)
        self._entries = {
            region_id: entry
            for region_id, entry in self._entries.items()
            if region_id in versions and region_id not in stale
        }
        self._versions = {region_id: versions[region_id] for region_id in self._entries}
        for first in range(0, len(changed), READ_TOGETHER):
            some = changed[first : first + READ_TOGETHER]
            # Stored at once, so that a call that ends at its deadline leaves less work to the next one.
            self._entries |= self._read(connection, some)
            self._versions |= {region_id: versions[region_id] for region_id in some}
        return {row[0]: row[2] for row in rows if row[2]}

    @staticmethod
    def _read(connection: Connection, region_ids: list[UUID]) -> dict[UUID, Entry | None]:
        text = sql_cast(regions.c.boundaries, Text)
        statement = select(regions.c.id, regions.c.code, text).where(one_of(regions.c.id, region_ids))
        rows = [(row[0], row[1], row[2]) for row in connection.execute(statement) if row[2] is not None]
        entries: dict[UUID, Entry | None] = run_blocking(read_entries, rows)
        return entries


def state_of(connection: Connection) -> tuple[Any, ...]:
    """Return values that differ whenever a region was created or changed."""
    microseconds = func.max(func.extract("epoch", regions.c.updated_at)) * 1_000_000
    changes = select(func.count(), func.coalesce(func.sum(regions.c.version), 0), func.round(microseconds))
    return tuple(connection.execute(changes.select_from(regions)).one())


def version_of(connection: Connection) -> str:
    """Return a text that differs whenever a region or the way of making outlines has changed."""
    return ".".join(str(part) for part in (OUTLINES_REVISION, *state_of(connection)))

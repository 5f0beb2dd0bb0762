"""The index of the regions in memory, which every process keeps up to date for itself."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import Text, func, select, true
from sqlalchemy import cast as sql_cast

from services.identity.geometry import OUTLINES_REVISION, RegionIndex, read_entries
from services.identity.models import regions
from shared.platform.concurrency import run_blocking
from shared.platform.db.conditions import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from services.identity.geometry import Entry
    from shared.platform.db.conditions import Condition

READ_TOGETHER: Final = 8
"""Number of regions whose boundaries are read at once for the index; other calls run in between."""


LATE_SECONDS: Final = 5
"""Seconds by which a change may be committed after a later one and still be found without reading all regions."""


class RegionLocator:
    """A spatial index of all regions in memory that is updated when a region has changed.

    Every call asks the database whether a region has changed: a count and two aggregates of a small table cost a
    fraction of the call, and every replica finds a new region at once. Only the boundaries of changed regions are read,
    as text that is parsed in native threads.
    """

    def __init__(self) -> None:
        self._state: State | None = None
        self._index = RegionIndex.of([])
        self._regions: dict[UUID, _Known] = {}
        self._read: dict[UUID, tuple[int, Entry | None]] = {}
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
            changed = self._changed(connection, state)
            index = self._rebuilt(connection) if changed is None else self._updated(connection, changed)
            self._index, self._state = index, state
            return index

    def _changed(self, connection: Connection, state: State) -> dict[UUID, _Known] | None:
        """Return the regions that have changed; None where all have to be read to know that."""
        if self._state is None or self._state.updated_at is None:
            return None
        since = self._state.updated_at - timedelta(seconds=LATE_SECONDS)
        found = _known(connection, regions.c.updated_at >= since)
        merged = self._regions | found
        # A change that was committed later than this is not among them, and the sums tell.
        if (len(merged), sum(one.version for one in merged.values())) != (state.regions, state.versions):
            return None
        changed = {key: one for key, one in found.items() if self._regions.get(key) != one}
        self._regions = merged
        return changed

    def _updated(self, connection: Connection, changed: dict[UUID, _Known]) -> RegionIndex:
        self._read_boundaries(connection, changed)
        entries = {key: self._read[key][1] if one.has_boundaries else None for key, one in changed.items()}
        index: RegionIndex = run_blocking(self._index.changed, entries, self._parents())
        return index

    def _rebuilt(self, connection: Connection) -> RegionIndex:
        self._regions = _known(connection, true())
        self._read = {
            key: read
            for key, read in self._read.items()
            if key in self._regions and self._regions[key].has_boundaries
        }
        self._read_boundaries(connection, self._regions)
        entries = [entry for _, entry in self._read.values()]
        index: RegionIndex = run_blocking(RegionIndex.of_entries, entries, self._parents())
        return index

    def _parents(self) -> dict[UUID, UUID | None]:
        return {key: one.parent_id for key, one in self._regions.items() if one.parent_id is not None}

    def _read_boundaries(self, connection: Connection, found: dict[UUID, _Known]) -> None:
        """Read the boundaries of those of the regions that have other ones than were read before."""
        changed = [
            key
            for key, one in found.items()
            if one.has_boundaries and self._read.get(key, (0,))[0] != one.version
        ]
        for first in range(0, len(changed), READ_TOGETHER):
            some = changed[first : first + READ_TOGETHER]
            read = self._entries(connection, some)
            # Stored at once, so that a call that ends at its deadline leaves less work to the next one.
            self._read |= {key: (found[key].version, read.get(key)) for key in some}

    @staticmethod
    def _entries(connection: Connection, region_ids: list[UUID]) -> dict[UUID, Entry | None]:
        text = sql_cast(regions.c.boundaries, Text)
        statement = select(regions.c.id, regions.c.code, text).where(one_of(regions.c.id, region_ids))
        rows = [(row[0], row[1], row[2]) for row in connection.execute(statement) if row[2] is not None]
        entries: dict[UUID, Entry | None] = run_blocking(read_entries, rows)
        return entries


class State(NamedTuple):
    """Values that differ whenever a region was created or changed.

    Attributes:
        regions: The number of regions.
        versions: The sum of their versions.
        updated_at: When one was changed last.
    """

    regions: int
    versions: int
    updated_at: datetime | None


class _Known(NamedTuple):
    version: int
    parent_id: UUID | None
    has_boundaries: bool


def _known(connection: Connection, condition: Condition) -> dict[UUID, _Known]:
    statement = select(
        regions.c.id, regions.c.version, regions.c.parent_id, regions.c.boundaries.is_not(None)
    ).where(condition)
    return {row[0]: _Known(*row[1:]) for row in connection.execute(statement)}


def state_of(connection: Connection) -> State:
    """Return values that differ whenever a region was created or changed."""
    changes = select(
        func.count(), func.coalesce(func.sum(regions.c.version), 0), func.max(regions.c.updated_at)
    )
    return State(*connection.execute(changes.select_from(regions)).one())


def version_of(connection: Connection) -> str:
    """Return a text that differs whenever a region or the way of making outlines has changed."""
    count, versions, updated_at = state_of(connection)
    microseconds = 0 if updated_at is None else int(updated_at.timestamp() * 1_000_000)
    return ".".join(str(part) for part in (OUTLINES_REVISION, count, versions, microseconds))

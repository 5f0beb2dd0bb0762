"""Reads regions, and finds the one that a point lies in."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from eventlet import tpool
from sqlalchemy import JSON, func, null, select, type_coerce

from services.identity.geometry import RegionIndex
from services.identity.models import regions
from shared.db.paging import Order, keyset, page
from shared.db.tables import UNKNOWN_REGION_ID
from shared.errors import Invalid, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Select

NO_SUCH_REGION = "There is no such region."


def select_regions(*, boundaries: bool) -> Select[Any]:
    """Regions; the boundaries are null unless they are asked for."""
    shown = regions.c.boundaries if boundaries else type_coerce(null(), JSON).label("boundaries")
    return select(
        regions.c.id,
        regions.c.code,
        regions.c.name,
        regions.c.description,
        shown,
        (regions.c.id == UNKNOWN_REGION_ID).label("is_reserved"),
        regions.c.version,
        regions.c.created_at,
        regions.c.updated_at,
    )


def get_region(
    connection: Connection, *, region_id: UUID | None = None, code: str | None = None
) -> dict[str, Any]:
    """The region of that id or of that code.

    Raises:
        Invalid: Not exactly one of the two is given.
        NotFound: There is none.
    """
    if (region_id is None) == (code is None):
        raise Invalid(fields={"region_id": ["Give either an id or a code."]})
    wanted = regions.c.id == region_id if region_id is not None else regions.c.code == code
    row = connection.execute(select_regions(boundaries=True).where(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_REGION)
    return dict(row)


def list_regions(
    connection: Connection,
    locator: RegionLocator,
    *,
    cursor: str | None,
    limit: int,
    codes: list[str] | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    include_boundaries: bool = False,
) -> dict[str, Any]:
    """A page of regions by code.

    Args:
        connection: Where to read.
        locator: Knows the shapes.
        cursor: Where the page before ended.
        limit: Of the page.
        codes: Only the regions of these codes.
        bbox: Only those that touch [west, south, east, north]; west over east crosses the antimeridian.
        include_boundaries: Whether the boundaries are among the result.
    """
    order: Order = [(regions.c.code, "asc"), (regions.c.id, "asc")]
    statement = select_regions(boundaries=include_boundaries)
    if codes is not None:
        statement = statement.where(regions.c.code.in_(codes))
    if bbox is not None:
        statement = statement.where(regions.c.id.in_(locator.touching(connection, bbox)))
    return page(connection.execute(keyset(statement, order, cursor, limit)).all(), limit, order)


def locate_region(
    connection: Connection, locator: RegionLocator, *, lon: float, lat: float
) -> dict[str, Any]:
    """The smallest region that contains the point, without its boundaries.

    Raises:
        NotFound: No region contains it.
    """
    [region_id] = locator.locate(connection, [(lon, lat)])
    row = None
    if region_id is not None:
        found = select_regions(boundaries=False).where(regions.c.id == region_id)
        row = connection.execute(found).mappings().one_or_none()
    if row is None:
        raise NotFound("No region contains this point.")
    return dict(row)


class RegionLocator:
    """The index of all regions by place, kept in this process and made anew when a region changed.

    Whether one changed is asked of the database each time: a count and two aggregates over a small table cost a
    fraction of what the call costs, and a region that was just made is found at once, in every replica.
    """

    def __init__(self) -> None:
        self._state: tuple[Any, ...] = ()
        self._index = RegionIndex([])
        self._building = threading.Lock()

    def locate(self, connection: Connection, points: Sequence[tuple[float, float]]) -> list[UUID | None]:
        """The id of the region of every (longitude, latitude), None where there is none."""
        return self._current(connection).locate(points)

    def touching(self, connection: Connection, bbox: Sequence[float]) -> list[UUID]:
        """The ids of the regions that touch [west, south, east, north]."""
        return self._current(connection).touching(bbox)

    def _current(self, connection: Connection) -> RegionIndex:
        state = self._state_of(connection)
        if state == self._state:
            return self._index
        with self._building:
            if state == self._state:  # another greenlet has made it meanwhile
                return self._index
            # The state is read before the rows: a region that changes in between is read again next time.
            state = self._state_of(connection)
            rows = connection.execute(
                select(regions.c.id, regions.c.code, regions.c.boundaries).where(
                    regions.c.boundaries.is_not(None)
                )
            ).all()
            entries = [(row.id, row.code, row.boundaries) for row in rows]
            index: RegionIndex = tpool.execute(RegionIndex, entries)
            self._index, self._state = index, state
            return index

    @staticmethod
    def _state_of(connection: Connection) -> tuple[Any, ...]:
        changes = select(func.count(), func.sum(regions.c.version), func.max(regions.c.updated_at))
        return tuple(connection.execute(changes.select_from(regions)).one())

"""Regions: creates, changes and lists them, and finds the region of a point."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final, cast

import orjson
from sqlalchemy import JSON, Text, func, null, select, type_coerce
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.identity.geometry import (
    FULL,
    OUTLINES_REVISION,
    RegionIndex,
    normalise,
    outlines_of,
    read_entries,
)
from services.identity.models import region_outlines, regions
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain.boundaries import bbox_of
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.domain.permissions import REGION_WRITE
from shared.platform.concurrency import run_blocking
from shared.platform.db.conditions import one_of
from shared.platform.db.paging import Order, keyset, page
from shared.platform.db.writes import change_if_version, check_version, content_digest, create_once

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Select

    from services.identity.geometry import Entry
    from services.identity.schemas import types
    from shared.platform.db.engine import Database
    from shared.platform.rpc.context import Caller

CHANGEABLE: Final = frozenset({"name", "description", "boundaries"})

OUTLINING_SECONDS: Final = 3.0
"""Seconds for which a list creates missing outlines before it returns the regions that have them."""

PAGE_BYTES: Final = 1_000_000
"""Maximum size of the boundaries on a page of a list in bytes. The page ends before the region that exceeds it."""

READ_TOGETHER: Final = 8
"""Number of regions whose boundaries are read at once for the index; other calls run in between."""

_ORDER: Final[Order] = [(regions.c.code, "asc"), (regions.c.id, "asc")]
_SHOWN: Final = (
    regions.c.id,
    regions.c.code,
    regions.c.name,
    regions.c.description,
    (regions.c.id == UNKNOWN_REGION_ID).label("is_reserved"),
    regions.c.version,
    regions.c.created_at,
    regions.c.updated_at,
)
_NO_BOUNDARIES: Final = type_coerce(null(), JSON).label("boundaries")
_EXTENT: Final = region_outlines.alias("extent")


def create_region(connection: Connection, caller: Caller, arguments: types.CreateRegion) -> types.Region:
    """Create a region.

    The caller needs ``region:write`` for every region. A repeat with the same id and content returns the first region.
    The rings of the boundaries are stored in the direction of RFC 7946, cut where they cross the antimeridian.

    Raises:
        Invalid: The boundaries intersect themselves; the message says where.
        Conflict: The code or the id is taken.
        Forbidden: The caller has ``region:write`` only for some regions.
    """
    if caller.regions(REGION_WRITE) is not None:
        raise Forbidden(
            f"This needs the permission {REGION_WRITE} for every region.", permission=REGION_WRITE
        )
    boundaries = _normalised(arguments["boundaries"])
    outlines = _outlines(boundaries)
    region_id, code = arguments["id"] or uuid7(), arguments["code"]
    values = {
        "id": region_id,
        "code": code,
        "name": arguments["name"],
        "description": arguments["description"],
        "boundaries": boundaries,
        "content_digest": content_digest(arguments),
    }
    taken = Conflict(f"A region with the code {code} already exists.", fields={"code": ["Is taken already."]})
    created = create_once(
        connection, caller, regions, values, thing="region", taken=taken, returning=(regions.c.id,)
    )
    if created.is_new:
        _store(connection, region_id, outlines)
    return get_region(connection, region_id=region_id)


def update_region(
    connection: Connection, caller: Caller, region_id: UUID, version: int, arguments: types.UpdateRegion
) -> types.Region:
    """Change the name, description or boundaries of a region.

    The caller needs ``region:write`` for the region. Its code never changes, because permissions and preferences name
    it. Reports stay in the region in which they were created.

    Args:
        connection: A connection in a transaction.
        caller: The caller.
        region_id: The region.
        version: The version that the caller saw.
        arguments: The new values.

    Returns:
        The region as it is now.

    Raises:
        NotFound: The region does not exist.
        Forbidden: The caller does not have ``region:write`` for this region.
        Invalid: The boundaries intersect themselves; the message says where. Or they are for the reserved region,
            which has none.
        Conflict: The version is out of date.
    """
    caller.require(REGION_WRITE, region_id)
    boundaries = arguments.get("boundaries")
    if region_id == UNKNOWN_REGION_ID and boundaries is not None:
        raise Invalid(fields={"boundaries": ["The reserved region has no boundaries."]})
    boundaries = _normalised(boundaries)
    outlines = _outlines(boundaries)
    changes = {name: value for name, value in arguments.items() if name in CHANGEABLE}
    if "boundaries" in changes:
        changes["boundaries"] = boundaries
    changed = changes and change_if_version(
        connection, caller, regions, region_id, version, changes, returning=(regions.c.id,)
    )
    if not changed:
        region = get_region(connection, region_id=region_id)
        check_version(caller, region, version, changes, thing="region")
    # A trigger has deleted the outlines of the former boundaries.
    _store(connection, region_id, outlines)
    return get_region(connection, region_id=region_id)


def outline_regions(database: Database, region_ids: Sequence[UUID]) -> None:
    """Create missing outlines, of regions that were written without the service or before it made outlines.

    Each region has its own transaction. The function stops after `OUTLINING_SECONDS`, but not before the first region.

    Args:
        database: The database.
        region_ids: The regions, in the order in which they are processed.
    """
    deadline = time.monotonic() + OUTLINING_SECONDS
    for region_id in region_ids:
        with database.transaction() as connection:
            text = connection.scalar(
                # Locked, so that the boundaries do not change before their outlines are stored.
                select(sql_cast(regions.c.boundaries, Text))
                .where(regions.c.id == region_id)
                .with_for_update(read=True)
            )
            if text is not None:
                _store(connection, region_id, run_blocking(_outlines_of_text, text))
        if time.monotonic() > deadline:
            return


def _outlines_of_text(text: str) -> list[dict[str, Any]]:
    return outlines_of(orjson.loads(text))


def _outlines(boundaries: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [] if boundaries is None else run_blocking(outlines_of, boundaries)


def _store(connection: Connection, region_id: UUID, outlines: list[dict[str, Any]]) -> None:
    if outlines:
        rows = [{**outline, "region_id": region_id} for outline in outlines]
        connection.execute(insert(region_outlines).values(rows).on_conflict_do_nothing())


def _normalised(boundaries: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if boundaries is None else normalise(boundaries)


def get_region(
    connection: Connection, *, region_id: UUID | None = None, code: str | None = None
) -> types.Region:
    """Return a region by its id or its code, with its full boundaries.

    Raises:
        Invalid: Not exactly one of id and code is given.
        NotFound: The region does not exist.
    """
    if (region_id is None) == (code is None):
        raise Invalid(fields={"region_id": ["Give either region_id or code, and not both."]})
    wanted = regions.c.id == region_id if region_id is not None else regions.c.code == code
    row = connection.execute(select(*_SHOWN, regions.c.boundaries).where(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound("Region not found.")
    return cast("types.Region", {**row, "bbox": _bbox(row["boundaries"])})


def _bbox(boundaries: Any) -> list[float] | None:
    try:
        return None if boundaries is None else bbox_of(boundaries)
    except (KeyError, IndexError, TypeError, ValueError):
        return None  # written without the service


def list_regions(  # noqa: PLR0913 - the arguments of the method
    connection: Connection,
    locator: RegionLocator,
    *,
    cursor: str | None,
    limit: int,
    codes: list[str] | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    include_boundaries: bool = False,
    detail: str = "overview",
    known_version: str | None = None,
) -> tuple[types.Regions, list[UUID]]:
    """Return a page of regions by code.

    Args:
        connection: A connection to read with.
        locator: The index of the regions.
        cursor: The cursor of the previous page; None for the first page.
        limit: The maximum number of regions. With boundaries, the page ends earlier if these exceed `PAGE_BYTES`.
        codes: The codes of the regions; None for all.
        bbox: The box [west, south, east, north] that the regions touch; west > east crosses the antimeridian.
        include_boundaries: Whether the result contains the boundaries.
        detail: The detail of the boundaries, one of `geometry.DETAILS`.
        known_version: The version of a page that the caller has.

    Returns:
        The page with the ``version`` of all regions, and the ids of regions of the page whose outlines have to be
        created first. The page ends before them, unless it begins with them. If the caller has the current version, it
        is ``unchanged`` and has no items.
    """
    version = version_of(connection)
    if known_version == version:
        return {"items": [], "next_cursor": None, "version": version, "unchanged": True}, []
    detail = detail if include_boundaries else FULL
    rows = _rows(connection, locator, cursor, limit, codes, bbox, detail)
    count, without_outline = len(rows[:limit]), []
    if include_boundaries:
        count = _fitting([row.bytes or 0 for row in rows[:limit]])
        missing = [at for at, row in enumerate(rows[:count]) if row.has_boundaries and row.bytes is None]
        without_outline = [rows[at].id for at in missing]
        count = max(missing[0], 1) if missing else count
    found = page(rows[: count + 1], count, _ORDER) if count else page(rows, limit, _ORDER)
    items = [dict(item) for item in found["items"]]
    if include_boundaries:
        boundaries = _boundaries(connection, [item["id"] for item in items], detail)
        for item in items:
            item["boundaries"] = boundaries.get(item["id"])
    regions_page: types.Regions = {
        "items": cast("list[types.Region]", items),
        "next_cursor": found["next_cursor"],
        "version": version,
        "unchanged": False,
    }
    return regions_page, without_outline


def version_of(connection: Connection) -> str:
    """Return a text that differs whenever a region or the way of making outlines has changed."""
    return ".".join(str(part) for part in (OUTLINES_REVISION, *_state_of(connection)))


def _rows(
    connection: Connection,
    locator: RegionLocator,
    cursor: str | None,
    limit: int,
    codes: list[str] | None,
    bbox: Sequence[float] | None,
    detail: str,
) -> list[Any]:
    """Return the regions of a page and the next one, with the size of their boundaries instead of the boundaries."""
    statement: Select[Any] = select(
        *_SHOWN,
        _NO_BOUNDARIES,
        regions.c.boundaries.is_not(None).label("has_boundaries"),
        _EXTENT.c.bbox,
        _EXTENT.c.bytes,
    ).outerjoin(_EXTENT, (_EXTENT.c.region_id == regions.c.id) & (_EXTENT.c.detail == detail))
    if codes is not None:
        statement = statement.where(regions.c.code.in_(codes))
    if bbox is not None:
        statement = statement.where(regions.c.id.in_(locator.touching(connection, bbox)))
    return list(connection.execute(keyset(statement, _ORDER, cursor, limit)).all())


def _fitting(sizes: list[int]) -> int:
    """Return how many of the first regions fit on a page; at least one if there is any."""
    total = 0
    for count, size in enumerate(sizes):
        total += size
        if total > PAGE_BYTES and count:
            return count
    return len(sizes)


def _boundaries(connection: Connection, region_ids: list[UUID], detail: str) -> dict[UUID, Any]:
    if detail == FULL:
        statement = select(regions.c.id, regions.c.boundaries).where(one_of(regions.c.id, region_ids))
    else:
        statement = select(region_outlines.c.region_id, region_outlines.c.boundaries).where(
            one_of(region_outlines.c.region_id, region_ids), region_outlines.c.detail == detail
        )
    return {row[0]: row[1] for row in connection.execute(statement)}


def locate_region(connection: Connection, locator: RegionLocator, *, lon: float, lat: float) -> types.Region:
    """Return the smallest region that contains a point, without its boundaries.

    Raises:
        NotFound: No region contains the point.
    """
    [region_id] = locator.locate(connection, [(lon, lat)])
    row = None
    if region_id is not None:
        found = (
            select(*_SHOWN, _NO_BOUNDARIES, _EXTENT.c.bbox)
            .outerjoin(_EXTENT, (_EXTENT.c.region_id == regions.c.id) & (_EXTENT.c.detail == FULL))
            .where(regions.c.id == region_id)
        )
        row = connection.execute(found).mappings().one_or_none()
    if row is None:
        raise NotFound("No region contains this point.")
    return cast("types.Region", dict(row))


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
        return self._current(connection).locate(points)

    def touching(self, connection: Connection, bbox: Sequence[float]) -> list[UUID]:
        """Return the ids of the regions that touch the box [west, south, east, north]."""
        return self._current(connection).touching(bbox)

    def _current(self, connection: Connection) -> RegionIndex:
        state = _state_of(connection)
        if state == self._state:
            return self._index
        with self._building:
            if state == self._state:  # another greenlet has built it in the meantime
                return self._index
            # The state is read before the rows, so that a region that changes in between is read again next time.
            state = _state_of(connection)
            self._read_changed(connection)
            index: RegionIndex = run_blocking(RegionIndex.of_entries, list(self._entries.values()))
            self._index, self._state = index, state
            return index

    def _read_changed(self, connection: Connection) -> None:
        rows = connection.execute(
            select(regions.c.id, regions.c.version).where(regions.c.boundaries.is_not(None))
        )
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

    @staticmethod
    def _read(connection: Connection, region_ids: list[UUID]) -> dict[UUID, Entry | None]:
        text = sql_cast(regions.c.boundaries, Text)
        statement = select(regions.c.id, regions.c.code, text).where(one_of(regions.c.id, region_ids))
        rows = [(row[0], row[1], row[2]) for row in connection.execute(statement) if row[2] is not None]
        entries: dict[UUID, Entry | None] = run_blocking(read_entries, rows)
        return entries


def _state_of(connection: Connection) -> tuple[Any, ...]:
    """Return values that differ whenever a region was created or changed."""
    microseconds = func.max(func.extract("epoch", regions.c.updated_at)) * 1_000_000
    changes = select(func.count(), func.coalesce(func.sum(regions.c.version), 0), func.round(microseconds))
    return tuple(connection.execute(changes.select_from(regions)).one())

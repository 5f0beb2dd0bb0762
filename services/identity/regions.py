"""Regions: makes, changes and lists them, and finds the one that a point lies in."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import JSON, Text, cast, func, null, select, type_coerce
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.identity.change import change
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
from shared.domain.permissions import REGION_WRITE
from shared.platform.concurrency import run_blocking
from shared.platform.db.conditions import one_of
from shared.platform.db.context import with_event_context
from shared.platform.db.paging import Order, keyset, page
from shared.platform.db.tables import UNKNOWN_REGION_ID
from shared.platform.db.writes import content_digest, id_taken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Select

    from services.identity.geometry import Entry
    from shared.platform.db.engine import Database
    from shared.platform.rpc.context import Caller

NO_SUCH_REGION: Final = "There is no such region."

OUTLINING_SECONDS: Final = 3.0
"""For how long a list makes missing outlines before it answers with the regions that it has."""

PAGE_BYTES: Final = 1_000_000
"""Bytes of boundaries on a page of a list; the page ends before the region with which it would have more."""

READ_TOGETHER: Final = 8
"""Regions whose boundaries are read at once for the index; between them other calls have their turn."""

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


def create_region(
    connection: Connection,
    caller: Caller,
    *,
    id: UUID | None = None,  # noqa: A002 - the argument's public name
    **arguments: Any,
) -> dict[str, Any]:
    """Make a region, with ``code``, ``name``, ``description`` and ``boundaries``.

    Needs ``region:write`` everywhere. With the same id and content a repeat returns the first. The boundaries are
    stored with their rings turned as RFC 7946 wants them, and cut where they cross the antimeridian.

    Raises:
        Invalid: The boundaries cross themselves; it says where.
        Conflict: The code or the id is taken.
        Forbidden: The caller holds ``region:write`` in some regions only.

    Emits:
        region_created.
    """
    if caller.regions(REGION_WRITE) is not None:
        raise Forbidden(f"This needs the permission {REGION_WRITE} everywhere.", permission=REGION_WRITE)
    digest = content_digest(arguments)
    values = _normalised(arguments)
    outlines = _outlines(values)
    if values["boundaries"] is None:
        values["boundaries"] = null()  # SQLAlchemy would store JSON's null
    region_id = id or uuid7()
    made = connection.execute(
        insert(regions)
        .values(**values, id=region_id, content_digest=digest)
        .on_conflict_do_nothing()
        .returning(regions.c.id, with_event_context(caller))
    ).one_or_none()
    if made is None:
        first = select(regions.c.content_digest).where(regions.c.id == region_id)
        found = connection.execute(first).one_or_none()
        if found is None:
            raise Conflict(
                f"There is a region {arguments['code']} already.", fields={"code": ["Is taken already."]}
            )
        if found.content_digest != digest:
            raise id_taken("region")
    else:
        _store(connection, region_id, outlines)
    return get_region(connection, region_id=region_id)


def update_region(
    connection: Connection,
    caller: Caller,
    *,
    region_id: UUID,
    version: int,
    **values: Any,
) -> dict[str, Any]:
    """Change ``name``, ``description`` or ``boundaries`` of a region.

    Needs ``region:write`` in that region. Its code never changes: permissions and preferences are kept by it.
    Reports keep the region they were filed in.

    Raises:
        NotFound: There is no such region.
        Forbidden: The caller does not hold ``region:write`` in this region.
        Invalid: The boundaries cross themselves; it says where. Or they are for the reserved region, which has none.
        Conflict: The version is not the present one.

    Emits:
        region_updated.
    """
    caller.require(REGION_WRITE, region_id)
    if region_id == UNKNOWN_REGION_ID and values.get("boundaries") is not None:
        raise Invalid(fields={"boundaries": ["The reserved region has none."]})
    values = _normalised(values)
    outlines = _outlines(values)
    change(connection, caller, regions, region_id, version, values)
    # Those of the former boundaries were removed by the database.
    _store(connection, region_id, outlines)
    return get_region(connection, region_id=region_id)


def outline_regions(database: Database, region_ids: Sequence[UUID]) -> None:
    """Make the outlines of regions that have none: of those that were written past the service or before it had any.

    Each region is a transaction of its own. After `OUTLINING_SECONDS` it ends, when one at least was done.

    Args:
        database: Where to write.
        region_ids: In the order in which they are done.
    """
    deadline = time.monotonic() + OUTLINING_SECONDS
    for region_id in region_ids:
        with database.transaction() as connection:
            text = connection.scalar(
                # Nobody may change the boundaries before their outlines are stored.
                select(cast(regions.c.boundaries, Text))
                .where(regions.c.id == region_id)
                .with_for_update(read=True)
            )
            if text is not None:
                _store(connection, region_id, run_blocking(_outlines_of_text, text))
        if time.monotonic() > deadline:
            return


def _outlines_of_text(text: str) -> list[dict[str, Any]]:
    return outlines_of(orjson.loads(text))


def _outlines(values: dict[str, Any]) -> list[dict[str, Any]]:
    boundaries = values.get("boundaries")
    if boundaries is None:
        return []
    found: list[dict[str, Any]] = run_blocking(outlines_of, boundaries)
    return found


def _store(connection: Connection, region_id: UUID, outlines: list[dict[str, Any]]) -> None:
    if outlines:
        rows = [{**outline, "region_id": region_id} for outline in outlines]
        connection.execute(insert(region_outlines).values(rows).on_conflict_do_nothing())


def _normalised(arguments: dict[str, Any]) -> dict[str, Any]:
    boundaries = arguments.get("boundaries")
    return arguments if boundaries is None else {**arguments, "boundaries": normalise(boundaries)}


def get_region(
    connection: Connection, *, region_id: UUID | None = None, code: str | None = None
) -> dict[str, Any]:
    """Return the region of that id or of that code, with its full boundaries.

    Raises:
        Invalid: Not exactly one of the two is given.
        NotFound: There is none.
    """
    if (region_id is None) == (code is None):
        raise Invalid(fields={"region_id": ["Give either an id or a code."]})
    wanted = regions.c.id == region_id if region_id is not None else regions.c.code == code
    row = connection.execute(select(*_SHOWN, regions.c.boundaries).where(wanted)).mappings().one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_REGION)
    return {**row, "bbox": _bbox(row["boundaries"])}


def _bbox(boundaries: Any) -> list[float] | None:
    try:
        return None if boundaries is None else bbox_of(boundaries)
    except (KeyError, IndexError, TypeError, ValueError):
        return None  # written past the service


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
) -> dict[str, Any]:
    """Return a page of regions by code.

    Args:
        connection: Where to read.
        locator: Knows the shapes.
        cursor: Where the page before ended.
        limit: Of the page. With boundaries it ends earlier where these have more than `PAGE_BYTES`.
        codes: Only the regions of these codes.
        bbox: Only those that touch [west, south, east, north]; west over east crosses the antimeridian.
        include_boundaries: Whether the boundaries are among the result.
        detail: One of `geometry.DETAILS`: how much of the boundaries.
        known_version: Of a page that the caller has.

    Returns:
        The page with the ``version`` of all regions; ``unchanged`` and without items where the caller has that
        version already. ``without_outline`` are regions of the page whose outlines have to be made first; the page
        ends before them, if it does not begin with them.
    """
    version = version_of(connection)
    if known_version == version:
        return {"items": [], "next_cursor": None, "version": version, "unchanged": True}
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
    return {
        **found,
        "items": items,
        "version": version,
        "unchanged": False,
        "without_outline": without_outline,
    }


def version_of(connection: Connection) -> str:
    """Return what is another text whenever any region has changed, or its outline would be another."""
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
    """The regions of a page and the one behind it, with the bytes of their boundaries and without these."""
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
    """How many of the first regions fit on a page, at least one where there is any."""
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


def locate_region(
    connection: Connection, locator: RegionLocator, *, lon: float, lat: float
) -> dict[str, Any]:
    """Return the smallest region that contains the point, without its boundaries.

    Raises:
        NotFound: No region contains it.
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
    return dict(row)


class RegionLocator:
    """The index of all regions by place, kept in this process and brought up to date when a region changed.

    Whether one changed is asked of the database each time: a count and two aggregates over a small table cost a
    fraction of what the call costs, and a region that was just made is found at once, in every replica. Only the
    boundaries of regions that changed are read, as text, which native threads parse.
    """

    def __init__(self) -> None:
        self._state: tuple[Any, ...] = ()
        self._index = RegionIndex([])
        self._versions: dict[UUID, int] = {}
        self._entries: dict[UUID, Entry | None] = {}
        self._building = threading.Lock()

    def locate(self, connection: Connection, points: Sequence[tuple[float, float]]) -> list[UUID | None]:
        """Return the id of the region of every (longitude, latitude), None where there is none."""
        return self._current(connection).locate(points)

    def touching(self, connection: Connection, bbox: Sequence[float]) -> list[UUID]:
        """Return the ids of the regions that touch [west, south, east, north]."""
        return self._current(connection).touching(bbox)

    def _current(self, connection: Connection) -> RegionIndex:
        state = _state_of(connection)
        if state == self._state:
            return self._index
        with self._building:
            if state == self._state:  # another greenlet has made it meanwhile
                return self._index
            # The state is read before the rows: a region that changes in between is read again next time.
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
            # Kept at once: a call that ends at its deadline leaves less to read to the one after it.
            self._entries |= self._read(connection, some)
            self._versions |= {region_id: versions[region_id] for region_id in some}

    @staticmethod
    def _read(connection: Connection, region_ids: list[UUID]) -> dict[UUID, Entry | None]:
        text = cast(regions.c.boundaries, Text)
        statement = select(regions.c.id, regions.c.code, text).where(one_of(regions.c.id, region_ids))
        rows = [(row[0], row[1], row[2]) for row in connection.execute(statement) if row[2] is not None]
        entries: dict[UUID, Entry | None] = run_blocking(read_entries, rows)
        return entries


def _state_of(connection: Connection) -> tuple[Any, ...]:
    """What is different whenever a region was made or changed."""
    microseconds = func.max(func.extract("epoch", regions.c.updated_at)) * 1_000_000
    changes = select(func.count(), func.coalesce(func.sum(regions.c.version), 0), func.round(microseconds))
    return tuple(connection.execute(changes.select_from(regions)).one())

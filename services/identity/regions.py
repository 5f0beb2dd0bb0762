"""Regions: creates, changes and lists them, and finds the region of a point."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast
from uuid import UUID

import orjson
from sqlalchemy import JSON, Text, any_, func, literal, null, select, type_coerce
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, insert
from uuid6 import uuid7

from services.identity.geometry import FULL, entry_of, normalise, outlines_of
from services.identity.models import region_outlines, regions
from services.identity.region_locator import version_of
from services.identity.region_tree import (
    BY_CODE,
    TREE,
    Place,
    below,
    declared_parent,
    found_parent,
    let_go,
    link_of,
    lock_tree,
    place_of,
    require_in,
    take_in,
)
from shared.client.errors import Conflict, Invalid, NotFound
from shared.domain.boundaries import bbox_of
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.domain.permissions import REGION_WRITE
from shared.platform.concurrency import run_blocking
from shared.platform.db.conditions import one_of
from shared.platform.db.paging import keyset, page
from shared.platform.db.writes import change_if_version, check_version, content_digest, create_once

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Select

    from services.identity.geometry import Entry
    from services.identity.region_locator import RegionLocator
    from services.identity.schemas import types
    from shared.platform.db.conditions import Condition
    from shared.platform.db.engine import Database
    from shared.platform.rpc.context import Caller

PLACING: Final = frozenset({"boundaries", "parent_id", "parent_is_declared"})
"""What can give a region another place in the tree."""

CHANGEABLE: Final = frozenset({"name", "description", *PLACING})

OUTLINING_SECONDS: Final = 3.0
"""Seconds for which a list creates missing outlines before it returns the regions that have them."""

PAGE_BYTES: Final = 1_000_000
"""Maximum size of the boundaries on a page of a list in bytes. The page ends before the region that exceeds it."""

_PARENT: Final = regions.alias("parent")
_ANCESTOR: Final = regions.alias("ancestor")
_SHOWN: Final = (
    regions.c.id,
    regions.c.code,
    regions.c.name,
    regions.c.description,
    (regions.c.id == UNKNOWN_REGION_ID).label("is_reserved"),
    regions.c.parent_id,
    select(_PARENT.c.code).where(_PARENT.c.id == regions.c.parent_id).scalar_subquery().label("parent_code"),
    regions.c.parent_is_declared,
    regions.c.version,
    regions.c.created_at,
    regions.c.updated_at,
)
_NO_ANCESTORS: Final = type_coerce(null(), JSON).label("ancestors")
_ANCESTORS: Final = (
    select(
        func.coalesce(
            func.jsonb_agg(
                aggregate_order_by(
                    func.jsonb_build_object(
                        "id", _ANCESTOR.c.id, "code", _ANCESTOR.c.code, "name", _ANCESTOR.c.name
                    ),
                    func.cardinality(_ANCESTOR.c.lineage),
                )
            ),
            sql_cast(literal("[]"), JSONB),
        )
    )
    .where(_ANCESTOR.c.id == any_(regions.c.lineage), _ANCESTOR.c.id != regions.c.id)
    .scalar_subquery()
    .label("ancestors")
)
"""The regions that contain a region, from the root to its parent."""
_NO_BOUNDARIES: Final = type_coerce(null(), JSON).label("boundaries")
_EXTENT: Final = region_outlines.alias("extent")


def create_region(
    connection: Connection, caller: Caller, locator: RegionLocator, arguments: types.CreateRegion
) -> types.Region:
    """Create a region, and give it its place in the tree.

    The caller needs ``region:write`` for every region, or for one that contains the new region. A repeat with the same
    id and content returns the first region. The rings of the boundaries are stored in the direction of RFC 7946, cut
    where they cross the antimeridian.

    Without ``parent_id``, the parent is the smallest region that contains the boundaries. Regions that lie in the new
    one become its children, unless their parent is declared or is a smaller region that contains them.

    Raises:
        Invalid: The boundaries intersect themselves; the message says where. Or the parent does not exist or is
            reserved.
        Conflict: The code or the id is taken.
        Forbidden: The caller has ``region:write`` only for regions that do not contain it.
    """
    caller.require(REGION_WRITE)
    boundaries = _normalised(arguments["boundaries"])
    outlines = _outlines(boundaries)
    region_id, code = arguments["id"] or uuid7(), arguments["code"]
    entry = run_blocking(entry_of, region_id, code, boundaries)
    lock_tree(connection)
    place = place_of(connection, locator, entry)
    if "parent_id" in arguments:
        parent_id = declared_parent(connection, region_id, arguments["parent_id"])
    else:
        parent_id = found_parent(connection, region_id, place.containing)
    require_in(connection, caller, parent_id)
    values = {
        "id": region_id,
        "code": code,
        "name": arguments["name"],
        "description": arguments["description"],
        "boundaries": boundaries,
        "parent_id": parent_id,
        "parent_is_declared": "parent_id" in arguments,
        "content_digest": content_digest(arguments),
    }
    taken = Conflict(f"A region with the code {code} already exists.", fields={"code": ["Is taken already."]})
    created = create_once(
        connection, caller, regions, values, thing="region", taken=taken, returning=(regions.c.id,)
    )
    if created.is_new:
        _store(connection, region_id, outlines)
        take_in(connection, caller, region_id, place)
    return get_region(connection, region_id=region_id)


def update_region(
    connection: Connection,
    caller: Caller,
    locator: RegionLocator,
    region_id: UUID,
    version: int,
    arguments: types.UpdateRegion,
) -> types.Region:
    """Change the name, description or boundaries of a region, or move it in the tree.

    The caller needs ``region:write`` for the region or for one that contains it. To move it, the caller needs the same
    for its present and its new parent; for a region without a parent, for every region. Its code never changes, because
    permissions and preferences name it. Everything below a region moves with it. Reports stay in the region in which
    they were created.

    With new boundaries, and with ``parent_is_declared`` false, the parent is found again, as in `create_region`, unless
    it is declared.

    Args:
        connection: A connection in a transaction.
        caller: The caller.
        locator: The index of the regions.
        region_id: The region.
        version: The version that the caller saw.
        arguments: The new values.

    Returns:
        The region as it is now.

    Raises:
        NotFound: The region does not exist.
        Forbidden: The caller does not have ``region:write`` for this region, or for one of the parents.
        Invalid: The boundaries intersect themselves; the message says where. The parent does not exist, lies in the
            region, or is reserved. Or the boundaries are for the reserved region, which has none.
        Conflict: The version is out of date.
    """
    TREE.require(connection, caller, REGION_WRITE, region_id)
    boundaries = arguments.get("boundaries")
    if region_id == UNKNOWN_REGION_ID and boundaries is not None:
        raise Invalid(fields={"boundaries": ["The reserved region has no boundaries."]})
    boundaries = _normalised(boundaries)
    outlines = _outlines(boundaries)
    changes = {name: value for name, value in arguments.items() if name in CHANGEABLE}
    if "boundaries" in changes:
        changes["boundaries"] = boundaries
    move = None
    if not changes.keys().isdisjoint(PLACING):
        move = _move(connection, caller, locator, region_id, changes)
    changed = changes and change_if_version(
        connection,
        caller,
        regions,
        region_id,
        version,
        changes if move is None else {**changes, "parent_id": move.parent_id},
        returning=(regions.c.id,),
    )
    if not changed:
        region = get_region(connection, region_id=region_id)
        check_version(caller, region, version, changes, thing="region")
    elif move is not None and move.place is not None and "boundaries" in changes:
        take_in(connection, caller, region_id, move.place)
    # A trigger has deleted the outlines of the former boundaries.
    _store(connection, region_id, outlines)
    return get_region(connection, region_id=region_id)


class _Move(NamedTuple):
    parent_id: UUID | None
    place: Place | None


def _move(
    connection: Connection, caller: Caller, locator: RegionLocator, region_id: UUID, changes: dict[str, Any]
) -> _Move | None:
    """Return the place that a region will have; None if there is no such region.

    A parent that is given becomes a declared one in the changes. What the region no longer contains leaves it first,
    because that may be what contains the region from now on.
    """
    lock_tree(connection)
    link = link_of(connection, region_id)
    if link is None:
        return None
    if "parent_id" in changes:
        changes["parent_is_declared"] = True
    is_found = not changes.get("parent_is_declared", link.parent_is_declared)
    place = None
    if "boundaries" in changes:
        entry: Entry | None = run_blocking(entry_of, region_id, link.code, changes["boundaries"])
        place = place_of(connection, locator, entry)
        let_go(connection, caller, region_id, place)
    elif is_found:
        place = place_of(connection, locator, locator.index(connection).entry(region_id))
    parent_id = link.parent_id
    if "parent_id" in changes:
        parent_id = declared_parent(connection, region_id, changes["parent_id"])
    elif place is not None and is_found:
        parent_id = found_parent(connection, region_id, place.containing)
    if parent_id != link.parent_id:
        require_in(connection, caller, link.parent_id)
        require_in(connection, caller, parent_id)
    return _Move(parent_id, place)


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
    row = (
        connection.execute(select(*_SHOWN, _ANCESTORS, regions.c.boundaries).where(wanted))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound("Region not found.")
    return cast("types.Region", _described({**row, "bbox": _bbox(row["boundaries"])}))


def _described(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the row of a region with the ids of its ancestors as ids, which JSON does not have."""
    ancestors = [{**ancestor, "id": UUID(ancestor["id"])} for ancestor in row["ancestors"]]
    return {**row, "ancestors": ancestors}


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
    parent: str | None = None,
    within: str | None = None,
    exact: bool = False,
    is_root: bool | None = None,
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
        parent: The code of the region whose children are listed.
        within: The code of a region: it and those below it.
        exact: Whether ``within`` means the region alone.
        is_root: Whether the regions have no parent; None for all.
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
    conditions = _conditions(codes=codes, parent=parent, within=within, exact=exact, is_root=is_root)
    if bbox is not None:
        conditions.append(regions.c.id.in_(locator.touching(connection, bbox)))
    rows = _rows(connection, conditions, cursor, limit, detail)
    count, without_outline = len(rows[:limit]), []
    if include_boundaries:
        count = _fitting([row.bytes or 0 for row in rows[:limit]])
        missing = [at for at, row in enumerate(rows[:count]) if row.has_boundaries and row.bytes is None]
        without_outline = [rows[at].id for at in missing]
        count = max(missing[0], 1) if missing else count
    found = page(rows[: count + 1], count, BY_CODE) if count else page(rows, limit, BY_CODE)
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


def _conditions(
    *, codes: list[str] | None, parent: str | None, within: str | None, exact: bool, is_root: bool | None
) -> list[Condition]:
    conditions: list[Condition] = []
    if codes is not None:
        conditions.append(regions.c.code.in_(codes))
    if parent is not None:
        conditions.append(
            regions.c.parent_id == select(_PARENT.c.id).where(_PARENT.c.code == parent).scalar_subquery()
        )
    if within is not None:
        conditions.append(regions.c.code == within if exact else below(within))
    if is_root is not None:
        conditions.append(regions.c.parent_id.is_(None) if is_root else regions.c.parent_id.is_not(None))
    return conditions


def _rows(
    connection: Connection, conditions: list[Condition], cursor: str | None, limit: int, detail: str
) -> list[Any]:
    """Return the regions of a page and the next one, with the size of their boundaries instead of the boundaries."""
    statement: Select[Any] = select(
        *_SHOWN,
        _NO_ANCESTORS,
        _NO_BOUNDARIES,
        regions.c.boundaries.is_not(None).label("has_boundaries"),
        _EXTENT.c.bbox,
        _EXTENT.c.bytes,
    ).outerjoin(_EXTENT, (_EXTENT.c.region_id == regions.c.id) & (_EXTENT.c.detail == detail))
    statement = statement.where(*conditions)
    return list(connection.execute(keyset(statement, BY_CODE, cursor, limit)).all())


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
    """Return the deepest region that contains a point, with its ancestors and without its boundaries.

    Of several at the same depth it is the smallest.

    Raises:
        NotFound: No region contains the point.
    """
    [region_id] = locator.locate(connection, [(lon, lat)])
    row = None
    if region_id is not None:
        found = (
            select(*_SHOWN, _ANCESTORS, _NO_BOUNDARIES, _EXTENT.c.bbox)
            .outerjoin(_EXTENT, (_EXTENT.c.region_id == regions.c.id) & (_EXTENT.c.detail == FULL))
            .where(regions.c.id == region_id)
        )
        row = connection.execute(found).mappings().one_or_none()
    if row is None:
        raise NotFound("No region contains this point.")
    return cast("types.Region", _described(row))


def locate_regions(
    connection: Connection, locator: RegionLocator, *, points: list[types.Point], include_regions: bool
) -> types.LocatedRegions:
    """Return for each point the id of the deepest region that contains it, or None.

    Args:
        connection: A connection to read with.
        locator: The index of the regions.
        points: The points.
        include_regions: Whether the result has the regions that were found, with their ancestors.
    """
    located = locator.locate(connection, [(point["lon"], point["lat"]) for point in points])
    found: list[types.LocatedRegion] | None = None
    if include_regions:
        region_ids = sorted({region_id for region_id in located if region_id is not None})
        statement = select(regions.c.id, regions.c.code, regions.c.name, _ANCESTORS)
        rows = connection.execute(statement.where(one_of(regions.c.id, region_ids))).mappings()
        found = [cast("types.LocatedRegion", _described(row)) for row in rows] if region_ids else []
    return {"region_ids": located, "regions": found}

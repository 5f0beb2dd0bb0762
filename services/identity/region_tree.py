"""The tree of the regions: where a region lies, what that changes for others, and the tree as a whole.

The parent of a region is declared by somebody, or found: it is the smallest region that contains it (`RegionIndex`).
What is found depends on the boundaries alone and not on the order in which regions are created. Triggers in the
database keep the lineages, and refuse cycles whoever writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import func, select, update

from services.identity.geometry import is_above
from services.identity.models import regions
from services.identity.region_locator import version_of
from services.identity.schemas.regions import MAX_LINKS
from shared.client.errors import Forbidden, Invalid, NotFound
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.domain.permissions import REGION_WRITE
from shared.domain.region_tree import RegionTree
from shared.platform.concurrency import run_blocking
from shared.platform.db.conditions import one_of
from shared.platform.db.context import with_event_context
from shared.platform.db.paging import Order, keyset, page

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Select

    from services.identity.geometry import Entry, RegionIndex
    from services.identity.region_locator import RegionLocator
    from services.identity.schemas import types
    from shared.platform.db.conditions import Condition
    from shared.platform.rpc.context import Caller

MAX_NESTED: Final = 2_000
"""Maximum number of regions of a tree that is returned nested."""

TREE: Final = RegionTree(regions)

_LOCK: Final = "impactx.region_tree"
"""The name of the lock that the triggers take as well, before they lock a row."""

BY_CODE: Final[Order] = [(regions.c.code, "asc"), (regions.c.id, "asc")]
_NODE: Final = (
    regions.c.id,
    regions.c.code,
    regions.c.name,
    regions.c.parent_id,
    regions.c.parent_is_declared,
    regions.c.version,
)
_LINKS: Final = (
    regions.c.id,
    regions.c.code,
    regions.c.parent_id,
    regions.c.parent_is_declared,
    regions.c.lineage,
)


@dataclass(frozen=True, slots=True)
class Link:
    """What ties a region to the tree; the attributes are columns of its row."""

    id: UUID
    code: str
    parent_id: UUID | None
    parent_is_declared: bool
    lineage: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Place:
    """Where boundaries lie among the other regions, before they are stored.

    Attributes:
        index: The index without them.
        entry: The region with them; None without boundaries.
        containing: The regions that contain them, the smallest first.
        inside: The regions that they contain.
    """

    index: RegionIndex
    entry: Entry | None
    containing: Sequence[UUID]
    inside: Sequence[UUID]


def lock_tree(connection: Connection) -> None:
    """Wait for other transactions that change the tree, and let others wait until this one ends.

    Two moves that are harmless by themselves could make a cycle together, and a region that is created meanwhile could
    contain this one.
    """
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(_LOCK, 0))))


def link_of(connection: Connection, region_id: UUID) -> Link | None:
    """Return what ties a region to the tree; None if there is no such region."""
    row = connection.execute(select(*_LINKS).where(regions.c.id == region_id)).one_or_none()
    return None if row is None else Link(*row)


def place_of(connection: Connection, locator: RegionLocator, entry: Entry | None) -> Place:
    """Return where boundaries lie among the other regions.

    Args:
        connection: A connection in a transaction that has the lock of the tree and has changed no region yet.
        locator: The index of the regions.
        entry: The region with these boundaries; None without boundaries.
    """
    index = locator.index(connection)
    if entry is None:
        return Place(index, None, (), ())
    containing, inside = run_blocking(_search, index, entry)
    return Place(index, entry, containing, inside)


def _search(index: RegionIndex, entry: Entry) -> tuple[list[UUID], list[UUID]]:
    return index.containing(entry), index.inside(entry)


def declared_parent(connection: Connection, region_id: UUID, parent_id: UUID | None) -> UUID | None:
    """Return the parent that somebody declares.

    Raises:
        Invalid: It does not exist, is reserved, is the region itself, or lies in the region; ``fields`` names
            ``parent_id``.
    """
    if parent_id is None:
        return None
    parent = link_of(connection, parent_id)
    if parent is None:
        problem = "There is no such region."
    elif UNKNOWN_REGION_ID in (parent_id, region_id):
        problem = "The reserved region has no parent and contains no other region."
    elif parent_id == region_id:
        problem = "A region cannot be its own parent."
    elif region_id in parent.lineage:
        problem = f"The region {parent.code} lies in this region, so this region cannot lie in it."
    else:
        return parent_id
    raise Invalid(fields={"parent_id": [problem]})


def found_parent(connection: Connection, region_id: UUID, containing: Sequence[UUID]) -> UUID | None:
    """Return the smallest of the regions that contain a region, except those that are declared to lie in it."""
    statement = select(regions.c.id, regions.c.lineage).where(one_of(regions.c.id, containing))
    lineages = {row.id: row.lineage for row in connection.execute(statement)} if containing else {}
    return next((found for found in containing if region_id not in lineages.get(found, ())), None)


def require_in(connection: Connection, caller: Caller, region_id: UUID | None) -> None:
    """Refuse a caller who may not change what lies in a region; None stands for the top of the tree.

    Raises:
        Forbidden: The caller has ``region:write`` neither for the region nor for one that contains it.
    """
    if region_id is None and caller.regions(REGION_WRITE) is not None:
        raise Forbidden(
            f"This needs the permission {REGION_WRITE} for every region, or a parent in a region where you have it.",
            permission=REGION_WRITE,
        )
    if region_id is not None:
        TREE.require(connection, caller, REGION_WRITE, region_id)


def take_in(connection: Connection, caller: Caller, region_id: UUID, place: Place) -> None:
    """Make a region the parent of the regions inside of it whose parent is to be found and is not a smaller one.

    Those that the caller may not change stay where they are: nobody gets a permission by drawing boundaries.

    Args:
        connection: A connection in a transaction that has stored the region and has the lock of the tree.
        caller: The caller.
        region_id: The region.
        place: The place of its boundaries.
    """
    if place.entry is None or not place.inside:
        return
    above = TREE.lineage(connection, region_id)
    statement = select(*_LINKS).where(
        one_of(regions.c.id, place.inside),
        ~regions.c.parent_is_declared,
        regions.c.parent_id.is_distinct_from(region_id),
    )
    links = [Link(*row) for row in connection.execute(statement)]
    taken = [
        link.id
        for link in links
        if link.id not in above and _may_change(caller, link) and not _has_smaller_parent(place, link)
    ]
    _set_parent(connection, caller, taken, region_id)


def let_go(connection: Connection, caller: Caller, region_id: UUID, place: Place) -> None:
    """Find new parents for the regions that were found in a region and may no longer belong there.

    Args:
        connection: A connection in a transaction that has the lock of the tree.
        caller: The caller.
        region_id: The region, which has its former boundaries still.
        place: The place of its new boundaries.
    """
    statement = select(regions.c.id).where(regions.c.parent_id == region_id, ~regions.c.parent_is_declared)
    children = [row.id for row in connection.execute(statement)]
    former, entry = place.index.entry(region_id), place.entry
    if entry is not None and former is not None and not is_above(entry, former):
        # What it still contains stays: it was the smallest that contains it, and is no larger now.
        children = sorted(set(children).difference(place.inside))
    if not children:
        return
    containing = run_blocking(_search_all, place.index.with_entry(region_id, entry), children)
    for child, found in containing.items():
        parent_id = found_parent(connection, child, found)
        if parent_id != region_id:
            _set_parent(connection, caller, [child], parent_id)


def get_region_tree(connection: Connection, *, code: str, depth: int) -> types.RegionTree:
    """Return a region with the regions below it, each inside of its parent.

    Args:
        connection: A connection to read with.
        code: The region.
        depth: The maximum number of levels below the region.

    Raises:
        NotFound: The region does not exist.
        Invalid: There are more than `MAX_NESTED` regions up to this depth; ``fields`` names ``depth``.
    """
    root = connection.execute(
        select(regions.c.id, regions.c.lineage).where(regions.c.code == code)
    ).one_or_none()
    if root is None:
        raise NotFound("Region not found.")
    deepest = len(root.lineage) + depth
    statement = (
        select(*_NODE)
        .where(regions.c.lineage.contains([root.id]), func.cardinality(regions.c.lineage) <= deepest)
        .order_by(regions.c.code)
        .limit(MAX_NESTED + 1)
    )
    # The names of columns are texts of a kind of their own, which JSON does not take as names.
    nodes = [
        {str(name): value for name, value in row.items()} for row in connection.execute(statement).mappings()
    ]
    if len(nodes) > MAX_NESTED:
        problem = (
            f"There are more than {MAX_NESTED:,} regions up to this depth. Ask for fewer levels, for a region below, or"
            " for the flat list of the tree."
        )
        raise Invalid(fields={"depth": [problem]})
    counts = select(regions.c.parent_id, func.count()).group_by(regions.c.parent_id)
    children_of = {
        row[0]: row[1]
        for row in connection.execute(
            counts.where(one_of(regions.c.parent_id, [node["id"] for node in nodes]))
        )
    }
    by_id = {node["id"]: node for node in nodes}
    for node in nodes:
        node |= {"children_count": children_of.get(node["id"], 0), "children": []}
    for node in nodes:
        if node["id"] != root.id:
            by_id[node["parent_id"]]["children"].append(node)
    return cast("types.RegionTree", by_id[root.id])


def list_region_tree(
    connection: Connection, *, cursor: str | None, limit: int, within: str | None
) -> types.RegionLinks:
    """Return a page of all regions by code, each with the id of its parent.

    Args:
        connection: A connection to read with.
        cursor: The cursor of the previous page; None for the first page.
        limit: The maximum number of regions.
        within: The code of a region: it and those below it; None for all regions.
    """
    statement: Select[Any] = select(*_NODE)
    if within is not None:
        statement = statement.where(below(within))
    rows = connection.execute(keyset(statement, BY_CODE, cursor, limit, max_limit=MAX_LINKS)).all()
    return cast("types.RegionLinks", {**page(rows, limit, BY_CODE), "version": version_of(connection)})


def below(code: str) -> Condition:
    """Return the condition that a region is the one with this code, or lies in it."""
    top = regions.alias("top")
    return regions.c.lineage.contains(
        select(func.array_agg(top.c.id)).where(top.c.code == code).scalar_subquery()
    )


def _search_all(index: RegionIndex, region_ids: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    found = {}
    for region_id in region_ids:
        entry = index.entry(region_id)
        found[region_id] = [] if entry is None else index.containing(entry)
    return found


def _may_change(caller: Caller, link: Link) -> bool:
    held = caller.regions(REGION_WRITE)
    return held is None or not held.isdisjoint(link.lineage)


def _has_smaller_parent(place: Place, link: Link) -> bool:
    parent = None if link.parent_id is None else place.index.entry(link.parent_id)
    return parent is not None and place.entry is not None and is_above(place.entry, parent)


def _set_parent(
    connection: Connection, caller: Caller, region_ids: Sequence[UUID], parent_id: UUID | None
) -> None:
    if region_ids:
        connection.execute(
            update(regions)
            .where(one_of(regions.c.id, region_ids))
            .values(parent_id=parent_id)
            .returning(with_event_context(caller))
        )

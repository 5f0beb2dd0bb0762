"""The tree of regions in a table of one service: what lies in a region, and who holds a permission there.

identity owns the tree. A service that needs it keeps a copy, which events of identity keep up to date. A permission
that is held in a region is held in everything that lies in it. Tokens name the regions as they were granted, and what
lies in them is found here, so that a region can move without new tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    all_,
    any_,
    bindparam,
    column,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    text,
    true,
    type_coerce,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import array, insert

from shared.client.errors import Forbidden
from shared.platform.db.conditions import one_of
from shared.platform.db.tables import moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from shared.platform.db.conditions import Condition
    from shared.platform.outbox.event import Event
    from shared.platform.rpc.context import Caller

MAX_LISTED: Final = 1000
"""Regions up to which a condition lists them: the planner then knows how many rows each of them has."""

REGION_BATCH: Final = 50
"""Events of regions in one batch. Their boundaries can have a megabyte each."""

_IDS: Final = ARRAY(Uuid)


class RegionRow(TypedDict):
    """A region of a copy of the tree, as JSON is made of it."""

    region_id: str
    version: int
    parent_id: str | None


def tree_columns(index: str) -> tuple[Column[Any] | Index, ...]:
    """Return the columns ``parent_id`` and ``lineage`` of a table of regions, with their index.

    Args:
        index: The name of the index.
    """
    return (
        Column("parent_id", Uuid),
        Column(
            "lineage",
            _IDS,
            nullable=False,
            # Former versions, which may still run, know nothing of it.
            server_default=text("'{}'"),
            comment="The ids from the root of the tree to the region itself, as far as they are known.",
        ),
        Index(index, "lineage", postgresql_using="gin"),
    )


def regions_table(tables: MetaData) -> Table:
    """Return the table ``regions`` of a service that keeps a copy of the tree and of nothing else about regions."""
    return Table(
        "regions",
        tables,
        Column("region_id", Uuid, primary_key=True),
        Column("version", Integer, nullable=False),
        *tree_columns("idx_regions_lineage"),
        moment("updated_at"),
        comment="identity's regions, as far as it must be known what lies in which.",
    )


class RegionTree:
    """The regions of a table, by id, with ``version``, ``parent_id`` and ``lineage``.

    Args:
        table: The table; its primary key is the id of the region.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        [self._id] = table.primary_key.columns
        self._lineage = table.c.lineage
        below = _overlap(self._lineage, bindparam("region_ids", type_=_IDS))
        found = select(self._id.label("region_id")).where(below).limit(MAX_LISTED + 1).subquery("found")
        # As text, which is what a condition needs and costs a tenth of so many objects.
        listed = func.string_agg(sql_cast(found.c.region_id, Text), literal(","))
        self._below = select(func.count(), listed)
        self._lock = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name"), 0)))
        self._place = self._placement()

    # --- the copy ---------------------------------------------------------------------------------------------------

    def record(self, connection: Connection, events: Sequence[Event]) -> None:
        """Store the regions that events of identity describe, the newest version of each.

        Args:
            connection: In a transaction.
            events: Events about regions, in any order and any number of times.
        """
        self._store(connection, [region_row(event.data, event.data["region_id"]) for event in events])

    def store(self, connection: Connection, rows: Iterable[RegionRow]) -> None:
        """Store regions as identity returns them now, unless a newer version is stored.

        Args:
            connection: In a transaction.
            rows: The rows, made by `region_row`.
        """
        self._store(connection, rows, replaces_same_version=True)

    def _store(
        self, connection: Connection, rows: Iterable[RegionRow], *, replaces_same_version: bool = False
    ) -> None:
        newest: dict[str, RegionRow] = {}
        for row in rows:
            if row["region_id"] not in newest or newest[row["region_id"]]["version"] < row["version"]:
                newest[row["region_id"]] = row
        if not newest:
            return
        self.lock(connection)
        given = (
            func.json_to_recordset(bindparam(None, list(newest.values()), JSON))
            .table_valued(column("region_id", Uuid), column("version", Integer), column("parent_id", Uuid))
            .render_derived(name="given", with_types=True)
        )
        new = select(given.c.region_id, given.c.version, given.c.parent_id, _alone(given.c.region_id))
        statement = insert(self._table).from_select(["region_id", "version", "parent_id", "lineage"], new)
        held, read = self._table.c.version, statement.excluded.version
        stored = statement.on_conflict_do_update(
            index_elements=[self._id],
            set_={
                "version": read,
                "parent_id": statement.excluded.parent_id,
                "updated_at": func.current_timestamp(),
            },
            where=read >= held if replaces_same_version else read > held,
        ).returning(self._id)
        self.place(connection, connection.scalars(stored).all())

    def lock(self, connection: Connection) -> None:
        """Wait for other transactions that change the tree, and let others wait until this one ends.

        Two changes at once would each compute lineages without the parents of the other.
        """
        connection.execute(self._lock, {"name": f"{self._table.fullname} tree"})

    def place(self, connection: Connection, region_ids: Collection[UUID]) -> None:
        """Compute the lineages of regions whose parents were stored, and of all that lies in them.

        Parents that are not known yet end a lineage, which is completed when they are stored. So does a cycle, which
        exists while only some of the events about a rearranged tree have arrived.

        Args:
            connection: In a transaction that holds the lock of `lock`.
            region_ids: The regions.
        """
        if region_ids:
            connection.execute(self._place, {"region_ids": sorted(region_ids)})

    def _placement(self) -> Any:
        moved = bindparam("region_ids", type_=_IDS)
        start = (
            select(
                self._id.label("region_id"),
                self._table.c.parent_id.label("at"),
                _alone(self._id).label("path"),
            )
            .where(or_(self._id == any_(moved), _overlap(self._lineage, moved)))
            .cte("climb", recursive=True)
        )
        parents = self._table.alias("parents")
        parent_id = parents.c[self._id.key]
        climb = start.union_all(
            select(
                start.c.region_id,
                parents.c.parent_id,
                func.array_prepend(start.c.at, start.c.path, type_=_IDS),
            )
            .select_from(start.outerjoin(parents, parent_id == start.c.at))
            .where(start.c.at.is_not(None), start.c.at != all_(start.c.path))
        )
        # Every climb ends once: above a root, above a parent that is not known, or where it would go round.
        whole = (
            select(climb.c.region_id, climb.c.path)
            .where(or_(climb.c.at.is_(None), climb.c.at == any_(climb.c.path)))
            .subquery("whole")
        )
        return (
            update(self._table)
            .where(self._id == whole.c.region_id, self._lineage.is_distinct_from(whole.c.path))
            .values(lineage=whole.c.path)
        )

    # --- questions --------------------------------------------------------------------------------------------------

    def lineage(self, connection: Connection, region_id: UUID) -> tuple[UUID, ...]:
        """Return the ids from the root of the tree to the region; the region alone if it is not known yet."""
        found = connection.scalar(select(self._lineage).where(self._id == region_id))
        return tuple(found or [region_id])

    def within(
        self,
        connection: Connection,
        region: ColumnElement[Any],
        region_ids: Collection[UUID],
        *,
        exact: bool = False,
    ) -> Condition:
        """Return the condition that a column is one of the regions, or a region that lies in one of them.

        The regions are listed where they are few, and a single one is compared with ``=``: an index keeps its order
        then, and the planner knows how many rows they have. Of many, a join with the tree decides.

        Args:
            connection: To read with.
            region: The column with the id of a region.
            region_ids: The regions.
            exact: Whether only the regions themselves are meant.
        """
        if not region_ids:
            return false()
        if exact:
            return one_of(region, sorted(region_ids))
        named = sorted(region_ids)
        count, below = connection.execute(self._below, {"region_ids": named}).one()
        if count <= MAX_LISTED:
            # The named ones as well, which may not be known yet.
            listed = list(dict.fromkeys([*map(str, named), *(below.split(",") if below else ())]))
            return region == named[0] if len(listed) == 1 else region == any_(_literal(listed))
        tree = self._table.alias("tree")
        inside = _overlap(tree.c.lineage, _literal(named))
        return region.in_(select(tree.c[self._id.key]).where(inside))

    def chosen(
        self, connection: Connection, region: ColumnElement[Any], filters: Mapping[str, Any]
    ) -> list[Condition]:
        """Return the condition of the filters ``region_id`` and ``exact``, or none where no region is given."""
        region_ids = filters.get("region_id")
        if region_ids is None:
            return []
        return [self.within(connection, region, region_ids, exact=filters.get("exact", False))]

    # --- permissions ------------------------------------------------------------------------------------------------

    def may(self, connection: Connection, caller: Caller, permission: str, region_id: UUID) -> bool:
        """Return whether the caller holds the permission in the region, or in one that contains it.

        It reads nothing where the token alone decides.
        """
        regions = caller.regions(permission)
        if regions is None or region_id in regions:
            return True
        return bool(regions) and not regions.isdisjoint(self.lineage(connection, region_id))

    def require(self, connection: Connection, caller: Caller, permission: str, region_id: UUID) -> None:
        """Refuse a caller who does not hold the permission in the region, nor in one that contains it.

        Raises:
            Forbidden: It names the permission.
        """
        if not self.may(connection, caller, permission, region_id):
            raise Forbidden(f"This needs the permission {permission}.", permission=permission)

    def held(
        self, connection: Connection, caller: Caller, permission: str, region: ColumnElement[Any]
    ) -> Condition:
        """Return the condition that a column is a region in which the caller holds the permission."""
        regions = caller.regions(permission)
        return true() if regions is None else self.within(connection, region, regions)

    def held_as_given(self, region: ColumnElement[Any]) -> Condition:
        """Return `held` for a statement that is made once and finds its row by id; `given` returns its parameters."""
        regions = bindparam("regions", type_=_IDS)
        tree = self._table.alias("tree")
        contained = exists().where(tree.c[self._id.key] == region, _overlap(tree.c.lineage, regions))
        return or_(bindparam("everywhere", type_=Boolean), region == any_(regions), contained)


def given(caller: Caller, permission: str) -> dict[str, Any]:
    """Return the parameters of `RegionTree.held_as_given`: ``everywhere`` and ``regions``."""
    regions = caller.regions(permission)
    return {"everywhere": regions is None, "regions": sorted(regions or ())}


def region_row(facts: Mapping[str, Any], region_id: UUID | str) -> RegionRow:
    """Return the row of a region.

    Args:
        facts: The facts, among them ``version``, and ``parent_id``, which events of former versions do not have.
        region_id: The id of the region.
    """
    parent_id = facts.get("parent_id")
    return {
        "region_id": str(region_id),
        "version": facts["version"],
        "parent_id": None if parent_id is None else str(parent_id),
    }


def _overlap(lineage: ColumnElement[Any], region_ids: ColumnElement[Any]) -> Condition:
    return lineage.bool_op("&&")(region_ids)


def _literal(region_ids: Iterable[object]) -> ColumnElement[Any]:
    """Return the ids as a constant. A plan for any parameter would fit neither few nor many regions."""
    listed = "{" + ",".join(map(str, region_ids)) + "}"
    return sql_cast(bindparam(None, listed, type_=Text, literal_execute=True), _IDS)


def _alone(region_id: ColumnElement[Any]) -> ColumnElement[Any]:
    return type_coerce(array([region_id]), _IDS)

"""The audience: a copy of identity's accounts and regions, reduced to what alerts need and kept up to date by events.

Each event carries all the facts of its account or region, with their version. An event that is not newer than the
stored row is ignored, so events may arrive twice and in any order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypedDict
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    bindparam,
    column,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from services.alerts import audience_moves, joining, paths
from services.alerts.models import ALL_REGIONS, REGIONS, audience_members, audience_regions
from services.alerts.sources import touch_regions
from shared.domain import region_tree
from shared.platform.db.conditions import one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import ColumnClause, ColumnElement, Connection, TableValuedAlias
    from sqlalchemy.sql.dml import ReturningInsert

    from shared.platform.outbox.event import Event


class MemberRow(TypedDict):
    """The row of an account, as JSON is made of it."""

    user_id: str
    version: int
    is_active: bool
    regions: list[str]
    roles: list[str]
    language: str | None


class RegionRow(region_tree.RegionRow):
    """The row of a region, as JSON is made of it."""

    code: str
    name: str
    boundaries: Mapping[str, Any] | None


MAX_CODE_LENGTH: Final = 50
MAX_ROLE_LENGTH: Final = 100
MAX_LANGUAGE_LENGTH: Final = 35
REGION_BATCH: Final = 8
"""Regions in one statement. Their boundaries, up to a megabyte each, are sent as one JSON text."""


def record_audience(
    connection: Connection, events: Sequence[Event], size: int = audience_moves.CHUNK
) -> None:
    """Store the accounts and regions that events of identity describe, the newest version of each.

    The alerts in force follow. Of the accounts that a region concerns which has moved or became known, some are looked
    at at once, the others by `audience_moves.follow_moves`.

    Args:
        connection: In a transaction.
        events: Events of identity, in any order.
        size: The maximal number of accounts that are looked at at once because of a region.
    """
    members = [member_row(event.data, event.data["user_id"]) for event in events if "user_id" in event.data]
    regions = [
        region_row(event.data, event.data["region_id"]) for event in events if "region_id" in event.data
    ]
    paths.lock_audience(connection, alone=bool(regions))
    has_moved = _store_regions(connection, _NEWER_REGIONS, regions)
    concerned = _store_members(connection, _NEWER_MEMBERS, members)
    if has_moved:
        concerned |= audience_moves.next_members(connection, size) or set()
    joining.follow_members(connection, concerned)


def store_members(connection: Connection, members: Iterable[MemberRow]) -> None:
    """Store accounts as identity returns them now, unless a newer version is stored. The alerts in force follow.

    Args:
        connection: In a transaction.
        members: The rows, made by `member_row`.
    """
    paths.lock_audience(connection)
    joining.follow_members(connection, _store_members(connection, _CURRENT_MEMBERS, members))


def store_regions(connection: Connection, regions: Iterable[RegionRow]) -> None:
    """Store regions as identity returns them now, unless a newer version is stored.

    Args:
        connection: In a transaction.
        regions: The rows, made by `region_row`.
    """
    paths.lock_audience(connection, alone=True)
    _store_regions(connection, _CURRENT_REGIONS, list(regions))


def member_row(account: Mapping[str, Any], user_id: UUID | str) -> MemberRow:
    """Return the row of an account.

    Args:
        account: The facts, among them ``version``, ``is_active``, ``preferences`` and ``roles``. Preferences that were
            not written through identity can be any JSON; what is not a list of codes names no region.
        user_id: The id of the account.
    """
    preferences = account["preferences"] or {}
    wanted, language = preferences.get("regions"), preferences.get("language")
    codes = {
        code
        for code in (wanted if isinstance(wanted, list) else ())
        if isinstance(code, str) and len(code) <= MAX_CODE_LENGTH
    }
    if preferences.get("all_regions") is True:
        codes.add(ALL_REGIONS)
    return {
        "user_id": str(user_id),
        "version": account["version"],
        "is_active": account["is_active"],
        "regions": sorted(codes),
        "roles": sorted(role for role in account["roles"] if len(role) <= MAX_ROLE_LENGTH),
        "language": language if isinstance(language, str) and len(language) <= MAX_LANGUAGE_LENGTH else None,
    }


def region_row(facts: Mapping[str, Any], region_id: UUID | str) -> RegionRow:
    """Return the row of a region.

    Args:
        facts: The facts, among them ``version``, ``code``, ``name`` and ``boundaries``, and those of
            `region_tree.region_row`.
        region_id: The id of the region.
    """
    return {
        **region_tree.region_row(facts, region_id),
        "code": facts["code"],
        "name": facts["name"],
        "boundaries": facts["boundaries"],
    }


def _upsert(
    table: Table, given: TableValuedAlias, computed: Mapping[str, ColumnElement[Any]], *, repeats: bool
) -> ReturningInsert[Any]:
    """Return the statement that stores rows which are newer, or with ``repeats`` as new, and returns their keys."""
    [key] = table.primary_key.columns
    values: dict[str, ColumnElement[Any]] = {**{found.key: found for found in given.c}, **computed}
    statement = insert(table).from_select(list(values), select(*values.values()))
    held, new = table.c.version, statement.excluded.version
    return statement.on_conflict_do_update(
        index_elements=[key],
        set_={
            **{name: statement.excluded[name] for name in values if name != key.key},
            "updated_at": func.current_timestamp(),
        },
        where=new >= held if repeats else new > held,
    ).returning(key)


def _given(*columns: ColumnClause[Any]) -> TableValuedAlias:
    return (
        func.json_to_recordset(bindparam("rows", type_=JSON))
        .table_valued(*columns)
        .render_derived(name="given", with_types=True)
    )


_MEMBER: Final = _given(
    column("user_id", Uuid),
    column("version", Integer),
    column("is_active", Boolean),
    column("regions", ARRAY(Text)),
    column("roles", ARRAY(Text)),
    column("language", String),
)
_REGION: Final = _given(
    column("region_id", Uuid),
    column("version", Integer),
    column("code", String),
    column("name", String),
    column("boundaries", JSONB),
    column("parent_id", Uuid),
)
_COVERS: Final = {"covers": paths.covered(_MEMBER.c.regions)}
_NEWER_MEMBERS: Final = _upsert(audience_members, _MEMBER, _COVERS, repeats=False)
_NEWER_REGIONS: Final = _upsert(audience_regions, _REGION, {}, repeats=False)
_CURRENT_MEMBERS: Final = _upsert(audience_members, _MEMBER, _COVERS, repeats=True)
_CURRENT_REGIONS: Final = _upsert(audience_regions, _REGION, {}, repeats=True)


def _store_regions(
    connection: Connection, statement: ReturningInsert[Any], rows: Sequence[RegionRow]
) -> bool:
    """Store regions and return whether one of them has moved or became known, so that accounts are concerned."""
    if not rows:
        return False
    REGIONS.lock(connection)
    ordered = _newest(rows, "region_id")
    before = _lineages(connection, [UUID(row["region_id"]) for row in ordered])
    stored: list[UUID] = []
    for first in range(0, len(ordered), REGION_BATCH):
        stored += connection.scalars(statement, {"rows": ordered[first : first + REGION_BATCH]})
    REGIONS.place(connection, stored)
    touch_regions(connection, stored)
    after = _lineages(connection, stored)
    moved = {region_id for region_id, lineage in after.items() if before.get(region_id) != lineage}
    return bool(moved) and audience_moves.begin_move(connection, moved, moved - before.keys())


def _lineages(connection: Connection, region_ids: list[UUID]) -> dict[UUID, list[UUID]]:
    statement = select(audience_regions.c.region_id, audience_regions.c.lineage)
    rows = connection.execute(statement.where(one_of(audience_regions.c.region_id, region_ids)))
    return {row.region_id: row.lineage for row in rows}


def _store_members(
    connection: Connection, statement: ReturningInsert[Any], rows: Iterable[MemberRow]
) -> set[UUID]:
    """Store accounts and return the ids of those that were not newer already."""
    newest = _newest(rows, "user_id")
    return set(connection.scalars(statement, {"rows": newest})) if newest else set()


def _newest(rows: Iterable[Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
    """Return the newest version of each row.

    They are in the order of the ids everywhere, so that two processes with the same rows cannot deadlock.
    """
    newest: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        if row[key] not in newest or newest[row[key]]["version"] < row["version"]:
            newest[row[key]] = row
    return sorted(newest.values(), key=lambda row: row[key])

"""The audience: identity's accounts and regions as far as alerts need them, kept by identity's events.

Every event says everything, so the newest one of an account or region is all that counts: whatever is older than
what is held already, or the same, is let pass. So events may come twice and in any order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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

from services.alerts.models import ALL_REGIONS, audience_members, audience_regions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnClause, Connection

    from shared.platform.outbox.event import Event

Row = dict[str, Any]

MAX_CODE_LENGTH: Final = 50
MAX_ROLE_LENGTH: Final = 100
REGIONS_TOGETHER: Final = 8
"""Regions in one statement, whose boundaries are written as JSON in one piece."""


def record_audience(connection: Connection, events: Sequence[Event]) -> None:
    """Takes in what identity tells of accounts and regions, set-based, and of each the newest alone.

    Args:
        connection: In a transaction.
        events: Of identity, in any order.
    """
    members = [member(event.data, event.data["user_id"]) for event in events if "user_id" in event.data]
    regions = [region(event.data, event.data["region_id"]) for event in events if "region_id" in event.data]
    _store(connection, _NEWER_REGIONS, "region_id", regions)
    _store(connection, _NEWER_MEMBERS, "user_id", members)


def store_members(connection: Connection, members: Iterable[Row]) -> None:
    """Takes in accounts as identity shows them now, unless something newer is held.

    Args:
        connection: In a transaction.
        members: Made by `member`.
    """
    _store(connection, _CURRENT_MEMBERS, "user_id", members)


def store_regions(connection: Connection, regions: Iterable[Row]) -> None:
    """Takes in regions as identity shows them now, unless something newer is held.

    Args:
        connection: In a transaction.
        regions: Made by `region`.
    """
    _store(connection, _CURRENT_REGIONS, "region_id", regions)


def member(account: Mapping[str, Any], user_id: UUID | str) -> Row:
    """The row of an account.

    Args:
        account: With ``version``, ``is_active``, ``preferences`` and ``roles``. Preferences that somebody wrote past
            identity may be anything; what is no list of codes names no region.
        user_id: Whose.
    """
    preferences = account["preferences"] or {}
    wanted = preferences.get("regions")
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
    }


def region(facts: Mapping[str, Any], region_id: UUID | str) -> Row:
    """The row of a region.

    Args:
        facts: With ``version``, ``code``, ``name`` and ``boundaries``.
        region_id: Which.
    """
    names = ("version", "code", "name", "boundaries")
    return {"region_id": str(region_id), **{name: facts[name] for name in names}}


def _upsert(table: Table, key: str, columns: Sequence[ColumnClause[Any]], *, repeats: bool) -> Any:
    given = (
        func.json_to_recordset(bindparam("rows", type_=JSON))
        .table_valued(*columns)
        .render_derived(name="given", with_types=True)
    )
    statement = insert(table).from_select([found.key for found in given.c], select(*given.c))
    held, new = table.c.version, statement.excluded.version
    return statement.on_conflict_do_update(
        index_elements=[key],
        set_={
            **{found.key: statement.excluded[found.key] for found in given.c if found.key != key},
            "updated_at": func.current_timestamp(),
        },
        where=new >= held if repeats else new > held,
    )


_MEMBER: Final = (
    column("user_id", Uuid),
    column("version", Integer),
    column("is_active", Boolean),
    column("regions", ARRAY(Text)),
    column("roles", ARRAY(Text)),
)
_REGION: Final = (
    column("region_id", Uuid),
    column("version", Integer),
    column("code", String),
    column("name", String),
    column("boundaries", JSONB),
)
_NEWER_MEMBERS: Final = _upsert(audience_members, "user_id", _MEMBER, repeats=False)
_NEWER_REGIONS: Final = _upsert(audience_regions, "region_id", _REGION, repeats=False)
_CURRENT_MEMBERS: Final = _upsert(audience_members, "user_id", _MEMBER, repeats=True)
_CURRENT_REGIONS: Final = _upsert(audience_regions, "region_id", _REGION, repeats=True)


def _store(connection: Connection, statement: Any, key: str, rows: Iterable[Row]) -> None:
    newest: dict[str, Row] = {}
    for row in rows:
        if row[key] not in newest or newest[row[key]]["version"] < row["version"]:
            newest[row[key]] = row
    # In one order everywhere: two processes with the same rows wait for and do not lock out each other.
    ordered = sorted(newest.values(), key=lambda row: row[key])
    together = len(ordered) if key == "user_id" else REGIONS_TOGETHER
    for first in range(0, len(ordered), together or 1):
        connection.execute(statement, {"rows": ordered[first : first + together]})

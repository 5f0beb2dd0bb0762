"""Rebuilding the audience from identity, in steps that each fit into one call."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from services.alerts import audience, paths
from shared.client.errors import Invalid

if TYPE_CHECKING:
    from services.alerts.schemas import types
    from shared.client.types.identity import IdentityMethods
    from shared.platform.db.engine import Database

SECONDS: Final = 4.0
"""The length of a step, well below the time that callers wait."""

REGION_PAGE_SIZE: Final = 10
MEMBER_PAGE_SIZE: Final = 500

_REGIONS: Final = "regions:"
_MEMBERS: Final = "members:"


def rebuild_audience(
    database: Database, identity: IdentityMethods, cursor: str | None
) -> types.RebuiltAudience:
    """Read regions and then accounts, page by page, until the step is over or everything has been read.

    It may run at any time: a newer version that an event brings meanwhile is kept. The alerts in force follow, as with
    events.

    Args:
        database: The database of the service.
        identity: A client of identity that acts for a caller who may read accounts and roles.
        cursor: The ``next_cursor`` of the previous step; None to begin.

    Raises:
        Invalid: The cursor is not one of this method; it names ``cursor``.
        Forbidden: The caller may not read accounts or roles.
    """
    deadline = time.monotonic() + SECONDS
    counts = {"regions": 0, "members": 0}
    position = cursor or _REGIONS
    inactive = _inactive_roles(identity)
    while True:
        if position.startswith(_REGIONS):
            position = _regions(database, identity, position, counts)
        elif position.startswith(_MEMBERS):
            position = _members(database, identity, position, counts, inactive)
        else:
            raise Invalid(fields={"cursor": ["Not a cursor of this method."]})
        if not position or time.monotonic() > deadline:
            return {
                "regions": counts["regions"],
                "members": counts["members"],
                "next_cursor": position or None,
            }


def _regions(database: Database, identity: IdentityMethods, position: str, counts: dict[str, int]) -> str:
    page = identity.list_regions(
        cursor=position.removeprefix(_REGIONS) or None,
        limit=REGION_PAGE_SIZE,
        include_boundaries=True,
        detail="full",
    )
    with database.write() as connection:
        audience.store_regions(connection, (audience.region_row(row, row["id"]) for row in page["items"]))
        if page["next_cursor"] is None:
            # Before the accounts: each joins what it finds open.
            paths.reopen_all(connection)
    counts["regions"] += len(page["items"])
    return _REGIONS + page["next_cursor"] if page["next_cursor"] else _MEMBERS


def _members(
    database: Database,
    identity: IdentityMethods,
    position: str,
    counts: dict[str, int],
    inactive: frozenset[str],
) -> str:
    page = identity.list_users(cursor=position.removeprefix(_MEMBERS) or None, limit=MEMBER_PAGE_SIZE)
    members = [
        audience.member_row(
            {**row, "roles": [role for role in row["roles"] if role not in inactive]}, row["id"]
        )
        for row in page["items"]
    ]
    with database.write() as connection:
        audience.store_members(connection, members)
    counts["members"] += len(members)
    return _MEMBERS + page["next_cursor"] if page["next_cursor"] else ""


def _inactive_roles(identity: IdentityMethods) -> frozenset[str]:
    """Return the roles that are not active. Accounts still hold them, but they form no group."""
    names: set[str] = set()
    cursor = None
    while True:
        page = identity.list_roles(is_active=False, cursor=cursor, limit=MEMBER_PAGE_SIZE)
        names |= {role["name"] for role in page["items"]}
        cursor = page["next_cursor"]
        if cursor is None:
            return frozenset(names)

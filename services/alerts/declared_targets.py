"""The declared targets of an alert: the groups, regions and accounts that its author named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, insert, select

from services.alerts.models import REGIONS, alert_targets, audience_members, audience_regions
from services.alerts.policy import GROUP, REGION, USER, Target, group_of, in_order
from shared.client.errors import Invalid
from shared.platform.db.conditions import one_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from shared.platform.rpc.context import Caller

NOWHERE = UUID(int=0)
"""The id of no region: only callers who hold a permission everywhere hold it here."""


def declare(connection: Connection, alert_id: UUID, targets: Iterable[Target]) -> None:
    """Write the declared targets of an alert that has none."""
    rows = [
        {
            "alert_id": alert_id,
            "target_type": target.target_type,
            "target_id": target.target_id,
            "position": position,
        }
        for position, target in enumerate(in_order(targets), start=1)
    ]
    connection.execute(insert(alert_targets), rows)


def redeclare(connection: Connection, alert_id: UUID, targets: Iterable[Target]) -> None:
    """Replace the declared targets of a draft."""
    connection.execute(delete(alert_targets).where(alert_targets.c.alert_id == alert_id))
    declare(connection, alert_id, targets)


def region_target(region_id: UUID) -> list[Target]:
    """Return the targets of an alert whose author declared none: the people of its region."""
    return [Target(REGION, str(region_id))]


def check_targets(
    connection: Connection, caller: Caller, permission: str, targets: Sequence[Target], region_id: UUID
) -> None:
    """Refuse targets that do not exist, and targets that are beyond the caller's permission.

    Callers who hold the permission for some regions may address the people of these regions and groups narrowed to
    them. Accounts and whole groups can be anywhere; addressing them needs the permission everywhere.

    Args:
        connection: In a transaction or not.
        caller: The caller who drafts or issues the alert.
        permission: ``alert:draft`` or ``alert:issue``.
        targets: The declared targets.
        region_id: The id of the alert's own region, which is checked elsewhere.

    Raises:
        Invalid: It names the target that does not exist.
        Forbidden: The caller does not hold the permission everywhere, or not in the region of a target.
    """
    regions = _regions(connection)
    unknown = _unknown_people(connection, targets)
    for index, target in enumerate(targets):
        if target == (REGION, str(region_id)):
            continue
        region = _region_of(target, regions)
        if target in unknown or (region is None and _names_region(target)):
            thing = "account" if target.target_type == USER else "region"
            raise Invalid(fields={f"targets.{index}.target_id": [f"No such {thing}."]})
        if caller.regions(permission) is not None:
            REGIONS.require(connection, caller, permission, region or NOWHERE)


def _names_region(target: Target) -> bool:
    return target.target_type == REGION or (
        target.target_type == GROUP and group_of(target.target_id)[1] is not None
    )


def _region_of(target: Target, regions: dict[str, UUID]) -> UUID | None:
    if target.target_type == REGION:
        return regions.get(target.target_id)
    code = group_of(target.target_id)[1] if target.target_type == GROUP else None
    return regions.get(code) if code else None


def _regions(connection: Connection) -> dict[str, UUID]:
    """Return the ids of all regions, by their code and by their id as text."""
    rows: Any = connection.execute(select(audience_regions.c.region_id, audience_regions.c.code))
    return {name: row.region_id for row in rows for name in (row.code, str(row.region_id))}


def _unknown_people(connection: Connection, targets: Sequence[Target]) -> set[Target]:
    people = {UUID(target.target_id): target for target in targets if target.target_type == USER}
    if not people:
        return set()
    known = connection.scalars(
        select(audience_members.c.user_id).where(one_of(audience_members.c.user_id, list(people)))
    )
    return set(people.values()) - {people[user_id] for user_id in known}


def declared(connection: Connection, alert_id: UUID) -> list[Target]:
    """Return the declared targets of an alert, in their order."""
    rows = connection.execute(
        select(alert_targets.c.target_type, alert_targets.c.target_id)
        .where(alert_targets.c.alert_id == alert_id, alert_targets.c.position.is_not(None))
        .order_by(alert_targets.c.position)
    )
    return [Target(row.target_type, row.target_id) for row in rows]

"""Who may manage whom: the checks that a token alone cannot answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from services.identity import rules
from services.identity.models import roles, user_roles, users
from services.identity.queries import as_now, attainable_by, region_ids
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain.permissions import ADMINISTRATOR
from shared.platform.db.tables import SYSTEM_USER_ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from shared.platform.rpc.context import Caller


def acting(connection: Connection, caller: Caller, permission: str) -> Caller:
    """The caller with what they may at this moment, who holds the permission.

    Raises:
        Forbidden: They do not hold it, or not any more.
        Unauthenticated: Their account was closed.
    """
    now = as_now(connection, caller)
    now.require(permission)
    return now


def require_cover(caller: Caller, wanted: Mapping[str, frozenset[UUID] | None]) -> None:
    """Refuses who gives or takes what they do not hold themselves.

    Raises:
        Forbidden: It names what is lacking.
    """
    lacking = [
        name for name, regions in wanted.items() if not rules.covers(caller.permissions, {name: regions})
    ]
    if lacking:
        raise Forbidden(
            f"This takes permissions that you do not hold yourself: {', '.join(sorted(lacking))}.",
            lacking=sorted(lacking),
        )


def require_authority_over(connection: Connection, caller: Caller, user_id: UUID) -> None:
    """Refuse a caller who would manage an account with permissions that the caller does not hold.

    What the account could get back counts too: whoever resets its password while its role is switched off would
    have that role when it is switched on again.

    Raises:
        Forbidden: The account has a permission that the caller lacks, or could get it back, or is the platform's own.
    """
    if user_id == SYSTEM_USER_ID:
        raise Forbidden("This account stands for ImpactX itself.")
    if user_id != caller.user_id:
        require_cover(caller, attainable_by(connection, user_id))


def checked_grants(connection: Connection, permissions: Sequence[str]) -> rules.Grants:
    """What these permissions, which somebody asks for, allow: every one of them must exist.

    Raises:
        Invalid: One is unknown, or is narrowed to a region that does not exist; it names ``permissions``.
    """
    codes = region_ids(connection, set(permissions))
    problems = []
    for text in permissions:
        permission = rules.Permission.parse(text)
        if permission is None:
            problems.append(f"There is no permission {text}.")
        elif permission.region_code is not None and permission.region_code not in codes:
            problems.append(f"{text}: no region has the code {permission.region_code}.")
    if problems:
        raise Invalid(fields={"permissions": problems})
    return rules.combine(permissions, codes)


def role_grants(connection: Connection, role: Mapping[str, Any]) -> rules.Grants:
    """Return what a role allows, or would allow if it were active and its regions existed."""
    codes = region_ids(connection, set(role["permissions"]))
    return rules.combine(role["permissions"], codes, count_missing_regions=True)


def lock_role(connection: Connection, name: str) -> UUID:
    """The id of the role, locked against changes of it until the transaction ends.

    Raises:
        NotFound: There is none.
    """
    locked = select(roles.c.id).where(roles.c.name == name).with_for_update()
    role_id: UUID | None = connection.execute(locked).scalar_one_or_none()
    if role_id is None:
        raise NotFound(f"There is no role {name}.")
    return role_id


def keep_an_administrator(connection: Connection, user_id: UUID) -> None:
    """Refuses to take the last administrator away, for nobody could make another one.

    The role is locked first, so that two administrators who put out each other do not both succeed.

    Raises:
        Conflict: Nobody but this account is an administrator.
    """
    role_id = lock_role(connection, ADMINISTRATOR)
    others = (
        select(func.count())
        .select_from(user_roles.join(users, users.c.id == user_roles.c.user_id))
        .where(user_roles.c.role_id == role_id, users.c.is_active, users.c.id != user_id)
    )
    if connection.execute(others).scalar_one() == 0:
        raise Conflict("This is the last administrator; make another one first.")

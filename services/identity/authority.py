"""The current permissions of accounts, and the checks of who may manage which account and role.

An access token is not enough for these checks: it can be older than a change of its account.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ARRAY, ColumnElement, Select, Text, and_, func, literal, select
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import aggregate_order_by

from services.identity import policy
from services.identity.models import regions, role_permissions, roles, user_roles, users
from services.identity.revocations import reason_to_refuse
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain.permissions import ADMINISTRATOR
from shared.platform.db.conditions import one_of
from shared.platform.db.tables import SYSTEM_USER_ID
from shared.platform.rpc.revocations import DEACTIVATED, revoked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from uuid import UUID

    from sqlalchemy import Connection

    from services.identity.schemas import types
    from shared.platform.rpc.context import Caller

NO_SUCH_USER = "Account not found."


@dataclass(frozen=True, slots=True)
class Authority:
    """What an account may do at this moment.

    Attributes:
        is_active: Whether it can be used at all.
        version: The version of the account.
        roles: The versions of its active roles by name.
        grants: The grants of these roles.
    """

    is_active: bool
    version: int
    roles: Mapping[str, int]
    grants: policy.Grants


def acting(connection: Connection, caller: Caller, permission: str) -> Caller:
    """Return the caller with their current permissions, and require one of these.

    Raises:
        Forbidden: The caller does not have the permission, or no longer has it.
        Unauthenticated: The account of the caller is deactivated.
    """
    now = as_now(connection, caller)
    now.require(permission)
    return now


def require_cover(
    connection: Connection, caller: Caller, wanted: Mapping[str, frozenset[UUID] | None]
) -> None:
    """Reject callers who lack one of the wanted grants: nobody grants or revokes what they do not have.

    What is held in a region is held in everything that lies in it.

    Raises:
        Forbidden: The caller lacks a permission; ``lacking`` names all that are missing.
    """
    lineages = _lineages(connection, wanted)
    lacking = [
        name
        for name, regions in wanted.items()
        if not policy.covers(caller.permissions, {name: regions}, lineages)
    ]
    if lacking:
        raise Forbidden(
            f"You do not have all permissions that this needs. Missing: {', '.join(sorted(lacking))}.",
            lacking=sorted(lacking),
        )


def _lineages(
    connection: Connection, grants: Mapping[str, frozenset[UUID] | None]
) -> dict[UUID, frozenset[UUID]]:
    """Return for each region of the grants the region itself and all that contain it."""
    named = {region_id for region_ids in grants.values() for region_id in region_ids or ()}
    if not named:
        return {}
    statement = select(regions.c.id, regions.c.lineage).where(one_of(regions.c.id, sorted(named)))
    return {row.id: frozenset(row.lineage) for row in connection.execute(statement)}


def require_authority_over(connection: Connection, caller: Caller, user_id: UUID) -> None:
    """Reject callers who want to manage an account with permissions that they do not have.

    Permissions that the account could get back count too: a caller who resets its password while its role is inactive
    would have that role as soon as it is active again.

    Raises:
        Forbidden: The account has, or could get back, a permission that the caller lacks, or it is the system account.
    """
    if user_id == SYSTEM_USER_ID:
        raise Forbidden("The system account cannot be changed.")
    if user_id != caller.user_id:
        require_cover(connection, caller, attainable_by(connection, user_id))


def checked_grants(connection: Connection, permissions: Collection[str]) -> policy.Grants:
    """Return the grants of the permissions of a request.

    Raises:
        Invalid: A permission or its region does not exist; ``fields`` names ``permissions``.
    """
    codes = region_ids(connection, permissions)
    problems = []
    for text in permissions:
        permission = policy.Permission.parse(text)
        if permission is None:
            problems.append(f"The permission {text} does not exist.")
        elif permission.region_code is not None and permission.region_code not in codes:
            problems.append(
                f"The permission {text} names a region that does not exist: {permission.region_code}."
            )
    if problems:
        raise Invalid(fields={"permissions": problems})
    return policy.combine(permissions, codes)


def role_grants(connection: Connection, permissions: Collection[str]) -> policy.Grants:
    """Return the grants of a role with these permissions as if it were active and all its regions existed."""
    codes = region_ids(connection, permissions)
    return policy.combine(permissions, codes, count_missing_regions=True)


def lock_role(connection: Connection, name: str) -> UUID:
    """Return the id of a role, and lock the role until the transaction ends.

    Raises:
        NotFound: The role does not exist.
    """
    locked = select(roles.c.id).where(roles.c.name == name).with_for_update()
    role_id: UUID | None = connection.execute(locked).scalar_one_or_none()
    if role_id is None:
        raise NotFound(f"The role {name} does not exist.")
    return role_id


def keep_an_administrator(connection: Connection, user_id: UUID) -> None:
    """Reject the removal of the last administrator, because nobody could appoint a new one.

    The role is locked first, so that two administrators who remove each other do not both succeed.

    Raises:
        Conflict: No other active account is an administrator.
    """
    role_id = lock_role(connection, ADMINISTRATOR)
    others = (
        select(func.count())
        .select_from(user_roles.join(users, users.c.id == user_roles.c.user_id))
        .where(user_roles.c.role_id == role_id, users.c.is_active, users.c.id != user_id)
    )
    if connection.execute(others).scalar_one() == 0:
        raise Conflict(
            "This is the last administrator. Grant the role administrator to another account first."
        )


def as_now(connection: Connection, caller: Caller) -> Caller:
    """Return the caller with the permissions of this moment instead of those of the token.

    A token can be older than a change of its account: the denial list tells of it soon, and this function at once.

    Raises:
        Unauthenticated: The account is deactivated, or the token was signed before it or its session was revoked.
    """
    authority = authority_of(connection, caller.user_id)
    if not authority.is_active:
        raise revoked(DEACTIVATED)
    reason = reason_to_refuse(connection, caller)
    if reason:
        raise revoked(reason)
    return replace(caller, roles=frozenset(authority.roles), permissions=authority.grants)


def described(caller: Caller) -> types.Authority:
    """Return the roles and permissions of a caller as they are sent."""
    permissions = {
        name: True if held is None else sorted(map(str, held)) for name, held in caller.permissions.items()
    }
    return {"roles": sorted(caller.roles), "permissions": permissions}


def authority_of(connection: Connection, user_id: UUID) -> Authority:
    """Return the roles and grants of an account, active or not. Inactive roles do not count.

    One statement reads all of it with the versions, so that a version is never newer than the grants beside it. An
    account that does not exist is one that is not active.
    """
    held = user_roles.join(roles, and_(roles.c.id == user_roles.c.role_id, roles.c.is_active))
    rows = connection.execute(
        select(
            users.c.is_active,
            users.c.version,
            roles.c.name,
            roles.c.version.label("role_version"),
            role_permissions.c.permission,
        )
        .select_from(
            users.outerjoin(held, user_roles.c.user_id == users.c.id).outerjoin(
                role_permissions, role_permissions.c.role_id == roles.c.id
            )
        )
        .where(users.c.id == user_id)
    ).all()
    if not rows:
        return Authority(is_active=False, version=0, roles={}, grants={})
    permissions = {row.permission for row in rows if row.permission is not None}
    return Authority(
        is_active=rows[0].is_active,
        version=rows[0].version,
        roles={row.name: row.role_version for row in rows if row.name is not None},
        grants=policy.combine(permissions, region_ids(connection, permissions)),
    )


def attainable_by(connection: Connection, user_id: UUID) -> policy.Grants:
    """Return the grants that an account has or could get back without a new grant.

    They include those of inactive roles and of deactivated accounts, and permissions for regions that do not exist: all
    of these can become effective without a decision about this account.
    """
    held = select(user_roles.c.role_id).where(user_roles.c.user_id == user_id)
    primary = select(users.c.role_id).where(users.c.id == user_id, users.c.role_id.is_not(None))
    permissions = set(
        connection.execute(
            select(role_permissions.c.permission).where(role_permissions.c.role_id.in_(held.union(primary)))
        ).scalars()
    )
    return policy.combine(permissions, region_ids(connection, permissions), count_missing_regions=True)


def region_ids(connection: Connection, permissions: Iterable[str]) -> dict[str, UUID]:
    """Return the ids of the regions that the permissions are limited to, by code."""
    parsed = [policy.Permission.parse(permission) for permission in permissions]
    codes = {permission.region_code for permission in parsed if permission and permission.region_code}
    if not codes:
        return {}
    rows = connection.execute(select(regions.c.code, regions.c.id).where(regions.c.code.in_(codes)))
    return {row.code: row.id for row in rows}


def read_user(connection: Connection, user_id: UUID) -> types.User:
    """Return an account. The caller of this function checks permissions.

    Raises:
        NotFound: The account does not exist.
    """
    row = connection.execute(select_users().where(users.c.id == user_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_USER)
    return cast("types.User", dict(row))


def select_users() -> Select[Any]:
    """Return a query of accounts with every column that is shown; the hash of the password is not."""
    shown = [users.c[name] for name in (
        "id", "email", "first_name", "last_name", "phone", "role_id", "is_active", "version", "created_at",
        "updated_at",
    )]  # fmt: skip
    preferences = func.coalesce(users.c.preferences, func.jsonb_build_object()).label("preferences")
    return select(*shown, preferences, roles_of_user())


def roles_of_user() -> ColumnElement[Any]:
    """Return a column with the sorted names of the roles of each account."""
    names = func.array_agg(aggregate_order_by(roles.c.name, roles.c.name))
    held = (
        select(func.coalesce(names, sql_cast(literal("{}"), ARRAY(Text))))
        .select_from(user_roles.join(roles))
        .where(user_roles.c.user_id == users.c.id)
        .correlate(users)
        .scalar_subquery()
    )
    return held.label("roles")

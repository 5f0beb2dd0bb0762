"""Who may manage whom: the checks that a token alone cannot answer, and the reads that they need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, ColumnElement, Select, Text, cast, exists, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from services.identity import policy
from services.identity.models import regions, role_permissions, roles, user_roles, users
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from shared.domain.permissions import ADMINISTRATOR
from shared.platform.db.tables import SYSTEM_USER_ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from shared.platform.rpc.context import Caller

NO_SUCH_USER = "There is no such account, or you may not see it."


@dataclass(frozen=True, slots=True)
class Authority:
    """What an account holds at this moment: the names of its active roles, and what they allow."""

    roles: frozenset[str]
    grants: policy.Grants


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
        name for name, regions in wanted.items() if not policy.covers(caller.permissions, {name: regions})
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


def checked_grants(connection: Connection, permissions: Sequence[str]) -> policy.Grants:
    """What these permissions, which somebody asks for, allow: every one of them must exist.

    Raises:
        Invalid: One is unknown, or is narrowed to a region that does not exist; it names ``permissions``.
    """
    codes = region_ids(connection, set(permissions))
    problems = []
    for text in permissions:
        permission = policy.Permission.parse(text)
        if permission is None:
            problems.append(f"There is no permission {text}.")
        elif permission.region_code is not None and permission.region_code not in codes:
            problems.append(f"{text}: no region has the code {permission.region_code}.")
    if problems:
        raise Invalid(fields={"permissions": problems})
    return policy.combine(permissions, codes)


def role_grants(connection: Connection, role: Mapping[str, Any]) -> policy.Grants:
    """Return what a role allows, or would allow if it were active and its regions existed."""
    codes = region_ids(connection, set(role["permissions"]))
    return policy.combine(role["permissions"], codes, count_missing_regions=True)


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


def as_now(connection: Connection, caller: Caller) -> Caller:
    """The caller with the permissions of this moment instead of those of the token.

    A token outlives a revocation by up to a quarter of an hour. Where accounts and roles are managed that would
    let somebody who was just put out give themselves everything back.

    Raises:
        Unauthenticated: The account was closed.
    """
    is_open = select(exists().where(users.c.id == caller.user_id, users.c.is_active))
    if not connection.execute(is_open).scalar_one():
        raise Unauthenticated("This account is closed.")
    authority = authority_of(connection, caller.user_id)
    return replace(caller, roles=authority.roles, permissions=authority.grants)


def authority_of(connection: Connection, user_id: UUID) -> Authority:
    """What an account may right now, closed or not; what inactive roles allow does not count."""
    rows = connection.execute(
        select(roles.c.name, role_permissions.c.permission)
        .select_from(user_roles.join(roles).outerjoin(role_permissions))
        .where(user_roles.c.user_id == user_id, roles.c.is_active)
    ).all()
    permissions = {row.permission for row in rows if row.permission is not None}
    return Authority(
        roles=frozenset(row.name for row in rows),
        grants=policy.combine(permissions, region_ids(connection, permissions)),
    )


def attainable_by(connection: Connection, user_id: UUID) -> policy.Grants:
    """Return what an account may do, and what it could do again without being given anything.

    Its roles count while they are switched off, the account may be closed, and a region that a permission is narrowed
    to may not exist yet: all of that can change back without anybody looking at this account.
    """
    held = select(user_roles.c.role_id).where(user_roles.c.user_id == user_id)
    primary = select(users.c.role_id).where(users.c.id == user_id, users.c.role_id.is_not(None))
    permissions = set(
        connection.execute(
            select(role_permissions.c.permission).where(role_permissions.c.role_id.in_(held.union(primary)))
        ).scalars()
    )
    return policy.combine(permissions, region_ids(connection, permissions), count_missing_regions=True)


def region_ids(connection: Connection, permissions: set[str]) -> dict[str, UUID]:
    """The id of every region that a permission is narrowed to, by code."""
    parsed = [policy.Permission.parse(permission) for permission in permissions]
    codes = {permission.region_code for permission in parsed if permission and permission.region_code}
    if not codes:
        return {}
    rows = connection.execute(select(regions.c.code, regions.c.id).where(regions.c.code.in_(codes)))
    return {row.code: row.id for row in rows}


def read_user(connection: Connection, user_id: UUID) -> dict[str, Any]:
    """The account, whoever asks.

    Raises:
        NotFound: There is none.
    """
    row = connection.execute(select_users().where(users.c.id == user_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_USER)
    return dict(row)


def select_users() -> Select[Any]:
    """Accounts with everything that is ever shown of one; the password's hash is not."""
    shown = [users.c[name] for name in (
        "id", "email", "first_name", "last_name", "phone", "role_id", "is_active", "version", "created_at",
        "updated_at",
    )]  # fmt: skip
    preferences = func.coalesce(users.c.preferences, func.jsonb_build_object()).label("preferences")
    return select(*shown, preferences, roles_of_user())


def roles_of_user() -> ColumnElement[Any]:
    """A column with the sorted names of the roles of each row of `users`."""
    names = func.array_agg(aggregate_order_by(roles.c.name, roles.c.name))
    held = (
        select(func.coalesce(names, cast(literal("{}"), ARRAY(Text))))
        .select_from(user_roles.join(roles))
        .where(user_roles.c.user_id == users.c.id)
        .correlate(users)
        .scalar_subquery()
    )
    return held.label("roles")

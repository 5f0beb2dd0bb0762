"""Reads accounts and what they may."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, ColumnElement, Text, cast, exists, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from services.identity import rules
from services.identity.models import regions, role_permissions, roles, user_roles, users
from shared.client.errors import NotFound, Unauthenticated
from shared.domain.permissions import USER_READ
from shared.platform.db.paging import Order, keyset, page
from shared.platform.db.tables import SYSTEM_USER_ID

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, Select

    from shared.platform.rpc.context import Caller

NO_SUCH_USER = "There is no such account, or you may not see it."


@dataclass(frozen=True, slots=True)
class Authority:
    """What an account holds at this moment: the names of its active roles, and what they allow."""

    roles: frozenset[str]
    grants: rules.Grants


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


def select_users() -> Select[Any]:
    """Accounts with everything that is ever shown of one; the password's hash is not."""
    shown = [users.c[name] for name in (
        "id", "email", "first_name", "last_name", "phone", "role_id", "is_active", "version", "created_at",
        "updated_at",
    )]  # fmt: skip
    preferences = func.coalesce(users.c.preferences, func.jsonb_build_object()).label("preferences")
    return select(*shown, preferences, roles_of_user())


def read_user(connection: Connection, user_id: UUID) -> dict[str, Any]:
    """The account, whoever asks.

    Raises:
        NotFound: There is none.
    """
    row = connection.execute(select_users().where(users.c.id == user_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(NO_SUCH_USER)
    return dict(row)


def get_user(connection: Connection, caller: Caller, *, user_id: UUID) -> dict[str, Any]:
    """One's own account, or with ``user:read`` any.

    Raises:
        NotFound: There is none, or the caller may not see it.
    """
    if user_id != caller.user_id and caller.regions(USER_READ) is not None:
        raise NotFound(NO_SUCH_USER)
    return read_user(connection, user_id)


def get_me(connection: Connection, caller: Caller) -> dict[str, Any]:
    """One's own account with what it may at this moment, which an older token may not say yet."""
    grants = authority_of(connection, caller.user_id).grants
    permissions = {name: True if held is None else sorted(map(str, held)) for name, held in grants.items()}
    return {**read_user(connection, caller.user_id), "permissions": permissions}


def list_users(
    connection: Connection,
    *,
    cursor: str | None,
    limit: int,
    is_active: bool | None = None,
    role: str | None = None,
    text: str | None = None,
) -> dict[str, Any]:
    """A page of accounts, the newest first; the platform's own is not among them.

    Args:
        connection: Where to read.
        cursor: Where the page before ended.
        limit: Of the page.
        is_active: Only open accounts, or only closed ones.
        role: Only those that hold the role of this name.
        text: Only those with this in the name or the e-mail address, in upper or lower case.
    """
    order: Order = [(users.c.created_at, "desc"), (users.c.id, "desc")]
    statement = select_users().where(users.c.id != SYSTEM_USER_ID)
    if is_active is not None:
        statement = statement.where(users.c.is_active.is_(is_active))
    if role is not None:
        held = select(user_roles.c.user_id).select_from(user_roles.join(roles))
        statement = statement.where(users.c.id.in_(held.where(roles.c.name == role)))
    if text is not None:
        name = users.c.first_name + " " + users.c.last_name + " " + users.c.email
        statement = statement.where(name.icontains(text, autoescape=True))
    return page(connection.execute(keyset(statement, order, cursor, limit)).all(), limit, order)


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
        grants=rules.combine(permissions, region_ids(connection, permissions)),
    )


def attainable_by(connection: Connection, user_id: UUID) -> rules.Grants:
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
    return rules.combine(permissions, region_ids(connection, permissions), count_missing_regions=True)


def region_ids(connection: Connection, permissions: set[str]) -> dict[str, UUID]:
    """The id of every region that a permission is narrowed to, by code."""
    parsed = [rules.Permission.parse(permission) for permission in permissions]
    codes = {permission.region_code for permission in parsed if permission and permission.region_code}
    if not codes:
        return {}
    rows = connection.execute(select(regions.c.code, regions.c.id).where(regions.c.code.in_(codes)))
    return {row.code: row.id for row in rows}


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

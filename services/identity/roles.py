"""Roles: creates, changes and lists them, sets their permissions, grants and revokes them.

What a role or an account loses takes effect at once: earlier access tokens are refused (`revocations`). What they gain
takes effect with the next access token, after at most 15 minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import ARRAY, Text, and_, delete, func, insert, literal, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as insert_unless
from uuid6 import uuid7

from services.identity.authority import (
    acting,
    checked_grants,
    keep_an_administrator,
    lock_role,
    read_user,
    require_authority_over,
    require_cover,
    role_grants,
)
from services.identity.models import role_permissions, roles, user_roles, users
from shared.client.errors import Conflict, Invalid, NotFound
from shared.domain.permissions import ADMINISTRATOR, EVERYTHING, PERMISSIONS, ROLE_GRANT, ROLE_WRITE
from shared.platform.db.context import trace
from shared.platform.db.paging import Order, keyset, page
from shared.platform.db.writes import content_digest, create_once, stale

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from sqlalchemy import Connection, Select

    from services.identity.schemas import types
    from shared.platform.rpc.context import Caller


def create_role(connection: Connection, caller: Caller, arguments: types.CreateRole) -> types.Role:
    """Create a role.

    The caller needs ``role:write`` and all permissions of the role. A repeat with the same id and content returns the
    first role.

    Raises:
        Invalid: A permission or its region does not exist.
        Forbidden: The caller does not have one of the permissions.
        Conflict: The name or the id is taken.
    """
    now = acting(connection, caller, ROLE_WRITE)
    require_cover(connection, now, checked_grants(connection, arguments["permissions"]))
    name = arguments["name"]
    role_id = arguments["id"] or uuid7()
    values = {
        "id": role_id,
        "name": name,
        "description": arguments["description"],
        "content_digest": content_digest(arguments),
    }
    taken = Conflict(f"A role with the name {name} already exists.", fields={"name": ["Is taken already."]})
    created = create_once(
        connection, caller, roles, values, thing="role", taken=taken, returning=(roles.c.name,)
    )
    if created.is_new:
        _add(connection, role_id, arguments["permissions"])
    return get_role(connection, created.row["name"])


def update_role(
    connection: Connection, caller: Caller, role: str, version: int | None, arguments: types.UpdateRole
) -> types.Role:
    """Change the description of a role, activate it or deactivate it. An inactive role grants nothing.

    The caller needs ``role:write`` and all permissions of the role. The name of a role never changes, because alerts
    are addressed to it. Setting the current values changes nothing.

    Args:
        connection: A connection in a transaction.
        caller: The caller.
        role: The name of the role.
        version: The version that the caller saw; None to overwrite any changes since.
        arguments: The new values.

    Returns:
        The role as it is now.

    Raises:
        NotFound: The role does not exist.
        Forbidden: The role has permissions that the caller does not have.
        Conflict: The version is out of date, or the role is ``administrator``, which is always active.
    """
    now = acting(connection, caller, ROLE_WRITE)
    role_id = lock_role(connection, role)
    present = get_role(connection, role)
    require_cover(connection, now, role_grants(connection, present["permissions"]))
    if role == ADMINISTRATOR and not arguments.get("is_active", True):
        raise Conflict("The role administrator is always active.")
    current = {"description": present["description"], "is_active": present["is_active"]}
    changes = {name: value for name, value in arguments.items() if name in current and current[name] != value}
    if changes:
        _require_version(present, version)
        trace(connection, caller)
        connection.execute(update(roles).where(roles.c.id == role_id).values(changes))
    return get_role(connection, role)


def set_role_permissions(
    connection: Connection, caller: Caller, role: str, version: int | None, permissions: Sequence[str]
) -> types.Role:
    """Replace the permissions of a role.

    The caller needs ``role:write`` and every permission that is added or removed. Setting the current permissions
    changes nothing.

    Args:
        connection: A connection in a transaction.
        caller: The caller.
        role: The name of the role.
        version: The version that the caller saw; None to overwrite any changes since.
        permissions: All permissions that the role will have.

    Returns:
        The role as it is now.

    Raises:
        NotFound: The role does not exist.
        Invalid: A permission or its region does not exist.
        Forbidden: The caller does not have a permission that would be added or removed.
        Conflict: The version is out of date, or the role is ``administrator``, which always has every permission.
    """
    now = acting(connection, caller, ROLE_WRITE)
    role_id = lock_role(connection, role)
    checked_grants(connection, permissions)
    present = get_role(connection, role)
    added = set(permissions) - set(present["permissions"])
    removed = set(present["permissions"]) - set(permissions)
    if not added and not removed:
        return present
    if role == ADMINISTRATOR:
        raise Conflict("The permissions of the role administrator cannot be changed.")
    require_cover(connection, now, role_grants(connection, added | removed))
    _require_version(present, version)
    unwanted = role_permissions.c.permission.in_(removed)
    connection.execute(delete(role_permissions).where(role_permissions.c.role_id == role_id, unwanted))
    _add(connection, role_id, sorted(added))
    if not removed:
        # The trigger increments the version with every update of the row. Where something is removed, a trigger has.
        connection.execute(update(roles).where(roles.c.id == role_id).values(updated_at=func.now()))
    return get_role(connection, role)


def grant_role(
    connection: Connection, caller: Caller, user_id: UUID, role: str, *, primary: bool = False
) -> types.User:
    """Grant a role to an account. Granting it twice changes nothing.

    The caller needs ``role:grant`` and all permissions of the role and of the account.

    Args:
        connection: A connection in a transaction.
        caller: The caller.
        user_id: The account.
        role: The name of the role.
        primary: Whether it becomes the primary role. The first role of an account always does.

    Returns:
        The account as it is now.

    Raises:
        NotFound: The account does not exist.
        Invalid: The role does not exist or is not active (``role``).
        Forbidden: The role or the account has permissions that the caller does not have.
    """
    now = acting(connection, caller, ROLE_GRANT)
    found = _role_argument(connection, role)
    if not found["is_active"]:
        raise Invalid(fields={"role": ["This role is not active."]})
    require_cover(connection, now, role_grants(connection, found["permissions"]))
    require_authority_over(connection, now, user_id)
    account = read_user(connection, user_id)
    trace(connection, caller)
    connection.execute(
        insert_unless(user_roles)
        .values(user_id=user_id, role_id=found["id"], assigned_by=caller.user_id)
        .on_conflict_do_nothing()
    )
    if account["role_id"] is None or (primary and account["role_id"] != found["id"]):
        connection.execute(update(users).where(users.c.id == user_id).values(role_id=found["id"]))
    return read_user(connection, user_id)


def revoke_role(connection: Connection, caller: Caller, user_id: UUID, role: str) -> types.User:
    """Revoke a role from an account. If it was the primary role, the oldest other role becomes primary.

    The caller needs ``role:grant`` and all permissions of the role and of the account. Revoking a role that the account
    does not have changes nothing.

    Returns:
        The account as it is now.

    Raises:
        NotFound: The account does not exist.
        Invalid: The role does not exist (``role``).
        Forbidden: The role or the account has permissions that the caller does not have.
        Conflict: The account is the last administrator.
    """
    now = acting(connection, caller, ROLE_GRANT)
    found = _role_argument(connection, role)
    require_cover(connection, now, role_grants(connection, found["permissions"]))
    require_authority_over(connection, now, user_id)
    account = read_user(connection, user_id)
    if role not in account["roles"]:
        return account
    if role == ADMINISTRATOR and account["is_active"]:
        keep_an_administrator(connection, user_id)
    trace(connection, caller)
    held = and_(user_roles.c.user_id == user_id, user_roles.c.role_id == found["id"])
    connection.execute(delete(user_roles).where(held))
    if account["role_id"] == found["id"]:
        oldest = (
            select(user_roles.c.role_id)
            .where(user_roles.c.user_id == user_id)
            .order_by(user_roles.c.assigned_at, user_roles.c.role_id)
            .limit(1)
        )
        connection.execute(
            update(users).where(users.c.id == user_id).values(role_id=oldest.scalar_subquery())
        )
    return read_user(connection, user_id)


def get_role(connection: Connection, role: str) -> types.Role:
    """Return a role by its name.

    Raises:
        NotFound: The role does not exist.
    """
    row = connection.execute(_select_roles().where(roles.c.name == role)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"The role {role} does not exist.")
    return cast("types.Role", dict(row))


def list_roles(
    connection: Connection, *, cursor: str | None, limit: int, is_active: bool | None = None
) -> types.PageOfRole:
    """Return a page of roles by name.

    Args:
        connection: A connection to read with.
        cursor: The cursor of the previous page; None for the first page.
        limit: The maximum number of roles.
        is_active: Whether the roles are active; None for all.
    """
    order: Order = [(roles.c.name, "asc"), (roles.c.id, "asc")]
    statement = _select_roles()
    if is_active is not None:
        statement = statement.where(roles.c.is_active.is_(is_active))
    found = page(connection.execute(keyset(statement, order, cursor, limit)).all(), limit, order)
    return cast("types.PageOfRole", found)


def list_permissions() -> types.Permissions:
    """Return every permission that a role can have, with its meaning."""
    known = {
        **PERMISSIONS,
        EVERYTHING: "Everything, in every region, including permissions of later versions.",
    }
    return {"items": [{"name": name, "meaning": meaning} for name, meaning in sorted(known.items())]}


def _select_roles() -> Select[Any]:
    """Return a query of roles with their sorted permissions."""
    sorted_permissions = func.array_agg(
        aggregate_order_by(role_permissions.c.permission, role_permissions.c.permission)
    )
    permissions = (
        select(func.coalesce(sorted_permissions, sql_cast(literal("{}"), ARRAY(Text))))
        .where(role_permissions.c.role_id == roles.c.id)
        .correlate(roles)
        .scalar_subquery()
        .label("permissions")
    )
    return select(
        *(roles.c[name] for name in ("id", "name", "description", "is_active", "version", "created_at")),
        permissions,
    )


def _require_version(role: types.Role, version: int | None) -> None:
    if version is not None and version != role["version"]:
        raise stale("role", role)


def _role_argument(connection: Connection, name: str) -> types.Role:
    try:
        return get_role(connection, name)
    except NotFound:
        raise Invalid(fields={"role": [f"The role {name} does not exist."]}) from None


def _add(connection: Connection, role_id: UUID, permissions: Sequence[str]) -> None:
    if permissions:
        connection.execute(
            insert(role_permissions),
            [{"role_id": role_id, "permission": permission} for permission in dict.fromkeys(permissions)],
        )

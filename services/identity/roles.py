"""Makes roles, sets what they allow, gives and takes them.

What changes here reaches a caller with their next access token, a quarter of an hour later at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Text, and_, cast, delete, func, insert, literal, select, update
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
from shared.platform.db.context import trace, with_event_context
from shared.platform.db.paging import Order, keyset, page
from shared.platform.db.writes import content_digest, id_taken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection, Select

    from shared.platform.rpc.context import Caller


def create_role(
    connection: Connection,
    caller: Caller,
    *,
    id: UUID | None = None,  # noqa: A002 - the argument's public name
    **arguments: Any,
) -> dict[str, Any]:
    """Makes a role, with ``name``, ``description`` and ``permissions`` that the caller holds as well.

    Needs ``role:write``. With the same id and content a repeat returns the first.

    Raises:
        Invalid: A permission or the region it is narrowed to does not exist.
        Forbidden: A permission is not the caller's to give.
        Conflict: The name or the id is taken.
    """
    now = acting(connection, caller, ROLE_WRITE)
    require_cover(now, checked_grants(connection, arguments["permissions"]))
    digest = content_digest(arguments)
    role_id = id or uuid7()
    made = connection.execute(
        insert_unless(roles)
        .values(
            id=role_id,
            name=arguments["name"],
            description=arguments["description"],
            content_digest=digest,
        )
        .on_conflict_do_nothing()
        .returning(roles.c.id, with_event_context(caller))
    ).one_or_none()
    if made is None:
        return _made_before(connection, role_id, arguments["name"], digest)
    _add(connection, role_id, arguments["permissions"])
    return get_role(connection, role=arguments["name"])


def update_role(
    connection: Connection, caller: Caller, *, role: str, version: int | None = None, **values: Any
) -> dict[str, Any]:
    """Set the ``description`` of a role, or whether it ``is_active``; an inactive role allows nothing.

    Needs ``role:write`` and all that the role allows. A role's name never changes, for alerts are addressed to
    it. Setting what is set already changes nothing.

    Args:
        connection: In a transaction.
        caller: Who changes it.
        role: The name of the role.
        version: The version that the caller saw; without one, changes that were made meanwhile are overwritten.
        values: What changes.

    Raises:
        NotFound: There is no such role.
        Forbidden: The role allows more than the caller may.
        Conflict: The version is not the present one; ``administrator`` is always active.

    Emits:
        user_updated, for each account with the role, where it is switched on or off.
    """
    now = acting(connection, caller, ROLE_WRITE)
    role_id = lock_role(connection, role)
    present = get_role(connection, role=role)
    require_cover(now, role_grants(connection, present))
    if role == ADMINISTRATOR and not values.get("is_active", True):
        raise Conflict("The role administrator is always active.")
    changes = {name: value for name, value in values.items() if present[name] != value}
    if changes:
        _require_version(present, version)
        trace(connection, caller)
        connection.execute(update(roles).where(roles.c.id == role_id).values(changes))
    return get_role(connection, role=role)


def set_role_permissions(
    connection: Connection, caller: Caller, *, role: str, permissions: list[str], version: int | None = None
) -> dict[str, Any]:
    """Give a role exactly these permissions; nobody gives or takes what they do not hold themselves.

    Needs ``role:write``. Setting what is set already changes nothing.

    Args:
        connection: In a transaction.
        caller: Who changes it.
        role: The name of the role.
        permissions: All that it is to allow.
        version: The version that the caller saw; without one, changes that were made meanwhile are overwritten.

    Raises:
        NotFound: There is no such role.
        Invalid: A permission or the region it is narrowed to does not exist.
        Forbidden: A permission that is added or taken is not the caller's.
        Conflict: The version is not the present one; ``administrator`` allows everything, always.
    """
    now = acting(connection, caller, ROLE_WRITE)
    role_id = lock_role(connection, role)
    checked_grants(connection, permissions)
    present = get_role(connection, role=role)
    added = set(permissions) - set(present["permissions"])
    taken = set(present["permissions"]) - set(permissions)
    if not added and not taken:
        return present
    if role == ADMINISTRATOR:
        raise Conflict("The role administrator allows everything, always.")
    require_cover(now, role_grants(connection, {"permissions": added | taken}))
    _require_version(present, version)
    unwanted = role_permissions.c.permission.in_(taken)
    connection.execute(delete(role_permissions).where(role_permissions.c.role_id == role_id, unwanted))
    _add(connection, role_id, sorted(added))
    # The trigger raises the version with every update of the row.
    connection.execute(update(roles).where(roles.c.id == role_id).values(updated_at=func.now()))
    return get_role(connection, role=role)


def grant_role(
    connection: Connection, caller: Caller, *, user_id: UUID, role: str, primary: bool = False
) -> dict[str, Any]:
    """Gives an account a role, as its primary one if said so. Giving it twice changes nothing.

    Needs ``role:grant``, all that the role allows, and all that the account may.

    Returns:
        The account.

    Raises:
        NotFound: There is no such account.
        Invalid: There is no such role, or it is not active (``role``).
        Forbidden: The role or the account may more than the caller.

    Emits:
        role_granted; user_updated where the primary role changes.
    """
    now = acting(connection, caller, ROLE_GRANT)
    found = _role_argument(connection, role)
    if not found["is_active"]:
        raise Invalid(fields={"role": ["This role is not active."]})
    require_cover(now, role_grants(connection, found))
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


def revoke_role(connection: Connection, caller: Caller, *, user_id: UUID, role: str) -> dict[str, Any]:
    """Takes a role from an account; where it was the primary one, another of its roles becomes that.

    Needs ``role:grant``, all that the role allows, and all that the account may. Taking what the account does
    not hold changes nothing.

    Returns:
        The account.

    Raises:
        NotFound: There is no such account.
        Invalid: There is no such role (``role``).
        Forbidden: The role or the account may more than the caller.
        Conflict: It would take the last administrator away.

    Emits:
        role_revoked; user_updated where the primary role changes.
    """
    now = acting(connection, caller, ROLE_GRANT)
    found = _role_argument(connection, role)
    require_cover(now, role_grants(connection, found))
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
        first = (
            select(user_roles.c.role_id)
            .where(user_roles.c.user_id == user_id)
            .order_by(user_roles.c.assigned_at, user_roles.c.role_id)
            .limit(1)
        )
        connection.execute(update(users).where(users.c.id == user_id).values(role_id=first.scalar_subquery()))
    return read_user(connection, user_id)


def _require_version(role: Mapping[str, Any], version: int | None) -> None:
    if version is not None and version != role["version"]:
        raise Conflict(
            f"The role was changed meanwhile; its version is {role['version']}.", version=role["version"]
        )


def _role_argument(connection: Connection, name: str) -> dict[str, Any]:
    try:
        return get_role(connection, role=name)
    except NotFound:
        raise Invalid(fields={"role": [f"The role {name} does not exist."]}) from None


def _add(connection: Connection, role_id: UUID, permissions: list[str]) -> None:
    if permissions:
        connection.execute(
            insert(role_permissions),
            [{"role_id": role_id, "permission": permission} for permission in dict.fromkeys(permissions)],
        )


def _made_before(connection: Connection, role_id: UUID, name: str, digest: bytes) -> dict[str, Any]:
    first = connection.execute(
        select(roles.c.name, roles.c.content_digest).where(roles.c.id == role_id)
    ).one_or_none()
    if first is None:
        raise Conflict(f"There is a role {name} already.", fields={"name": ["Is taken already."]})
    if first.content_digest != digest:
        raise id_taken("role")
    return get_role(connection, role=first.name)


def get_role(connection: Connection, *, role: str) -> dict[str, Any]:
    """The role of that name.

    Raises:
        NotFound: There is none.
    """
    row = connection.execute(select_roles().where(roles.c.name == role)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"The role {role} does not exist.")
    return dict(row)


def list_roles(
    connection: Connection, *, cursor: str | None, limit: int, is_active: bool | None = None
) -> dict[str, Any]:
    """A page of roles by name; only active or inactive ones if said so."""
    order: Order = [(roles.c.name, "asc"), (roles.c.id, "asc")]
    statement = select_roles()
    if is_active is not None:
        statement = statement.where(roles.c.is_active.is_(is_active))
    return page(connection.execute(keyset(statement, order, cursor, limit)).all(), limit, order)


def list_permissions() -> dict[str, Any]:
    """Every permission that a role can hold, and what it allows."""
    known = {**PERMISSIONS, EVERYTHING: "Everything, everywhere, now and in later versions."}
    return {"items": [{"name": name, "meaning": meaning} for name, meaning in sorted(known.items())]}


def select_roles() -> Select[Any]:
    """Roles with their sorted permissions."""
    sorted_permissions = func.array_agg(
        aggregate_order_by(role_permissions.c.permission, role_permissions.c.permission)
    )
    permissions = (
        select(func.coalesce(sorted_permissions, cast(literal("{}"), ARRAY(Text))))
        .where(role_permissions.c.role_id == roles.c.id)
        .correlate(roles)
        .scalar_subquery()
        .label("permissions")
    )
    return select(
        *(roles.c[name] for name in ("id", "name", "description", "is_active", "version", "created_at")),
        permissions,
    )

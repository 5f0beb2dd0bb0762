"""Reads roles and their permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, Text, cast, func, literal, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from services.identity.models import role_permissions, roles
from shared.client.errors import NotFound
from shared.domain.permissions import EVERYTHING, PERMISSIONS
from shared.platform.db.paging import Order, keyset, page

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select


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


def get_role(connection: Connection, *, role: str) -> dict[str, Any]:
    """The role of that name.

    Raises:
        NotFound: There is none.
    """
    row = connection.execute(select_roles().where(roles.c.name == role)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no role {role}.")
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

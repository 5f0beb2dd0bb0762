"""Roles and what they allow."""

from __future__ import annotations

from services.gateway.routes.blueprint import ResourceBlueprint
from services.identity import schemas
from shared.platform.schemas import Empty

roles = ResourceBlueprint("roles", "Roles, and the permissions that they consist of.")

roles.offer("GET", "/roles", "identity.list_roles", schemas.ListRoles, schemas.Roles)
roles.offer(
    "POST",
    "/roles",
    "identity.create_role",
    schemas.CreateRole,
    schemas.Role,
    location_template="/roles/{name}",
)
roles.offer("GET", "/roles/<role>", "identity.get_role", schemas.RoleByName, schemas.Role)
roles.offer("PATCH", "/roles/<role>", "identity.update_role", schemas.UpdateRole, schemas.Role)
roles.offer(
    "PUT",
    "/roles/<role>/permissions",
    "identity.set_role_permissions",
    schemas.SetRolePermissions,
    schemas.Role,
)
roles.offer("GET", "/permissions", "identity.list_permissions", Empty, schemas.Permissions)

"""Accounts and signing in, roles and their permissions, and regions."""

from __future__ import annotations

from typing import Final

from services.gateway.routes.blueprint import ResourceBlueprint
from services.identity import schemas
from shared.platform.schemas import Empty

USER: Final = "/users/<uuid:user_id>"
ROLE: Final = "/roles/<role>"
REGION: Final = "/regions/<uuid:region_id>"

auth = ResourceBlueprint("auth", "Signing in, refreshing tokens, and the caller's own account.")

auth.offer("POST", "/auth/login", "identity.authenticate", schemas.Authenticate, schemas.SignedIn)
auth.offer("POST", "/auth/refresh", "identity.refresh", schemas.Refresh, schemas.Tokens)
auth.offer("POST", "/auth/logout", "identity.revoke", schemas.RefreshToken)
auth.offer("GET", "/auth/me", "identity.get_me", Empty, schemas.Me)
auth.offer("PUT", "/auth/password", "identity.change_password", schemas.ChangePassword)
auth.offer("GET", "/auth/keys", "identity.get_jwks", Empty, schemas.PublicKeys)

users = ResourceBlueprint("users", "Accounts of people and of other systems, and their roles.")

users.offer("GET", "/users", "identity.list_users", schemas.ListUsers, schemas.Users, csv=True)
users.offer(
    "POST",
    "/users",
    "identity.register_user",
    schemas.RegisterUser,
    schemas.User,
    location_template="/users/{id}",
)
users.offer("GET", USER, "identity.get_user", schemas.UserId, schemas.User)
users.offer("PATCH", USER, "identity.update_user", schemas.UpdateUser, schemas.User)
users.offer("PUT", f"{USER}/password", "identity.reset_password", schemas.ResetPassword)
users.offer("PUT", f"{USER}/deactivation", "identity.deactivate_user", schemas.UserId, schemas.User)
users.offer("DELETE", f"{USER}/deactivation", "identity.reactivate_user", schemas.UserId, schemas.User)
users.offer("PUT", f"{USER}/roles/<role>", "identity.grant_role", schemas.GrantRole, schemas.User)
users.offer("DELETE", f"{USER}/roles/<role>", "identity.revoke_role", schemas.RevokeRole, schemas.User)

roles = ResourceBlueprint("roles", "Roles and the permissions that they grant.")

roles.offer("GET", "/roles", "identity.list_roles", schemas.ListRoles, schemas.Roles)
roles.offer(
    "POST",
    "/roles",
    "identity.create_role",
    schemas.CreateRole,
    schemas.Role,
    location_template="/roles/{name}",
)
roles.offer("GET", ROLE, "identity.get_role", schemas.RoleByName, schemas.Role)
roles.offer("PATCH", ROLE, "identity.update_role", schemas.UpdateRole, schemas.Role)
roles.offer(
    "PUT",
    f"{ROLE}/permissions",
    "identity.set_role_permissions",
    schemas.SetRolePermissions,
    schemas.Role,
)
roles.offer("GET", "/permissions", "identity.list_permissions", Empty, schemas.Permissions)

regions = ResourceBlueprint(
    "regions", "The regions that reports, resources, alerts and permissions belong to."
)

regions.offer(
    "GET",
    "/regions",
    "identity.list_regions",
    schemas.ListRegions,
    schemas.Regions,
    geometry="boundaries",
    csv=True,
)
regions.offer(
    "POST",
    "/regions",
    "identity.create_region",
    schemas.CreateRegion,
    schemas.Region,
    location_template="/regions/{id}",
)
regions.offer("GET", REGION, "identity.get_region", schemas.GetRegion(only=("region_id",)), schemas.Region)
regions.offer("PATCH", REGION, "identity.update_region", schemas.UpdateRegion, schemas.Region)
regions.offer("GET", "/located-region", "identity.locate_region", schemas.LocateRegion, schemas.Region)
regions.offer(
    "POST", "/located-regions", "identity.locate_regions", schemas.LocateRegions, schemas.LocatedRegions
)
regions.offer(
    "GET",
    "/regions/<code>/tree",
    "identity.get_region_tree",
    schemas.GetRegionTree,
    schemas.RegionTree,
)
regions.offer("GET", "/region-tree", "identity.list_region_tree", schemas.ListRegionTree, schemas.RegionLinks)

"""Accounts, and the roles that they hold."""

from __future__ import annotations

from services.gateway.routes.blueprint import ResourceBlueprint
from services.identity import schemas

users = ResourceBlueprint("users", "Accounts of people and of other systems.")

USER = "/users/<uuid:user_id>"

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

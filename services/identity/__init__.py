"""identity: accounts, sessions, roles with their permissions, and regions.

Owns the schema ``identity``: users, roles, user_roles, role_permissions and regions, which other services and tools
read, and its own tables for refresh tokens, sign-in limits, known addresses, similar email addresses and outlines.

Offers authenticate, refresh, revoke and get_jwks; accounts (register_user, get_me, get_user, list_users,
update_user, change_password, reset_password, deactivate_user, reactivate_user); roles (create_role,
update_role, get_role, list_roles, list_permissions, set_role_permissions, grant_role, revoke_role); regions
(create_region, update_region, get_region, list_regions, locate_region, locate_regions).

Emits user_created, user_updated, user_deactivated, role_granted, role_revoked, region_created,
region_updated.

Hears no events.
"""

"""identity: who somebody is, what they may do, and where the regions are.

Owns the schema ``identity``: users, roles, user_roles, role_permissions and regions of the seed, and beside
them the refresh tokens, the throttle of sign-ins and the addresses that accounts are known from.

Offers authenticate, refresh, revoke and get_jwks; accounts (register_user, get_me, get_user, list_users,
update_user, change_password, reset_password, deactivate_user, reactivate_user); roles (create_role,
update_role, get_role, list_roles, list_permissions, set_role_permissions, grant_role, revoke_role); regions
(create_region, update_region, get_region, list_regions, locate_region, locate_regions).

Emits user_created, user_updated, user_deactivated, role_granted, role_revoked, region_created,
region_updated.

Hears nothing.
"""

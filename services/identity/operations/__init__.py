"""What identity does: each function is one use case."""

from services.identity.operations.passwords import change_password, reset_password
from services.identity.operations.regions import create_region, outline_regions, update_region
from services.identity.operations.roles import (
    create_role,
    grant_role,
    revoke_role,
    set_role_permissions,
    update_role,
)
from services.identity.operations.seed import seed
from services.identity.operations.sessions import Secrets, authenticate, forget_expired, refresh, revoke
from services.identity.operations.users import (
    deactivate_user,
    reactivate_user,
    register_user,
    update_user,
)

__all__ = [
    "Secrets",
    "authenticate",
    "change_password",
    "create_region",
    "create_role",
    "deactivate_user",
    "forget_expired",
    "grant_role",
    "outline_regions",
    "reactivate_user",
    "refresh",
    "register_user",
    "reset_password",
    "revoke",
    "revoke_role",
    "seed",
    "set_role_permissions",
    "update_region",
    "update_role",
    "update_user",
]

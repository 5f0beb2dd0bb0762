"""What identity reads."""

from services.identity.queries.regions import (
    RegionLocator,
    get_region,
    list_regions,
    locate_region,
)
from services.identity.queries.roles import get_role, list_permissions, list_roles
from services.identity.queries.users import (
    Authority,
    as_now,
    attainable_by,
    authority_of,
    get_me,
    get_user,
    list_users,
    read_user,
    region_ids,
)

__all__ = [
    "Authority",
    "RegionLocator",
    "as_now",
    "attainable_by",
    "authority_of",
    "get_me",
    "get_region",
    "get_role",
    "get_user",
    "list_permissions",
    "list_regions",
    "list_roles",
    "list_users",
    "locate_region",
    "read_user",
    "region_ids",
]

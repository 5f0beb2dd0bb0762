"""The events that the identity service emits.

They carry what listeners decide by and no more: no name, e-mail address or phone number leaves identity in an
event.
"""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from shared.platform.outbox.contract import Contract, EventData
from shared.platform.schemas import Identifier, Timestamp

SOURCE: Final = "identity"


class _User(EventData):
    """What every event about an account says.

    ``version`` is the version of the account which the event made or found. ``preferences`` hold the codes of
    the regions whose alerts the account wants (``regions``), and whether it wants all (``all_regions``).
    ``roles`` are the names of its active roles.
    """

    user_id = Identifier(required=True)
    version = fields.Integer(required=True, strict=True)
    is_active = fields.Boolean(required=True)
    preferences = fields.Dict(keys=fields.String(), required=True, allow_none=True)
    roles = fields.List(fields.String(), required=True)


class UserCreated(_User):
    """An account was made."""

    created_at = Timestamp(required=True)


class UserUpdated(_User):
    """Something of an account changed; ``changed`` names the columns.

    Reopening an account is a change of ``is_active``; a role of it that was switched on or off one of ``roles``.
    """

    changed = fields.List(fields.String(), required=True)
    changed_at = Timestamp(required=True)


class UserDeactivated(_User):
    """An account was closed: ``is_active`` is false from here on."""

    changed_at = Timestamp(required=True)


class _Membership(_User):
    role_id = Identifier(required=True)
    role = fields.String(required=True)


class RoleGranted(_Membership):
    """An account was given a role; ``role`` is its name, ``roles`` are all that it has now."""

    assigned_by = Identifier(required=True, allow_none=True)
    assigned_at = Timestamp(required=True)


class RoleRevoked(_Membership):
    """A role was taken from an account; ``role`` is its name, ``roles`` are all that it has now."""

    revoked_at = Timestamp(required=True)


class _Region(EventData):
    """What every event about a region says: all that a listener needs to keep it.

    ``boundaries`` are a GeoJSON Polygon or MultiPolygon, null where the region has none. They can be large: up to
    20,000 positions, which is about a megabyte.
    """

    region_id = Identifier(required=True)
    version = fields.Integer(required=True, strict=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    boundaries = fields.Dict(keys=fields.String(), required=True, allow_none=True)


class RegionCreated(_Region):
    """A region was made."""

    created_at = Timestamp(required=True)


class RegionUpdated(_Region):
    """Something of a region changed; ``changed`` names the columns. A region's code never changes."""

    changed = fields.List(fields.String(), required=True)
    changed_at = Timestamp(required=True)


EVENTS: Final = (
    Contract(SOURCE, "user_created", UserCreated),
    Contract(SOURCE, "user_updated", UserUpdated),
    Contract(SOURCE, "user_deactivated", UserDeactivated),
    Contract(SOURCE, "role_granted", RoleGranted),
    Contract(SOURCE, "role_revoked", RoleRevoked),
    Contract(SOURCE, "region_created", RegionCreated),
    Contract(SOURCE, "region_updated", RegionUpdated),
)

"""The events that the identity service emits.

They carry only what subscribers need for their decisions. No name, email address or phone number leaves identity in
an event.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from marshmallow import fields

from shared.platform.outbox.contract import Contract, EventData
from shared.platform.schemas import Identifier, Timestamp

UNKNOWN_REGION_ID: Final = UUID(int=1)
"""The reserved region without boundaries, in which a report stands of which no region is known.

Identity's migration makes it. No place lies in it, no alert is for it, and its boundaries cannot be set.
"""

SOURCE: Final = "identity"


class _User(EventData):
    """The fields of every event about an account.

    ``version`` is the version of the account after the change. ``preferences`` hold the codes of the regions whose
    alerts the account wants (``regions``), and whether it wants the alerts of all regions (``all_regions``).
    ``roles`` are the names of its active roles.
    """

    user_id = Identifier(required=True)
    version = fields.Integer(required=True, strict=True)
    is_active = fields.Boolean(required=True)
    preferences = fields.Dict(keys=fields.String(), required=True, allow_none=True)
    roles = fields.List(fields.String(), required=True)


class UserCreated(_User):
    """An account was created."""

    created_at = Timestamp(required=True)


class UserUpdated(_User):
    """An account was changed; ``changed`` names the columns.

    When an account is reactivated, ``is_active`` has changed. When one of its roles was activated or deactivated,
    ``roles`` has changed.
    """

    changed = fields.List(fields.String(), required=True)
    changed_at = Timestamp(required=True)


class UserDeactivated(_User):
    """An account was deactivated: ``is_active`` is false from now on."""

    changed_at = Timestamp(required=True)


class _Membership(_User):
    role_id = Identifier(required=True)
    role = fields.String(required=True)


class RoleGranted(_Membership):
    """A role was granted to an account. ``role`` is its name; ``roles`` are all active roles of the account now."""

    assigned_by = Identifier(required=True, allow_none=True)
    assigned_at = Timestamp(required=True)


class RoleRevoked(_Membership):
    """A role was revoked from an account. ``role`` is its name; ``roles`` are all active roles of the account now."""

    revoked_at = Timestamp(required=True)


class AccessRevoked(EventData):
    """Access tokens that were signed before are refused, although they have not expired.

    ``scope`` says which: those of an account (``account``) or with a role (``role``) that carry a lower version of it
    than ``version``, or those of a session (``session``). ``subject_id`` is the account, the role or the session;
    ``user_id`` is the account, null for a role; ``role`` is the name of the role, else null. ``reason`` is
    ``deactivated``, ``role_revoked``, ``permissions_changed``, ``password_changed``, ``sessions_closed``,
    ``signed_out`` or ``token_reused``.
    """

    scope = fields.String(required=True)
    subject_id = Identifier(required=True)
    version = fields.Integer(required=True, strict=True)
    user_id = Identifier(required=True, allow_none=True)
    role = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)
    revoked_at = Timestamp(required=True)


class _Region(EventData):
    """The fields of every event about a region: all that a subscriber needs to keep a copy of it.

    ``boundaries`` are a GeoJSON Polygon or MultiPolygon, or null if the region has none. They can be large: up to
    20,000 positions, which is about a megabyte. ``parent_id`` is the region that contains it, or null; versions before
    regions had parents do not send it. When a region is moved, only that region has an event, not those below it.
    """

    region_id = Identifier(required=True)
    version = fields.Integer(required=True, strict=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    boundaries = fields.Dict(keys=fields.String(), required=True, allow_none=True)
    parent_id = Identifier(load_default=None, allow_none=True)


class RegionCreated(_Region):
    """A region was created."""

    created_at = Timestamp(required=True)


class RegionUpdated(_Region):
    """A region was changed; ``changed`` names the columns. The code of a region never changes."""

    changed = fields.List(fields.String(), required=True)
    changed_at = Timestamp(required=True)


EVENTS: Final = (
    Contract(SOURCE, "user_created", UserCreated),
    Contract(SOURCE, "user_updated", UserUpdated),
    Contract(SOURCE, "user_deactivated", UserDeactivated),
    Contract(SOURCE, "role_granted", RoleGranted),
    Contract(SOURCE, "role_revoked", RoleRevoked),
    Contract(SOURCE, "access_revoked", AccessRevoked),
    Contract(SOURCE, "region_created", RegionCreated),
    Contract(SOURCE, "region_updated", RegionUpdated),
)

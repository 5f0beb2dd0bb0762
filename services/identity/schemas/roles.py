"""Schemas of roles and permissions."""

from __future__ import annotations

from marshmallow import fields, validate

from services.identity.schemas.fields import RoleName
from shared.platform.schemas import Arguments, Identifier, Page, Result, Text, Timestamp, Version, page_of

MAX_PERMISSIONS = 500
MAX_DESCRIPTION_LENGTH = 2000


class CreateRole(Arguments):
    """A new role. Its permissions are ``thing:verb``, or ``thing:verb:REGION-CODE`` for one region."""

    id = Identifier(load_default=None, allow_none=True)
    name = RoleName(required=True)
    description = Text(
        max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, load_default=None, allow_none=True
    )
    permissions = fields.List(
        Text(max_length=100), load_default=list, validate=validate.Length(max=MAX_PERMISSIONS)
    )


class UpdateRole(Arguments):
    """Changes of a role; its name never changes. An inactive role grants nothing."""

    role = RoleName(required=True)
    version = Version(load_default=None, allow_none=True)
    description = Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, allow_none=True)
    is_active = fields.Boolean(truthy={True}, falsy={False})


class RoleByName(Arguments):
    """The name of a role."""

    role = RoleName(required=True)


class ListRoles(Page):
    """Filters for a list of roles."""

    is_active = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})


class SetRolePermissions(Arguments):
    """All permissions that a role will have. Others are removed."""

    role = RoleName(required=True)
    version = Version(load_default=None, allow_none=True)
    permissions = fields.List(
        Text(max_length=100), required=True, validate=validate.Length(max=MAX_PERMISSIONS)
    )


class GrantRole(Arguments):
    """A role to grant to an account; ``primary`` makes it the primary role."""

    user_id = Identifier(required=True)
    role = RoleName(required=True)
    primary = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class RevokeRole(Arguments):
    """A role to revoke from an account."""

    user_id = Identifier(required=True)
    role = RoleName(required=True)


class Role(Result):
    """A role with its permissions."""

    id = Identifier()
    name = fields.String()
    description = fields.String(allow_none=True)
    is_active = fields.Boolean()
    permissions = fields.List(fields.String())
    version = fields.Integer()
    created_at = Timestamp()


class Permission(Result):
    """A permission and its meaning."""

    name = fields.String()
    meaning = fields.String()


class Permissions(Result):
    """All permissions."""

    items = fields.List(fields.Nested(Permission))


Roles = page_of(Role)

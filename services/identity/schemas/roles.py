"""Roles, their permissions, and who holds them."""

from __future__ import annotations

from marshmallow import fields, validate

from services.identity.schemas.fields import RoleName
from services.identity.schemas.users import OptionalVersion
from shared.platform.schemas import Arguments, Identifier, Page, Result, Text, Timestamp, page_of

MAX_PERMISSIONS = 500
MAX_DESCRIPTION_LENGTH = 2000


class CreateRole(Arguments):
    """A new role, with permissions as ``thing:verb`` or narrowed as ``thing:verb:REGION-CODE``."""

    id = Identifier(load_default=None, allow_none=True)
    name = RoleName(required=True)
    description = Text(
        max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, load_default=None, allow_none=True
    )
    permissions = fields.List(
        Text(max_length=100), load_default=list, validate=validate.Length(max=MAX_PERMISSIONS)
    )


class UpdateRole(Arguments):
    """What changes of a role; a role's name never does. An inactive role allows nothing."""

    role = RoleName(required=True)
    version = OptionalVersion()
    description = Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, allow_none=True)
    is_active = fields.Boolean(truthy={True}, falsy={False})


class RoleByName(Arguments):
    """One role."""

    role = RoleName(required=True)


class ListRoles(Page):
    """Roles by name."""

    is_active = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})


class SetRolePermissions(Arguments):
    """All the permissions that the role shall have; those that are not named are taken away."""

    role = RoleName(required=True)
    version = OptionalVersion()
    permissions = fields.List(
        Text(max_length=100), required=True, validate=validate.Length(max=MAX_PERMISSIONS)
    )


class GrantRole(Arguments):
    """A role for an account; ``primary`` makes it the one that the account is shown with."""

    user_id = Identifier(required=True)
    role = RoleName(required=True)
    primary = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class RevokeRole(Arguments):
    """A role to be taken from an account."""

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
    """A permission that exists, and what it allows."""

    name = fields.String()
    meaning = fields.String()


class Permissions(Result):
    """Every permission that exists."""

    items = fields.List(fields.Nested(Permission))


Roles = page_of(Role)

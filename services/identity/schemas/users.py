"""Schemas of accounts."""

from __future__ import annotations

from marshmallow import fields, validate

from services.identity.schemas.fields import Email, NewPassword, Password, Preferences, RoleName
from shared.platform.schemas import (
    Arguments,
    Identifier,
    Page,
    Phone,
    Result,
    Text,
    Timestamp,
    Version,
    page_of,
)

MAX_ROLES = 20


class RegisterUser(Arguments):
    """A new account. ``roles`` need the permission ``role:grant``; the first one becomes the primary role."""

    id = Identifier(load_default=None, allow_none=True)
    email = Email(required=True)
    password = NewPassword(required=True)
    first_name = Text(max_length=100, required=True)
    last_name = Text(max_length=100, required=True)
    phone = Phone(load_default=None, allow_none=True)
    preferences = Preferences(load_default=dict)
    roles = fields.List(
        RoleName(), load_default=None, allow_none=True, validate=validate.Length(1, MAX_ROLES)
    )
    address = Text(max_length=100, load_default=None, allow_none=True)


class UserId(Arguments):
    """The id of an account."""

    user_id = Identifier(required=True)


class ListUsers(Page):
    """Filters for a list of accounts. ``text`` is searched in names and email addresses."""

    is_active = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})
    role = RoleName(load_default=None, allow_none=True)
    text = Text(max_length=100, load_default=None, allow_none=True)


class UpdateUser(Arguments):
    """Changes of an account. Omitted fields keep their values; preferences are replaced as a whole.

    Callers who change their own email address, with which they sign in, must give their ``current_password``.
    """

    user_id = Identifier(required=True)
    version = Version(required=True)
    email = Email()
    first_name = Text(max_length=100)
    last_name = Text(max_length=100)
    phone = Phone(allow_none=True)
    preferences = Preferences()
    current_password = Password(load_default=None, allow_none=True)


class ChangePassword(Arguments):
    """A change of the caller's password."""

    current_password = Password(required=True)
    new_password = NewPassword(required=True)


class ResetPassword(Arguments):
    """A new password for another account, whose owner has forgotten it."""

    user_id = Identifier(required=True)
    new_password = NewPassword(required=True)


class User(Result):
    """An account with the names of its roles; ``role_id`` is the primary role."""

    id = Identifier()
    email = fields.String()
    first_name = fields.String()
    last_name = fields.String()
    phone = fields.String(allow_none=True)
    role_id = Identifier(allow_none=True)
    roles = fields.List(fields.String())
    is_active = fields.Boolean()
    preferences = fields.Dict()
    version = fields.Integer()
    created_at = Timestamp()
    updated_at = Timestamp()


class Me(User):
    """The caller's account. ``permissions`` map each permission to true (every region) or to a list of region ids."""

    permissions = fields.Dict()


Users = page_of(User)

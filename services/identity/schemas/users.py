"""Accounts: what may be said of one, and what is shown."""

from __future__ import annotations

from marshmallow import fields, validate

from services.identity.schemas.fields import Email, NewPassword, Password, Preferences, RoleName
from shared.platform.schemas import (
    Arguments,
    BoundedInteger,
    Identifier,
    Page,
    Phone,
    Result,
    Text,
    Timestamp,
    page_of,
)

MAX_VERSION = 2**31 - 1
MAX_ROLES = 20


class Version(BoundedInteger):
    """The version of the thing that the caller saw."""

    def __init__(self) -> None:
        super().__init__(min_value=1, max_value=MAX_VERSION, required=True)


class OptionalVersion(BoundedInteger):
    """The version of the thing that the caller saw; without one, the change is made to whatever version there is."""

    def __init__(self) -> None:
        super().__init__(min_value=1, max_value=MAX_VERSION, load_default=None, allow_none=True)


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
    """One account."""

    user_id = Identifier(required=True)


class ListUsers(Page):
    """Accounts, the newest first. ``text`` is looked for in names and the e-mail address."""

    is_active = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})
    role = RoleName(load_default=None, allow_none=True)
    text = Text(max_length=100, load_default=None, allow_none=True)


class UpdateUser(Arguments):
    """What changes of an account; what is left out stays as it is. Preferences are replaced as a whole.

    Whoever changes their own e-mail address, with which they sign in, gives their ``current_password`` with it.
    """

    user_id = Identifier(required=True)
    version = Version()
    email = Email()
    first_name = Text(max_length=100)
    last_name = Text(max_length=100)
    phone = Phone(allow_none=True)
    preferences = Preferences()
    current_password = Password(load_default=None, allow_none=True)


class ChangePassword(Arguments):
    """One's own password."""

    current_password = Password(required=True)
    new_password = NewPassword(required=True)


class ResetPassword(Arguments):
    """Somebody else's password, for who has forgotten it."""

    user_id = Identifier(required=True)
    new_password = NewPassword(required=True)


class User(Result):
    """An account, with the names of its roles; ``role_id`` is the primary one. No password is shown."""

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
    """One's own account. ``permissions`` map each permission to true, or to the ids of its regions."""

    permissions = fields.Dict()


Users = page_of(User)

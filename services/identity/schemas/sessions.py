"""Schemas of sessions and of the keys that access tokens are verified with."""

from __future__ import annotations

from marshmallow import fields

from services.identity.schemas.fields import Email, Password
from shared.platform.schemas import Arguments, Identifier, Page, Result, Text, Timestamp, page_of


class Authenticate(Arguments):
    """The credentials of a sign-in.

    ``address`` is the network address of the client as the gateway reports it. ``device_token`` is the token that an
    earlier sign-in on this device returned. With it, wrong passwords from other devices never make the owner wait.
    """

    email = Email(required=True)
    password = Password(required=True)
    address = Text(max_length=100, load_default=None, allow_none=True)
    device_token = Text(max_length=200, load_default=None, allow_none=True)


class RefreshToken(Arguments):
    """A refresh token that `authenticate` or `refresh` has returned."""

    refresh_token = Text(max_length=200, verbatim=True, required=True)


class Refresh(RefreshToken):
    """A refresh token to exchange. With an ``id``, a repeat of this call returns the same tokens for 30 seconds."""

    id = Identifier(load_default=None, allow_none=True)


class Tokens(Result):
    """New tokens. ``expires_in`` and ``refresh_expires_in`` are their lifetimes in seconds."""

    access_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer()
    refresh_token = fields.String()
    refresh_expires_in = fields.Integer()
    user_id = Identifier()


class SignedIn(Tokens):
    """The tokens of a new session. Keep ``device_token`` on the device for the next sign-in, even after signing out."""

    device_token = fields.String()


class PublicKey(Result):
    """An Ed25519 public key (RFC 8037)."""

    kty = fields.String()
    crv = fields.String()
    x = fields.String()
    kid = fields.String()
    alg = fields.String()
    use = fields.String()


class PublicKeys(Result):
    """A JSON Web Key Set (RFC 7517)."""

    keys = fields.List(fields.Nested(PublicKey))


class ListRevocations(Page):
    """A page of revocations."""


class Revocation(Result):
    """Access tokens that are refused before they expire; the fields are those of the event `access_revoked`."""

    scope = fields.String()
    subject_id = Identifier()
    version = fields.Integer()
    user_id = Identifier(allow_none=True)
    role = fields.String(allow_none=True)
    reason = fields.String()
    revoked_at = Timestamp()


Revocations = page_of(Revocation)


class Authority(Result):
    """What the caller may do at this moment.

    ``roles`` are the names of its active roles. ``permissions`` map each permission to true (every region) or to a list
    of region ids.
    """

    roles = fields.List(fields.String())
    permissions = fields.Dict()

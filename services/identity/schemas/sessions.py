"""Signing in, staying signed in, and the keys that others check tokens with."""

from __future__ import annotations

from marshmallow import fields

from services.identity.schemas.fields import Email, Password
from shared.platform.schemas import Arguments, Identifier, Result, Text


class Authenticate(Arguments):
    """Who signs in.

    ``address`` is where they sign in from, as the gateway says. ``device_token`` is what signing in on this device
    returned before: with it, somebody else's wrong passwords never make its owner wait.
    """

    email = Email(required=True)
    password = Password(required=True)
    address = Text(max_length=100, load_default=None, allow_none=True)
    device_token = Text(max_length=200, load_default=None, allow_none=True)


class RefreshToken(Arguments):
    """A refresh token, as `authenticate` or `refresh` returned it."""

    refresh_token = Text(max_length=200, verbatim=True, required=True)


class Refresh(RefreshToken):
    """A refresh token to be exchanged; ``id`` makes a repeat of this very call harmless."""

    id = Identifier(load_default=None, allow_none=True)


class Tokens(Result):
    """What staying signed in gives. ``expires_in`` are seconds of the access token."""

    access_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer()
    refresh_token = fields.String()
    refresh_expires_in = fields.Integer()
    user_id = Identifier()


class SignedIn(Tokens):
    """What signing in gives. Keep ``device_token`` on the device, also after signing out, for the next sign-in."""

    device_token = fields.String()


class PublicKey(Result):
    """One Ed25519 key as RFC 8037 writes it."""

    kty = fields.String()
    crv = fields.String()
    x = fields.String()
    kid = fields.String()
    alg = fields.String()
    use = fields.String()


class PublicKeys(Result):
    """A JSON Web Key Set (RFC 7517)."""

    keys = fields.List(fields.Nested(PublicKey))

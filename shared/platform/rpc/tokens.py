"""Verifies the access tokens that identity signs; it never signs one.

Every service checks the caller's token itself, with identity's public keys alone (RFC 8725: one algorithm,
pinned; issuer, audience, expiry, subject and token id all required). Which key a token claims to be signed
with only chooses among keys that identity published; nothing else in its header is believed.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import jwt

from shared.client.errors import Unauthenticated
from shared.platform.rpc.context import Caller
from shared.platform.rpc.grants import Grants, unpack
from shared.platform.rpc.keys import KeySet

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ISSUER: Final = "impactx-identity"
AUDIENCE: Final = "impactx"
ALGORITHM: Final = "EdDSA"
REQUIRED_CLAIMS: Final = ["exp", "iat", "iss", "aud", "sub", "jti"]
LEEWAY: Final = 10.0
"""Seconds by which the clocks of two machines may differ."""

MAX_TOKEN: Final = 64 * 1024
REMEMBERED_TOKENS: Final = 4096
GRANTS_CLAIM: Final = "grants"
"""The claim that `shared.platform.rpc.grants` packs."""

JwksProvider = Callable[[], Mapping[str, Any]]


class TokenVerifier:
    """Turns a token into the caller it vouches for.

    One verifier serves all greenlets of a process. A token that was verified is remembered until it expires,
    so the signature of a busy caller is checked once.

    Args:
        jwks: Fetches identity's public keys as a JSON Web Key Set (RFC 7517); see `shared.platform.rpc.keys.KeySet`. It
            may raise: a token whose key is not known is then not called false, but cannot be checked now.
        clock: Seconds since the epoch.
    """

    def __init__(self, jwks: JwksProvider, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._keys = KeySet(jwks, clock=clock)
        self._verified: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        self._verified_with = self._keys.generation

    def refresh_keys(self) -> bool:
        """Fetch the keys, unless that was done a moment ago, and return whether they are fresh."""
        return self._keys.refresh()

    def verify(self, token: str, correlation_id: str = "") -> Caller:
        """The caller that the token vouches for.

        Args:
            token: A JWT in compact form.
            correlation_id: Of the work in hand; it is not part of the token.

        Raises:
            Unauthenticated: The token is malformed, expired, for someone else, or not signed by identity.
            Unavailable: The token's key is not known, and identity cannot be asked for it now.
        """
        if len(token) > MAX_TOKEN:
            raise Unauthenticated("The token is too long.")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        if self._verified_with != self._keys.generation:
            self._verified_with = self._keys.generation
            self._verified.clear()
        known = self._verified.get(digest)
        if known is not None:
            expires_at, caller = known
            if self._clock() < expires_at:
                self._verified.move_to_end(digest)
                return replace(caller, correlation_id=correlation_id)
            del self._verified[digest]
            raise Unauthenticated("The token has expired.")
        caller, expires_at = self._check(token)
        self._verified[digest] = (expires_at, caller)
        while len(self._verified) > REMEMBERED_TOKENS:
            self._verified.popitem(last=False)
        return replace(caller, correlation_id=correlation_id)

    def _check(self, token: str) -> tuple[Caller, float]:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError):  # ValueError: a lone surrogate is not UTF-8
            raise Unauthenticated("The token is malformed.") from None
        if header.get("alg") != ALGORITHM:
            raise Unauthenticated("The token is not signed as identity signs.")
        key = self._key(header.get("kid"))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # Time is compared below, with the clock that the remembered tokens are compared with.
                options={
                    "require": REQUIRED_CLAIMS,
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
            caller = _caller(claims, token)
            expires_at = float(claims["exp"]) + LEEWAY
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
            raise Unauthenticated("The token is not genuine.") from None
        # That it was issued in the future is let pass: it only says that this machine's clock is late, and to
        # refuse it would shut everybody out. The comparison is false for a NaN.
        if not self._clock() < expires_at:
            raise Unauthenticated("The token has expired.")
        return caller, expires_at

    def _key(self, key_id: object) -> Ed25519PublicKey:
        if not isinstance(key_id, str):
            raise Unauthenticated("The token does not say which key signed it.")
        key = self._keys.key(key_id)
        if key is None:
            raise Unauthenticated("The token is not signed by a key of identity.")
        return key


def _caller(claims: Mapping[str, Any], token: str) -> Caller:
    roles, grants = _grants(claims)
    return Caller(
        user_id=UUID(claims["sub"]),
        roles=roles,
        permissions=grants,
        token=token,
        correlation_id="",
        session_id=str(claims.get("sid", "")),
    )


def _grants(claims: Mapping[str, Any]) -> tuple[frozenset[str], Grants]:
    packed = claims.get(GRANTS_CLAIM)
    if packed is not None:
        return unpack(packed)
    # The form of before, in which every permission lists its regions: such tokens outlive an upgrade of identity by
    # their lifetime.
    roles = frozenset(str(role) for role in claims.get("roles", ()))
    held = dict(claims.get("permissions", {})).items()
    return roles, {str(name): _regions(granted) for name, granted in held}


def _regions(granted: Any) -> frozenset[UUID] | None:
    """``true`` is every region; a list names the regions by id. Anything else is not what identity signs."""
    if granted is True:
        return None
    if not isinstance(granted, list):
        raise TypeError("a permission is true or a list of region ids")
    return frozenset(UUID(region) for region in granted)

"""Verifies the access tokens that identity signs.

Every service verifies the token of its caller with the public keys of identity (RFC 8725: one fixed algorithm;
issuer, audience, expiry, subject and token id are required). The key id in the header of a token only selects one of
the published keys; nothing else in the header is trusted.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import jwt

from shared.client.errors import Unauthenticated
from shared.platform.rpc.context import Caller, Signed
from shared.platform.rpc.grants import Grants, unpack
from shared.platform.rpc.keys import KeySet

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ISSUER: Final = "impactx-identity"
AUDIENCE: Final = "impactx"
ALGORITHM: Final = "EdDSA"
REQUIRED_CLAIMS: Final = ["exp", "iat", "iss", "aud", "sub", "jti"]
LEEWAY: Final = 10.0
"""Maximum difference between the clocks of two machines in seconds."""

MAX_TOKEN: Final = 64 * 1024
REMEMBERED_TOKENS: Final = 4096
GRANTS_CLAIM: Final = "grants"
"""The name of the claim that `shared.platform.rpc.grants` packs."""

VERSION_CLAIM: Final = "ver"
"""The name of the claim with the version of the account."""

JwksProvider = Callable[[], Mapping[str, Any]]


class TokenVerifier:
    """Verifies access tokens and returns their callers.

    One verifier serves all greenlets of a process. It remembers verified tokens until they expire, so that each
    signature is verified only once.

    Args:
        jwks: Fetches the public keys of identity as a JSON Web Key Set (RFC 7517); see
            `shared.platform.rpc.keys.KeySet`. If it raises, tokens with an unknown key are not rejected as invalid, but
            answered with `Unavailable`.
        clock: Returns seconds since the epoch.
    """

    def __init__(self, jwks: JwksProvider, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._keys = KeySet(jwks, clock=clock)
        self._verified: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        self._verified_with = self._keys.generation

    def refresh_keys(self) -> bool:
        """Fetch the keys, unless they have just been fetched, and return whether they are fresh."""
        return self._keys.refresh()

    def verify(self, token: str, correlation_id: str = "") -> Caller:
        """Return the caller of a token.

        Args:
            token: A JWT in compact form.
            correlation_id: The correlation id of the request; it is not part of the token.

        Raises:
            Unauthenticated: The token is malformed, expired, for another audience, or not signed by identity.
            Unavailable: The key of the token is not known, and identity cannot be asked for it at the moment.
        """
        if len(token) > MAX_TOKEN:
            raise Unauthenticated("The access token is too long.")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        if self._verified_with != self._keys.generation:
            self._verified_with = self._keys.generation
            self._verified.clear()
        known = self._verified.get(digest)
        if known is not None:
            expires_at, caller = known
            if self._clock() < expires_at:
                self._verified.move_to_end(digest)
                return caller.under(correlation_id)
            del self._verified[digest]
            raise Unauthenticated("The access token has expired.")
        caller, expires_at = self._check(token)
        self._verified[digest] = (expires_at, caller)
        while len(self._verified) > REMEMBERED_TOKENS:
            self._verified.popitem(last=False)
        return caller.under(correlation_id)

    def _check(self, token: str) -> tuple[Caller, float]:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError):  # ValueError: a lone surrogate is not UTF-8
            raise Unauthenticated("The access token is malformed.") from None
        if header.get("alg") != ALGORITHM:
            raise Unauthenticated("The access token is not signed with the expected algorithm.")
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
            raise Unauthenticated("The access token is not valid.") from None
        # A token issued in the future is accepted: it only means that the clock of this machine is slow, and
        # rejecting it would lock everybody out. The comparison is false for a NaN.
        if not self._clock() < expires_at:
            raise Unauthenticated("The access token has expired.")
        return caller, expires_at

    def _key(self, key_id: object) -> Ed25519PublicKey:
        if not isinstance(key_id, str):
            raise Unauthenticated("The access token does not name the key that it was signed with.")
        key = self._keys.key(key_id)
        if key is None:
            raise Unauthenticated("The access token is not signed with a key of this system.")
        return key


def _caller(claims: Mapping[str, Any], token: str) -> Caller:
    roles, versions, grants = _grants(claims)
    version = claims.get(VERSION_CLAIM)
    return Caller(
        user_id=UUID(claims["sub"]),
        roles=roles,
        permissions=grants,
        token=token,
        correlation_id="",
        session_id=str(claims.get("sid", "")),
        signed=Signed(float(claims["iat"]), None if version is None else int(version), versions),
    )


def _grants(claims: Mapping[str, Any]) -> tuple[frozenset[str], dict[str, int], Grants]:
    packed = claims.get(GRANTS_CLAIM)
    if packed is not None:
        return unpack(packed)
    # The former format, in which every permission lists its regions. After an upgrade of identity such tokens are in
    # use until they expire.
    roles = frozenset(str(role) for role in claims.get("roles", ()))
    held = dict(claims.get("permissions", {})).items()
    return roles, {}, {str(name): _regions(granted) for name, granted in held}


def _regions(granted: Any) -> frozenset[UUID] | None:
    """Return the regions of a permission in the former format: true means every region, a list holds region ids."""
    if granted is True:
        return None
    if not isinstance(granted, list):
        raise TypeError("a permission is true or a list of region ids")
    return frozenset(UUID(region) for region in granted)

"""Verifies the access tokens that identity signs; it never signs one.

Every service checks the caller's token itself, with identity's public keys alone (RFC 8725: one algorithm,
pinned; issuer, audience, expiry, subject and token id all required). Which key a token claims to be signed
with only chooses among keys that identity published; nothing else in its header is believed.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from shared.errors import Unauthenticated, Unavailable
from shared.rpc.context import Caller

ISSUER: Final = "impactx-identity"
AUDIENCE: Final = "impactx"
ALGORITHM: Final = "EdDSA"
REQUIRED_CLAIMS: Final = ["exp", "iat", "iss", "aud", "sub", "jti"]
LEEWAY: Final = 10.0
"""Seconds by which the clocks of two machines may differ."""

GREATEST_TOKEN: Final = 64 * 1024
REMEMBERED_TOKENS: Final = 4096
REFETCH_AFTER: Final = 3.0
"""Seconds between two fetches of the keys, so that tokens with made-up key ids cannot flood identity."""

KEYS_LIFETIME: Final = 300.0
"""Seconds after which the keys are fetched again, so that a withdrawn key stops being honoured."""

JwksProvider = Callable[[], Mapping[str, Any]]


class TokenVerifier:
    """Turns a token into the caller it vouches for.

    One verifier serves all greenlets of a process. A token that was verified is remembered until it expires,
    so the signature of a busy caller is checked once.

    Args:
        jwks: Fetches identity's public keys as a JSON Web Key Set (RFC 7517). It may raise; the error reaches
            the caller when no key is known yet, so that a token is not called false while identity is away.
        clock: Seconds since the epoch.
    """

    def __init__(self, jwks: JwksProvider, *, clock: Callable[[], float] = time.time) -> None:
        self._jwks = jwks
        self._clock = clock
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetched_at = float("-inf")
        self._failed_at = float("-inf")
        self._fetching = threading.Lock()
        self._verified: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    def verify(self, token: str, correlation_id: str = "") -> Caller:
        """The caller that the token vouches for.

        Args:
            token: A JWT in compact form.
            correlation_id: Of the work in hand; it is not part of the token.

        Raises:
            Unauthenticated: The token is malformed, expired, for someone else, or not signed by identity.
            Unavailable: identity's keys are not known yet and cannot be fetched.
        """
        if len(token) > GREATEST_TOKEN:
            raise Unauthenticated("The token is too long.")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
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
        if self._since(self._fetched_at) > KEYS_LIFETIME or key_id not in self._keys:
            self._fetch(key_id)
        try:
            return self._keys[key_id]
        except KeyError:
            raise Unauthenticated("The token is not signed by a key of identity.") from None

    def _fetch(self, key_id: str) -> None:
        with self._fetching:
            age = self._since(self._fetched_at)
            # Another greenlet may have fetched while this one waited; unknown ids are not asked for at will.
            if age <= REFETCH_AFTER or (age <= KEYS_LIFETIME and key_id in self._keys):
                return
            if self._since(self._failed_at) <= REFETCH_AFTER:
                if key_id in self._keys:
                    return
                raise Unavailable("The keys that tokens are checked with cannot be fetched now.")
            try:
                fetched = self._jwks()
            except Exception:
                self._failed_at = self._clock()
                if key_id in self._keys:  # the keys we have are better than nobody signed in
                    return
                raise
            self._keys = dict(_public_keys(fetched))
            self._fetched_at = self._clock()
            self._verified.clear()

    def _since(self, moment: float) -> float:
        """Seconds since then; a clock that was set back counts as well, or nothing would be fetched for long."""
        return abs(self._clock() - moment)


def _public_keys(jwks: Mapping[str, Any]) -> list[tuple[str, Ed25519PublicKey]]:
    """The Ed25519 keys of the set by key id; keys of other kinds are left out."""
    found = []
    for key in jwks.get("keys", ()):
        if key.get("kty") == "OKP" and key.get("crv") == "Ed25519" and key.get("use", "sig") == "sig":
            public = OKPAlgorithm.from_jwk({name: key[name] for name in ("kty", "crv", "x")})
            if isinstance(public, Ed25519PublicKey):
                found.append((str(key["kid"]), public))
    return found


def _caller(claims: Mapping[str, Any], token: str) -> Caller:
    return Caller(
        user_id=UUID(claims["sub"]),
        roles=frozenset(str(role) for role in claims.get("roles", ())),
        permissions={
            str(name): _regions(granted) for name, granted in dict(claims.get("permissions", {})).items()
        },
        token=token,
        correlation_id="",
        session_id=str(claims.get("sid", "")),
    )


def _regions(granted: Any) -> frozenset[UUID] | None:
    """``true`` is every region; a list names the regions by id. Anything else is not what identity signs."""
    if granted is True:
        return None
    if not isinstance(granted, list):
        raise TypeError("a permission is true or a list of region ids")
    return frozenset(UUID(region) for region in granted)

"""Signs access tokens and creates refresh tokens. Only this module uses the private key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from typing import TYPE_CHECKING, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from uuid6 import uuid7

from shared.platform.rpc.grants import pack
from shared.platform.rpc.tokens import ALGORITHM, AUDIENCE, GRANTS_CLAIM, ISSUER, VERSION_CLAIM
from shared.platform.settings import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from services.identity.schemas import types
    from shared.platform.settings import Settings

REFRESH_TOKEN_BYTES: Final = 32
DEVICE_ID_BYTES: Final = 16
_PUBLIC_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)


class KeyFault(SettingError):
    """A key cannot be used; the message names the setting and the reason."""


class Signer:
    """Signs access tokens with identity's private key.

    To rotate the key, start identity with the new private key and with the public key of the old one among the
    previous keys. Remove it when the last token signed with it has expired. Services fetch keys that they do not know.

    Args:
        private_key: An Ed25519 key in PEM format (PKCS #8).
        previous_public_keys: The public keys of which tokens are still accepted, in PEM format, one after another.
        lifetime: The lifetime of an access token in seconds.
        clock: Returns seconds since the epoch.

    Raises:
        KeyFault: A key is missing, or it is not an Ed25519 key.
    """

    def __init__(
        self,
        private_key: str,
        previous_public_keys: str = "",
        *,
        lifetime: int = 900,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key = _private_key(private_key)
        self.lifetime = lifetime
        self._clock = clock
        public_keys = [self._key.public_key(), *_public_keys(previous_public_keys)]
        self._jwks: types.PublicKeys = {
            "keys": list({key["kid"]: key for key in map(_jwk, public_keys)}.values())
        }
        self._key_id: str = _jwk(self._key.public_key())["kid"]
        raw = self._key.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
        self._succession_key = hmac.digest(raw, b"impactx refresh token succession", hashlib.sha256)
        self._device_key = hmac.digest(raw, b"impactx known device", hashlib.sha256)
        self._guess_key = hmac.digest(raw, b"impactx wrong password", hashlib.sha256)

    def jwks(self) -> types.PublicKeys:
        """Return the public keys as a JSON Web Key Set (RFC 7517), beginning with the current one."""
        return self._jwks

    def sign(
        self,
        user_id: UUID,
        session_id: UUID,
        roles: Mapping[str, int],
        permissions: Mapping[str, frozenset[UUID] | None],
        *,
        version: int,
    ) -> str:
        """Return a new access token.

        Args:
            user_id: The account.
            session_id: The session (the family of refresh tokens) that it belongs to.
            roles: The versions of the active roles of the account by name.
            permissions: For each permission the ids of its regions, or None for every region.
            version: The version of the account. Like those of the roles, it must not be newer than the permissions.
        """
        now = int(self._clock())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": now,
            "exp": now + self.lifetime,
            "jti": str(uuid7()),
            VERSION_CLAIM: version,
            GRANTS_CLAIM: pack(roles, permissions),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self._key_id})

    def successor(self, refresh_token: str) -> str:
        """Return the refresh token that replaces this one.

        It is not random but a keyed function of the token, so that a client whose reply was lost gets the same token
        when it asks again. Without the private key it is as unpredictable as a random one.
        """
        return _text(hmac.digest(self._succession_key, refresh_token.encode(), hashlib.sha256))

    def device_token(self, user_id: UUID, device_id: bytes) -> str:
        """Return a token with which a device proves later that the owner of this account has signed in on it.

        It is not a credential: signing in still needs the password. It is bound to the account and is not stored here.
        """
        return _text(device_id + self._device_proof(user_id, device_id))

    def device_of(self, device_token: str, user_id: UUID) -> bytes | None:
        """Return the id of the device that a device token was made for; None if it was not made for this account."""
        try:
            raw = base64.urlsafe_b64decode(device_token + "=" * (-len(device_token) % 4))
        except ValueError:
            return None
        device_id, proof = raw[:DEVICE_ID_BYTES], raw[DEVICE_ID_BYTES:]
        return device_id if hmac.compare_digest(proof, self._device_proof(user_id, device_id)) else None

    def guess_digest(self, password: bytes, password_hash: str) -> bytes:
        """Return the digest of a wrong password that is stored to recognise the same one when it is tried again.

        It depends on the hash that it did not match, so that it is useless after the password was changed, and on the
        private key, so that nobody with only the database can guess what was typed.
        """
        return hmac.digest(self._guess_key, password + b"\0" + password_hash.encode(), hashlib.sha256)[:16]

    def _device_proof(self, user_id: UUID, device_id: bytes) -> bytes:
        return hmac.digest(self._device_key, user_id.bytes + device_id, hashlib.sha256)


def signer_of(settings: Settings) -> Signer:
    """Return a signer with the keys of the settings.

    Raises:
        KeyFault: A key is missing or cannot be used.
    """
    return Signer(
        settings.jwt_private_key,
        settings.jwt_previous_public_keys,
        lifetime=settings.access_token_lifetime,
    )


def new_device_id() -> bytes:
    """Return a new device id of 128 random bits."""
    return secrets.token_bytes(DEVICE_ID_BYTES)


def new_refresh_token() -> str:
    """Return a refresh token of 256 random bits, the first of a session."""
    return _text(secrets.token_bytes(REFRESH_TOKEN_BYTES))


def token_digest(refresh_token: str) -> bytes:
    """Return the digest that is stored of a refresh token. With 256 bits, a fast hash is as safe as a slow one."""
    return hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).digest()


def _private_key(pem: str) -> Ed25519PrivateKey:
    if not pem.strip():
        raise KeyFault(
            "The private key is missing. Set IMPACTX_JWT_PRIVATE_KEY or IMPACTX_JWT_PRIVATE_KEY_FILE."
        )
    try:
        # Environment files often hold a PEM on one line with its line breaks written as \n.
        key = serialization.load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError) as error:
        raise KeyFault(
            "IMPACTX_JWT_PRIVATE_KEY must be a private key in PEM format without a passphrase."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFault("IMPACTX_JWT_PRIVATE_KEY must be an Ed25519 key.")
    return key


def _public_keys(pems: str) -> list[Ed25519PublicKey]:
    text = pems.replace("\\n", "\n")
    found = []
    for pem in _PUBLIC_PEM.findall(text):
        try:
            key = serialization.load_pem_public_key(pem.encode())
        except ValueError as error:
            raise KeyFault("IMPACTX_JWT_PREVIOUS_PUBLIC_KEYS contains a PEM that cannot be read.") from error
        if not isinstance(key, Ed25519PublicKey):
            raise KeyFault("IMPACTX_JWT_PREVIOUS_PUBLIC_KEYS must contain only Ed25519 keys.")
        found.append(key)
    if text.strip() and not found:
        raise KeyFault("IMPACTX_JWT_PREVIOUS_PUBLIC_KEYS contains no public key in PEM format.")
    return found


def _jwk(key: Ed25519PublicKey) -> types.PublicKey:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    members = {"crv": "Ed25519", "kty": "OKP", "x": _text(raw)}
    # RFC 7638: the thumbprint covers the required members in order, without spaces (RFC 8037, section 2).
    thumbprint = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {
        "kty": members["kty"],
        "crv": members["crv"],
        "x": members["x"],
        "kid": _text(thumbprint),
        "alg": ALGORITHM,
        "use": "sig",
    }


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

"""Sessions: signs in, refreshes tokens and signs out.

Some functions take the `Database` and not a connection: passwords are verified while no connection is held, and a
counted failure or a closed session must be committed although the call is rejected.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, exists, func, insert, select, update
from uuid6 import uuid7

from services.identity import sign_in_limits
from services.identity.authority import authority_of
from services.identity.models import refresh_tokens, users
from services.identity.password_hashing import SIGN_IN
from services.identity.policy import encode_password
from services.identity.revocations import (
    SESSIONS_CLOSED,
    SIGNED_OUT,
    TOKEN_REUSED,
    forget_old,
    revoke_account,
    revoke_session,
)
from services.identity.tokens import new_device_id, new_refresh_token, token_digest
from shared.client.errors import Unauthenticated
from shared.platform.db.errors import field_errors

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from services.identity.password_hashing import PasswordHasher
    from services.identity.schemas import types
    from services.identity.tokens import Signer
    from shared.platform.db.engine import Database

GRACE: Final = timedelta(seconds=30)
WRONG: Final = "The email address or the password is wrong."
USED_UP: Final = "This refresh token was already used, so its session was closed. Sign in again."
NOT_VALID: Final = "This refresh token is no longer valid. Sign in again."


@dataclass(frozen=True, slots=True)
class Secrets:
    """The keys and settings for signing in.

    Attributes:
        signer: Signs the access tokens.
        hasher: Verifies the passwords.
        refresh_lifetime: The lifetime of a refresh token in seconds. It begins again with every refresh.
    """

    signer: Signer
    hasher: PasswordHasher
    refresh_lifetime: int


def authenticate(
    database: Database,
    secrets: Secrets,
    *,
    email: str,
    password: str,
    address: str | None = None,
    device_token: str | None = None,
) -> types.SignedIn:
    """Sign in with email address and password, and begin a session.

    Neither the answer nor its time tells whether the account is unknown or deactivated, or the password wrong. Failures
    are counted by account and client, whether the account exists or not, in the database; see `sign_in_limits`.

    Args:
        database: The database.
        secrets: Verifies the password and signs the tokens.
        email: The email address of the account.
        password: The password.
        address: The network address of the client as the gateway reports it.
        device_token: The device token of an earlier sign-in on the same device. An invalid one is ignored.

    Raises:
        Unauthenticated: The account is unknown or deactivated, or the password is wrong.
        RateLimited: There are too many failures or sign-ins at the moment; ``retry_after`` are the seconds to wait.
    """
    columns = (users.c.id, users.c.password_hash, users.c.is_active)
    with database.read() as connection:
        found = connection.execute(select(*columns).where(users.c.email == email)).one_or_none()
        stored = found.password_hash if found is not None and found.is_active else None
        user_id = found.id if found is not None else None
        device_id = secrets.signer.device_of(device_token or "", user_id or sign_in_limits.NOBODY)
        attempt = sign_in_limits.sign_in_attempt(
            connection,
            email=email,
            user_id=user_id,
            device_id=device_id,
            address=address,
            guess=secrets.signer.guess_digest(encode_password(password), stored or ""),
        )
        sign_in_limits.refuse_blocked(connection, attempt.keys())
    right = not attempt.is_repeat and secrets.hasher.verify(password, stored, SIGN_IN)
    if not right or found is None:
        with database.write() as connection:
            sign_in_limits.count_failure(connection, attempt)
        raise Unauthenticated(WRONG)
    outdated = secrets.hasher.is_outdated(found.password_hash)
    new_hash = secrets.hasher.hash(password, SIGN_IN) if outdated else None
    with database.write() as connection:
        sign_in_limits.count_success(connection, attempt)
        # The account may have been deactivated, or its password changed, while the password was verified. The lock
        # makes both wait until the session exists and can be closed.
        unchanged = select(users.c.id).where(
            users.c.id == found.id, users.c.is_active, users.c.password_hash == found.password_hash
        )
        if connection.execute(unchanged.with_for_update(read=new_hash is None)).one_or_none() is None:
            raise Unauthenticated(WRONG)
        if new_hash is not None:
            connection.execute(update(users).where(users.c.id == found.id).values(password_hash=new_hash))
        sign_in_limits.remember_address(connection, found.id, address)
        tokens = _begin(connection, secrets, found.id, uuid7(), new_refresh_token(), address, uuid7())
    return {**tokens, "device_token": secrets.signer.device_token(found.id, device_id or new_device_id())}


def refresh(
    database: Database,
    secrets: Secrets,
    *,
    refresh_token: str,
    id: UUID | None = None,  # noqa: A002 - the argument's public name
) -> types.Tokens:
    """Exchange a refresh token for a new one and an access token with the current roles.

    A refresh token works once. If it is used again, it was stolen. Since nobody can tell which user of the token is the
    legitimate one, the session is closed (RFC 9700, section 4.14.2). A client whose reply was lost, and a broker that
    delivers a request twice, also use a token again; they are recognised by the ``id`` of the call, which a thief does
    not know. For 30 seconds the same call returns the same new token. After that it is rejected, and the session stays
    open.

    Args:
        database: The database.
        secrets: Signs the tokens.
        refresh_token: The refresh token.
        id: The id that the caller gave this call. Without an id, a repeat closes the session.

    Raises:
        Unauthenticated: The token is unknown, expired, revoked or already used, or the account is deactivated.
        Conflict: The id belongs to another call.
    """
    with field_errors({"refresh_tokens_pkey": "id"}), database.write() as connection:
        tokens, problem = _rotate(connection, secrets, refresh_token, id)
    if tokens is None:
        raise Unauthenticated(problem)
    return tokens


def revoke(connection: Connection, *, refresh_token: str) -> None:
    """Close the session of a refresh token. An unknown token or a closed session is no error."""
    which = refresh_tokens.c.token_hash == token_digest(refresh_token)
    family = connection.execute(select(refresh_tokens.c.family_id).where(which)).scalar_one_or_none()
    if family is not None:
        _close(connection, family, SIGNED_OUT)


def revoke_sessions_of(connection: Connection, user_id: UUID) -> None:
    """Close all sessions of an account. Its access tokens are refused from now on."""
    open_ones = (refresh_tokens.c.user_id == user_id, refresh_tokens.c.revoked_at.is_(None))
    connection.execute(update(refresh_tokens).where(*open_ones).values(revoked_at=func.now()))
    revoke_account(connection, user_id, SESSIONS_CLOSED)


def forget_expired(connection: Connection, token_lifetime: int) -> int:
    """Delete expired refresh tokens, counted failures, known addresses and old revocations; return their number."""
    expired = connection.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at < func.now()))
    return expired.rowcount + sign_in_limits.forget_old(connection) + forget_old(connection, token_lifetime)


def _rotate(
    connection: Connection, secrets: Secrets, refresh_token: str, call_id: UUID | None
) -> tuple[types.Tokens | None, str]:
    """Return the new tokens, or None and the reason why there are none."""
    token = _locked(connection, token_digest(refresh_token))
    if token is None:
        return None, NOT_VALID
    if token.revoked_at is not None:
        return None, USED_UP if token.used_at is not None else NOT_VALID
    successor = secrets.signer.successor(refresh_token)
    if token.used_at is None:
        spent = update(refresh_tokens).where(refresh_tokens.c.id == token.id).values(used_at=func.now())
        connection.execute(spent)
        tokens = _begin(
            connection, secrets, token.user_id, token.family_id, successor, token.address, call_id or uuid7()
        )
        return tokens, ""
    if call_id is not None and _was_made_by(connection, successor, call_id):
        # A repeat of the call that used the token, however late: only the client knows its id.
        if not (token.just_used and _is_fresh(connection, successor)):
            return None, NOT_VALID
        return _answer(connection, secrets, token.user_id, token.family_id, successor), ""
    _close(connection, token.family_id, TOKEN_REUSED)
    return None, USED_UP


def _locked(connection: Connection, digest: bytes) -> Row[Any] | None:
    """Lock a refresh token and return it; None if it is unknown or expired or its account is deactivated."""
    which = refresh_tokens.c.token_hash == digest
    owner = connection.execute(select(refresh_tokens.c.user_id).where(which)).scalar_one_or_none()
    if owner is None:
        return None
    # The account is locked before the token, as in deactivating it and changing its password, so that the second sees
    # what the first has done.
    account = select(users.c.id).where(users.c.id == owner, users.c.is_active).with_for_update(read=True)
    if connection.execute(account).one_or_none() is None:
        return None
    just_used = (refresh_tokens.c.used_at > func.now() - GRACE).label("just_used")
    valid = refresh_tokens.c.expires_at > func.now()
    token = select(refresh_tokens, just_used).where(which, valid).with_for_update()
    return connection.execute(token).one_or_none()


def _was_made_by(connection: Connection, refresh_token: str, call_id: UUID) -> bool:
    made = exists().where(
        refresh_tokens.c.token_hash == token_digest(refresh_token), refresh_tokens.c.id == call_id
    )
    return bool(connection.execute(select(made)).scalar_one())


def _is_fresh(connection: Connection, refresh_token: str) -> bool:
    fresh = exists().where(
        refresh_tokens.c.token_hash == token_digest(refresh_token),
        refresh_tokens.c.used_at.is_(None),
        refresh_tokens.c.revoked_at.is_(None),
    )
    return bool(connection.execute(select(fresh)).scalar_one())


def _begin(
    connection: Connection,
    secrets: Secrets,
    user_id: UUID,
    family_id: UUID,
    refresh_token: str,
    address: str | None,
    row_id: UUID,
) -> types.Tokens:
    connection.execute(
        insert(refresh_tokens).values(
            id=row_id,
            user_id=user_id,
            family_id=family_id,
            token_hash=token_digest(refresh_token),
            expires_at=func.now() + timedelta(seconds=secrets.refresh_lifetime),
            address=address,
        )
    )
    return _answer(connection, secrets, user_id, family_id, refresh_token)


def _answer(
    connection: Connection, secrets: Secrets, user_id: UUID, family_id: UUID, refresh_token: str
) -> types.Tokens:
    authority = authority_of(connection, user_id)
    return {
        "access_token": secrets.signer.sign(
            user_id, family_id, authority.roles, authority.grants, version=authority.version
        ),
        "token_type": "Bearer",
        "expires_in": secrets.signer.lifetime,
        "refresh_token": refresh_token,
        "refresh_expires_in": secrets.refresh_lifetime,
        "user_id": user_id,
    }


def _close(connection: Connection, family_id: UUID, reason: str) -> None:
    open_ones = (refresh_tokens.c.family_id == family_id, refresh_tokens.c.revoked_at.is_(None))
    closed = connection.execute(
        update(refresh_tokens)
        .where(*open_ones)
        .values(revoked_at=func.now())
        .returning(refresh_tokens.c.user_id)
    )
    user_id = next(closed.scalars(), None)
    if user_id is not None:
        revoke_session(connection, family_id, user_id, reason)

"""Signing in, staying signed in, signing out.

These use cases take the `Database` and not one connection: a password is checked while no connection is held,
and what a refused attempt leaves behind (a counted failure, a revoked family) must outlive the refusal.
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
from services.identity.tokens import new_device_id, new_refresh_token, token_digest
from shared.client.errors import Unauthenticated
from shared.platform.db.errors import field_errors

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from services.identity.password_hashing import PasswordHasher
    from services.identity.tokens import Signer
    from shared.platform.db.engine import Database

GRACE: Final = timedelta(seconds=30)
WRONG: Final = "The e-mail address or the password is wrong."
USED_UP: Final = "This refresh token was used before; its session is closed. Sign in again."
NOT_VALID: Final = "This refresh token is not valid any more. Sign in again."


@dataclass(frozen=True, slots=True)
class Secrets:
    """What signing in needs besides the database.

    Attributes:
        signer: Signs the access tokens.
        hasher: Checks the passwords.
        refresh_lifetime: Seconds that a refresh token is valid; each rotation begins anew.
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
) -> dict[str, Any]:
    """Sign in with e-mail address and password, and begin a session.

    Unknown, closed and wrong are told apart neither by the answer nor by its time. Failures are counted by account
    and client, whether the account exists or not, and survive a restart; see `throttle`.

    Args:
        database: Where.
        secrets: Check the password and sign the tokens.
        email: Of the account.
        password: What is tried.
        address: Where the caller is, as the gateway says.
        device_token: What an earlier sign-in on the same device returned. One that is wrong is ignored.

    Raises:
        Unauthenticated: Wrong, unknown or closed.
        RateLimited: Too many failures lately, or too many sign-ins at once; ``retry_after`` says for how many seconds.
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
        # The account may have been closed, or its password changed, while the old one was checked. The lock
        # makes either wait until the session is there to be revoked.
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
) -> dict[str, Any]:
    """Exchanges a refresh token for a new one and a new access token with the roles of this moment.

    A token works once. Used again it was stolen, from the client or by it, and since nobody can tell which of
    the two is the client, the whole family is revoked (RFC 9700, 4.14.2). But a client whose reply was lost, and a
    broker that delivers a request twice, use a token again as well: they are told by the ``id`` of the call, which
    a thief does not know. For thirty seconds the same call gives the same successor; later it is refused, and the
    session stays open.

    Args:
        database: Where.
        secrets: Sign the tokens.
        refresh_token: The one to be used up.
        id: Of this call, made by the caller. Without one no repeat is forgiven.

    Raises:
        Unauthenticated: Unknown, expired, revoked or used up; the account is closed.
        Conflict: The id is that of another call.
    """
    with field_errors({"refresh_tokens_pkey": "id"}), database.write() as connection:
        tokens, problem = _rotate(connection, secrets, refresh_token, id)
    if tokens is None:
        raise Unauthenticated(problem)
    return tokens


def revoke(connection: Connection, *, refresh_token: str) -> None:
    """Closes the session that the token belongs to. Unknown and closed ones are closed already."""
    family = select(refresh_tokens.c.family_id).where(
        refresh_tokens.c.token_hash == token_digest(refresh_token)
    )
    _revoke(connection, refresh_tokens.c.family_id == family.scalar_subquery())


def revoke_sessions_of(connection: Connection, user_id: UUID) -> None:
    """Closes every session of the account; access tokens already given out last until they expire."""
    _revoke(connection, refresh_tokens.c.user_id == user_id)


def forget_expired(connection: Connection) -> int:
    """Delete refresh tokens, counted failures and known addresses that mean nothing any more; return how many."""
    expired = connection.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at < func.now()))
    return expired.rowcount + sign_in_limits.forget_old(connection)


def _rotate(
    connection: Connection, secrets: Secrets, refresh_token: str, call_id: UUID | None
) -> tuple[dict[str, Any] | None, str]:
    """The new tokens, or None and why there are none."""
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
        # The call that used the token up, again, however late: nobody but the client knows its id.
        if not (token.just_used and _is_fresh(connection, successor)):
            return None, NOT_VALID
        return _answer(connection, secrets, token.user_id, token.family_id, successor), ""
    _revoke(connection, refresh_tokens.c.family_id == token.family_id)
    return None, USED_UP


def _locked(connection: Connection, digest: bytes) -> Row[Any] | None:
    """The refresh token, locked; None where it is unknown or expired, or its account closed."""
    which = refresh_tokens.c.token_hash == digest
    owner = connection.execute(select(refresh_tokens.c.user_id).where(which)).scalar_one_or_none()
    if owner is None:
        return None
    # The account before the token, as closing it and changing its password do: who is second sees the first.
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
) -> dict[str, Any]:
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
) -> dict[str, Any]:
    authority = authority_of(connection, user_id)
    return {
        "access_token": secrets.signer.sign(user_id, family_id, authority.roles, authority.grants),
        "token_type": "Bearer",
        "expires_in": secrets.signer.lifetime,
        "refresh_token": refresh_token,
        "refresh_expires_in": secrets.refresh_lifetime,
        "user_id": user_id,
    }


def _revoke(connection: Connection, which: Any) -> None:
    open_ones = refresh_tokens.c.revoked_at.is_(None)
    connection.execute(update(refresh_tokens).where(which, open_ones).values(revoked_at=func.now()))

"""Revocations: access tokens that are refused before they expire, as every process hears and loads them.

Most of them are written by triggers, where an account or a role changes (`migrations/versions/0011_revocations.py`).
The event ``access_revoked`` tells every process at once; one that has not heard the last minutes asks for the list.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Unpack, cast
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select

from services.identity.models import revocations, roles, users
from shared.platform.db.paging import Order, PageArguments, fetch_page
from shared.platform.rpc.revocations import ACCOUNT, SESSION

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from services.identity.schemas import types
    from shared.platform.rpc.context import Caller

SESSIONS_CLOSED: Final = "sessions_closed"
SIGNED_OUT: Final = "signed_out"
TOKEN_REUSED: Final = "token_reused"  # noqa: S105 - a reason, not a secret

MARGIN_SECONDS: Final = 300
"""For how long a revocation is kept beyond the lifetime of a token: for clocks that differ, for a transaction that took
its time, and for a lifetime that was shortened."""

MIN_KEPT_SECONDS: Final = 900


def revoke_account(connection: Connection, user_id: UUID, reason: str) -> None:
    """Have the access tokens of an account refused that were signed until now. A repeat changes nothing."""
    revoked = func.identity.revoke_access(ACCOUNT, users.c.id, users.c.id, users.c.version, reason)
    connection.execute(select(revoked).where(users.c.id == user_id))


def revoke_session(connection: Connection, session_id: UUID, user_id: UUID, reason: str) -> None:
    """Have the access tokens of a session refused. A repeat changes nothing."""
    connection.execute(select(func.identity.revoke_access(SESSION, session_id, user_id, 1, reason)))


def reason_to_refuse(connection: Connection, caller: Caller) -> str:
    """Return why the token of the caller is refused: it was signed before its account or session was revoked.

    A revoked or changed role is no such reason: whoever asks reads the present permissions. Empty for a token that is
    not refused.
    """
    if caller.signed is None:
        return ""
    which = []
    if caller.session_id:
        session_id = UUID(caller.session_id)
        which.append(and_(revocations.c.scope == SESSION, revocations.c.subject_id == session_id))
    if caller.signed.account_version is not None:
        which.append(
            and_(
                revocations.c.scope == ACCOUNT,
                revocations.c.subject_id == caller.user_id,
                revocations.c.version > caller.signed.account_version,
            )
        )
    found = connection.execute(select(revocations.c.reason).where(or_(*which)).limit(1)) if which else None
    return (found.scalar_one_or_none() or "") if found is not None else ""


def list_revocations(
    connection: Connection, token_lifetime: int, **arguments: Unpack[PageArguments]
) -> types.PageOfRevocation:
    """Return a page of the revocations that concern tokens which have not expired, the newest first.

    Args:
        connection: A connection to read with.
        token_lifetime: The lifetime of an access token in seconds.
        arguments: The page.
    """
    order: Order = [(revocations.c.revoked_at, "desc"), (revocations.c.subject_id, "desc")]
    role = and_(revocations.c.scope == "role", roles.c.id == revocations.c.subject_id)
    statement = (
        select(
            revocations.c.scope,
            revocations.c.subject_id,
            revocations.c.version,
            revocations.c.user_id,
            roles.c.name.label("role"),
            revocations.c.reason,
            revocations.c.revoked_at,
        )
        .select_from(revocations.outerjoin(roles, role))
        .where(revocations.c.revoked_at > _kept_since(token_lifetime))
    )
    return cast("types.PageOfRevocation", fetch_page(connection, statement, order, arguments))


def forget_old(connection: Connection, token_lifetime: int) -> int:
    """Delete the revocations of tokens that have expired, and return their number."""
    old = delete(revocations).where(revocations.c.revoked_at <= _kept_since(token_lifetime))
    return connection.execute(old).rowcount


def _kept_since(token_lifetime: int) -> Any:
    return func.now() - timedelta(seconds=max(token_lifetime, MIN_KEPT_SECONDS) + MARGIN_SECONDS)

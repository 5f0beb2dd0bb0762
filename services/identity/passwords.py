"""Changes, confirms and resets passwords.

Like signing in, these functions take the `Database`: passwords are hashed while no connection is held, and a rejected
attempt is counted in a transaction of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from services.identity import policy, sign_in_limits
from services.identity.authority import acting, read_user, require_authority_over
from services.identity.models import users
from services.identity.password_hashing import CHANGE
from services.identity.sessions import revoke_sessions_of
from shared.client.errors import Conflict, Forbidden, Invalid, Unauthenticated
from shared.domain.permissions import USER_UPDATE
from shared.platform.db.context import with_event_context

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, Row

    from services.identity.password_hashing import PasswordHasher
    from shared.platform.db.engine import Database
    from shared.platform.rpc.context import Caller


def change_password(
    database: Database, caller: Caller, hasher: PasswordHasher, *, current_password: str, new_password: str
) -> None:
    """Change the caller's own password and close all their sessions, this one too.

    Wrong current passwords are counted. A repeat after the change finds the new password and changes nothing.

    Raises:
        Unauthenticated: The account is deactivated.
        Invalid: The current password is wrong, or the new one is the email address or the current password.
        Conflict: Somebody has changed the password in the meantime.
        RateLimited: There are too many failed attempts or password changes at the moment.
    """
    account = confirm_password(database, caller, hasher, current_password, or_already=new_password)
    if account is None:
        return
    problems = policy.password_problems(new_password, account.email)
    if new_password == current_password:
        problems.append("Must not be the current password.")
    if problems:
        raise Invalid(fields={"new_password": problems})
    new_hash = hasher.hash(new_password, CHANGE)
    with database.write() as connection:
        _set_password(connection, caller, caller.user_id, new_hash, replaces=account.password_hash)


def confirm_password(
    database: Database,
    caller: Caller,
    hasher: PasswordHasher,
    password: str,
    *,
    or_already: str | None = None,
) -> Row[Any, Any] | None:
    """Verify the current password of a caller who is signed in, and count wrong ones.

    Args:
        database: The database.
        caller: The caller.
        hasher: Verifies the password while no connection is held.
        password: The password that the caller gave as ``current_password``.
        or_already: The new password, with which a repeat is recognised; it does not count as wrong.

    Returns:
        The row of the account with ``email`` and ``password_hash``; None if the account already has the password
        `or_already`.

    Raises:
        Unauthenticated: The account is deactivated.
        Invalid: The password is wrong.
        RateLimited: There are too many failed attempts or password changes at the moment.
    """
    attempt = sign_in_limits.confirmation_attempt(caller.user_id, caller.session_id)
    own = select(users.c.email, users.c.password_hash).where(users.c.id == caller.user_id, users.c.is_active)
    with database.read() as connection:
        account = connection.execute(own).one_or_none()
        if account is None:
            raise Unauthenticated("This account is deactivated.")
        sign_in_limits.refuse_blocked(connection, attempt.keys())
    is_right = hasher.verify(password, account.password_hash, CHANGE)
    if not is_right and or_already is not None and hasher.verify(or_already, account.password_hash, CHANGE):
        return None
    with database.write() as connection:
        count = sign_in_limits.count_success if is_right else sign_in_limits.count_failure
        count(connection, attempt)
    if not is_right:
        raise Invalid(fields={"current_password": ["The current password is wrong."]})
    return account


def reset_password(
    database: Database,
    caller: Caller,
    hasher: PasswordHasher,
    user_id: UUID,
    new_password: str,
) -> None:
    """Set the password of another account, whose owner has forgotten it, and close all its sessions.

    The caller needs ``user:update`` and every permission that the account has or could get back. Callers change their
    own password with `change_password`, which asks for the current one. The failed sign-ins and the known network
    addresses of the account are deleted.

    Raises:
        NotFound: The account does not exist.
        Forbidden: The account is the caller's own, or has permissions that the caller does not have.
        Unauthenticated: The account of the caller is deactivated.
        Invalid: The password is the email address.
        RateLimited: There are too many password changes at the moment.
    """
    if user_id == caller.user_id:
        raise Forbidden("Use change_password to change your own password.")
    with database.read() as connection:
        require_authority_over(connection, acting(connection, caller, USER_UPDATE), user_id)
        account = read_user(connection, user_id)
    problems = policy.password_problems(new_password, account["email"])
    if problems:
        raise Invalid(fields={"new_password": problems})
    new_hash = hasher.hash(new_password, CHANGE)
    with database.write() as connection:
        # The counts are locked before the account, as in signing in, so that the two do not deadlock.
        sign_in_limits.forget_account(connection, user_id)
        require_authority_over(connection, acting(connection, caller, USER_UPDATE), user_id)
        _set_password(connection, caller, user_id, new_hash)


def _set_password(
    connection: Connection, caller: Caller, user_id: UUID, new_hash: str, *, replaces: str | None = None
) -> None:
    statement = update(users).where(users.c.id == user_id)
    if replaces is not None:
        statement = statement.where(users.c.password_hash == replaces)
    changed = connection.execute(
        statement.values(password_hash=new_hash, password_changed_at=func.now()).returning(
            users.c.id, with_event_context(caller)
        )
    ).one_or_none()
    if changed is None:
        raise Conflict("The password was changed in the meantime.")
    revoke_sessions_of(connection, user_id)

"""Changes passwords.

Like signing in, these take the `Database`: hashing holds no connection, and a wrong guess is counted although it
is refused.
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

    Guesses of the current password are counted. A repeat, which finds the new password in force, changes nothing.

    Raises:
        Unauthenticated: The account is closed.
        Invalid: The current password is wrong, or the new one is the e-mail address or the old one.
        Conflict: The password was changed meanwhile.
        RateLimited: Too many failed attempts lately, or too many changes at once.
    """
    account = confirm_password(database, caller, hasher, current_password, or_already=new_password)
    if account is None:
        return
    problems = policy.password_problems(new_password, account.email)
    if new_password == current_password:
        problems.append("Must not be the present password.")
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
    """Check the password that somebody who is signed in gives once more, and count wrong ones.

    Args:
        database: Where.
        caller: Whose password it is to be.
        hasher: Checks it, while no connection is held.
        password: What they gave, as ``current_password``.
        or_already: A password that is not counted as wrong: the new one, where it is in force already.

    Returns:
        ``email`` and ``password_hash`` of the account; None where `or_already` is the password.

    Raises:
        Unauthenticated: The account is closed.
        Invalid: It is wrong.
        RateLimited: Too many failed attempts lately, or too many checks at once.
    """
    attempt = sign_in_limits.confirmation_attempt(caller.user_id, caller.session_id)
    own = select(users.c.email, users.c.password_hash).where(users.c.id == caller.user_id, users.c.is_active)
    with database.read() as connection:
        account = connection.execute(own).one_or_none()
        if account is None:
            raise Unauthenticated("This account is closed.")
        sign_in_limits.refuse_blocked(connection, attempt.keys())
    is_right = hasher.verify(password, account.password_hash, CHANGE)
    if not is_right and or_already is not None and hasher.verify(or_already, account.password_hash, CHANGE):
        return None
    with database.write() as connection:
        count = sign_in_limits.count_success if is_right else sign_in_limits.count_failure
        count(connection, attempt)
    if not is_right:
        raise Invalid(fields={"current_password": ["Is wrong."]})
    return account


def reset_password(
    database: Database,
    caller: Caller,
    hasher: PasswordHasher,
    *,
    user_id: UUID,
    new_password: str,
) -> None:
    """Set the password of somebody who has forgotten it, and close all their sessions.

    Needs ``user:update`` and every permission that the account has or could get back. Callers change their own password
    by `change_password`, which asks for the present one. Failed sign-ins of the account are forgotten, and so are the
    network addresses it is known from.

    Raises:
        NotFound: There is no such account.
        Forbidden: The account has permissions that the caller lacks, or is the caller's own.
        Unauthenticated: The caller's account is closed.
        Invalid: The password is the e-mail address.
        RateLimited: Too many passwords are being changed at once.
    """
    if user_id == caller.user_id:
        raise Forbidden("Change your own password with change_password.")
    with database.read() as connection:
        require_authority_over(connection, acting(connection, caller, USER_UPDATE), user_id)
        account = read_user(connection, user_id)
    problems = policy.password_problems(new_password, account["email"])
    if problems:
        raise Invalid(fields={"new_password": problems})
    new_hash = hasher.hash(new_password, CHANGE)
    with database.write() as connection:
        # The counts before the account, as signing in does: neither waits for the other in a circle.
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
        raise Conflict("The password was changed meanwhile.")
    revoke_sessions_of(connection, user_id)

"""Changes passwords.

Like signing in, these take the `Database`: hashing holds no connection, and a wrong guess is counted although it
is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from services.identity import rules
from services.identity.models import users
from services.identity.operations import throttle
from services.identity.operations.authority import acting, require_authority_over
from services.identity.operations.sessions import revoke_sessions_of
from services.identity.queries import read_user
from shared.contracts.permissions import USER_UPDATE
from shared.db.context import traced
from shared.errors import Conflict, Forbidden, Invalid, Unauthenticated

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from services.identity.passwords import PasswordHasher
    from shared.db.engine import Database
    from shared.rpc.context import Caller


def change_password(
    database: Database, caller: Caller, hasher: PasswordHasher, *, current_password: str, new_password: str
) -> None:
    """Changes one's own password and closes all sessions, this one too: sign in again with the new one.

    Guesses of the current password count like failed sign-ins of the account. A repeat, which finds the new
    password in force, changes nothing.

    Raises:
        Invalid: The current password is wrong, or the new one is the e-mail address or the old one.
        RateLimited: Too many failed attempts lately.
    """
    own = select(users.c.email, users.c.password_hash).where(users.c.id == caller.user_id, users.c.is_active)
    with database.read() as connection:
        account = connection.execute(own).one_or_none()
        if account is None:
            raise Unauthenticated("This account is closed.")
        counted = throttle.keys_of(account.email, None)
        throttle.refuse_blocked(connection, counted)
    if not hasher.verify(current_password, account.password_hash):
        if hasher.verify(new_password, account.password_hash):
            return
        with database.write() as connection:
            throttle.count_failure(connection, counted)
        raise Invalid(fields={"current_password": ["Is wrong."]})
    problems = rules.password_problems(new_password, account.email)
    if new_password == current_password:
        problems.append("Must not be the present password.")
    if problems:
        raise Invalid(fields={"new_password": problems})
    new_hash = hasher.hash(new_password)
    with database.write() as connection:
        _set_password(connection, caller, caller.user_id, new_hash, replaces=account.password_hash)


def reset_password(
    database: Database,
    caller: Caller,
    hasher: PasswordHasher,
    *,
    user_id: UUID,
    new_password: str,
) -> None:
    """Sets the password of somebody who has forgotten it, and closes all their sessions.

    Needs ``user:update`` and all that the account may. One's own password is changed by `change_password`,
    which asks for the present one.

    Raises:
        NotFound: There is no such account.
        Forbidden: The account may more than the caller, or is the caller's own.
        Invalid: The password is the e-mail address.
    """
    if user_id == caller.user_id:
        raise Forbidden("Change your own password with change_password.")
    with database.read() as connection:
        require_authority_over(connection, acting(connection, caller, USER_UPDATE), user_id)
        account = read_user(connection, user_id)
    problems = rules.password_problems(new_password, account["email"])
    if problems:
        raise Invalid(fields={"new_password": problems})
    new_hash = hasher.hash(new_password)
    with database.write() as connection:
        require_authority_over(connection, acting(connection, caller, USER_UPDATE), user_id)
        _set_password(connection, caller, user_id, new_hash)
        throttle.forget_account(connection, account["email"])


def _set_password(
    connection: Connection, caller: Caller, user_id: UUID, new_hash: str, *, replaces: str | None = None
) -> None:
    statement = update(users).where(users.c.id == user_id)
    if replaces is not None:
        statement = statement.where(users.c.password_hash == replaces)
    changed = connection.execute(
        statement.values(password_hash=new_hash, password_changed_at=func.now()).returning(
            users.c.id, traced(caller)
        )
    ).one_or_none()
    if changed is None:
        raise Conflict("The password was changed meanwhile.")
    revoke_sessions_of(connection, user_id)

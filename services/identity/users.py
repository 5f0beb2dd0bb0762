"""Accounts: registers, changes, deactivates, reactivates and lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import insert, select, update
from uuid6 import uuid7

from services.identity import policy, sign_in_limits
from services.identity.authority import (
    NO_SUCH_USER,
    acting,
    authority_of,
    keep_an_administrator,
    read_user,
    require_authority_over,
    require_cover,
    role_grants,
    select_users,
)
from services.identity.look_alikes import looks_like_another, remember_look
from services.identity.models import regions, roles, user_roles, users
from services.identity.password_hashing import CHANGE, REGISTRATION
from services.identity.passwords import confirm_password
from services.identity.roles import get_role
from services.identity.sessions import revoke_sessions_of
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain.permissions import (
    ADMINISTRATOR,
    REPORTER,
    ROLE_GRANT,
    USER_DEACTIVATE,
    USER_READ,
    USER_UPDATE,
)
from shared.platform.db.context import with_event_context
from shared.platform.db.errors import field_errors
from shared.platform.db.paging import Order, keyset, page
from shared.platform.db.tables import SYSTEM_USER_ID
from shared.platform.db.writes import (
    change_if_version,
    check_version,
    content_digest,
    create_once,
    created_before,
    id_taken,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from services.identity.password_hashing import PasswordHasher
    from services.identity.schemas import types
    from shared.platform.db.engine import Database
    from shared.platform.rpc.context import Caller

CONSTRAINTS: Final = {"users_email_key": "email", "idx_users_email_lower": "email"}
NOT_CONTENT: Final = frozenset({"id", "password", "address"})
"""The arguments of a registration that its digest does not cover."""

CHANGEABLE: Final = frozenset({"email", "first_name", "last_name", "phone", "preferences"})


def register_user(
    database: Database, caller: Caller | None, hasher: PasswordHasher, arguments: types.RegisterUser
) -> types.User:
    """Create an account. Without a caller it gets the role ``reporter``.

    Only callers with ``role:grant`` and all permissions of the roles can name roles. An answer that an email address is
    taken is given openly, because people must learn that they already have an account. Such answers are counted by
    network address, so that nobody can list the accounts. Registrations by people who are not signed in are limited for
    each address and in total.

    Args:
        database: The database.
        caller: The caller; None if not signed in.
        hasher: Hashes the password while no connection is held.
        arguments: The account. A repeat with the same id, content and password returns the first account.

    Returns:
        The account.

    Raises:
        Invalid: The password is the email address, or a preferred region or an active role does not exist.
        Conflict: The email address (``email``) or the id is taken.
        Forbidden: The caller may not grant the roles.
        Unauthenticated: The arguments name roles, and the account of the caller is deactivated.
        RateLimited: There are too many registrations; ``retry_after`` are the seconds to wait.
    """
    password, email = arguments["password"], arguments["email"]
    problems = policy.password_problems(password, email)
    if problems:
        raise Invalid(fields={"password": problems})
    address = arguments["address"]
    queue, probes = (
        (REGISTRATION, sign_in_limits.probe_keys(None, address)) if caller is None else (CHANGE, [])
    )
    if caller is None:
        # A flood is rejected here, so that sign-ins do not wait for the rows that count it.
        hasher.refuse_full(REGISTRATION)
        with database.write() as connection:
            sign_in_limits.consume(
                connection, sign_in_limits.registration_keys(address), unless_blocked=probes
            )
    with database.read() as connection:
        role_ids = _roles_to_grant(connection, caller, arguments["roles"])
        _check_regions(connection, arguments["preferences"])
    content = {name: value for name, value in arguments.items() if name not in NOT_CONTENT}
    user_id = arguments["id"] or uuid7()
    values = {
        **{name: value for name, value in content.items() if name != "roles"},
        "id": user_id,
        "password_hash": hasher.hash(password, queue),
        "role_id": role_ids[0] if role_ids else None,
        "content_digest": content_digest(content),
    }
    try:
        with database.write() as connection:
            stored_hash = _create(connection, caller, values, role_ids)
            if stored_hash is None:
                return read_user(connection, user_id)
    except Conflict as error:
        _count_probe(database, probes, error)
        raise
    if not hasher.verify(password, stored_hash, queue):
        raise id_taken("account")
    with database.read() as connection:
        return read_user(connection, user_id)


def update_user(
    database: Database,
    caller: Caller,
    hasher: PasswordHasher,
    user_id: UUID,
    version: int,
    arguments: types.UpdateUser,
) -> types.User:
    """Change name, phone number, email address or preferences of an account.

    Callers change their own account; to change the email address, with which they sign in, they give their current
    password. Other accounts are changed by callers with ``user:update`` and every permission that the account has or
    could get back. A change of the email address by somebody else closes the sessions of the account.

    Args:
        database: The database.
        caller: The caller.
        hasher: Verifies the current password while no connection is held.
        user_id: The account.
        version: The version that the caller saw.
        arguments: The new values.

    Returns:
        The account as it is now.

    Raises:
        NotFound: The account does not exist, or the caller may not see it.
        Forbidden: The caller may not change the account, or it has permissions that the caller does not have.
        Unauthenticated: The account of the caller is deactivated.
        Invalid: A preferred region does not exist, or ``current_password`` is missing or wrong.
        Conflict: The version is out of date, or the email address is taken.
        RateLimited: There were too many wrong passwords, or too many attempts with taken email addresses.
    """
    changes = {name: value for name, value in arguments.items() if name in CHANGEABLE}
    probes: list[sign_in_limits.Key] = []
    if user_id == caller.user_id and "email" in arguments:
        probes = sign_in_limits.probe_keys(caller, None)
        with database.read() as connection:
            sign_in_limits.refuse_blocked(connection, probes)
            changes_email = read_user(connection, user_id)["email"] != arguments["email"]
        if changes_email:
            current = arguments["current_password"]
            if not current:
                raise Invalid(fields={"current_password": ["Is required to change your own email address."]})
            confirm_password(database, caller, hasher, current)
    try:
        with database.write() as connection:
            return _update(connection, caller, user_id, version, changes)
    except Conflict as error:
        _count_probe(database, probes, error)
        raise


def deactivate_user(connection: Connection, caller: Caller, user_id: UUID) -> types.User:
    """Deactivate an account and close its sessions. Nobody can sign in to it until it is reactivated.

    The caller needs ``user:deactivate`` and all permissions of the account. Its access tokens are refused from now on.
    Deactivating an inactive account changes nothing.

    Returns:
        The account as it is now.

    Raises:
        NotFound: The account does not exist.
        Forbidden: The account has permissions that the caller does not have.
        Conflict: The account is the last administrator.
    """
    now = acting(connection, caller, USER_DEACTIVATE)
    require_authority_over(connection, now, user_id)
    account = read_user(connection, user_id)
    if not account["is_active"]:
        return account
    if ADMINISTRATOR in account["roles"]:
        keep_an_administrator(connection, user_id)
    _set_active(connection, caller, user_id, active=False)
    revoke_sessions_of(connection, user_id)
    return read_user(connection, user_id)


def reactivate_user(connection: Connection, caller: Caller, user_id: UUID) -> types.User:
    """Reactivate an account with the roles that it has. Reactivating an active account changes nothing.

    The caller needs ``user:deactivate`` and all permissions of the account.

    Returns:
        The account as it is now.

    Raises:
        NotFound: The account does not exist.
        Forbidden: The account has permissions that the caller does not have.
    """
    require_authority_over(connection, acting(connection, caller, USER_DEACTIVATE), user_id)
    read_user(connection, user_id)
    _set_active(connection, caller, user_id, active=True)
    return read_user(connection, user_id)


def get_user(connection: Connection, caller: Caller, user_id: UUID) -> types.User:
    """Return an account: the caller's own, or any with ``user:read``.

    Raises:
        NotFound: The account does not exist, or the caller may not see it.
    """
    if user_id != caller.user_id and caller.regions(USER_READ) is not None:
        raise NotFound(NO_SUCH_USER)
    return read_user(connection, user_id)


def get_me(connection: Connection, caller: Caller) -> types.Me:
    """Return the caller's account with its current permissions, which can be newer than those of the token."""
    grants = authority_of(connection, caller.user_id).grants
    permissions = {name: True if held is None else sorted(map(str, held)) for name, held in grants.items()}
    return {**read_user(connection, caller.user_id), "permissions": permissions}


def list_users(
    connection: Connection,
    *,
    cursor: str | None,
    limit: int,
    is_active: bool | None = None,
    role: str | None = None,
    text: str | None = None,
) -> types.PageOfUser:
    """Return a page of accounts, the newest first, without the system account.

    Args:
        connection: A connection to read with.
        cursor: The cursor of the previous page; None for the first page.
        limit: The maximum number of accounts.
        is_active: Whether the accounts are active; None for all.
        role: The name of a role that the accounts have; None for all.
        text: A text in the name or email address, in upper or lower case; None for all.
    """
    order: Order = [(users.c.created_at, "desc"), (users.c.id, "desc")]
    statement = select_users().where(users.c.id != SYSTEM_USER_ID)
    if is_active is not None:
        statement = statement.where(users.c.is_active.is_(is_active))
    if role is not None:
        held = select(user_roles.c.user_id).select_from(user_roles.join(roles))
        statement = statement.where(users.c.id.in_(held.where(roles.c.name == role)))
    if text is not None:
        name = users.c.first_name + " " + users.c.last_name + " " + users.c.email
        statement = statement.where(name.icontains(text, autoescape=True))
    found = page(connection.execute(keyset(statement, order, cursor, limit)).all(), limit, order)
    return cast("types.PageOfUser", found)


def _create(
    connection: Connection, caller: Caller | None, values: Mapping[str, Any], role_ids: Sequence[UUID]
) -> str | None:
    """Create an account with its roles; return the hash of its password if it has been created before.

    Raises:
        Conflict: The email address, one that looks like it, or the id belongs to another account.
    """
    user_id, email = values["id"], values["email"]
    if looks_like_another(connection, user_id, email) and (
        created_before(connection, users, values, thing="account", returning=(users.c.id,)) is None
    ):
        raise _email_taken()
    created = create_once(
        connection,
        caller,
        users,
        values,
        thing="account",
        taken=_email_taken(),
        returning=(users.c.password_hash,),
    )
    if not created.is_new:
        return str(created.row["password_hash"])
    remember_look(connection, user_id, email)
    if role_ids:
        granted = {"user_id": user_id, "assigned_by": caller.user_id if caller is not None else None}
        connection.execute(insert(user_roles), [{**granted, "role_id": role_id} for role_id in role_ids])
    return None


def _update(
    connection: Connection, caller: Caller, user_id: UUID, version: int, changes: Mapping[str, Any]
) -> types.User:
    if user_id != caller.user_id:
        if caller.regions(USER_READ) is not None and caller.regions(USER_UPDATE) is not None:
            raise NotFound(NO_SUCH_USER)
        require_authority_over(connection, acting(connection, caller, USER_UPDATE), user_id)
    before = read_user(connection, user_id)
    email = changes.get("email", before["email"])
    _check_regions(connection, changes.get("preferences"))
    if email != before["email"] and looks_like_another(connection, user_id, email):
        raise _email_taken()
    with field_errors(CONSTRAINTS):
        changed = changes and change_if_version(
            connection, caller, users, user_id, version, changes, returning=(users.c.id,)
        )
    if not changed:
        check_version(caller, read_user(connection, user_id), version, changes, thing="account")
    if email != before["email"]:
        remember_look(connection, user_id, email)
        if user_id != caller.user_id:
            revoke_sessions_of(connection, user_id)
    return read_user(connection, user_id)


def _email_taken() -> Conflict:
    return Conflict(
        "An account with this email address already exists.", fields={"email": ["Is taken already."]}
    )


def _count_probe(database: Database, probes: Sequence[sign_in_limits.Key], error: Conflict) -> None:
    """Count an answer that an email address is taken."""
    if "email" in error.fields:
        with database.write() as connection:
            sign_in_limits.consume(connection, probes)


def _roles_to_grant(connection: Connection, caller: Caller | None, names: list[str] | None) -> list[UUID]:
    """Return the ids of the roles of a new account, beginning with the primary one."""
    if names is None:
        found = connection.execute(select(roles.c.id).where(roles.c.name == REPORTER)).scalar_one_or_none()
        return [found] if found is not None else []
    if caller is None:
        raise Forbidden("Sign in with an account that may grant roles to name roles.", permission=ROLE_GRANT)
    now = acting(connection, caller, ROLE_GRANT)
    role_ids: list[UUID] = []
    for name in dict.fromkeys(names):
        try:
            role = get_role(connection, name)
        except NotFound:
            raise Invalid(fields={"roles": [f"The role {name} does not exist."]}) from None
        if not role["is_active"]:
            raise Invalid(fields={"roles": [f"The role {name} is not active."]})
        require_cover(connection, now, role_grants(connection, role["permissions"]))
        role_ids.append(role["id"])
    return role_ids


def _check_regions(connection: Connection, preferences: Mapping[str, Any] | None) -> None:
    codes = set((preferences or {}).get("regions", ()))
    if codes:
        known = connection.execute(select(regions.c.code).where(regions.c.code.in_(codes))).scalars()
        unknown = sorted(codes - set(known))
        if unknown:
            raise Invalid(
                fields={"preferences.regions": [f"The region {code} does not exist." for code in unknown]}
            )


def _set_active(connection: Connection, caller: Caller, user_id: UUID, *, active: bool) -> None:
    connection.execute(
        update(users)
        .where(users.c.id == user_id, users.c.is_active.is_not(active))
        .values(is_active=active)
        .returning(users.c.id, with_event_context(caller))
    )

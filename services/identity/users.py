"""Makes, changes, closes and reopens accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_unless
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
from services.identity.change import change
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
from shared.platform.db.writes import content_digest, id_taken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection

    from services.identity.password_hashing import PasswordHasher
    from shared.platform.db.engine import Database
    from shared.platform.rpc.context import Caller

CONSTRAINTS = {"users_email_key": "email", "idx_users_email_lower": "email"}
EMAIL_TAKEN = "An account with this e-mail address exists already."


def register_user(
    database: Database,
    caller: Caller | None,
    hasher: PasswordHasher,
    *,
    password: str,
    id: UUID | None = None,  # noqa: A002 - the argument's public name
    address: str | None = None,
    **arguments: Any,
) -> dict[str, Any]:
    """Makes an account: anybody may make one of their own, which gets the role ``reporter``.

    Roles are given only by callers who hold ``role:grant`` and all that the roles allow. That an address is taken is
    said plainly, for there is no other way to tell somebody that they have an account already; so that nobody reads
    the list of accounts off this, such answers are counted by the ``address``. How many people who are not signed in
    may register is limited, for each address and in total.

    Args:
        database: Where.
        caller: Who asks, or None.
        hasher: Hashes the password, while no connection is held.
        password: Already checked but for the e-mail address.
        id: Of the account. With the same id, content and password a repeat returns the first.
        address: Where an unknown caller asks from.
        arguments: ``email``, ``first_name``, ``last_name``, ``phone``, ``preferences``, ``roles``.

    Returns:
        The account.

    Raises:
        Invalid: The password is the e-mail address; a preferred region or a role does not exist, or a role is not
            active.
        Conflict: The e-mail address is taken (``email``), or the id.
        Forbidden: The roles are not the caller's to give.
        Unauthenticated: The caller names roles, and their account is closed.
        RateLimited: Too many registrations lately or at once; ``retry_after`` says for how many seconds.

    Emits:
        user_created, role_granted.
    """
    problems = policy.password_problems(password, arguments["email"])
    if problems:
        raise Invalid(fields={"password": problems})
    digest = content_digest(arguments)
    queue, probes = (
        (REGISTRATION, sign_in_limits.probe_keys(None, address)) if caller is None else (CHANGE, [])
    )
    if caller is None:
        # A flood is refused here, so that sign-ins do not wait for the rows that it is counted on.
        hasher.refuse_full(REGISTRATION)
        with database.write() as connection:
            sign_in_limits.consume(
                connection, sign_in_limits.registration_keys(address), unless_blocked=probes
            )
    with database.read() as connection:
        given = _roles_to_give(connection, caller, arguments["roles"])
        _check_regions(connection, arguments["preferences"])
    password_hash = hasher.hash(password, queue)
    user_id = id or uuid7()
    values = {name: value for name, value in arguments.items() if name != "roles"}
    with database.write() as connection:
        made = None
        if not looks_like_another(connection, user_id, values["email"]):
            made = connection.execute(
                insert_unless(users)
                .values(
                    **values,
                    id=user_id,
                    password_hash=password_hash,
                    role_id=given[0] if given else None,
                    content_digest=digest,
                )
                .on_conflict_do_nothing()
                .returning(users.c.id, with_event_context(caller))
            ).one_or_none()
        if made is not None:
            remember_look(connection, user_id, values["email"])
            if given:
                giver = caller.user_id if caller is not None else None
                connection.execute(
                    insert(user_roles),
                    [{"user_id": user_id, "role_id": role, "assigned_by": giver} for role in given],
                )
            return read_user(connection, user_id)
    with database.read() as connection:
        found = connection.execute(
            select(users.c.content_digest, users.c.password_hash).where(users.c.id == user_id)
        ).one_or_none()
    if found is not None:
        if found.content_digest == digest and hasher.verify(password, found.password_hash, queue):
            with database.read() as connection:
                return read_user(connection, user_id)
        raise id_taken("account")
    with database.write() as connection:
        sign_in_limits.consume(connection, probes)
    raise Conflict(EMAIL_TAKEN, fields={"email": ["Is taken already."]})


def update_user(
    database: Database,
    caller: Caller,
    hasher: PasswordHasher,
    *,
    user_id: UUID,
    version: int,
    current_password: str | None = None,
    **values: Any,
) -> dict[str, Any]:
    """Change name, phone, e-mail address or preferences: one's own, or with ``user:update`` anybody's.

    Callers who change their own e-mail address, with which they sign in, give their password with it. Somebody
    else's is changed by callers who hold every permission that the account has or could get back; its sessions
    are closed then. Roles, the password and whether the account is open have methods of their own.

    Raises:
        NotFound: There is no such account, or the caller may not see it.
        Forbidden: The caller may see the account but not change it, or it has permissions that the caller lacks.
        Unauthenticated: The caller's account is closed.
        Invalid: A preferred region does not exist; ``current_password`` is missing or wrong.
        Conflict: The version is not the present one; the e-mail address is taken.
        RateLimited: Too many wrong passwords, or too many questions for addresses that are taken.

    Emits:
        user_updated.
    """
    probes: list[sign_in_limits.Key] = []
    if user_id == caller.user_id and "email" in values:
        probes = sign_in_limits.probe_keys(caller, None)
        with database.read() as connection:
            sign_in_limits.refuse_blocked(connection, probes)
            changes_email = read_user(connection, user_id)["email"] != values["email"]
        if changes_email:
            _confirm(database, caller, hasher, current_password)
    try:
        with database.write() as connection:
            return _update_user(connection, caller, user_id, version, values)
    except Conflict as error:
        if "email" in error.fields:
            with database.write() as connection:
                sign_in_limits.consume(connection, probes)
        raise


def deactivate_user(
    connection: Connection,
    caller: Caller,
    *,
    user_id: UUID,
) -> dict[str, Any]:
    """Closes an account: it signs in no more, and its sessions end. Closing a closed one changes nothing.

    Needs ``user:deactivate`` and all that the account may. Access tokens already given out last until they
    expire, a quarter of an hour at most.

    Raises:
        NotFound: There is no such account.
        Forbidden: The account may more than the caller.
        Conflict: It is the last administrator.

    Emits:
        user_deactivated.
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


def reactivate_user(
    connection: Connection,
    caller: Caller,
    *,
    user_id: UUID,
) -> dict[str, Any]:
    """Opens a closed account again, with the roles it has. Opening an open one changes nothing.

    Needs ``user:deactivate`` and all that the account may.

    Raises:
        NotFound: There is no such account.
        Forbidden: The account may more than the caller.

    Emits:
        user_updated.
    """
    require_authority_over(connection, acting(connection, caller, USER_DEACTIVATE), user_id)
    read_user(connection, user_id)
    _set_active(connection, caller, user_id, active=True)
    return read_user(connection, user_id)


def _confirm(database: Database, caller: Caller, hasher: PasswordHasher, password: str | None) -> None:
    if not password:
        raise Invalid(fields={"current_password": ["Is needed to change your e-mail address."]})
    confirm_password(database, caller, hasher, password)


def _update_user(
    connection: Connection, caller: Caller, user_id: UUID, version: int, values: Mapping[str, Any]
) -> dict[str, Any]:
    if user_id != caller.user_id:
        if caller.regions(USER_READ) is not None and caller.regions(USER_UPDATE) is not None:
            raise NotFound(NO_SUCH_USER)
        require_authority_over(connection, acting(connection, caller, USER_UPDATE), user_id)
    before = read_user(connection, user_id)
    email = values.get("email", before["email"])
    _check_regions(connection, values.get("preferences"))
    if email != before["email"] and looks_like_another(connection, user_id, email):
        raise Conflict(EMAIL_TAKEN, fields={"email": ["Is taken already."]})
    with field_errors(CONSTRAINTS):
        change(connection, caller, users, user_id, version, values)
    if email != before["email"]:
        remember_look(connection, user_id, email)
        if user_id != caller.user_id:
            revoke_sessions_of(connection, user_id)
    return read_user(connection, user_id)


def _roles_to_give(connection: Connection, caller: Caller | None, names: list[str] | None) -> list[UUID]:
    """The ids of the roles of a new account, the primary one first."""
    if names is None:
        found = connection.execute(select(roles.c.id).where(roles.c.name == REPORTER)).scalar_one_or_none()
        return [found] if found is not None else []
    if caller is None:
        raise Forbidden("Only who is signed in and may grant roles can name them.", permission=ROLE_GRANT)
    now = acting(connection, caller, ROLE_GRANT)
    given = []
    for name in dict.fromkeys(names):
        try:
            role = get_role(connection, role=name)
        except NotFound:
            raise Invalid(fields={"roles": [f"The role {name} does not exist."]}) from None
        if not role["is_active"]:
            raise Invalid(fields={"roles": [f"The role {name} is not active."]})
        require_cover(now, role_grants(connection, role))
        given.append(role["id"])
    return given


def _check_regions(connection: Connection, preferences: Mapping[str, Any] | None) -> None:
    codes = set((preferences or {}).get("regions", ()))
    if codes:
        known = connection.execute(select(regions.c.code).where(regions.c.code.in_(codes))).scalars()
        unknown = sorted(codes - set(known))
        if unknown:
            raise Invalid(
                fields={"preferences.regions": [f"No region has the code {code}." for code in unknown]}
            )


def _set_active(connection: Connection, caller: Caller, user_id: UUID, *, active: bool) -> None:
    connection.execute(
        update(users)
        .where(users.c.id == user_id, users.c.is_active.is_not(active))
        .values(is_active=active)
        .returning(users.c.id, with_event_context(caller))
    )


def get_user(connection: Connection, caller: Caller, *, user_id: UUID) -> dict[str, Any]:
    """One's own account, or with ``user:read`` any.

    Raises:
        NotFound: There is none, or the caller may not see it.
    """
    if user_id != caller.user_id and caller.regions(USER_READ) is not None:
        raise NotFound(NO_SUCH_USER)
    return read_user(connection, user_id)


def get_me(connection: Connection, caller: Caller) -> dict[str, Any]:
    """One's own account with what it may at this moment, which an older token may not say yet."""
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
) -> dict[str, Any]:
    """A page of accounts, the newest first; the platform's own is not among them.

    Args:
        connection: Where to read.
        cursor: Where the page before ended.
        limit: Of the page.
        is_active: Only open accounts, or only closed ones.
        role: Only those that hold the role of this name.
        text: Only those with this in the name or the e-mail address, in upper or lower case.
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
    return page(connection.execute(keyset(statement, order, cursor, limit)).all(), limit, order)

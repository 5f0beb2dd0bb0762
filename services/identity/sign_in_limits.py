"""Limits attempts to guess passwords. Failures are counted in the database, by its clock, so that replicas agree.

How an attempt is counted depends on its client. A client is known for an account if the owner of the account has
signed in on this device or from this network address before. Each known client has its own count, so that attackers
never make the owner wait. Unknown clients have one count for each address, one for all of them together, and one for
the address and all accounts.

The same wrong password again is not a new guess. A program that keeps using an old password uses up its own attempts
and nobody else's.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Integer,
    LargeBinary,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from services.identity import policy
from services.identity.models import login_throttle, sign_in_addresses
from shared.client.errors import RateLimited
from shared.platform.http.addresses import client_network

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select

    from shared.platform.rpc.context import Caller

WAIT: Final = "There were too many attempts. Wait before you try again."
REMEMBERED_GUESSES: Final = 5
NO_ADDRESS: Final = "rpc"
"""Used in place of the address of a caller without one."""

NOBODY: Final = UUID(int=0)
"""Looked up in place of an account that does not exist, so that the answer takes as long."""

ADDRESS_USED_AGAIN_AFTER: Final = timedelta(days=1)
"""The time of the last sign-in from a known address is updated after this interval, and not at each sign-in."""


@dataclass(frozen=True, slots=True)
class Key:
    """A count of failures.

    Attributes:
        name: The key of its row.
        limit: The limit that applies.
        refuses: Whether the count can also make this attempt wait.
    """

    name: str
    limit: policy.Limit
    refuses: bool = True


@dataclass(frozen=True, slots=True)
class Attempt:
    """The counts of one attempt to sign in.

    Attributes:
        client: The count of this account and this client. Its row also holds digests of the last wrong passwords.
        others: The other counts of a new wrong password.
        guess: The digest of the password; None if it is not stored.
        repeats: The count of this password, if a known client has tried it before.
        is_repeat: Whether the password is already known to be wrong.
    """

    client: Key
    others: Sequence[Key] = ()
    guess: bytes | None = None
    repeats: Key | None = field(default=None)
    is_repeat: bool = False

    def keys(self) -> list[Key]:
        """Return the counts that apply to the attempt."""
        if self.repeats is not None:
            return [self.client, self.repeats]
        return [self.client] if self.is_repeat else [self.client, *self.others]


def sign_in_attempt(
    connection: Connection,
    *,
    email: str,
    user_id: UUID | None,
    device_id: bytes | None,
    address: str | None,
    guess: bytes,
) -> Attempt:
    """Return the counts of an attempt to sign in.

    Args:
        connection: A connection to read with.
        email: The email address; used if there is no account.
        user_id: The account, which keeps its counts when its email address changes; None if there is none.
        device_id: The id of a device that has proved that the owner of the account has signed in on it.
        address: The network address of the client as the gateway reports it.
        guess: The digest of the password.
    """
    account = str(user_id) if user_id is not None else hashlib.sha256(email.encode()).hexdigest()[:36]
    network = client_network(address) if address else None
    by_address = Key(f"address:{network}", policy.ADDRESS) if network else None
    if device_id is not None:
        client = Key(f"client:{account}:device-{device_id.hex()}", policy.KNOWN_CLIENT)
        others: list[Key] = []
    elif network and _is_known(connection, user_id or NOBODY, network):
        client = Key(f"client:{account}:{network}", policy.KNOWN_CLIENT)
        others = []
    else:
        client = Key(f"client:{account}:{network or NO_ADDRESS}", policy.UNKNOWN_CLIENT)
        others = [Key(f"strangers:{account}", policy.ALL_UNKNOWN_CLIENTS)]
    is_known = not others
    if by_address is not None:
        others.append(Key(by_address.name, by_address.limit, refuses=not is_known))
    seen = select(login_throttle.c.guesses).where(login_throttle.c.key == client.name)
    is_repeat = guess in map(bytes, connection.execute(seen).scalar_one_or_none() or ())
    repeats = None
    if is_known and is_repeat:
        # A separate count, so that the owner, who types the right password on the same device, does not have to wait.
        repeats = Key(f"repeat:{client.name}:{guess.hex()}", policy.KNOWN_CLIENT)
    return Attempt(client, others, guess, repeats, is_repeat)


def confirmation_attempt(user_id: UUID, session_id: str) -> Attempt:
    """Return the counts of an attempt to confirm the password in an open session."""
    return Attempt(Key(f"client:{user_id}:session-{session_id[:36]}", policy.UNKNOWN_CLIENT))


def registration_keys(address: str | None) -> list[Key]:
    """Return the counts of a registration by somebody who is not signed in."""
    keys = [Key("registrations", policy.REGISTRATIONS)]
    if address:
        keys.append(Key(f"registrations:{client_network(address)}", policy.REGISTRATIONS_OF_CLIENT))
    return keys


def probe_keys(caller: Caller | None, address: str | None) -> list[Key]:
    """Return the counts of answers that an email address is taken."""
    who = str(caller.user_id) if caller is not None else client_network(address) if address else ""
    return [Key(f"taken:{who}", policy.TAKEN_ADDRESSES)] if who else []


def refuse_blocked(connection: Connection, keys: Sequence[Key]) -> None:
    """Reject an attempt that comes too early. The rejected attempt is not counted.

    Raises:
        RateLimited: A wait is not over; ``retry_after`` are the seconds that remain.
    """
    if keys:
        _refuse(connection.execute(_waits(keys)).all(), keys)


def count_failure(connection: Connection, attempt: Attempt) -> None:
    """Count a failed attempt and set the time of the next one.

    Simultaneous attempts are counted one after another. When the limit is reached, the others are rejected whatever
    their password was, so that many simultaneous guesses reveal nothing.

    Raises:
        RateLimited: Other attempts have reached the limit in the meantime. Roll the transaction back.
    """
    keys = attempt.keys()
    _refuse_locked(connection, keys)
    counted = [attempt.repeats] if attempt.repeats is not None else keys
    _count(connection, counted)
    if attempt.guess is not None and not attempt.is_repeat:
        newest_first = func.array_prepend(
            literal(attempt.guess, LargeBinary), login_throttle.c.guesses, type_=ARRAY(LargeBinary)
        )
        row = update(login_throttle).where(login_throttle.c.key == attempt.client.name)
        connection.execute(row.values(guesses=newest_first[1:REMEMBERED_GUESSES]))


def count_success(connection: Connection, attempt: Attempt) -> None:
    """Delete the failures of a client after a successful sign-in, and subtract them from the other counts.

    The failures of other clients continue to count. Otherwise attackers could delete them by signing in to an account
    of their own.

    Raises:
        RateLimited: Other attempts have reached the limit in the meantime. Roll the transaction back.
    """
    _refuse_locked(connection, attempt.keys())
    wrong_passwords = connection.execute(
        delete(login_throttle)
        .where(login_throttle.c.key == attempt.client.name)
        .returning(func.cardinality(login_throttle.c.guesses))
    ).scalar_one_or_none()
    if wrong_passwords:
        others = login_throttle.c.key.in_([key.name for key in attempt.others])
        left = func.greatest(login_throttle.c.failures - wrong_passwords, 0)
        connection.execute(update(login_throttle).where(others).values(failures=left))


def consume(connection: Connection, keys: Sequence[Key], *, unless_blocked: Sequence[Key] = ()) -> None:
    """Count an action that is limited whether it succeeds or not.

    Args:
        connection: A connection in a transaction.
        keys: The counts of the action.
        unless_blocked: Counts that can reject the action, but are not changed.

    Raises:
        RateLimited: A limit is reached. Roll the transaction back.
    """
    _refuse_locked(connection, [*keys, *unless_blocked])
    _count(connection, keys)


def remember_address(connection: Connection, user_id: UUID, address: str | None) -> None:
    """Store that the owner of an account has signed in from an address."""
    if not address:
        return
    now = func.now()
    connection.execute(
        insert(sign_in_addresses)
        .values(user_id=user_id, address=client_network(address), last_used_at=now)
        .on_conflict_do_update(
            index_elements=[sign_in_addresses.c.user_id, sign_in_addresses.c.address],
            set_={"last_used_at": now},
            where=sign_in_addresses.c.last_used_at < now - ADDRESS_USED_AGAIN_AFTER,
        )
    )


def forget_account(connection: Connection, user_id: UUID) -> None:
    """Delete the failures and the known addresses of an account whose password was reset.

    Somebody else may have signed in with the old password, and known clients wait less.
    """
    name = login_throttle.c.key
    connection.execute(
        delete(login_throttle).where(
            or_(
                name == f"strangers:{user_id}",
                func.starts_with(name, f"client:{user_id}:"),
                func.starts_with(name, f"repeat:client:{user_id}:"),
            )
        )
    )
    connection.execute(delete(sign_in_addresses).where(sign_in_addresses.c.user_id == user_id))


def forget_old(connection: Connection) -> int:
    """Delete failures and addresses that no longer matter, and return their number."""
    failures = func.now() - timedelta(seconds=policy.FORGET_FAILURES_AFTER)
    addresses = func.now() - timedelta(seconds=policy.FORGET_ADDRESS_AFTER)
    gone = [
        connection.execute(delete(login_throttle).where(login_throttle.c.last_failed_at < failures)),
        connection.execute(delete(sign_in_addresses).where(sign_in_addresses.c.last_used_at < addresses)),
    ]
    return sum(result.rowcount for result in gone)


def _is_known(connection: Connection, user_id: UUID, network: str) -> bool:
    columns = sign_in_addresses.c
    age = func.now() - timedelta(seconds=policy.FORGET_ADDRESS_AFTER)
    known = exists().where(columns.user_id == user_id, columns.address == network, columns.last_used_at > age)
    return bool(connection.execute(select(known)).scalar_one())


def _waits(keys: Sequence[Key]) -> Select[Any]:
    """Return a query of the remaining seconds of each wait."""
    left = func.ceil(func.extract("epoch", login_throttle.c.blocked_until - func.clock_timestamp()))
    return select(login_throttle.c.key, left.label("left")).where(
        login_throttle.c.key.in_([key.name for key in keys])
    )


def _refuse_locked(connection: Connection, keys: Sequence[Key]) -> None:
    """Do as `refuse_blocked`, and lock the counts until the transaction ends."""
    # Always in the same order, so that two simultaneous attempts do not deadlock.
    locked = _waits(keys).order_by(login_throttle.c.key).with_for_update()
    _refuse(connection.execute(locked).all(), keys)


def _refuse(waits: Iterable[Row[Any]], keys: Sequence[Key]) -> None:
    refusing = {key.name for key in keys if key.refuses}
    seconds = max((wait.left or 0 for wait in waits if wait.key in refusing), default=0)
    if seconds > 0:
        raise RateLimited(WAIT, retry_after=int(seconds))


def _count(connection: Connection, keys: Sequence[Key]) -> None:
    for key in sorted(keys, key=lambda one: one.name):
        failures = _count_one(connection, key)
        wait = key.limit.wait_after(failures)
        if wait:
            # The row has been locked since it was counted, so no other attempt can come in between.
            blocked = update(login_throttle).where(login_throttle.c.key == key.name)
            connection.execute(blocked.values(blocked_until=func.clock_timestamp() + timedelta(seconds=wait)))


def _count_one(connection: Connection, key: Key) -> int:
    now = func.clock_timestamp()
    until = login_throttle.c.blocked_until
    counted: int | None = connection.execute(
        insert(login_throttle)
        .values(key=key.name, failures=1, window_started_at=now, last_failed_at=now)
        .on_conflict_do_update(
            index_elements=[login_throttle.c.key],
            set_={"failures": _remaining(key.limit) + 1, "last_failed_at": now},
            # The row may not have existed when the rows were locked.
            where=or_(until.is_(None), until <= now) if key.refuses else None,
        )
        .returning(login_throttle.c.failures)
    ).scalar_one_or_none()
    if counted is None:
        _refuse(connection.execute(_waits([key])).all(), [key])
        raise RateLimited(WAIT, retry_after=1)
    return counted


def _remaining(limit: policy.Limit) -> ColumnElement[Any]:
    """Return an expression for the number of failures that still count."""
    counted = login_throttle.c.failures
    quiet = func.greatest(func.extract("epoch", func.clock_timestamp() - login_throttle.c.last_failed_at), 0)
    if not limit.forgiven_every:
        return case((quiet >= policy.FORGET_FAILURES_AFTER, 0), else_=counted)
    return cast(func.greatest(counted - func.floor(quiet / limit.forgiven_every), 0), Integer)

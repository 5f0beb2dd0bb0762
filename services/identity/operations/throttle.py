"""Slows down guessing: failures are counted by account and by address, in the database, on its clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.identity import rules
from services.identity.models import login_throttle
from shared.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Key:
    """Something by which failures are counted, and how many it may have before it waits."""

    name: str
    free: int


def keys_of(email: str, address: str | None) -> list[Key]:
    """What an attempt is counted by: the account, and the address where it is known.

    An address has more failures free, for a whole field office may sit behind one.
    """
    keys = [Key(f"account:{email}", rules.ACCOUNT_FREE_FAILURES)]
    return keys + keys_of_address(address)


def keys_of_address(address: str | None) -> list[Key]:
    """What an attempt without an account is counted by."""
    return [Key(f"address:{address}", rules.ADDRESS_FREE_FAILURES)] if address else []


def refuse_blocked(connection: Connection, keys: Sequence[Key]) -> None:
    """Refuses an attempt that comes too early; it is not counted itself.

    Raises:
        RateLimited: ``retry_after`` says for how many seconds.
    """
    if not keys:
        return
    left = func.ceil(func.extract("epoch", login_throttle.c.blocked_until - func.clock_timestamp()))
    longest = select(func.max(left)).where(login_throttle.c.key.in_([key.name for key in keys]))
    seconds = connection.execute(longest).scalar_one()
    if seconds is not None and seconds > 0:
        raise RateLimited("Too many failed attempts.", retry_after=int(seconds))


def count_failure(connection: Connection, keys: Sequence[Key]) -> None:
    """Counts a failed attempt, and sets when the next one may come."""
    # In one order, so that two attempts that fail at once do not wait for each other.
    for key in sorted(keys, key=lambda one: one.name):
        _count(connection, key)


def forget_account(connection: Connection, email: str) -> None:
    """Forgets the failures of an account whose owner has signed in.

    Those of the address stay: an attacker with one account of their own would wipe them out otherwise.
    """
    connection.execute(delete(login_throttle).where(login_throttle.c.key == f"account:{email}"))


def _count(connection: Connection, key: Key) -> None:
    now = func.clock_timestamp()
    stale = login_throttle.c.last_failed_at < now - timedelta(seconds=rules.FORGET_FAILURES_AFTER)
    failures = connection.execute(
        insert(login_throttle)
        .values(key=key.name, failures=1, window_started_at=now, last_failed_at=now)
        .on_conflict_do_update(
            index_elements=[login_throttle.c.key],
            set_={
                "failures": case((stale, 1), else_=login_throttle.c.failures + 1),
                "window_started_at": case((stale, now), else_=login_throttle.c.window_started_at),
                "last_failed_at": now,
            },
        )
        .returning(login_throttle.c.failures)
    ).scalar_one()
    wait = rules.wait_after(failures, key.free)
    if wait:
        # The row is locked since it was counted, so no attempt slips in between.
        blocked = update(login_throttle).where(login_throttle.c.key == key.name)
        connection.execute(blocked.values(blocked_until=now + timedelta(seconds=wait)))

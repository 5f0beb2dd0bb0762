"""Hashes and checks passwords with bcrypt, in native threads and a few at a time.

bcrypt is meant to be slow and would stop every greenlet of the process, heartbeats included. It runs in
eventlet's pool of native threads (it releases the interpreter lock), and no more at a time than there are
processors, so that a flood of sign-ins takes a share of the machine and not all of it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TypeVar

import bcrypt
from eventlet import tpool
from eventlet.semaphore import Semaphore

from services.identity.rules import encode_password
from shared.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

LONGEST_WAIT: Final = 8.0
"""Seconds that a sign-in waits for its turn: less than a caller waits for the reply."""


class PasswordHasher:
    """Makes and checks bcrypt hashes.

    Args:
        cost: Rounds as a power of two. Hashes of another cost still verify and are replaced at the next
            sign-in.
        at_once: How many may run at the same time; the number of processors when omitted.
    """

    def __init__(self, cost: int, at_once: int | None = None) -> None:
        self.cost = cost
        self._turns = Semaphore(at_once or os.cpu_count() or 1)
        # What an unknown account is checked against, so that it takes as long as a known one: the form of a
        # hash that is no password's.
        self._dummy = bcrypt.gensalt(cost) + b"." * 31

    def hash(self, password: str) -> str:
        """The hash to store.

        Raises:
            Unavailable: Too many are waiting for their turn.
        """
        encoded = encode_password(password)
        return self._in_turn(lambda: bcrypt.hashpw(encoded, bcrypt.gensalt(self.cost))).decode()

    def verify(self, password: str, stored: str | None) -> bool:
        """Whether the password is the one that was hashed; without a bcrypt hash never, after the same time.

        Raises:
            Unavailable: Too many are waiting for their turn.
        """
        # One of more than 72 bytes was never accepted. It is cut only so that checking it takes its time too.
        encoded = encode_password(password)
        fits = len(encoded) <= 72  # noqa: PLR2004 - bcrypt's own limit
        known = stored is not None and stored.startswith("$2")
        against = stored.encode() if stored is not None and known else self._dummy
        matches = self._in_turn(lambda: bcrypt.checkpw(encoded[:72], against))
        return matches and fits and known

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with another cost than the one in force."""
        return not stored.startswith(f"$2b${self.cost:02d}$")

    def _in_turn(self, work: Callable[[], T]) -> T:
        if not self._turns.acquire(timeout=LONGEST_WAIT):
            raise Unavailable("Too many people are signing in at once; try again in a moment.")
        try:
            return tpool.execute(work)  # type: ignore[no-any-return]  # eventlet is untyped
        finally:
            self._turns.release()

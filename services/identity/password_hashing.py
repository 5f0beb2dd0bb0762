"""Hashes and checks passwords with bcrypt, in native threads and a few at a time.

bcrypt is meant to be slow and would stop every greenlet of the process, heartbeats included. It runs in
a pool of native threads (it releases the interpreter lock), and no more at a time than there are
processors, so that a flood of sign-ins takes a share of the machine and not all of it.

Whoever wants a password hashed or checked stands in one of three short queues. Sign-ins come first, then people who
are signed in and change a password, then registrations, which anybody may send: those never hold every processor
while a sign-in waits. What does not fit into its queue is refused at once.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import bcrypt

from services.identity.policy import encode_password
from shared.client import deadline
from shared.client.errors import RateLimited
from shared.platform.concurrency import run_blocking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

MAX_WAIT: Final = 8.0
"""Seconds that anybody waits for their turn at most; never longer than the caller waits for the reply."""

RETRY_AFTER: Final = 2
"""Seconds after which it is worth trying again: a full queue is worked off in about that time."""


@dataclass(frozen=True, slots=True)
class Queue:
    """One of the queues.

    Attributes:
        name: What waits in it.
        share: The part of the processors that its work may take at a time; one at least.
        max_waiting: How many may wait; more are refused.
    """

    name: str
    share: float
    max_waiting: int


SIGN_IN: Final = Queue("sign-ins", 1.0, 32)
CHANGE: Final = Queue("password changes", 0.5, 8)
REGISTRATION: Final = Queue("registrations", 0.5, 8)
BY_PRIORITY: Final = (SIGN_IN, CHANGE, REGISTRATION)


class _Turns:
    """Decides who hashes next."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._limits = {queue: max(1, int(at_once * queue.share)) for queue in BY_PRIORITY}
        self._running = dict.fromkeys(BY_PRIORITY, 0)
        self._waiting: dict[Queue, deque[threading.Event]] = {queue: deque() for queue in BY_PRIORITY}
        self._deciding = threading.Lock()

    @contextmanager
    def turn(self, queue: Queue) -> Iterator[None]:
        """Wait for a turn and hold it.

        Raises:
            RateLimited: The queue is full, or the turn did not come in time.
        """
        self._wait(queue)
        try:
            yield
        finally:
            self._end(queue)

    def refuse_full(self, queue: Queue) -> None:
        """Raise `RateLimited` where the queue is full."""
        if len(self._waiting[queue]) >= queue.max_waiting:
            raise _refusal(queue)

    def _wait(self, queue: Queue) -> None:
        called = threading.Event()
        with self._deciding:
            self.refuse_full(queue)
            self._waiting[queue].append(called)
            self._call_next()
        try:
            called.wait(max(0.0, min(MAX_WAIT, deadline.left())))
        except BaseException:  # the caller is stopped while it waits
            if self._leave(queue, called):
                self._end(queue)
            raise
        if not self._leave(queue, called):
            raise _refusal(queue)

    def _leave(self, queue: Queue, called: threading.Event) -> bool:
        """Leave the queue, and return whether the turn had come."""
        with self._deciding:
            if not called.is_set():
                self._waiting[queue].remove(called)
            return called.is_set()

    def _end(self, queue: Queue) -> None:
        with self._deciding:
            self._free += 1
            self._running[queue] -= 1
            self._call_next()

    def _call_next(self) -> None:
        for queue in BY_PRIORITY:
            while self._free and self._waiting[queue] and self._running[queue] < self._limits[queue]:
                self._free -= 1
                self._running[queue] += 1
                self._waiting[queue].popleft().set()


class PasswordHasher:
    """Makes and checks bcrypt hashes.

    Args:
        cost: Rounds as a power of two. Hashes of another cost still verify and are replaced at the next
            sign-in.
        at_once: How many may run at the same time; the number of processors when omitted.
    """

    def __init__(self, cost: int, at_once: int | None = None) -> None:
        self.cost = cost
        self._turns = _Turns(at_once or os.cpu_count() or 1)
        # What an unknown account is checked against, so that it takes as long as a known one: the form of a
        # hash that is no password's.
        self._dummy = bcrypt.gensalt(cost) + b"." * 31

    def refuse_full(self, queue: Queue) -> None:
        """Refuse work for which there is no place now, before anything else is done for it.

        Raises:
            RateLimited: Too many are waiting for their turn.
        """
        self._turns.refuse_full(queue)

    def hash(self, password: str, queue: Queue = CHANGE) -> str:
        """Return the hash to store.

        Raises:
            RateLimited: Too many are waiting for their turn.
        """
        encoded = encode_password(password)
        return self._in_turn(queue, lambda: bcrypt.hashpw(encoded, bcrypt.gensalt(self.cost))).decode()

    def verify(self, password: str, stored: str | None, queue: Queue = SIGN_IN) -> bool:
        """Return whether the password is the one that was hashed; without a hash never, after the same time.

        Raises:
            RateLimited: Too many are waiting for their turn.
        """
        # One of more than 72 bytes was never accepted. It is cut only so that checking it takes its time too.
        encoded = encode_password(password)
        fits = len(encoded) <= 72  # noqa: PLR2004 - bcrypt's own limit
        known = stored is not None and stored.startswith("$2")
        against = stored.encode() if stored is not None and known else self._dummy
        matches = self._in_turn(queue, lambda: bcrypt.checkpw(encoded[:72], against))
        return matches and fits and known

    def is_outdated(self, stored: str) -> bool:
        """Return whether the hash was made with another cost than the one in force."""
        return not stored.startswith(f"$2b${self.cost:02d}$")

    def _in_turn(self, queue: Queue, work: Callable[[], T]) -> T:
        with self._turns.turn(queue):
            return run_blocking(work)


def _refusal(queue: Queue) -> RateLimited:
    return RateLimited(
        f"The service has too many {queue.name} at once; try again in a moment.", retry_after=RETRY_AFTER
    )

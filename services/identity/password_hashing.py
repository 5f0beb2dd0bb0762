"""Hashes and verifies passwords with bcrypt, in native threads and a few at a time.

bcrypt is slow by design and would block every greenlet of the process, heartbeats included. It runs in a pool of
native threads (it releases the interpreter lock), and never in more of them than there are processors, so that a flood
of sign-ins uses a part of the machine and not all of it.

The work waits in one of three short queues. Sign-ins come first, then password changes by people who are signed in,
then registrations, which anybody may send: they never occupy every processor while a sign-in waits. Work that does not
fit into its queue is rejected at once.
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
"""The longest wait for a turn in seconds. It never lasts longer than the caller waits for the reply."""

RETRY_AFTER: Final = 2
"""Seconds after which a caller may try again: a full queue is empty after about this time."""


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue of work.

    Attributes:
        name: The kind of work, in the plural.
        share: The share of the processors that its work may use at a time; at least one processor.
        max_waiting: How much work may wait; more is rejected.
    """

    name: str
    share: float
    max_waiting: int


SIGN_IN: Final = Queue("sign-ins", 1.0, 32)
CHANGE: Final = Queue("password changes", 0.5, 8)
REGISTRATION: Final = Queue("registrations", 0.5, 8)
BY_PRIORITY: Final = (SIGN_IN, CHANGE, REGISTRATION)


class _Turns:
    """Decides which work is done next."""

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
        """Reject new work if the queue is full.

        Raises:
            RateLimited: The queue is full.
        """
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
        except BaseException:  # the greenlet is killed while it waits
            if self._leave(queue, called):
                self._end(queue)
            raise
        if not self._leave(queue, called):
            raise _refusal(queue)

    def _leave(self, queue: Queue, called: threading.Event) -> bool:
        """Leave the queue and return whether it was already this work's turn."""
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
    """Hashes passwords with bcrypt and verifies them.

    Args:
        cost: The binary logarithm of the number of rounds. Hashes of another cost remain valid and are replaced at the
            next sign-in.
        at_once: How many passwords are hashed at a time; by default the number of processors.
    """

    def __init__(self, cost: int, at_once: int | None = None) -> None:
        self.cost = cost
        self._turns = _Turns(at_once or os.cpu_count() or 1)
        # Sign-ins to unknown accounts are verified against this, so that they take as long as others. It has the form
        # of a hash, but matches no password.
        self._dummy = bcrypt.gensalt(cost) + b"." * 31

    def refuse_full(self, queue: Queue) -> None:
        """Reject work for which there is no place in its queue, before anything else is done for it.

        Raises:
            RateLimited: The queue is full.
        """
        self._turns.refuse_full(queue)

    def hash(self, password: str, queue: Queue = CHANGE) -> str:
        """Return the hash to store for a password.

        Raises:
            RateLimited: The queue is full, or it was not this work's turn in time.
        """
        encoded = encode_password(password)
        return self._in_turn(queue, lambda: bcrypt.hashpw(encoded, bcrypt.gensalt(self.cost))).decode()

    def verify(self, password: str, stored: str | None, queue: Queue = SIGN_IN) -> bool:
        """Return whether the password matches a stored hash.

        Args:
            password: The password to verify.
            stored: The hash; None if there is no account. The result is then False, after the same time.
            queue: The queue to wait in.

        Raises:
            RateLimited: The queue is full, or it was not this work's turn in time.
        """
        # A password of more than 72 bytes was never accepted. It is cut so that verifying it takes the same time.
        encoded = encode_password(password)
        fits = len(encoded) <= 72  # noqa: PLR2004 - bcrypt's own limit
        known = stored is not None and stored.startswith("$2")
        against = stored.encode() if stored is not None and known else self._dummy
        matches = self._in_turn(queue, lambda: bcrypt.checkpw(encoded[:72], against))
        return matches and fits and known

    def is_outdated(self, stored: str) -> bool:
        """Return whether the hash was made with another cost than the current one."""
        return not stored.startswith(f"$2b${self.cost:02d}$")

    def _in_turn(self, queue: Queue, work: Callable[[], T]) -> T:
        with self._turns.turn(queue):
            return run_blocking(work)


def _refusal(queue: Queue) -> RateLimited:
    return RateLimited(
        f"There are too many {queue.name} at the moment. Try again in a few seconds.", retry_after=RETRY_AFTER
    )

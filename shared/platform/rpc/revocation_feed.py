"""Keeps the denial list of a container true: hears ``access_revoked``, and loads the list when it may have missed one.

The queue is bound before the list is asked for, so nothing falls between. The list is asked for when the container
starts, whenever the connection to the broker was opened again, and now and then; while there is no connection, every
`POLL_SECONDS`, so that a broker which refuses the queue makes revocations a little later and not unknown. What identity
lists replaces what is held: identity alone decides for how long a revocation is of use.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson

from shared.client.amqp.backoff import Backoff
from shared.client.amqp.received import bytes_of
from shared.client.errors import ImpactXError, NotFound, TooLarge, Unavailable
from shared.client.supervision import Work
from shared.platform import concurrency, registry
from shared.platform.db.errors import is_transient
from shared.platform.observability import metrics
from shared.platform.outbox.tail import EventTail
from shared.platform.rpc.revocations import EVENTS, Revocations, revocation_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shared.platform.rpc.context import Caller
    from shared.platform.rpc.revocations import Revocation

logger = logging.getLogger(__name__)

RELOAD_SECONDS: Final = 60.0
"""Between two looks at the list while everything is heard: for what has expired, and for a message that was lost."""

POLL_SECONDS: Final = 1.5
"""Between two looks at the list while nothing is heard."""

MAX_BACKOFF: Final = 5.0


class Accounts(Protocol):
    """The present state of accounts: identity itself, or identity asked by RPC."""

    def revocations(self, cursor: str | None) -> Mapping[str, Any]:
        """Return a page of the revocations of tokens that can still be valid, the newest first."""

    def present(self, caller: Caller) -> Caller:
        """Return the caller with its roles and permissions of this moment; see `Verification.present`."""


class RevocationFeed:
    """Feeds the denial list of one container.

    Args:
        service: The service of the container.
        uri: The broker.
        accounts: Who has the list.
        revocations: The list that is fed.
    """

    def __init__(self, service: str, uri: str, accounts: Accounts, revocations: Revocations) -> None:
        self._service = service
        self._accounts = accounts
        self._revocations = revocations
        self._hears = False
        self._loaded_at = time.monotonic()
        self._wake = threading.Event()
        self._tail = EventTail(
            uri,
            f"revocations of {service}",
            prefix=registry.revocation_queues_of(service),
            events=EVENTS,
            on_message=self._hear,
            on_open=self._opened,
            on_lost=self._lost,
        )
        self._work = Work(f"revocations of {service}", self._keep_loaded)
        self._display = metrics.Display()

    def start(self) -> None:
        """Begin to hear and to load; returns at once."""
        self._display.show(metrics.revocations_held, lambda: len(self._revocations), self._service)
        self._display.show(metrics.revocations_age, self._age, self._service)
        self._tail.start()
        self._work.start()

    def stop(self) -> None:
        """Hear and load no more."""
        concurrency.kill(self._work)
        self._tail.stop()
        self._display.clear()

    def kill(self) -> None:
        """Hear and load no more, without a goodbye."""
        concurrency.kill(self._work)
        self._tail.kill()
        self._display.clear()

    def _age(self) -> float:
        is_current = self._hears and self._revocations.is_settled
        return 0.0 if is_current else time.monotonic() - self._loaded_at

    def _opened(self) -> None:
        self._hears = True
        self._revocations.unsettle()
        self._wake.set()

    def _lost(self) -> None:
        self._hears = False
        self._revocations.unsettle()
        self._wake.set()

    def _hear(self, message: Any) -> None:
        try:
            revocation = revocation_of(orjson.loads(bytes_of(message)))
        except (LookupError, ValueError, TypeError, TooLarge) as error:
            logger.warning("received a revocation that cannot be read: %s: %s", type(error).__name__, error)
            # The list says what it was.
            self._wake.set()
            return
        self._revocations.add(revocation)

    def _keep_loaded(self) -> None:
        backoff = Backoff(max_value=MAX_BACKOFF)
        while True:
            self._wake.clear()
            self._work.begin()
            is_done = self._load()
            self._work.rest()
            if is_done:
                backoff.reset()
            seconds = (RELOAD_SECONDS if self._hears else POLL_SECONDS) if is_done else backoff.next()
            self._wake.wait(seconds)

    def _load(self) -> bool:
        """Load the list, and return whether that succeeded."""
        try:
            self._revocations.load(self._listed())
        except NotFound:
            # Of an earlier version, which revokes nothing; what is heard counts all the same.
            logger.info("identity does not list revocations yet")
            self._revocations.load(iter(()))
        except Exception as error:
            expected = isinstance(error, ImpactXError) or is_transient(error)
            logger.warning("cannot load the revocations: %s", error, exc_info=not expected)
            self._revocations.settle()
            return False
        self._loaded_at = time.monotonic()
        return True

    def _listed(self) -> Iterator[Revocation]:
        cursor: str | None = None
        while True:
            page = self._accounts.revocations(cursor)
            try:
                yield from map(revocation_of, page["items"])
                cursor = page["next_cursor"]
            except (LookupError, ValueError, TypeError) as error:
                raise Unavailable(f"identity listed a revocation that cannot be read: {error}") from error
            if cursor is None:
                return

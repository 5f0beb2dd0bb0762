"""Keeps the public keys that access tokens are verified with, and fetches them from identity in the background.

A known key is returned at once, however old it is. Callers never wait for a fetch, not even while identity is
unavailable. Only for an unknown key id a few callers wait, for a few seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from shared.client import deadline
from shared.client.errors import ImpactXError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

KEYS_LIFETIME: Final = 300.0
"""Seconds after which the keys are fetched again, so that tokens signed with a withdrawn key are rejected."""

REFETCH_AFTER: Final = 3.0
"""Minimum interval between two fetches in seconds, so that tokens with invented key ids cannot flood identity."""

FETCH_SECONDS: Final = 5.0
"""Time limit of a fetch in seconds, and of the wait of a caller with an unknown key id."""

STUCK_AFTER: Final = 60.0
"""Seconds after which a fetch is considered lost and another one may begin."""

MAX_WAITING: Final = 4
"""Maximum number of callers that wait for an unknown key while other keys are known, so that invented key ids cannot
occupy all workers."""

CANNOT_FETCH: Final = (
    "The keys to verify access tokens with cannot be fetched at the moment. Try again later."
)


@dataclass(slots=True)
class _Fetch:
    began: float
    done: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None


class KeySet:
    """The public keys of identity by key id.

    Args:
        fetch: Returns a JSON Web Key Set (RFC 7517) within `FETCH_SECONDS`, or raises.
        clock: Returns seconds.
    """

    def __init__(self, fetch: Callable[[], Mapping[str, Any]], *, clock: Callable[[], float]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetched_at = float("-inf")
        self._failed_at = float("-inf")
        self._running: _Fetch | None = None
        self._waiting = 0
        self._deciding = threading.Lock()
        self.generation = 0
        """Incremented whenever the keys have changed, so that tokens verified with the old keys are verified again."""

    def key(self, key_id: str) -> Ed25519PublicKey | None:
        """Return the key with this id, or None if identity has no such key.

        A known key is returned at once. If the keys are old, a fetch begins in the background.

        Raises:
            Unavailable: The key is not known, and identity cannot be asked for it at the moment.
        """
        if key_id in self._keys:
            if self._age() > KEYS_LIFETIME:
                self._begin()
            return self._keys[key_id]
        running = self._begin()
        if running is not None:
            self._wait_for(running)
        elif self._since(self._failed_at) <= REFETCH_AFTER:
            raise Unavailable(CANNOT_FETCH)
        return self._keys.get(key_id)

    def refresh(self) -> bool:
        """Fetch the keys, unless they have just been fetched, and return whether they are fresh."""
        running = self._begin()
        if running is not None:
            running.done.wait(FETCH_SECONDS)
        return self._age() <= KEYS_LIFETIME

    def _begin(self) -> _Fetch | None:
        """Return the running fetch, starting one if needed; None if one has just ended. At most one runs at a time."""
        with self._deciding:
            if self._running is not None and time.monotonic() - self._running.began <= STUCK_AFTER:
                return self._running
            if min(self._age(), self._since(self._failed_at)) <= REFETCH_AFTER:
                return None
            running = self._running = _Fetch(time.monotonic())
        threading.Thread(target=self._run, args=(running,), name="token keys", daemon=True).start()
        return running

    def _run(self, running: _Fetch) -> None:
        try:
            self._take(dict(_public_keys(self._fetch())))
        except Exception as error:
            self._failed_at = self._clock()
            running.error = error
            expected = isinstance(error, ImpactXError)
            logger.warning(
                "cannot fetch the keys to verify access tokens with: %s", error, exc_info=not expected
            )
        finally:
            with self._deciding:
                if self._running is running:
                    self._running = None
            running.done.set()

    def _take(self, keys: dict[str, Ed25519PublicKey]) -> None:
        if not keys:
            raise ValueError("identity published no key")
        if keys != self._keys:
            self._keys = keys
            self.generation += 1
        self._fetched_at = self._clock()

    def _wait_for(self, running: _Fetch) -> None:
        if self._keys and self._waiting >= MAX_WAITING:
            raise Unavailable("The key to verify this access token with is being fetched. Try again.")
        self._waiting += 1
        try:
            if not running.done.wait(max(0.0, min(FETCH_SECONDS, deadline.left()))):
                raise Unavailable(
                    "The keys to verify access tokens with were not fetched in time. Try again."
                )
        finally:
            self._waiting -= 1
        if running.error is not None:
            raise Unavailable(CANNOT_FETCH) from running.error

    def _age(self) -> float:
        return self._since(self._fetched_at)

    def _since(self, moment: float) -> float:
        """Return the seconds since a moment, never negative: a clock that was set back must not stop fetches."""
        return abs(self._clock() - moment)


def _public_keys(jwks: Mapping[str, Any]) -> list[tuple[str, Ed25519PublicKey]]:
    """Return the ids and keys of the Ed25519 keys of the set; keys of other types are ignored."""
    found = []
    for key in jwks.get("keys", ()):
        if key.get("kty") == "OKP" and key.get("crv") == "Ed25519" and key.get("use", "sig") == "sig":
            public = OKPAlgorithm.from_jwk({name: key[name] for name in ("kty", "crv", "x")})
            if isinstance(public, Ed25519PublicKey):
                found.append((str(key["kid"]), public))
    return found

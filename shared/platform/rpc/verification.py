"""Gives a container its token verifier, with the container's own keys in identity and with fetched keys elsewhere."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from nameko.extensions import SharedExtension

from shared.client.amqp.backoff import Backoff
from shared.client.supervision import Work
from shared.platform import concurrency
from shared.platform.rpc.keys import FETCH_SECONDS, KEYS_LIFETIME
from shared.platform.rpc.provider import RpcClients
from shared.platform.rpc.tokens import TokenVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.platform.rpc.context import Caller
    from shared.platform.settings import Settings

REFRESH_SECONDS: Final = KEYS_LIFETIME / 2
"""Interval between two fetches: the keys are replaced before they are old."""


class OwnsKeys(ABC):
    """A service class that has the keys which access tokens are verified with. Others fetch them from identity."""

    @staticmethod
    @abstractmethod
    def own_keys(settings: Settings) -> Mapping[str, Any]:
        """Return the public keys as a JSON Web Key Set (RFC 7517)."""


class Verification(SharedExtension):
    """The token verifier of a container. A thread keeps its keys fresh, except in identity.

    Without the thread, the first token after a long pause could be verified with a key that was withdrawn during the
    pause. `shared.client.supervision` watches the thread.
    """

    clients = RpcClients()

    _work: Work | None = None

    def start(self) -> None:
        """Called by nameko, once for each extension that shares the verification."""
        if self._work is None and self._own_keys is None:
            self._work = Work(f"token keys of {self.container.service_name}", self._keep_fresh)
            self._work.start()

    def stop(self) -> None:
        """Called by nameko when no worker runs any more."""
        if self._work is not None:
            concurrency.kill(self._work)

    def kill(self) -> None:
        """Called by nameko when there is no time."""
        self.stop()

    def verify(self, token: str, correlation_id: str) -> Caller:
        """Return the caller of a token; see `TokenVerifier.verify`."""
        return self._verifier.verify(token, correlation_id)

    def _keep_fresh(self) -> None:
        backoff = Backoff()
        while True:
            if self._verifier.refresh_keys():
                backoff.reset()
                time.sleep(REFRESH_SECONDS)
            else:  # identity is unavailable, perhaps because it is starting too
                time.sleep(backoff.next())

    @cached_property
    def _verifier(self) -> TokenVerifier:
        # If identity asked itself by RPC, all its workers could wait for each other forever.
        if self._own_keys is None:
            return TokenVerifier(self._ask_identity)
        return TokenVerifier(self._own_keys)

    @property
    def _own_keys(self) -> Callable[[], Mapping[str, Any]] | None:
        service_class: type[Any] = self.container.service_cls
        if not issubclass(service_class, OwnsKeys):
            return None
        settings = self.container.config["SETTINGS"]
        return lambda: service_class.own_keys(settings)

    def _ask_identity(self) -> Mapping[str, Any]:
        keys: Mapping[str, Any] = self.clients.client.call(
            "identity.get_jwks", timeout=FETCH_SECONDS, attempts=1
        )
        return keys

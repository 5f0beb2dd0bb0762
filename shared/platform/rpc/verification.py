"""Gives a container its token verifier and its denial list, and asks for the present permissions of a caller.

In identity, the keys and accounts are its own; elsewhere identity is asked.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from nameko.extensions import SharedExtension

from shared.client.amqp.backoff import Backoff
from shared.client.errors import ImpactXError, NotFound, Unauthenticated, Unavailable
from shared.client.supervision import Work
from shared.platform import concurrency
from shared.platform.rpc.keys import FETCH_SECONDS, KEYS_LIFETIME
from shared.platform.rpc.provider import RpcClients
from shared.platform.rpc.revocation_feed import RevocationFeed
from shared.platform.rpc.revocations import DEACTIVATED, Revocations, revoked
from shared.platform.rpc.tokens import TokenVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.client.rpc import RpcClient
    from shared.platform.observability.health import Check
    from shared.platform.rpc.context import Caller
    from shared.platform.rpc.revocation_feed import Accounts
    from shared.platform.settings import Settings

REFRESH_SECONDS: Final = KEYS_LIFETIME / 2
"""Interval between two fetches: the keys are replaced before they are old."""

PRESENT_SECONDS: Final = 2.0
"""Time limit in seconds for asking identity what a caller may do at this moment."""

PAGE: Final = 500


class OwnsKeys(ABC):
    """A service class that has the keys which access tokens are verified with. Others fetch them from identity."""

    @staticmethod
    @abstractmethod
    def own_keys(settings: Settings) -> Mapping[str, Any]:
        """Return the public keys as a JSON Web Key Set (RFC 7517)."""


class IdentityAccounts:
    """The accounts of identity, which is asked by RPC."""

    def __init__(self, client: RpcClient) -> None:
        self._client = client

    def revocations(self, cursor: str | None) -> Mapping[str, Any]:
        """Return a page of the revocations; see `Accounts`."""
        found: Mapping[str, Any] = self._client.call(
            "identity.list_revocations",
            {"cursor": cursor, "limit": PAGE},
            timeout=FETCH_SECONDS,
            attempts=1,
        )
        return found

    def present(self, caller: Caller) -> Caller:
        """Return the caller with its permissions of this moment; see `Verification.present`."""
        try:
            found = self._authority(caller)
            permissions = {
                name: None if held is True else frozenset(map(UUID, held))
                for name, held in found["permissions"].items()
            }
            return replace(caller, roles=frozenset(found["roles"]), permissions=permissions)
        except Unauthenticated:
            raise
        except (ImpactXError, LookupError, ValueError, TypeError, AttributeError) as error:
            raise Unavailable(
                "Your present permissions cannot be checked at the moment, and this operation needs that. Try again."
            ) from error

    def _authority(self, caller: Caller) -> Mapping[str, Any]:
        try:
            return self._ask("identity.get_authority", caller)
        except NotFound:
            # An identity of before, which during an upgrade is replaced last.
            found = self._ask("identity.get_me", caller)
            if not found["is_active"]:
                raise revoked(DEACTIVATED) from None
            return {**found, "roles": caller.roles & set(found["roles"])}

    def _ask(self, method: str, caller: Caller) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._client.call(
            method,
            timeout=PRESENT_SECONDS,
            attempts=1,
            token=caller.token,
            correlation_id=caller.correlation_id,
        )
        return found


class Verification(SharedExtension):
    """The token verifier and the denial list of a container. Threads keep its keys and the list fresh.

    Without the former, the first token after a long pause could be verified with a key that was withdrawn during the
    pause. `shared.client.supervision` watches the threads.

    Attributes:
        accounts: Who has the accounts. A service that has them itself sets this in `setup`.
        revocations: The denial list.
    """

    clients = RpcClients()
    accounts: Accounts | None = None

    _work: Work | None = None
    _feed: RevocationFeed | None = None
    _is_started = False

    def readiness_checks(self) -> Mapping[str, Check]:
        """The denial list of who has the accounts; see `shared.platform.observability.health.Dependent`.

        Others get theirs from identity, and no service is less ready for want of another one.
        """
        if self._own_keys is None or self.accounts is None:
            return {}
        return {f"{self.container.service_name}.revocations": self.revocations.require_loaded}

    def start(self) -> None:
        """Called by nameko, once for each extension that shares the verification."""
        if self._is_started:
            return
        self._is_started = True
        service, settings = self.container.service_name, self.container.config["SETTINGS"]
        if self._own_keys is None:
            self._work = Work(f"token keys of {service}", self._keep_fresh)
            self._work.start()
        accounts = self._find_accounts()
        if accounts is not None:
            self._feed = RevocationFeed(service, settings.amqp_uri, accounts, self.revocations)
            self._feed.start()

    def stop(self) -> None:
        """Called by nameko when no worker runs any more."""
        self._end(RevocationFeed.stop)

    def kill(self) -> None:
        """Called by nameko when there is no time."""
        self._end(RevocationFeed.kill)

    def verify(self, token: str, correlation_id: str) -> Caller:
        """Return the caller of a token that has not been revoked.

        Raises:
            Unauthenticated: The token is not valid (see `TokenVerifier.verify`), or has been revoked.
            Unavailable: Its key, or what has been revoked, is not known, and identity cannot be asked at the moment.
        """
        caller = self._verifier.verify(token, correlation_id)
        if self.accounts is not None or self._find_accounts() is not None:
            self.revocations.check(caller)
        return caller

    def present(self, caller: Caller) -> Caller:
        """Return the caller with its roles and permissions of this moment instead of those of its token.

        Raises:
            Unauthenticated: The account is deactivated, or the token was signed before it or its session was revoked.
            Unavailable: Identity cannot be asked.
        """
        accounts = self._find_accounts()
        return caller if accounts is None else accounts.present(caller)

    @cached_property
    def revocations(self) -> Revocations:
        """Made when it is first asked for: nameko sets extensions up in no particular order."""
        return Revocations()

    def _find_accounts(self) -> Accounts | None:
        """Return who has the accounts; None in a service that has keys of its own and no accounts."""
        # Not a property: nameko reads each while it puts the service together, before an owner has set its own.
        if self.accounts is None and self._own_keys is None:
            self.accounts = IdentityAccounts(self.clients.client)
        return self.accounts

    def _end(self, end: Callable[[RevocationFeed], None]) -> None:
        if self._work is not None:
            concurrency.kill(self._work)
        if self._feed is not None:
            end(self._feed)
            self._feed = None

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

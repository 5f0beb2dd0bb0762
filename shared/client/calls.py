"""Calls of the services, whatever way they take: what every client has in common.

Every wait is bounded. A call is repeated when no answer came, for a repeat changes nothing; a create gets the id
that makes it so (`methods`). An expired token is renewed once a call. All of that together takes no longer than the
call's budget, and during another call no longer than that one's caller still waits (`deadline`).
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, Self, TypedDict
from uuid import uuid4

from uuid6 import uuid7

from . import deadline, methods, tracing
from .amqp.backoff import Backoff
from .errors import ImpactXError, RpcTimeout, Unauthenticated, Unavailable
from .lateness import Echoes
from .request import CORRELATION_HEADER, TOKEN_HEADER
from .types import Services

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

ATTEMPTS = 3
RENEW_BEFORE_SECONDS = 30.0

ECHO_SECONDS = 0.01
"""Between a refusal with an echo and the next attempt, which has to follow soon; see `lateness`."""


class Authorised(Protocol):
    """An account in whose name calls are made."""

    @property
    def token(self) -> str:
        """Its access token."""

    @property
    def correlation_id(self) -> str:
        """Under which the services log its calls."""


class Options(TypedDict, total=False):
    """What every client can be told; see `Client`."""

    timeout: float
    budget: float | None
    token: str
    email: str
    password: str


class Client(Services, ABC):
    """What is the same for every way to the services.

    Args:
        timeout: Seconds that one attempt of a call may take, unless the call says otherwise.
        budget: Seconds that a call may take with all its attempts; `ATTEMPTS` times its timeout by default.
        token: An access token to call with.
        email: An account to sign in with when there is no token; it is then also renewed.
        password: The password of that account.

    Attributes:
        observe: Told of each call, where it is set: the method, ``ok`` or the slug of the error, and the seconds.
    """

    observe: Callable[[str, str, float], None] | None = None

    def __init__(
        self,
        *,
        timeout: float = 10.0,
        budget: float | None = None,
        token: str = "",
        email: str = "",
        password: str = "",
    ) -> None:
        self._timeout = timeout
        self._budget = budget
        self._session = _Session(token, email, password)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""

    @abstractmethod
    def _attempt(
        self, method: str, arguments: dict[str, Any], headers: dict[str, str], seconds: float
    ) -> Any:
        """Call a method once.

        Args:
            method: ``service.method``.
            arguments: By name.
            headers: As on the wire of RPC: the token, the correlation id, the trace.
            seconds: For which the answer is waited for.

        Raises:
            ImpactXError: What the service answered, or `RpcTimeout` or `Unavailable` without an answer.
        """

    if not TYPE_CHECKING:  # type checkers and editors know the services from `Services`

        def __getattr__(self, service: str) -> _Service:
            if service.startswith("_"):
                raise AttributeError(service)
            return _Service(self, service, None)

    def on_behalf_of(self, caller: Authorised) -> OnBehalf:
        """Return the services, called with the caller's token and correlation id."""
        return OnBehalf(self, caller)

    def call(
        self,
        method: str,
        arguments: dict[str, Any] | None = None,
        *,
        timeout: float | None = None,
        budget: float | None = None,
        token: str | None = None,
        correlation_id: str = "",
        attempts: int = ATTEMPTS,
    ) -> Any:
        """Call one method.

        Args:
            method: ``service.method``.
            arguments: By name. Ids and times may be `uuid.UUID` and `datetime.datetime`.
            timeout: Seconds for one attempt; the client's own by default.
            budget: Seconds for all of them, signing in included; the client's own by default.
            token: Instead of the client's own.
            correlation_id: Under which services log the call; a new one by default.
            attempts: How often it is tried while no answer comes.

        Returns:
            What the method returns, as JSON.

        Raises:
            ImpactXError: The one of the fixed set that the service answered, `RpcTimeout` when no answer came
                in time, `Unavailable` when the broker or the service is away, or `Invalid` for arguments that
                cannot be sent.
        """
        given = dict(arguments or {})
        if method in methods.CREATES:
            given.setdefault("id", str(uuid7()))
        headers = {CORRELATION_HEADER: correlation_id or str(uuid4())}
        seconds = timeout or self._timeout
        with deadline.within(budget or (None if timeout else self._budget) or seconds * max(attempts, 1)):
            if token is not None:
                return self._observed(method, given, headers | {TOKEN_HEADER: token}, seconds, attempts)
            return self._session.run(
                self,
                lambda own: self._observed(
                    method, given, headers | ({TOKEN_HEADER: own} if own else {}), seconds, attempts
                ),
            )

    def _observed(
        self, method: str, arguments: dict[str, Any], headers: dict[str, str], seconds: float, attempts: int
    ) -> Any:
        span = tracing.start(method)
        if span is not None:
            headers = headers | dict(span.headers)
        began = time.monotonic()
        error = ""
        try:
            return self._attempts(method, arguments, headers, seconds, attempts)
        except ImpactXError as failed:
            error = failed.slug
            raise
        finally:
            if self.observe is not None:
                self.observe(method, error or "ok", time.monotonic() - began)
            if span is not None:
                span.end(error)

    def _attempts(
        self, method: str, arguments: dict[str, Any], headers: dict[str, str], seconds: float, attempts: int
    ) -> Any:
        backoff = Backoff()
        echoes = Echoes()
        while True:
            left = deadline.left()
            if left <= 0:
                raise RpcTimeout(f"{method} was not called, because its caller has stopped waiting.")
            try:
                return self._attempt(method, arguments, headers | echoes.headers, min(seconds, left))
            except (Unavailable, RpcTimeout) as error:
                # A server that does not know our clock yet has executed nothing, and can tell with its echo.
                if echoes.hear(error.details):
                    pause = ECHO_SECONDS
                else:
                    attempts -= 1
                    pause = backoff.next()
                if attempts <= 0 or deadline.left() <= pause:
                    raise
            time.sleep(pause)


class OnBehalf(Services):
    """The services, called with one caller's token; made by `Client.on_behalf_of`."""

    def __init__(self, client: Client, caller: Authorised) -> None:
        self._client = client
        self._caller = caller

    if not TYPE_CHECKING:  # as in `Client`

        def __getattr__(self, service: str) -> _Service:
            return _Service(self._client, service, self._caller)


class _Service:
    def __init__(self, client: Client, service: str, caller: Authorised | None) -> None:
        self._client = client
        self._service = service
        self._caller = caller

    def __getattr__(self, method: str) -> _Method:
        return _Method(self._client, f"{self._service}.{method}", self._caller)


class _Method:
    def __init__(self, client: Client, name: str, caller: Authorised | None) -> None:
        self._client = client
        self._name = name
        self._caller = caller

    def __call__(self, **arguments: Any) -> Any:
        if self._caller is None:
            return self._client.call(self._name, arguments)
        return self._client.call(
            self._name, arguments, token=self._caller.token, correlation_id=self._caller.correlation_id
        )


class _Session:
    """The client's own token: given, or got by signing in and renewed before it expires."""

    def __init__(self, token: str, email: str, password: str) -> None:
        self._token = token
        self._email = email
        self._password = password
        self._refresh_token = ""
        self._device_token: str | None = None
        self._renew_at = float("inf")
        self._renewing = threading.Lock()

    def run(self, client: Client, call: Any) -> Any:
        """Make the call with a valid token, and once more with a new one if that was refused."""
        if not self._email:
            return call(self._token)
        token = self._current(client, refused="")
        try:
            return call(token)
        except Unauthenticated:
            return call(self._current(client, refused=token))

    def _current(self, client: Client, *, refused: str) -> str:
        with self._renewing:
            if not self._token or self._token == refused or time.monotonic() >= self._renew_at:
                self._sign_in(client)
            return self._token

    def _sign_in(self, client: Client) -> None:
        tokens = self._refreshed(client)
        if tokens is None:
            account = {"email": self._email, "password": self._password, "device_token": self._device_token}
            tokens = client.call("identity.authenticate", account, token="")
            self._device_token = tokens.get("device_token")
        self._token = tokens["access_token"]
        self._refresh_token = tokens["refresh_token"]
        self._renew_at = time.monotonic() + max(tokens["expires_in"] - RENEW_BEFORE_SECONDS, 1.0)

    def _refreshed(self, client: Client) -> dict[str, Any] | None:
        if not self._refresh_token:
            return None
        try:
            tokens: dict[str, Any] = client.call(
                "identity.refresh", {"refresh_token": self._refresh_token}, token=""
            )
        except ImpactXError:
            # Used up, revoked, or lost on the way: signing in again settles all of these.
            return None
        return tokens

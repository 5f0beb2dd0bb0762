"""Calls the services by RPC, from a service or from any other program.

    with RpcClient("amqp://guest:guest@127.0.0.1//", email="...", password="...") as client:
        report = client.reports.create_report(title="...", ...)

Every wait is bounded. A call is repeated when no answer came, for a repeat changes nothing; a create gets the id
that makes it so (`shared.client.methods`). An expired token is renewed once a call. All of that together takes no
longer than the call's budget, and during another call no longer than that one's caller still waits
(`shared.client.deadline`).
It needs no eventlet and works in ordinary threads; one client may be shared by all of them.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import kombu
import orjson
from opentelemetry.trace import SpanKind
from uuid6 import uuid7

from shared.client import deadline, methods
from shared.client.amqp.backoff import Backoff
from shared.client.amqp.link import TRANSIENT, Link
from shared.client.amqp.received import is_whole
from shared.client.amqp.transport import CONNECT_SECONDS
from shared.client.errors import (
    ImpactXError,
    RpcTimeout,
    TooLarge,
    Unauthenticated,
    Unavailable,
    from_wire,
)
from shared.client.lateness import SENT_HEADER, Echoes, stamp
from shared.client.request import (
    CORRELATION_HEADER,
    MAX_BODY,
    TIMEOUT_HEADER,
    TOKEN_HEADER,
    arguments_json,
)
from shared.client.types import Services
from shared.domain import topology
from shared.platform.amqp.declare import require_exchange
from shared.platform.observability import traces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from shared.platform.rpc.context import Caller

ATTEMPTS = 3
REPLY_QUEUE_EXPIRES_MILLISECONDS = 300_000
RENEW_BEFORE_SECONDS = 30.0

ECHO_SECONDS = 0.01
"""Between a refusal with an echo and the next attempt, which has to follow soon; see `shared.client.lateness`."""

MAX_REPLY = 32 * 1024 * 1024
"""Bytes of a reply that is taken in."""


@dataclass(slots=True)
class _Pending:
    done: threading.Event = field(default_factory=threading.Event)
    reply: dict[str, Any] | None = None
    error: ImpactXError | None = None


class RpcClient(Services):
    """A client of all services on one connection.

    Args:
        amqp_uri: The broker.
        timeout: Seconds that one attempt of a call may take, unless the call says otherwise.
        budget: Seconds that a call may take with all its attempts; `ATTEMPTS` times its timeout by default.
        token: An access token to call with.
        email: An account to sign in with when there is no token; it is then also renewed.
        password: Of that account.
        name: Of the connection, as the broker shows it.

    Attributes:
        observe: Told of each call, where it is set: the method, ``ok`` or the slug of the error, and the seconds.
    """

    observe: Callable[[str, str, float], None] | None = None

    def __init__(
        self,
        amqp_uri: str,
        *,
        timeout: float = 10.0,
        budget: float | None = None,
        token: str = "",
        email: str = "",
        password: str = "",
        name: str = "rpc client",
    ) -> None:
        self._timeout = timeout
        self._budget = budget
        self._session = _Session(token, email, password)
        self._pending: dict[str, _Pending] = {}
        self._reply_to = ""
        self._link = Link(
            amqp_uri,
            name,
            on_open=self._listen,
            on_lost=self._fail_pending,
            on_blocked=self._fail_blocked,
            max_body=MAX_REPLY,
        )
        self._starting = threading.Lock()
        self._started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; calls that still wait fail with `Unavailable`."""
        if self._started:
            self._link.stop()
            self._fail_pending()

    def wait_until_connected(self, timeout: float) -> bool:
        """Whether the broker can be reached now or within so many seconds."""
        self._start()
        return self._link.wait_until_open(timeout)

    if not TYPE_CHECKING:  # type checkers and editors know the services from `Services`

        def __getattr__(self, service: str) -> _Service:
            if service.startswith("_"):
                raise AttributeError(service)
            return _Service(self, service, None)

    def on_behalf_of(self, caller: Caller) -> OnBehalf:
        """The same client, calling with the caller's token and correlation id."""
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
        """Calls one method.

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
        service, _, name = method.partition(".")
        span = traces.start(
            method, SpanKind.CLIENT, {"rpc.system": "nameko", "rpc.service": service, "rpc.method": name}
        )
        headers = headers | traces.fact(span)
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
            traces.end(span, error)

    def _attempts(
        self, method: str, arguments: dict[str, Any], headers: dict[str, str], seconds: float, attempts: int
    ) -> Any:
        backoff = Backoff()
        echoes = Echoes()
        while True:
            left = deadline.left()
            if left <= 0:
                raise RpcTimeout(f"{method} was not called: whoever asked for it waits no longer.")
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

    def _attempt(
        self, method: str, arguments: dict[str, Any], headers: dict[str, str], seconds: float
    ) -> Any:
        until = time.monotonic() + seconds
        self._start()
        body = b'{"args":[],"kwargs":' + arguments_json(arguments) + b"}"
        if len(body) > MAX_BODY:
            # said here, so that it does not cost the way to the service
            raise TooLarge(f"The request has {len(body)} bytes; at most {MAX_BODY} are accepted.")
        call_id = str(uuid4())
        pending = self._pending[call_id] = _Pending()
        try:
            # waits until the reply queue is there
            self._link.require_open(min(seconds, CONNECT_SECONDS))
            left = max(until - time.monotonic(), 0.001)
            milliseconds = str(math.ceil(left * 1000))
            self._link.publish(
                body,
                exchange=topology.RPC_EXCHANGE,
                routing_key=method,
                headers=headers | {TIMEOUT_HEADER: milliseconds, SENT_HEADER: stamp()},
                mandatory=True,
                reply_to=self._reply_to,
                correlation_id=call_id,
                delivery_mode=TRANSIENT,
                expiration=milliseconds,
            )
            if not pending.done.wait(max(until - time.monotonic(), 0)):
                raise RpcTimeout(f"{method} did not answer within {seconds:g} seconds.")
        finally:
            self._pending.pop(call_id, None)
        if pending.error is not None:
            raise pending.error
        return _result(pending.reply or {})

    def _start(self) -> None:
        with self._starting:
            if not self._started:
                self._link.start()
                self._started = True

    def _listen(self, channel: Any) -> None:
        reply_to = str(uuid4())
        require_exchange(topology.RPC_EXCHANGE, channel)
        queue = kombu.Queue(
            topology.reply_queues_of(self._link.name) + reply_to,
            exclusive=True,
            auto_delete=True,
            durable=False,
            queue_arguments={"x-expires": REPLY_QUEUE_EXPIRES_MILLISECONDS},
        )(channel)
        queue.queue_declare()
        queue.bind_to(topology.RPC_EXCHANGE, reply_to)
        kombu.Consumer(
            channel, queues=[queue], on_message=self._receive, no_ack=True, auto_declare=False
        ).consume()
        channel.events["basic_return"].add(self._on_return)
        self._reply_to = reply_to

    def _receive(self, message: Any) -> None:
        pending = self._pending.get(message.properties.get("correlation_id", ""))
        if pending is None:
            return
        try:
            pending.reply = _reply_of(message)
        except ValueError as error:
            pending.error = Unavailable(f"The service's answer cannot be read: {error}.")
        pending.done.set()

    def _on_return(self, _error: Exception, _exchange: str, routing_key: str, message: Any) -> None:
        pending = self._pending.get(message.properties.get("correlation_id", ""))
        if pending is not None:
            pending.error = Unavailable(f"No service {routing_key.partition('.')[0]} has ever been here.")
            pending.done.set()

    def _fail_pending(self) -> None:
        self._fail(Unavailable("The message broker went away while a call waited for its answer."))

    def _fail_blocked(self) -> None:
        """The requests wait where the broker does not look before its alarm is over; nobody waits that long."""
        try:
            self._link.check_not_blocked()
        except Unavailable as error:
            self._fail(error)

    def _fail(self, error: ImpactXError) -> None:
        for pending in list(self._pending.values()):
            pending.error = error
            pending.done.set()


def _reply_of(message: Any) -> dict[str, Any]:
    if not is_whole(message):
        raise ValueError(f"it has {message.size} bytes, and at most {MAX_REPLY} are taken in")
    reply = orjson.loads(message.body or b"")
    if not isinstance(reply, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - the JSON is at fault, not an argument
    return reply


def _result(reply: Mapping[str, Any]) -> Any:
    error = reply.get("error")
    if not error:
        return reply.get("result")
    try:
        raised = from_wire(error)
    except (TypeError, ValueError, AttributeError) as malformed:
        raise Unavailable("The service answered an error that cannot be read.") from malformed
    raise raised


class OnBehalf(Services):
    """The services, called with one caller's token; made by `RpcClient.on_behalf_of`."""

    def __init__(self, client: RpcClient, caller: Caller) -> None:
        self._client = client
        self._caller = caller

    if not TYPE_CHECKING:  # as in `RpcClient`

        def __getattr__(self, service: str) -> _Service:
            return _Service(self._client, service, self._caller)


class _Service:
    def __init__(self, client: RpcClient, service: str, caller: Caller | None) -> None:
        self._client = client
        self._service = service
        self._caller = caller

    def __getattr__(self, method: str) -> _Method:
        return _Method(self._client, f"{self._service}.{method}", self._caller)


class _Method:
    def __init__(self, client: RpcClient, name: str, caller: Caller | None) -> None:
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

    def run(self, client: RpcClient, call: Any) -> Any:
        """Makes the call with a token that should do, and once more with a new one if it did not."""
        if not self._email:
            return call(self._token)
        token = self._current(client, refused="")
        try:
            return call(token)
        except Unauthenticated:
            return call(self._current(client, refused=token))

    def _current(self, client: RpcClient, *, refused: str) -> str:
        with self._renewing:
            if not self._token or self._token == refused or time.monotonic() >= self._renew_at:
                self._sign_in(client)
            return self._token

    def _sign_in(self, client: RpcClient) -> None:
        tokens = self._refreshed(client)
        if tokens is None:
            account = {"email": self._email, "password": self._password, "device_token": self._device_token}
            tokens = client.call("identity.authenticate", account, token="")
            self._device_token = tokens.get("device_token")
        self._token = tokens["access_token"]
        self._refresh_token = tokens["refresh_token"]
        self._renew_at = time.monotonic() + max(tokens["expires_in"] - RENEW_BEFORE_SECONDS, 1.0)

    def _refreshed(self, client: RpcClient) -> dict[str, Any] | None:
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

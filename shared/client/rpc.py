"""Calls the services by RPC over RabbitMQ, from a service or from any other program.

    with RpcClient("amqp://guest:guest@127.0.0.1//", email="...", password="...") as client:
        report = client.reports.create_report(title="...", ...)

What every client does is in `calls`. This one may be shared by all threads of a program.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Unpack
from uuid import uuid4

import kombu
import orjson

from .amqp.link import TRANSIENT, Link
from .amqp.queues import require_exchange
from .amqp.received import is_whole
from .amqp.transport import CONNECT_SECONDS
from .calls import Client, Options
from .errors import ImpactXError, RpcTimeout, TooLarge, Unavailable, from_wire
from .lateness import SENT_HEADER, stamp
from .request import (
    MAX_BODY,
    RPC_EXCHANGE,
    TIMEOUT_HEADER,
    arguments_json,
    reply_queues_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

REPLY_QUEUE_EXPIRES_MILLISECONDS = 300_000

MAX_REPLY = 32 * 1024 * 1024
"""Bytes of a reply that is taken in."""


@dataclass(slots=True)
class _Pending:
    done: threading.Event = field(default_factory=threading.Event)
    reply: dict[str, Any] | None = None
    error: ImpactXError | None = None


class RpcClient(Client):
    """A client of all services on one connection to RabbitMQ.

    Args:
        amqp_uri: The broker.
        name: Of the connection, as the broker shows it.
        options: As for `Client`.
    """

    def __init__(self, amqp_uri: str, *, name: str = "rpc client", **options: Unpack[Options]) -> None:
        super().__init__(**options)
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

    def close(self) -> None:
        """Close the connection; calls that still wait fail with `Unavailable`."""
        if self._started:
            self._link.stop()
            self._fail_pending()

    def wait_until_connected(self, timeout: float) -> bool:
        """Return whether the broker can be reached now or within so many seconds."""
        self._start()
        return self._link.wait_until_open(timeout)

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
                exchange=RPC_EXCHANGE,
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
        require_exchange(RPC_EXCHANGE, channel)
        queue = kombu.Queue(
            reply_queues_of(self._link.name) + reply_to,
            exclusive=True,
            auto_delete=True,
            durable=False,
            queue_arguments={"x-expires": REPLY_QUEUE_EXPIRES_MILLISECONDS},
        )(channel)
        queue.queue_declare()
        queue.bind_to(RPC_EXCHANGE, reply_to)
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

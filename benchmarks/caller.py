"""The load: RPC requests on nameko's wire, a fixed number of them outstanding at any time.

It knows nothing of ImpactX, so that it drives a stock nameko service and ours alike, and it runs in a process
without eventlet.
"""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import amqp
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType

RPC_EXCHANGE = "nameko-rpc"
ANSWER_SECONDS = 30.0
"""How long a run may be without any answer before it is called broken."""

READ_SIZE = 16384


class CallFailedError(Exception):
    """A service answered with an error."""


class Caller:
    """One connection that calls methods of services.

    Args:
        uri: The broker.
        headers: Sent with each request.
    """

    def __init__(self, uri: str, headers: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(uri)
        self._connection = amqp.Connection(
            f"{parts.hostname}:{parts.port or 5672}",
            userid=unquote(parts.username or "guest"),
            password=unquote(parts.password or "guest"),
            virtual_host=unquote(parts.path[1:]) or "/",
        )
        self._connection.connect()
        receive = self._connection.transport.sock.recv
        # py-amqp asks the kernel for each part of a frame; several replies fit into one read.
        self._connection.transport._quick_recv = lambda size: receive(max(size, READ_SIZE))  # noqa: SLF001
        self._headers = dict(headers or {})
        self._channel = self._connection.channel()
        self._reply_to = str(uuid4())
        self._answers: list[tuple[int, bytes]] = []
        self._listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def call(self, method: str, **arguments: Any) -> Any:
        """Calls ``service.method`` once.

        Returns:
            Its result.

        Raises:
            CallFailedError: It answered with an error.
        """
        return next(self.results(method, [arguments], outstanding=1))

    def results(self, method: str, calls: Iterable[Mapping[str, Any]], *, outstanding: int) -> Iterator[Any]:
        """Calls a method once for each set of arguments; gives the results as they come."""
        return (result for _, result in self.timed(method, calls, outstanding=outstanding))

    def timed(
        self, method: str, calls: Iterable[Mapping[str, Any]], *, outstanding: int
    ) -> Iterator[tuple[float, Any]]:
        """As `results`, each with the seconds that its call took."""
        waiting = enumerate(calls)
        begun: dict[int, float] = {}
        self._send(method, itertools.islice(waiting, outstanding), begun)
        while begun:
            self._connection.drain_events(timeout=ANSWER_SECONDS)
            while self._answers:
                number, body = self._answers.pop()
                seconds = time.perf_counter() - begun.pop(number)
                self._send(method, itertools.islice(waiting, 1), begun)
                reply = orjson.loads(body)
                if reply["error"] is not None:
                    raise CallFailedError(f"{method}: {reply['error']}")
                yield seconds, reply["result"]

    def _send(
        self, method: str, calls: Iterable[tuple[int, Mapping[str, Any]]], begun: dict[int, float]
    ) -> None:
        for number, arguments in calls:
            message = amqp.Message(
                orjson.dumps({"args": [], "kwargs": arguments}),
                content_type="application/json",
                content_encoding="utf-8",
                application_headers=self._headers,
                delivery_mode=1,
                reply_to=self._reply_to,
                correlation_id=str(number),
            )
            begun[number] = time.perf_counter()
            self._channel.basic_publish(message, exchange=RPC_EXCHANGE, routing_key=method)

    def _listen(self) -> None:
        queue = f"rpc.reply-benchmark-{self._reply_to}"
        self._channel.exchange_declare(RPC_EXCHANGE, "topic", durable=True, auto_delete=False)
        self._channel.queue_declare(queue, exclusive=True, auto_delete=True)
        self._channel.queue_bind(queue, RPC_EXCHANGE, self._reply_to)
        self._channel.basic_consume(queue, no_ack=True, callback=self._receive)

    def _receive(self, message: amqp.Message) -> None:
        self._answers.append((int(message.properties["correlation_id"]), message.body))

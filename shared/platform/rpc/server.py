"""Serves a service's RPC methods on nameko's wire: requests from ``rpc-<service>``, replies where they are asked for.

It stands in for nameko's own consumer and responder, which wait for a confirm with each reply, reconnect for
each, acknowledge what they cannot decode, die of a request without ``reply_to``, and on a stop close the
connection before the work in hand is acknowledged.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import orjson
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint, ProviderCollector, SharedExtension
from opentelemetry.trace import INVALID_SPAN, SpanKind

from shared.client.amqp.link import TRANSIENT
from shared.client.amqp.reader import QueueReader
from shared.client.amqp.received import as_text, bytes_of
from shared.client.errors import (
    ImpactXError,
    Internal,
    NotFound,
    RpcTimeout,
    TooLarge,
    Unauthenticated,
    Unavailable,
    to_wire,
)
from shared.client.lateness import ECHO_HEADER, Lateness, sent_of
from shared.client.request import RPC_EXCHANGE, correlation_id_of, request_of, timeout_of
from shared.platform import registry
from shared.platform.amqp.declare import declare_rpc
from shared.platform.observability import context, metrics, traces
from shared.platform.observability.logs import CORRELATION_ID
from shared.platform.rpc.verification import Verification

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span

    from shared.platform.observability.health import Check

logger = logging.getLogger(__name__)

READY_SECONDS = 10.0

MAX_DELIVERIES: Final = 3
"""How often a request of a quorum queue is executed whose replicas are lost with it; of a classic queue, once."""

DELIVERY_COUNT: Final = "x-delivery-count"
"""The header in which a quorum queue counts."""

MAX_REPLY: Final = 16 * 1024 * 1024
"""Bytes: what RabbitMQ 4 carries unless it is told otherwise. For a larger message it ends the channel, and with it
everybody else's requests in hand."""

OK: Final = "ok"
OTHER: Final = "other"
"""Stands in metrics for every method that there is not."""

LEVELS: Final = {
    OK: logging.DEBUG,
    # The probes of gateways ask without a token, all the time.
    Unauthenticated.slug: logging.DEBUG,
    Unavailable.slug: logging.WARNING,
    RpcTimeout.slug: logging.WARNING,
    Internal.slug: logging.WARNING,
}
"""At which a finished call is logged, by its outcome; a call that its caller got wrong is worth INFO."""


class TooLate(RpcTimeout):
    """The request came when its caller had given up; it was not executed."""


@dataclass(slots=True)
class _Call:
    """A request in hand, from its arrival to its answer."""

    message: Any
    method: str
    began: float
    span: Span


class RpcServer(SharedExtension, ProviderCollector):
    """Reads the requests of one service and answers them; shared by all its methods."""

    verification = Verification()

    def setup(self) -> None:
        """Called by nameko, once for each method that shares the server."""
        if hasattr(self, "_reader"):
            return
        service = self.container.service_name
        self._settings = self.container.config["SETTINGS"]
        self._reader = QueueReader(
            self._settings.amqp_uri,
            registry.rpc_queue_of(service),
            prefetch=self._settings.max_workers,
            receive=self._receive,
            declare=partial(declare_rpc, service, quorum=self._settings.rpc_quorum),
            probe=(RPC_EXCHANGE, registry.PROBE_KEY),
            is_served_to_the_end=True,
        )
        self._started = False
        self._lateness = Lateness()
        self._display = metrics.Display()

    def readiness_checks(self) -> Mapping[str, Check]:
        """The broker and the queue; see `shared.platform.observability.health.Dependent`."""
        service = self.container.service_name
        return {f"{service}.broker": self._reader.link.check, f"{service}.rpc": self._reader.check}

    def start(self) -> None:
        """Called by nameko, once for each method that shares the server."""
        if self._started:
            return
        self._started = True
        service = self.container.service_name
        self._methods = {provider.method_name: provider for provider in self._providers}
        self._calls = {name: metrics.calls_served(f"{service}.{name}") for name in self._methods}
        self._other_calls = metrics.calls_served(f"{service}.{OTHER}")
        self._display.show(metrics.rpc_workers, lambda: self._settings.max_workers, service)
        self._display.show(metrics.rpc_busy_workers, lambda: self._reader.unsettled, service)
        self._display.show(metrics.broker_blocked, lambda: self._reader.link.is_blocked, service)
        self._reader.start()
        self._reader.wait_until_open(READY_SECONDS)

    def stop_receiving(self) -> None:
        """Stop deliveries; requests that have arrived by then are still answered."""
        self._reader.cancel()

    def stop(self) -> None:
        """Called by nameko when no worker runs any more."""
        self._reader.close(self._settings.stop_grace)
        self._display.clear()

    def _receive(self, message: Any) -> None:
        began = time.perf_counter()
        method = as_text(message.delivery_info.get("routing_key", "")).rpartition(".")[2]
        service = self.container.service_name
        try:
            self._check_deliveries(message)
            provider = self._provider(method)
            request = request_of(bytes_of(message), message.headers, self._due(message))
        except ImpactXError as error:
            if isinstance(error, TooLate):
                metrics.rpc_late_requests.labels(service).inc()
            self._refuse(_Call(message, method, began, INVALID_SPAN), error)
            return
        except Exception:
            logger.exception("%s.%s: a request could not be read", service, method)
            failed = failure(correlation_id_of(message.headers))
            self._refuse(_Call(message, method, began, INVALID_SPAN), failed)
            return
        span = traces.start(
            f"{service}.{method}",
            SpanKind.SERVER,
            {"rpc.system": "nameko", "rpc.service": service, "rpc.method": method},
            parent=message.headers.get(traces.TRACEPARENT, ""),
            service=service,
        )
        about = {"service": service, "method": method, CORRELATION_ID: request.correlation_id}
        try:
            self.container.spawn_worker(
                provider,
                (request, self.verification),
                {},
                context_data=about | traces.fact(span),
                handle_result=partial(self._answer, _Call(message, method, began, span)),
            )
        except ContainerBeingKilled:
            self._reader.requeue(message)

    def _provider(self, method: str) -> Any:
        if method not in self._methods:
            raise NotFound(f"There is no method {self.container.service_name}.{method}.")
        return self._methods[method]

    def _check_deliveries(self, message: Any) -> None:
        """Refuse what was handed out before and never answered: it may have ended the process that had it.

        A quorum queue counts; of a classic one it is known only that there was a delivery before.
        """
        if not message.delivery_info.get("redelivered"):
            return
        count = message.headers.get(DELIVERY_COUNT)
        if self._settings.rpc_quorum and not (isinstance(count, int) and count >= MAX_DELIVERIES):
            return
        raise Unavailable("The replica that worked on this request was lost; call again.")

    def _due(self, message: Any) -> float:
        """Return until when the caller waits, by `time.monotonic`.

        Raises:
            RpcTimeout: It has given up already.
            Unavailable: How late the request is cannot be told; the caller is to send it again with the echo.
        """
        now = time.monotonic()
        headers, properties = message.headers, message.properties
        timeout = timeout_of(headers, properties)
        if timeout == math.inf:
            return timeout
        sent = sent_of(headers)
        late: float | None = 0.0
        if sent is not None:
            late = self._lateness.of(str(properties.get("reply_to")), sent, headers.get(ECHO_HEADER))
        if late is None:
            raise Unavailable("Our clocks differ; send it again with the echo.", echo=self._lateness.echo())
        if late >= timeout:
            raise TooLate(echo=self._lateness.echo())
        return now + timeout - late

    def _refuse(self, call: _Call, error: ImpactXError) -> None:
        """Answers a request that no method gets to see."""
        facts = {"service": self.container.service_name, "method": call.method}
        with context.about(**facts, correlation_id=correlation_id_of(call.message.headers)):
            self._finished(call, self._reply(call.message, {"result": None, "error": to_wire(error)}))

    def _answer(self, call: _Call, worker: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        if exc_info is not None:
            result = {"result": None, "error": to_wire(failure(worker.data[CORRELATION_ID]))}
        self._finished(call, self._reply(call.message, result))
        return result, exc_info

    def _finished(self, call: _Call, outcome: str) -> None:
        seconds = time.perf_counter() - call.began
        # A name that is no method of ours would make a label of whatever strangers send.
        self._calls.get(call.method, self._other_calls).observe(outcome, seconds)
        traces.end(call.span, "" if outcome == OK else outcome)
        level = LEVELS.get(outcome, logging.INFO)
        if logger.isEnabledFor(level):
            logger.log(
                level,
                "%s.%s: %s in %.1f ms",
                self.container.service_name,
                call.method,
                outcome,
                seconds * 1000,
                extra={"facts": {"outcome": outcome, "seconds": round(seconds, 6)}},
            )

    def _encoded(self, reply: dict[str, Any], outcome: str, message: Any) -> tuple[bytes, str]:
        """Return the reply's body, or that of an error when it cannot be sent, and the outcome."""
        key = as_text(message.delivery_info.get("routing_key"))
        error: ImpactXError
        try:
            body = orjson.dumps(reply)
        except TypeError:
            logger.exception("%s: the result cannot be sent", key)
            error = failure(context.facts().get(CORRELATION_ID, ""))
        else:
            if len(body) <= MAX_REPLY:
                return body, outcome
            logger.warning("%s: the result has %d bytes", key, len(body))
            error = TooLarge(
                f"The answer has {len(body)} bytes; at most {MAX_REPLY} can be sent. Ask for less."
            )
        return orjson.dumps({"result": None, "error": to_wire(error)}), error.slug

    def _reply(self, message: Any, reply: dict[str, Any]) -> str:
        """Sends the reply where one is asked for, and says which outcome it tells of."""
        outcome: str = OK if reply["error"] is None else reply["error"]["slug"]
        reply_to = message.properties.get("reply_to")
        if reply_to and not _is_reply_key(reply_to):
            # Published there it would reach a service as a request, or end the channel where rights forbid that.
            logger.warning("nobody is answered at %s: it is no reply queue's key", as_text(reply_to))
            reply_to = None
        if reply_to:
            body, outcome = self._encoded(reply, outcome, message)
            try:
                self._reader.link.publish(
                    body,
                    exchange=RPC_EXCHANGE,
                    routing_key=reply_to,
                    # A reply that waits in the socket is of more use than a call that is made again: its
                    # acknowledgement waits behind it. No more than the prefetch can wait so.
                    although_blocked=True,
                    delivery_mode=TRANSIENT,
                    correlation_id=message.properties.get("correlation_id"),
                )
            except Unavailable as error:
                # The call is made again, here or elsewhere: a repeat is harmless, a caller without answer is not.
                logger.warning("a reply could not be sent, the request goes back: %s", error)
                self._reader.requeue(message)
                return outcome
        self._reader.acknowledge(message)
        return outcome


def _is_reply_key(reply_to: str | bytes) -> bool:
    """Return whether a reply can be published there: one word, such as no method is, that the broker takes as a key."""
    return (
        isinstance(reply_to, str)
        and reply_to.isascii()
        and reply_to.isprintable()
        and not any(sign in reply_to for sign in ".*#")
    )


def failure(correlation_id: str) -> Internal:
    """Return what a caller learns of a fault in the service: where to ask, nothing of the fault itself."""
    return Internal(
        f"The service failed; its log says why under {correlation_id}.", correlation_id=correlation_id
    )


class Method(Entrypoint):
    """One RPC method; made by `shared.platform.rpc.operation.operation`."""

    server = RpcServer()

    def __init__(self, description: Any) -> None:
        super().__init__()
        self.description = description

    def setup(self) -> None:
        """Called by nameko."""
        self.server.register_provider(self)

    def stop(self) -> None:
        """Called by nameko."""
        self.server.stop_receiving()
        self.server.unregister_provider(self)

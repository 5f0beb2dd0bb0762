"""Spans of OpenTelemetry that follow a request through all processes, where the settings name a collector.

A span's place in its trace travels as a W3C ``traceparent``: in a header of HTTP, of RPC messages and of events, in the
column of that name in an outbox, and within a process among the facts of the work in hand, and so in its log lines.
Whoever begins a span says under what: OpenTelemetry's own idea of a current span is not used.

OpenTelemetry's SDK and exporter are loaded when `configure` is told of a collector, and not before. Until then each
span is the API's `INVALID_SPAN`, which records nothing and has no place in a trace. The SDK reads its own variables
too, such as ``OTEL_TRACES_SAMPLER``, ``OTEL_RESOURCE_ATTRIBUTES`` and ``OTEL_EXPORTER_OTLP_HEADERS``.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.client import tracing
from shared.client.errors import BY_SLUG, Internal, RpcTimeout, Unavailable
from shared.platform.concurrency import call_within
from shared.platform.observability import context

if TYPE_CHECKING:
    from collections.abc import Mapping

TRACEPARENT: Final = "traceparent"
"""The header, and the fact in `shared.platform.observability.context`."""

UNSAMPLED: Final = "00-00000000000000000000000000000001-0000000000000001-00"
"""As `TRACEPARENT` among the facts: nothing of what follows is traced."""

SERVICE: Final = "service"
PATH: Final = "/v1/traces"
NAMESPACE: Final = "impactx"
ERROR_TYPE: Final = "error.type"

REFUSALS: Final = BY_SLUG.keys() - {Unavailable.slug, RpcTimeout.slug, Internal.slug}
"""Errors by which a span has not failed: the caller got it wrong."""

_W3C: Final = TraceContextTextMapPropagator()


class _Collector:
    """Sends spans in batches, in the background.

    Args:
        endpoint: The base address of an OTLP/HTTP receiver.
    """

    def __init__(self, endpoint: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - only where there is one
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - the same

        self._processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint.rstrip("/") + PATH))
        self.tracer_of = cache(self._tracer)

    def shut_down(self, seconds: float) -> None:
        # The processor itself would try for half a minute.
        call_within(seconds, self._processor.shutdown, None)

    def _tracer(self, service: str) -> Tracer:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - only where there is a collector
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - the same

        # One process may run several services, and a trace shall say which one did what.
        provider = TracerProvider(
            resource=Resource.create(
                {
                    "service.name": service or NAMESPACE,
                    "service.namespace": NAMESPACE,
                    "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
                }
            ),
            shutdown_on_exit=False,
        )
        provider.add_span_processor(self._processor)
        return provider.get_tracer(NAMESPACE)


class _State:
    collector: _Collector | None = None


def configure(endpoint: str) -> None:
    """Send spans to the collector there from now on; an empty endpoint leaves it at none.

    Args:
        endpoint: The base address of an OTLP/HTTP receiver, such as ``http://collector:4318``.
    """
    if endpoint and _State.collector is None:
        _State.collector = _Collector(endpoint)
        tracing.use(_CallTracer())


def shut_down(seconds: float) -> None:
    """Send the spans that are left, for so many seconds at most, and trace nothing from now on."""
    tracing.use(None)
    collector, _State.collector = _State.collector, None
    if collector is not None:
        collector.shut_down(seconds)


def is_on() -> bool:
    """Return whether spans are sent to a collector."""
    return _State.collector is not None


def start(
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, str | int],
    *,
    parent: Any = None,
    service: str = "",
) -> Span:
    """Begin a span; `INVALID_SPAN` where nothing is traced.

    Args:
        name: Of few values: a method, a route, a queue.
        kind: What it is to its parent.
        attributes: As OpenTelemetry's conventions name them.
        parent: What came in as ``traceparent``, whatever it is; that of the work in hand by default.
        service: Whose work it is; that of the work in hand by default.
    """
    if _State.collector is None:
        return INVALID_SPAN
    place = parent if isinstance(parent, str) else current()
    return _State.collector.tracer_of(service or context.facts().get(SERVICE, "")).start_span(
        name, _W3C.extract({TRACEPARENT: place}, Context()), kind, attributes
    )


def end(
    span: Span, error: str = "", *, name: str = "", attributes: Mapping[str, str | int] | None = None
) -> None:
    """End the span of work that is done, or failed with an error of this kind.

    Args:
        span: As `start` gave it.
        error: A slug or the name of a class; empty where it went well.
        name: Instead of the one that it began with.
        attributes: What was not known at the beginning.
    """
    if not span.is_recording():
        return
    if name:
        span.update_name(name)
    if error:
        span.set_attribute(ERROR_TYPE, error)
        if error not in REFUSALS:
            span.set_status(StatusCode.ERROR)
    if attributes:
        span.set_attributes(attributes)
    span.end()


def current() -> str:
    """Return the ``traceparent`` of the work in hand, empty where nothing is traced."""
    found: str = context.facts().get(TRACEPARENT, "")
    return found


def fact(span: Span) -> dict[str, str]:
    """Return the span's place in its trace, for headers and among the facts of the work that it stands for."""
    carrier: dict[str, str] = {}
    if span is not INVALID_SPAN:
        _W3C.inject(carrier, set_span_in_context(span, Context()))
    return carrier


def place_of(span: Span) -> str:
    """Return the ``traceparent`` of what the span causes, empty where nothing is traced."""
    return fact(span).get(TRACEPARENT, "")


class _CallTracer:
    """Begins the spans of the calls that the client makes."""

    def start(self, method: str) -> _CallSpan:
        service, _, name = method.partition(".")
        return _CallSpan(
            start(
                method, SpanKind.CLIENT, {"rpc.system": "nameko", "rpc.service": service, "rpc.method": name}
            )
        )


class _CallSpan:
    def __init__(self, span: Span) -> None:
        self._span = span
        self.headers = fact(span)

    def end(self, error: str = "") -> None:
        end(self._span, error)

"""OpenTelemetry's SDK, as `shared.platform.observability.traces` uses it.

Nothing here is OpenTelemetry's idea of a current span: who begins a span says under what. The SDK reads its own
variables besides, such as ``OTEL_TRACES_SAMPLER``, ``OTEL_RESOURCE_ATTRIBUTES`` and ``OTEL_EXPORTER_OTLP_HEADERS``.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from typing import TYPE_CHECKING, Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.client.errors import BY_SLUG, Internal, RpcTimeout, Unavailable
from shared.platform.concurrency import call_within

if TYPE_CHECKING:
    from collections.abc import Mapping

PATH: Final = "/v1/traces"
NAMESPACE: Final = "impactx"
ERROR_TYPE: Final = "error.type"

REFUSALS: Final = BY_SLUG.keys() - {Unavailable.slug, RpcTimeout.slug, Internal.slug}
"""Errors by which a span has not failed: who asked got it wrong."""

_propagator: Final = TraceContextTextMapPropagator()


class Tracer:
    """Makes spans and sends them, in batches and in the background.

    Args:
        endpoint: The base address of an OTLP/HTTP receiver.
    """

    def __init__(self, endpoint: str) -> None:
        self._processor = BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint.rstrip("/") + PATH))
        self._of = cache(self._tracer)

    def start(
        self, service: str, name: str, kind: str, parent: str, attributes: Mapping[str, str | int]
    ) -> Span:
        """See `shared.platform.observability.traces.start`."""
        return Span(
            self._of(service).start_span(
                name,
                context=_propagator.extract({"traceparent": parent}, context=Context()),
                kind=trace.SpanKind[kind],
                attributes=attributes,
            )
        )

    def shut_down(self, seconds: float) -> None:
        """See `shared.platform.observability.traces.shut_down`."""
        # The processor itself would try for half a minute.
        call_within(seconds, self._processor.shutdown, None)

    def _tracer(self, service: str) -> trace.Tracer:
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


class Span:
    """See `shared.platform.observability.traces.Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        carrier: dict[str, str] = {}
        _propagator.inject(carrier, context=trace.set_span_in_context(span, Context()))
        self.traceparent = carrier.get("traceparent", "")

    def end(
        self, error: str = "", *, name: str = "", attributes: Mapping[str, str | int] | None = None
    ) -> None:
        """See `shared.platform.observability.traces.Span.end`."""
        if name:
            self._span.update_name(name)
        if error:
            self._span.set_attribute(ERROR_TYPE, error)
            if error not in REFUSALS:
                self._span.set_status(trace.StatusCode.ERROR)
        if attributes:
            self._span.set_attributes(attributes)
        self._span.end()

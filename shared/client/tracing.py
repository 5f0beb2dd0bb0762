"""Spans of the calls that a client makes, for programs that collect traces; until `use` is called there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Span(Protocol):
    """One call."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What the request carries of the trace."""

    def end(self, error: str = "") -> None:
        """Say that the call is over, with the slug of its error or with none."""


class Tracer(Protocol):
    """What begins the spans."""

    def start(self, method: str) -> Span:
        """Begin the span of a call of ``service.method``, in the trace of the work in hand."""


class _State:
    tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Have the spans of all calls of this process begun by this tracer, or by none."""
    _State.tracer = tracer


def start(method: str) -> Span | None:
    """Begin the span of a call; None where nothing is traced."""
    return _State.tracer.start(method) if _State.tracer is not None else None


class OpenTelemetryTracer:
    """Spans by the API of OpenTelemetry, with the providers that the program has set up.

    Say ``use(OpenTelemetryTracer())`` once. It needs the extra ``impactx-client[opentelemetry]``.
    """

    def __init__(self) -> None:
        from opentelemetry import propagate, trace  # noqa: PLC0415 - an extra

        self._trace = trace
        self._inject = propagate.inject
        self._tracer = trace.get_tracer("impactx_client")

    def start(self, method: str) -> Span:
        """Begin a span of the kind CLIENT."""
        service, _, name = method.partition(".")
        span = self._tracer.start_span(
            method,
            kind=self._trace.SpanKind.CLIENT,
            attributes={"rpc.system": "nameko", "rpc.service": service, "rpc.method": name},
        )
        headers: dict[str, str] = {}
        self._inject(headers, self._trace.set_span_in_context(span))
        return _OpenTelemetrySpan(span, self._trace.StatusCode.ERROR, headers)


class _OpenTelemetrySpan:
    def __init__(self, span: Any, failed: Any, headers: Mapping[str, str]) -> None:
        self._span = span
        self._failed = failed
        self.headers = headers

    def end(self, error: str = "") -> None:
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(self._failed)
        self._span.end()

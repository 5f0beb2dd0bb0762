"""Spans that follow a request through all processes, where the settings name a collector; else nothing.

A span's place in its trace travels as a W3C ``traceparent``: in a header of HTTP, of RPC messages and of events, in the
column of that name in an outbox, and within a process among the facts of the work in hand. OpenTelemetry's SDK is
loaded when `configure` is told of a collector, and not before.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

from shared.platform.observability import context

if TYPE_CHECKING:
    from collections.abc import Mapping

TRACEPARENT: Final = "traceparent"
"""The header, and the fact in `shared.platform.observability.context`."""

UNSAMPLED: Final = "00-00000000000000000000000000000001-0000000000000001-00"
"""As `TRACEPARENT` among the facts: nothing of what follows is traced."""

SERVER: Final = "SERVER"
CLIENT: Final = "CLIENT"
PRODUCER: Final = "PRODUCER"
CONSUMER: Final = "CONSUMER"

SERVICE: Final = "service"


class Span(Protocol):
    """Some work with a beginning and an end."""

    traceparent: str
    """Its place in the trace, for what it causes."""

    def end(
        self, error: str = "", *, name: str = "", attributes: Mapping[str, str | int] | None = None
    ) -> None:
        """The work is done, or failed with an error of this kind.

        Args:
            error: A slug or the name of a class; empty where it went well.
            name: Instead of the one that it began with.
            attributes: What was not known at the beginning.
        """


class _Tracer(Protocol):
    def start(
        self, service: str, name: str, kind: str, parent: str, attributes: Mapping[str, str | int]
    ) -> Span: ...

    def shut_down(self, seconds: float) -> None: ...


class _State:
    tracer: _Tracer | None = None


def configure(endpoint: str) -> None:
    """Sends spans to the collector there from now on; an empty endpoint leaves it at none.

    Args:
        endpoint: The base address of an OTLP/HTTP receiver, such as ``http://collector:4318``.
    """
    if endpoint and _State.tracer is None:
        _State.tracer = import_module("shared.platform.observability.otlp").Tracer(endpoint)


def shut_down(seconds: float) -> None:
    """Sends what is left, for so many seconds at most."""
    tracer, _State.tracer = _State.tracer, None
    if tracer is not None:
        tracer.shut_down(seconds)


def start(
    name: str,
    kind: str,
    attributes: Mapping[str, str | int],
    *,
    parent: Any = None,
    service: str = "",
) -> Span | None:
    """Begins a span; None where nothing is traced.

    Args:
        name: Of few values: a method, a route, a queue.
        kind: `SERVER`, `CLIENT`, `PRODUCER` or `CONSUMER`.
        attributes: As OpenTelemetry's conventions name them.
        parent: What came in as ``traceparent``, whatever it is; that of the work in hand by default.
        service: Whose work it is; that of the work in hand by default.
    """
    tracer = _State.tracer
    if tracer is None:
        return None
    return tracer.start(
        service or context.facts().get(SERVICE, ""),
        name,
        kind,
        parent if isinstance(parent, str) else current(),
        attributes,
    )


def current() -> str:
    """The ``traceparent`` of the work in hand, empty where nothing is traced."""
    found: str = context.facts().get(TRACEPARENT, "")
    return found


def fact(span: Span | None) -> dict[str, Any]:
    """The span as a fact of the work that it stands for."""
    return {} if span is None else {TRACEPARENT: span.traceparent}

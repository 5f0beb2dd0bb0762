"""The span of an event on a part of its way: published by a relay, or processed by a handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.trace import SpanKind

from shared.platform.observability import traces

if TYPE_CHECKING:
    from uuid import UUID

    from opentelemetry.trace import Span


OPERATION_TYPES: Final = {SpanKind.PRODUCER: "send", SpanKind.CONSUMER: "process"}
VERBS: Final = {SpanKind.PRODUCER: "publish", SpanKind.CONSUMER: "process"}


def event_span(
    kind: SpanKind,
    place: str,
    event_id: UUID,
    event_type: str,
    correlation_id: str | None,
    parent: str | None,
) -> Span:
    """Begin a span in the event's own trace; `INVALID_SPAN` where nothing is traced.

    Args:
        kind: ``PRODUCER`` or ``CONSUMER``.
        place: The exchange or the queue.
        event_id: Of the event.
        event_type: Of the event.
        correlation_id: Of the request that caused it.
        parent: The event's ``traceparent``.
    """
    return traces.start(
        f"{VERBS[kind]} {place}",
        kind,
        {
            "messaging.system": "rabbitmq",
            "messaging.operation.type": OPERATION_TYPES[kind],
            "messaging.destination.name": place,
            "messaging.rabbitmq.destination.routing_key": event_type,
            "messaging.message.id": str(event_id),
            "messaging.message.conversation_id": correlation_id or "",
        },
        parent=parent or "",
    )

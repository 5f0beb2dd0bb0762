"""An event as a handler gets it, and its form on the wire.

The body is the event's data alone, so that a plain nameko ``event_handler`` in someone else's system works; the
CloudEvents 1.0 attributes travel as headers, named as its AMQP binding names them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson
from marshmallow import ValidationError

from shared.client import supervision
from shared.client.amqp.received import as_text
from shared.client.errors import ImpactXError
from shared.client.events import MAX_ATTRIBUTE_LENGTH, PREFIX, attributes_of
from shared.platform import registry
from shared.platform.observability import context

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from uuid import UUID

    from shared.platform.outbox.contract import Contract, EventData

SPECIFICATION_VERSION = "1.0"
MAX_NAMED = 50


class ContractViolation(ImpactXError):
    """A message that is not an event as its contract says."""

    slug = "invalid"


@dataclass(frozen=True, slots=True)
class Event:
    """One event.

    Attributes:
        id: Unique; the key under which its effect happens once.
        type: Its name, such as ``report_created``.
        source: The service that emitted it.
        subject: The id of the thing it is about.
        sequence: The version of that thing which the event made.
        time: When it happened.
        data: As the contract declares it, with ids and times converted.
        correlation_id: Of the request that caused it; empty when none did.
        traceparent: Its place in a trace; while it is handled, that of its handling.
    """

    id: UUID
    type: str
    source: str
    subject: UUID
    sequence: int
    time: dt.datetime
    data: dict[str, Any]
    correlation_id: str
    traceparent: str = ""


def headers_of(
    *,
    service: str,
    event_id: UUID,
    event_type: str,
    subject: UUID,
    sequence: int,
    time: dt.datetime,
    correlation_id: str | None,
    traceparent: str | None,
) -> dict[str, str]:
    """The headers of an event on the wire."""
    contract = registry.current().contracts.get((service, event_type))
    attributes = {
        "specversion": SPECIFICATION_VERSION,
        "id": str(event_id),
        "source": service,
        "type": event_type,
        "subject": str(subject),
        "time": time.astimezone(dt.UTC).isoformat(),
        "dataschema": contract.dataschema if contract else None,
        "sequence": str(sequence),
        "correlationid": correlation_id,
        "traceparent": traceparent,
    }
    return {PREFIX + name: value for name, value in attributes.items() if value is not None}


def event_of(body: bytes, headers: Mapping[str, Any]) -> Event:
    """Reads an event off the wire and checks it against its contract.

    Raises:
        ContractViolation: It is not one, and says why.
    """
    try:
        said = attributes_of(headers)
        contract = registry.current().contracts[(said.source, said.type)]
        return Event(
            id=said.id,
            type=said.type,
            source=said.source,
            subject=said.subject,
            sequence=said.sequence,
            time=said.time,
            data=_loader(contract).load(orjson.loads(body)),
            correlation_id=said.correlation_id,
            traceparent=said.traceparent,
        )
    except KeyError as error:
        raise ContractViolation(f"There is no header or contract {error}.") from error
    except ValidationError as error:
        raise ContractViolation(f"The data breaks the contract of {said.type}: {error.messages}") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ContractViolation(f"Not an event: {error}") from error


def work_on(event: Event) -> AbstractContextManager[None]:
    """What follows is about this one of a batch: log lines name it, and what comes of it continues its trace.

    To turn to an event is progress, so the limit of the handler's run begins anew.
    """
    supervision.progress()
    return context.about(
        event=event.type,
        event_id=str(event.id),
        correlation_id=event.correlation_id,
        traceparent=event.traceparent,
    )


def facts_of(messages: Sequence[Any]) -> dict[str, Any]:
    """What the lines that are logged while these messages are handled have to name.

    Of a batch, the correlation ids of its first events; a handler names the one that it works on with `work_on`.
    """
    if len(messages) == 1:
        headers = messages[0].headers
        return {
            "event": _shown(headers.get(PREFIX + "type")),
            "event_id": _shown(headers.get(PREFIX + "id") or messages[0].properties.get("message_id")),
            "correlation_id": _shown(headers.get(PREFIX + "correlationid")),
        }
    ids = dict.fromkeys(_shown(message.headers.get(PREFIX + "correlationid")) for message in messages)
    return {"events": len(messages), "correlation_ids": list(ids)[:MAX_NAMED]}


def _shown(value: Any) -> str | None:
    """Return what a header says as it may stand in a log, whatever a stranger put there."""
    return None if value is None else as_text(value)[:MAX_ATTRIBUTE_LENGTH]


@cache
def _loader(contract: Contract) -> EventData:
    """Made once: it costs more than loading an event with it."""
    return contract.schema()

"""An event as a handler gets it, and its form on the wire.

The body is the event's data alone, so that a plain nameko ``event_handler`` in someone else's system works; the
CloudEvents 1.0 attributes travel as headers, named as its AMQP binding names them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from marshmallow import ValidationError

from shared.client import supervision
from shared.client.amqp.received import as_text
from shared.client.errors import ImpactXError
from shared.domain import CONTRACTS
from shared.platform.observability import context

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from shared.platform.outbox.contract import Contract, EventData

PREFIX = "cloudEvents_"
SPECIFICATION_VERSION = "1.0"
MAX_NAMED = 50

REQUIRED = ("source", "type", "id", "subject", "sequence", "time")
"""The attributes without which a message is no event."""

MAX_ATTRIBUTE_LENGTH = 256
MAX_SEQUENCE = 2**63 - 1
"""What a version is in the database."""


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
    contract = CONTRACTS.get((service, event_type))
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
        attributes = {name: _text(headers, name) for name in REQUIRED}
        source, event_type = attributes["source"], attributes["type"]
        contract = CONTRACTS[(source, event_type)]
        data = _loader(contract).load(orjson.loads(body))
        return Event(
            id=UUID(attributes["id"]),
            type=event_type,
            source=source,
            subject=UUID(attributes["subject"]),
            sequence=_sequence(attributes["sequence"]),
            time=_time(attributes["time"]),
            data=data,
            correlation_id=_text(headers, "correlationid", ""),
            traceparent=_text(headers, "traceparent", ""),
        )
    except KeyError as error:
        raise ContractViolation(f"There is no header or contract {error}.") from error
    except ValidationError as error:
        raise ContractViolation(f"The data breaks the contract of {event_type}: {error.messages}") from error
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ContractViolation(f"Not an event: {error}") from error


def _text(headers: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = headers[PREFIX + name] if default is None else headers.get(PREFIX + name, default)
    if not isinstance(value, str) or not (value.isprintable() and len(value) <= MAX_ATTRIBUTE_LENGTH):
        raise ValueError(
            f"the header {PREFIX}{name} must be a text of {MAX_ATTRIBUTE_LENGTH} characters at most"
        )
    return value


def _sequence(text: str) -> int:
    number = int(text)
    if not 0 <= number <= MAX_SEQUENCE:
        raise ValueError(f"the sequence must be 0 to {MAX_SEQUENCE}")
    return number


def _time(text: str) -> dt.datetime:
    """Return the time in UTC, which the ends of the calendar may have no room for."""
    time = dt.datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("the time must say its distance from UTC")
    return time.astimezone(dt.UTC)


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

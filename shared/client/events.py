"""Events of the services as typed objects, from a queue of one's own on RabbitMQ.

    with EventConsumer(
        "amqp://watch:...@broker.example:5672/", queue="watch.reports", events=[ReportCreated, ReportStatusChanged]
    ) as consumer:
        for event in consumer:
            if isinstance(event, ReportCreated):
                print(event.data["title"])
            event.acknowledge()

An event that is not acknowledged comes again, so that nothing is lost when the program ends while it works. It can
therefore come twice, with the same id. The classes of the events are in `types.events`.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar
from uuid import UUID

import orjson

from .amqp.queues import declare_event_queue
from .amqp.reader import QueueReader
from .amqp.received import is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

logger = logging.getLogger(__name__)

PREFIX: Final = "cloudEvents_"
REQUIRED: Final = ("source", "type", "id", "subject", "sequence", "time")
"""The attributes without which a message is no event."""

MAX_ATTRIBUTE_LENGTH: Final = 256
MAX_SEQUENCE: Final = 2**63 - 1
"""What a version is in the database."""

PREFETCH: Final = 50
LOOK_SECONDS: Final = 0.5

D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the headers of an event say.

    Attributes:
        id: Unique; the key under which its effect should happen once.
        type: Its name, such as ``report_created``.
        source: The service that emitted it.
        subject: The id of the thing it is about.
        sequence: The version of that thing which the event made.
        time: When it happened, in UTC.
        correlation_id: That of the request that caused it; empty when none did.
        traceparent: Its place in a trace; empty without one.
    """

    id: UUID
    type: str
    source: str
    subject: UUID
    sequence: int
    time: dt.datetime
    correlation_id: str
    traceparent: str


def attributes_of(headers: Mapping[str, Any]) -> Attributes:
    """Read the headers of a message.

    Raises:
        KeyError: One is missing.
        ValueError: One is none.
    """
    found = {name: _text(headers, name) for name in REQUIRED}
    return Attributes(
        id=UUID(found["id"]),
        type=found["type"],
        source=found["source"],
        subject=UUID(found["subject"]),
        sequence=_sequence(found["sequence"]),
        time=_time(found["time"]),
        correlation_id=_text(headers, "correlationid", ""),
        traceparent=_text(headers, "traceparent", ""),
    )


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


@dataclass(frozen=True)
class Event(Generic[D]):
    """One event. One of a type that this version of the client does not know is a plain `Event`.

    Attributes:
        attributes: What its headers say, such as its ``id`` and ``time``.
        data: What happened, as JSON; see `docs/event-data.md`. A later version may add fields.
    """

    source: ClassVar[str]
    """The service that emits it."""

    type: ClassVar[str]
    """Its name there."""

    attributes: Attributes
    data: D
    _reader: QueueReader = field(repr=False, compare=False)
    _message: Any = field(repr=False, compare=False)

    def acknowledge(self) -> None:
        """Say that the event has been dealt with: it does not come again."""
        self._reader.acknowledge(self._message)

    def requeue(self) -> None:
        """Give the event back; it comes again, to this consumer or to another one on the queue."""
        self._reader.requeue(self._message)

    def reject(self) -> None:
        """Set the event aside in the queue's dead letters, ``<queue>.dead``."""
        self._reader.reject(self._message)


class EventConsumer:
    """Reads events from a durable queue, which it declares and binds.

    Iterate over it in one thread; events are settled from any. What is read and not settled is the broker's again when
    the connection is lost or closed, and comes again.

    Args:
        amqp_uri: The broker.
        queue: Its name begins with that of the broker's user and a dot. Consumers with the same queue share its events.
        events: The classes of the events to hear. Types that were bound by an earlier version stay bound.
        prefetch: How many events may be read ahead.
    """

    def __init__(
        self, amqp_uri: str, *, queue: str, events: Sequence[type[Event[Any]]], prefetch: int = PREFETCH
    ) -> None:
        self._queue = queue
        self._events = list(events)
        self._classes = {(found.source, found.type): found for found in events}
        self._arrived: SimpleQueue[Event[Any] | None] = SimpleQueue()
        self._stopped = threading.Event()
        self._reader = QueueReader(
            amqp_uri,
            queue,
            prefetch=prefetch,
            receive=self._receive,
            declare=self._declare,
            on_lost=self._forget,
        )

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._reader.close(0)

    def __iter__(self) -> Iterator[Event[Any]]:
        """Yield each event, for ever, until `stop` is called."""
        while not self._stopped.is_set():
            try:
                event = self._arrived.get(timeout=LOOK_SECONDS)
            except Empty:
                continue
            if event is not None and not self._stopped.is_set():
                yield event

    def stop(self) -> None:
        """End the iteration once the event in hand is dealt with; may be called from any thread or a signal handler."""
        self._stopped.set()
        self._arrived.put(None)

    def wait_until_ready(self, timeout: float) -> bool:
        """Return whether the queue is there and read, now or within so many seconds."""
        return self._reader.wait_until_open(timeout)

    def check(self) -> None:
        """Return while the broker delivers events.

        Raises:
            Unavailable: It does not.
        """
        self._reader.check()

    def _declare(self, channel: Any) -> None:
        declare_event_queue(
            channel,
            self._queue,
            dead_letters=f"{self._queue}.dead-letters",
            dead=f"{self._queue}.dead",
            bindings=[(f"{event.source}.events", event.type) for event in self._events],
        )

    def _receive(self, message: Any) -> None:
        try:
            if not is_whole(message):
                raise ValueError(f"it has {message.size} bytes")  # noqa: TRY301 - one way out
            attributes = attributes_of(message.headers)
            data = orjson.loads(message.body or b"")
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
            logger.error("%s: a message is set aside, because it is no event: %r", self._queue, error)  # noqa: TRY400
            self._reader.reject(message)
            return
        kind = self._classes.get((attributes.source, attributes.type), Event)
        self._arrived.put(kind(attributes, data, self._reader, message))

    def _forget(self) -> None:
        """The connection has gone: what was read ahead is the broker's again."""
        while not self._arrived.empty():
            self._arrived.get_nowait()
        if self._stopped.is_set():
            self._arrived.put(None)

"""The event handler entrypoint: ``@subscribe("reports.history")``.

A handler gets a batch of events and does its whole effect in one transaction. The batch is acknowledged after
that commit. What then can happen is a repeat, which the handler ignores by the event's id.

When a handler raises, two things can be the matter. Something passes by itself (the database or the broker is
away, a deadlock, a timeout): the batch waits in place and is tried again for as long as it takes, because
dropping it would lose it and requeuing it would spin. Or the event or the code is wrong: the batch is taken one
by one, so that the good ones are handled, and the wrong one goes to ``<queue>.dead`` after `TRIES` tries.
"""

from __future__ import annotations

import errno
import logging
import math
import socket
import threading
import time
import traceback
from collections import deque
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import amqp.exceptions
import kombu.exceptions
from nameko.exceptions import ContainerBeingKilled
from nameko.extensions import Entrypoint, register_entrypoint
from opentelemetry.trace import SpanKind

from shared.client import supervision
from shared.client.amqp.backoff import Backoff
from shared.client.amqp.reader import QueueReader
from shared.client.amqp.received import as_text, bytes_of
from shared.client.errors import RateLimited, RpcTimeout, TooLarge, Unavailable
from shared.client.supervision import Work
from shared.platform import registry
from shared.platform.amqp.confirms import ConfirmedPublisher, MessageRefused
from shared.platform.amqp.declare import declare_subscription
from shared.platform.concurrency import Timeout, run_blocking
from shared.platform.db.errors import is_transient
from shared.platform.observability import context, metrics, traces
from shared.platform.outbox.backlog import show_queue_length
from shared.platform.outbox.dead_letters import dead_letter
from shared.platform.outbox.event import ContractViolation, event_of, facts_of
from shared.platform.outbox.spans import event_span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.trace import Span

    from shared.platform.amqp.confirms import Outgoing
    from shared.platform.observability.health import Check
    from shared.platform.outbox.event import Event

Handler = TypeVar("Handler", bound="Callable[..., None]")

logger = logging.getLogger(__name__)

TRIES = 5
BATCH = 250
LARGE_BODY = 64 * 1024
"""Bytes from which it takes milliseconds to parse an event."""

READY_SECONDS = 10.0

RUN_SECONDS = 60.0
"""For one run of a handler, unless it says otherwise; each of its waits for the database ends after 20 by itself."""

PASSING = (
    Unavailable,
    RpcTimeout,
    RateLimited,
    # of the network and of the broker's connection, raised past the client or the link
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    amqp.exceptions.ConnectionError,
    kombu.exceptions.OperationalError,
)
"""Errors that pass by themselves."""

NETWORK_ERRORS = frozenset(
    {errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENOTCONN}
)
"""The same, as an `OSError` for which Python has no class."""


class _Stopped(Exception):
    """The service stops while a batch waits to be tried again."""


class TimeLimitExceeded(Exception):
    """A handler set itself a limit and was slower."""


class Subscriber(Entrypoint):
    """Reads one queue and feeds one handler, batch after batch; see `subscribe`."""

    def __init__(self, queue: str, batch: int, limit: float) -> None:
        super().__init__()
        self.queue = queue
        self._batch = batch
        self._limit = limit
        # Twice a batch, so that the next one arrives while one is handled.
        self.prefetch = 2 * batch

    def setup(self) -> None:
        """Called by nameko."""
        self._settings = self.container.config["SETTINGS"]
        self._waiting: deque[Any] = deque()
        self._arrived = threading.Event()
        self._reader = QueueReader(
            self._settings.amqp_uri,
            self.queue,
            prefetch=self.prefetch,
            receive=self._receive,
            declare=lambda channel: declare_subscription(self.queue, channel),
            on_lost=self._waiting.clear,
        )
        self._handling = metrics.Handling(self.queue)
        self._display = metrics.Display()
        self._taken_at = math.inf
        self._dead_letter_publisher = ConfirmedPublisher(
            self._settings.amqp_uri, f"dead letters of {self.queue}"
        )
        self._work = Work(
            f"handler of {self.queue}",
            self._run,
            limit=self._limit,
            on_stuck=self._stand_aside,
            on_ended=self._reader.link.reopen,
        )
        self._stopping = self._work.stopping
        self._worker: Any = None

    def readiness_checks(self) -> Mapping[str, Check]:
        """The queue; see `shared.platform.observability.health.Dependent`."""
        return {self.queue: self._check}

    def start(self) -> None:
        """Called by nameko."""
        self._display.show(
            metrics.handler_batch_age_seconds, lambda: max(time.monotonic() - self._taken_at, 0.0), self.queue
        )
        dead = registry.dead_queue_of(self.queue)
        show_queue_length(self._display, metrics.dead_letters_waiting, dead, self._reader.link, self.queue)
        self._dead_letter_publisher.start()
        self._reader.start()
        self._work.start()
        self._reader.wait_until_open(READY_SECONDS)

    def stop(self) -> None:
        """Called by nameko: the batch in hand is finished, the rest goes back to the queue."""
        self._reader.cancel()
        self._work.stop()
        self._arrived.set()
        self._work.join(self._settings.stop_grace)
        self._reader.close(0)
        self._dead_letter_publisher.stop()
        self._display.clear()

    def _check(self) -> None:
        # First, for it also says why the queue is not read.
        self._work.check()
        self._reader.check()

    def _stand_aside(self) -> None:
        """A run of the handler takes too long: its messages and those behind them are for another replica to handle.

        Should this run end all the same, its effect is kept and theirs changes nothing more.
        """
        worker = self.container._worker_threads.get(self._worker)  # noqa: SLF001 - nameko shows its workers nowhere else
        frame = getattr(worker, "gr_frame", None)
        where = "".join(traceback.format_stack(frame)) if frame is not None else "(unknown)"
        logger.error("%s: its messages go back to the queue; the handler is at\n%s", self.queue, where)
        self._reader.hold()

    def _receive(self, message: Any) -> None:
        self._waiting.append(message)
        self._arrived.set()

    def _run(self) -> None:
        context.begin({"service": self.container.service_name, "queue": self.queue})
        while not self._stopping.is_set():
            self._work.rest()
            self._arrived.wait(1.0)
            self._arrived.clear()
            while (messages := self._take()) and not self._stopping.is_set():
                self._taken_at = time.monotonic()
                try:
                    self._handle(messages)
                except _Stopped:
                    return
                finally:
                    self._taken_at = math.inf

    def _take(self) -> list[Any]:
        messages: list[Any] = []
        while self._waiting and len(messages) < self._batch:
            messages.append(self._waiting.popleft())
        return messages

    def _handle(self, messages: list[Any]) -> None:
        with context.about(**facts_of(messages)):
            self._settle(messages, self._try(messages))

    def _settle(self, messages: list[Any], error: Exception | None) -> None:
        if error is None:
            self._reader.acknowledge(messages[-1], count=len(messages))
        elif len(messages) > 1:
            logger.warning(
                "%s: a batch of %d failed and is taken one by one: %r", self.queue, len(messages), error
            )
            for message in messages:
                self._handle([message])
        else:
            self._handle_alone(messages[0], error)

    def _handle_alone(self, message: Any, error: Exception) -> None:
        backoff = Backoff(0.05)
        for _ in range(TRIES - 1):
            self._wait(backoff.next())
            again = self._try([message])
            if again is None:
                self._reader.acknowledge(message)
                return
            error = again
        self._dead_letter(message, error)

    def _try(self, messages: list[Any]) -> Exception | None:
        """Runs the handler on the messages until the outcome does not depend on something that passes."""
        try:
            events = [_read(bytes_of(message), message.headers) for message in messages]
        except (ContractViolation, TooLarge) as error:
            self._handling.count(metrics.FAILED)
            return error
        return self._until_it_works(lambda: self._spawn(events))

    def _dead_letter(self, message: Any, error: Exception) -> None:
        logger.error(
            "%s: message %s is dead: %r",
            self.queue,
            as_text(message.properties.get("message_id")),
            error,
            exc_info=(type(error), error, error.__traceback__),
        )
        metrics.dead_letters.labels(self.queue).inc()
        try:
            letter = dead_letter(message, self.queue, error, traceback.format_exception(error), TRIES)
            refused = self._until_it_works(lambda: self._publish_dead_letter(letter))
        except MessageRefused as too_large:
            refused = too_large
        if refused is None:
            self._reader.acknowledge(message)
        else:
            # What cannot be sent is moved by the broker itself, as it is; only the log has the reason then.
            logger.error("%s: the broker moves the dead message itself: %s", self.queue, refused)
            self._reader.reject(message)

    def _publish_dead_letter(self, letter: Outgoing) -> None:
        if self._dead_letter_publisher.publish([letter]):
            raise Unavailable(
                f"Nothing leads to {letter.routing_key}: declare the topology. The letter is kept."
            )

    def _until_it_works(self, work: Callable[[], object]) -> Exception | None:
        """Tries until it works or fails for a reason that will not pass; that reason is returned."""
        backoff = Backoff()
        while True:
            try:
                work()
            except _Stopped:
                raise
            except Exception as error:  # noqa: BLE001 - the caller decides what a lasting one means
                if not passes(error):
                    return error
                logger.warning("%s: waiting, since it will pass: %s", self.queue, error)
            else:
                return None
            self._wait(backoff.next())

    def _spawn(self, events: list[Event]) -> None:
        """One run of the handler as a nameko worker, so that it has its dependencies."""
        done = threading.Event()
        outcome: list[Exception | None] = []

        def settle(_worker: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
            outcome.append(exc_info[1] if exc_info else result)
            done.set()
            return result, exc_info

        began = time.perf_counter()
        spans = [self._span(event) for event in events] if traces.is_on() else []
        if spans:
            events = [
                replace(event, traceparent=traces.place_of(span))
                for event, span in zip(events, spans, strict=True)
            ]
        facts = dict(context.facts())
        if len(spans) == 1:
            facts |= traces.fact(spans[0])
        try:
            self._worker = self.container.spawn_worker(
                self, (events, self._work.begin), {}, context_data=facts, handle_result=settle
            )
        except ContainerBeingKilled as error:
            raise _Stopped from error
        self._work.begin()
        done.wait()
        self._work.rest()
        self._reader.release()
        seconds = time.perf_counter() - began
        self._handling.seconds.observe(seconds)
        for span in spans:
            traces.end(span, "" if outcome[0] is None else type(outcome[0]).__name__)
        if outcome[0] is not None:
            self._handling.count(metrics.RETRIED if passes(outcome[0]) else metrics.FAILED)
            raise outcome[0]
        self._handling.handled(len(events), min(event.time for event in events))
        logger.debug("%s: %d events handled in %.1f ms", self.queue, len(events), seconds * 1000)

    def _span(self, event: Event) -> Span:
        # One for each event and not for the batch, which belongs to as many requests as it has events.
        return event_span(
            SpanKind.CONSUMER, self.queue, event.id, event.type, event.correlation_id, event.traceparent
        )

    def _wait(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise _Stopped


def _read(body: bytes, headers: Mapping[str, Any]) -> Event:
    """The event; a large one is parsed in a native thread, so that others have their turn meanwhile."""
    if len(body) <= LARGE_BODY:
        return event_of(body, headers)
    return run_blocking(event_of, body, headers)


def passes(error: BaseException) -> bool:
    """Return whether the error says nothing about the event: the same work may succeed later by itself.

    True for a service, database or broker that is away or too slow, and for a network that is down. A file that is not
    there, a disk that is full, a right that lacks on this machine are faults that somebody has to mend: they count as
    failures of the event.
    """
    return (
        isinstance(error, PASSING)
        or (isinstance(error, OSError) and error.errno in NETWORK_ERRORS)
        or is_transient(error)
    )


def subscribe(queue: str, *, batch: int = BATCH, limit: float = RUN_SECONDS) -> Callable[[Handler], Handler]:
    """Makes a method the handler of an event queue.

    The method takes the events in the queue's order, has its whole effect in one transaction, and must let a
    repeat of an event change nothing.

    Args:
        queue: A queue of the registry.
        batch: The most events that the method gets at once.
        limit: Seconds that it may take for them, counted anew whenever it turns to one of them with `work_on`. A run
            that takes longer makes the process not ready, and its messages go to another replica.
    """

    def decorate(method: Handler) -> Handler:
        @wraps(method)
        def handle(service: Any, events: Sequence[Event], begin: Callable[[], None]) -> Exception | None:
            supervision.report_progress_to(begin)
            # Returned, not raised: nameko would log a traceback for each try while a database is away.
            try:
                method(service, events)
            except Exception as error:  # noqa: BLE001 - the subscriber decides what it means
                return error
            except Timeout as error:
                # Bare, it is no Exception: it would end the worker and leave the queue waiting for its outcome.
                return TimeLimitExceeded(str(error))
            return None

        register_entrypoint(handle, Subscriber(queue, batch, limit))
        return cast("Handler", handle)

    return decorate

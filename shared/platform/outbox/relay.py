"""Carries events from a service's outbox to its topic exchange: at least once, in order for each aggregate.

Every replica runs one. It wakes after each commit of its own process, and looks by itself now and then for what
a dead replica left behind. A transaction-long advisory lock lets one replica at a time read the outbox, so the
order is that of ``seq``; the others do not wait for it, but look again soon. The rows go only after the broker has
confirmed the messages: a death in between makes duplicates, which handlers ignore by the event's id, never a loss.

An event is published only while every queue of ours that has to hear it is bound (`shared.platform.outbox.routes`).
Until then it stays, with the later ones of the same thing, and the others pass it by.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from nameko.extensions import DependencyProvider
from opentelemetry.trace import SpanKind
from sqlalchemy import text

from shared.client.amqp.backoff import Backoff
from shared.client.errors import Unavailable
from shared.client.supervision import Work
from shared.platform import registry
from shared.platform.amqp.confirms import ConfirmedPublisher, MessageRefused, Outgoing
from shared.platform.db.errors import is_transient
from shared.platform.db.provider import DatabasePool
from shared.platform.observability import context, metrics, traces
from shared.platform.outbox.backlog import show_outbox
from shared.platform.outbox.event import headers_of
from shared.platform.outbox.routes import Routes
from shared.platform.outbox.spans import event_span

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opentelemetry.trace import Span
    from sqlalchemy import Connection

    from shared.platform.db.engine import Database
    from shared.platform.observability.health import Check

logger = logging.getLogger(__name__)

BATCH = 500
MAX_BATCH_BYTES = 2 * 1024 * 1024
"""Of data as it is stored, which is often compressed: what the broker takes in and confirms well within its time."""

MAX_ERROR_LENGTH = 2000

ROUND_SECONDS = 60.0
"""For one batch; each of its waits for the database and the broker ends sooner by itself."""

BUSY_SECONDS = 0.02
"""After which a relay looks again that another replica kept from the outbox; then after longer and longer, up to its
poll. What it was woken for may have been committed after the other one had looked."""
FAILED = "The relay's last round failed; the log says why."


class Relay:
    """The relay of one service in one process.

    Args:
        service: Whose outbox, schema and exchange.
        database: Connections as the service's role.
        amqp_uri: The broker.
        poll: Seconds between two looks when nothing wakes it.

    Attributes:
        rounds: How many times it has looked into the outbox and carried, or failed to carry, what was there; tests wait
            for it.
    """

    def __init__(self, service: str, database: Database, amqp_uri: str, poll: float) -> None:
        self.service = service
        self.rounds = 0
        self._database = database
        self._poll = poll
        self._publisher = ConfirmedPublisher(amqp_uri, f"relay of {service}")
        self._routes = Routes(service, amqp_uri)
        self._trouble = ""
        self._unroutable: dict[str, str] = {}
        self._recheck = Backoff()
        self._recheck_at = 0.0
        self._one_by_one = 0
        self._busy = False
        self._stop_by = 0.0
        self._woken = threading.Event()
        self._work = Work(f"relay of {service}", self._run, limit=ROUND_SECONDS)
        self._stopping = self._work.stopping
        self._statements = _Statements(service)

    def start(self) -> None:
        """Begins to carry; returns at once."""
        self._publisher.start()
        self._work.start()

    def check(self) -> None:
        """Whether it carries.

        Raises:
            Unavailable: It does not run, stands still, or its last round failed.
        """
        self._work.check()
        for trouble in (self._trouble, *self._unroutable.values()):
            if trouble:
                raise Unavailable(trouble)

    def wake(self) -> None:
        """Something may be in the outbox."""
        self._woken.set()

    def stop(self, timeout: float) -> None:
        """Carries what is there, within ``timeout`` seconds, and ends."""
        self._stop_by = time.monotonic() + timeout
        self._stopping.set()
        self._woken.set()
        self._work.join(timeout)
        self._publisher.stop()
        self._routes.close()

    def _run(self) -> None:
        context.begin({"service": self.service})
        backoff = Backoff()
        busy = Backoff(min(BUSY_SECONDS, self._poll), self._poll)
        while True:
            last_round = self._stopping.is_set()
            self._woken.clear()
            self._work.begin()
            try:
                more = self.carry()
                self.rounds += 1
            except Exception as error:
                self.rounds += 1
                expected = isinstance(error, Unavailable) or is_transient(error)
                logger.warning("%s: %s", self._work.name, error, exc_info=not expected)
                metrics.relay_batches.labels(self.service, "failed").inc()
                self._trouble = error.message if isinstance(error, Unavailable) else FAILED
                self._work.rest()
                if last_round:
                    return
                self._stopping.wait(backoff.next())
                continue
            backoff.reset()
            self._trouble = ""
            if more:
                continue
            self._work.rest()
            if not self._busy:
                busy.reset()
                if last_round:
                    return
                self._woken.wait(self._poll)
            elif last_round:
                if time.monotonic() > self._stop_by:
                    return
                time.sleep(busy.next())
            else:
                self._woken.wait(busy.next())

    def carry(self) -> bool:
        """Publish one batch of the outbox and remove what has arrived.

        Returns:
            Whether there may be more to publish at once.

        Raises:
            Unavailable: The broker does not confirm all of it.
        """
        self._busy = False
        with self._database.read() as connection:
            if not connection.execute(self._statements.anything).scalar_one():
                self._report_unroutable({})
                return False
        failure: Unavailable | None = None
        with self._database.transaction() as connection:
            if not connection.execute(self._statements.lock).one().mine:
                self._busy = True
                return False
            rows = self._batch(connection)
            sent, failure = self._publish(connection, rows)
            if sent:
                connection.execute(self._statements.remove, {"sent": sent})
        if sent:
            metrics.relay_batches.labels(self.service, "ok").inc()
            metrics.relay_events.labels(self.service).inc(len(sent))
        if failure is not None:
            raise failure
        careful = bool(rows and self._one_by_one)
        return careful or len(rows) == BATCH or bool(rows and rows[-1].size >= MAX_BATCH_BYTES)

    def _batch(self, connection: Connection) -> Sequence[Any]:
        """Return the next rows, none of which has to wait for a queue, and note which types have to."""
        unroutable = self._still_missing()
        rows = self._read_batch(connection, unroutable)
        found = self._routes.missing({row.type for row in rows})
        self._report_unroutable(unroutable | found)
        if not found:
            return rows
        # As the statement would have it; those behind are for the next round.
        held = {row.subject: row.seq for row in reversed(rows) if row.type in found}
        return [row for row in rows if row.seq < held.get(row.subject, row.seq + 1)]

    def _still_missing(self) -> dict[str, str]:
        """Look again for the queues that were missing, now and then: each look is an error in the broker's log."""
        if not self._unroutable:
            self._recheck.reset()
            return {}
        now = time.monotonic()
        if now < self._recheck_at:
            return self._unroutable
        self._recheck_at = now + self._recheck.next()
        return self._routes.missing(self._unroutable)

    def _read_batch(self, connection: Connection, unroutable: Iterable[str]) -> Sequence[Any]:
        limit = 1 if self._one_by_one else BATCH
        held = list(unroutable)
        if not held:
            return connection.execute(self._statements.batch, {"limit": limit}).all()
        return connection.execute(self._statements.batch_beside, {"limit": limit, "held": held}).all()

    def _report_unroutable(self, found: dict[str, str]) -> None:
        for event_type in sorted(found.keys() - self._unroutable.keys()):
            logger.error("%s: %s The events are kept.", self._work.name, found[event_type])
        for event_type in sorted(self._unroutable.keys() - found.keys()):
            logger.warning("%s: every queue hears %s again", self._work.name, event_type)
        self._unroutable = found

    def _publish(self, connection: Connection, rows: Sequence[Any]) -> tuple[list[int], Unavailable | None]:
        """Publish the rows, park those that cannot be published, and return which have arrived and what failed."""
        spans: dict[int, Span] = {}
        messages = self._messages(connection, rows, spans)
        if not messages:
            return [], None
        failure: Unavailable | None = None
        self._one_by_one = max(self._one_by_one - 1, 0)
        try:
            failure = self._deliver(list(messages.values()))
        except MessageRefused as refused:
            if len(messages) == 1:
                self._park(connection, next(row for row in rows if row.seq in messages), refused)
            else:
                # Which of them it is shows when they are sent one by one.
                self._one_by_one = len(messages)
        for span in spans.values():
            traces.end(span, "" if failure is None else failure.slug)
        return self._arrived(rows, messages), failure

    def _messages(
        self, connection: Connection, rows: Sequence[Any], spans: dict[int, Span]
    ) -> dict[int, Outgoing]:
        """Return the messages of the rows by their ``seq``, with their spans begun."""
        messages: dict[int, Outgoing] = {}
        withheld: set[Any] = set()
        for row in rows:
            if row.subject in withheld:
                continue
            span = self._span(row)
            try:
                messages[row.seq] = self._message(row, traces.place_of(span) or row.traceparent)
            except (ValueError, TypeError, AttributeError, LookupError) as error:
                withheld.add(row.subject)
                self._park(connection, row, error)
                traces.end(span, "parked")
            else:
                spans[row.seq] = span
        return messages

    def _deliver(self, messages: Sequence[Outgoing]) -> Unavailable | None:
        try:
            returned = self._publisher.publish(messages)
        except Unavailable as error:
            return error
        for message in messages:
            if message.message_id in returned and self._is_heard(message):
                return Unavailable(
                    f"No queue hears {self.service}.{message.routing_key} any more. It is kept."
                )
        return None

    def _arrived(self, rows: Sequence[Any], messages: Mapping[int, Outgoing]) -> list[int]:
        """Return what may be removed: what the broker has, where nothing earlier of the same thing has to be sent."""
        confirmed, returned = self._publisher.confirmed, self._publisher.returned
        left: set[Any] = set()
        arrived: list[int] = []
        for row in rows:
            message = messages.get(row.seq)
            if (
                message is None
                or message.message_id not in confirmed
                or (message.message_id in returned and self._is_heard(message))
            ):
                left.add(row.subject)
            if row.subject not in left:
                arrived.append(row.seq)
        return arrived

    def _is_heard(self, message: Outgoing) -> bool:
        return bool(registry.current().hearers_of(self.service, message.routing_key))

    def _park(self, connection: Connection, row: Any, error: Exception) -> None:
        metrics.relay_parked.labels(self.service).inc()
        with context.about(event_id=str(row.id), correlation_id=row.correlation_id):
            logger.error("%s: event %s is parked: %s", self._work.name, row.id, error)
        connection.execute(
            self._statements.park,
            {"seq": row.seq, "error": f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]},
        )

    def _span(self, row: Any) -> Span:
        exchange = registry.exchange_of(self.service)
        return event_span(SpanKind.PRODUCER, exchange, row.id, row.type, row.correlation_id, row.traceparent)

    def _message(self, row: Any, traceparent: str | None) -> Outgoing:
        if (self.service, row.type) not in registry.current().contracts:
            raise LookupError(f"there is no contract for {self.service}.{row.type}")
        return Outgoing(
            body=row.data.encode(),
            exchange=registry.exchange_of(self.service),
            routing_key=row.type,
            message_id=str(row.id),
            headers=headers_of(
                service=self.service,
                event_id=row.id,
                event_type=row.type,
                subject=row.subject,
                sequence=row.sequence,
                time=row.occurred_at,
                correlation_id=row.correlation_id,
                traceparent=traceparent,
            ),
        )


class _Statements:
    def __init__(self, service: str) -> None:
        outbox = f"{service}.outbox"
        self.anything = text(f"SELECT EXISTS (SELECT FROM {outbox} WHERE parked_at IS NULL)")
        # Losing this transaction in a crash of the server means duplicates, not loss: it need not wait for the disk.
        self.lock = text(
            f"SELECT pg_try_advisory_xact_lock(hashtextextended('impactx.relay.{service}', 0)) AS mine,"
            " set_config('synchronous_commit', 'off', true)"
        )
        self.batch = self._batch(outbox, "")
        # Only while a queue is missing: it has to look at more rows.
        self.batch_beside = self._batch(
            outbox,
            f" AND type <> ALL(:held) AND NOT EXISTS (SELECT FROM {outbox} AS held WHERE held.parked_at IS NULL"
            " AND held.type = ANY(:held) AND held.subject = waiting.subject AND held.seq < waiting.seq)",
        )
        self.remove = text(f"DELETE FROM {outbox} WHERE seq = ANY(:sent)")
        self.park = text(
            f"UPDATE {outbox} SET parked_at = clock_timestamp(), error = :error WHERE seq = :seq"
        )

    @staticmethod
    def _batch(outbox: str, condition: str) -> Any:
        return text(
            "SELECT seq, id, type, subject, sequence, data::text AS data, occurred_at, correlation_id, traceparent,"
            " size FROM (SELECT *, sum(pg_column_size(data)) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) AS size"
            f" FROM {outbox} AS waiting WHERE parked_at IS NULL AND NOT EXISTS ("
            f"SELECT FROM {outbox} AS parked WHERE parked.parked_at IS NOT NULL"
            " AND parked.subject = waiting.subject AND parked.seq < waiting.seq)"
            f"{condition} ORDER BY seq LIMIT :limit) AS batch"
            f" WHERE size - pg_column_size(data) < {MAX_BATCH_BYTES} ORDER BY seq"
        )


class OutboxRelay(DependencyProvider):
    """Runs the relay of a service beside it: ``relay = OutboxRelay()`` in the service class."""

    pool = DatabasePool()

    def setup(self) -> None:
        """Called by nameko."""
        settings = self.container.config["SETTINGS"]
        self._stop_grace = settings.stop_grace
        self._relay = Relay(
            self.container.service_name, self.pool.database, settings.amqp_uri, settings.relay_poll
        )
        self.pool.database.on_commit = self._relay.wake
        self._display = metrics.Display()

    def readiness_checks(self) -> Mapping[str, Check]:
        """The relay; see `shared.platform.observability.health.Dependent`."""
        return {f"{self.container.service_name}.relay": self._relay.check}

    def start(self) -> None:
        """Called by nameko."""
        show_outbox(self._display, self.container.service_name, self.pool.database)
        self._relay.start()

    def stop(self) -> None:
        """Called by nameko once no worker runs: what the last of them wrote is still carried."""
        self._relay.stop(self._stop_grace)
        self._display.clear()

    def get_dependency(self, worker_ctx: Any) -> Relay:
        """The relay, for the rare operation that wants to wake it by hand."""
        return self._relay

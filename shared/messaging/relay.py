"""Carries events from a service's outbox to its topic exchange: at least once, in order for each aggregate.

Every replica runs one. It wakes after each commit of its own process, and looks by itself now and then for what
a dead replica left behind. A transaction-long advisory lock lets one replica at a time read the outbox, so the
order is that of ``seq``. The rows go only after the broker has confirmed the messages: a death in between makes
duplicates, which handlers ignore by the event's id, never a loss.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from nameko.extensions import DependencyProvider
from sqlalchemy import text

from shared.contracts import CONTRACTS, topology
from shared.db.errors import is_transient
from shared.db.provider import DatabasePool
from shared.errors import Unavailable
from shared.messaging.backlog import show_outbox
from shared.messaging.backoff import Backoff
from shared.messaging.confirms import ConfirmedPublisher, Outgoing
from shared.messaging.event import headers_of
from shared.messaging.spans import event_span
from shared.observability import context, metrics, traces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from shared.db.engine import Database
    from shared.observability.health import Check
    from shared.observability.traces import Span

logger = logging.getLogger(__name__)

BATCH = 500
GREATEST_BATCH_BYTES = 2 * 1024 * 1024
"""Of data as it is stored, which is often compressed: what the broker takes in and confirms well within its time."""

LONGEST_ERROR = 2000
FAILED = "The relay's last round failed; the log says why."


class Relay:
    """The relay of one service in one process.

    Args:
        service: Whose outbox, schema and exchange.
        database: Connections as the service's role.
        amqp_uri: The broker.
        poll: Seconds between two looks when nothing wakes it.
    """

    def __init__(self, service: str, database: Database, amqp_uri: str, poll: float) -> None:
        self.service = service
        self._database = database
        self._poll = poll
        self._publisher = ConfirmedPublisher(amqp_uri, f"relay of {service}")
        self._trouble = ""
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"relay of {service}", daemon=True)
        self._statements = _Statements(service)

    def start(self) -> None:
        """Begins to carry; returns at once."""
        self._publisher.start()
        self._thread.start()

    def check(self) -> None:
        """Whether it carries.

        Raises:
            Unavailable: It does not run, or its last round failed.
        """
        if not self._thread.is_alive():
            raise Unavailable("The relay does not run.")
        if self._trouble:
            raise Unavailable(self._trouble)

    def wake(self) -> None:
        """Something may be in the outbox."""
        self._woken.set()

    def stop(self, timeout: float) -> None:
        """Carries what is there, within ``timeout`` seconds, and ends."""
        self._stopping.set()
        self._woken.set()
        self._thread.join(timeout)
        self._publisher.stop()

    def _run(self) -> None:
        context.begin({"service": self.service})
        backoff = Backoff()
        while True:
            last_round = self._stopping.is_set()
            self._woken.clear()
            try:
                more = self.carry()
            except Exception as error:
                expected = isinstance(error, Unavailable) or is_transient(error)
                logger.warning("%s: %s", self._thread.name, error, exc_info=not expected)
                metrics.relay_batches.labels(self.service, "failed").inc()
                self._trouble = error.message if isinstance(error, Unavailable) else FAILED
                if last_round:
                    return
                self._stopping.wait(backoff.next())
                continue
            backoff.reset()
            self._trouble = ""
            if more:
                continue
            if last_round:
                return
            self._woken.wait(self._poll)

    def carry(self) -> bool:
        """Publishes one batch of the outbox and removes it.

        Returns:
            Whether the batch was full, so that there may be more.

        Raises:
            Unavailable: The broker does not confirm, or has lost a queue that hears one of the events.
        """
        with self._database.read() as connection:
            if not connection.execute(self._statements.anything).scalar_one():
                return False
        with self._database.transaction() as connection:
            connection.execute(self._statements.lock)
            rows = connection.execute(self._statements.batch, {"limit": BATCH}).all()
            sent = self._publish(connection, rows)
            if sent:
                connection.execute(self._statements.remove, {"sent": sent})
        if sent:
            metrics.relay_batches.labels(self.service, "ok").inc()
            metrics.relay_events.labels(self.service).inc(len(sent))
        return len(rows) == BATCH or bool(rows and rows[-1].size >= GREATEST_BATCH_BYTES)

    def _publish(self, connection: Connection, rows: Any) -> list[int]:
        messages: list[Outgoing] = []
        spans: list[Span] = []
        sent: list[int] = []
        withheld: set[Any] = set()
        for row in rows:
            if row.subject in withheld:
                continue
            span = self._span(row)
            try:
                messages.append(self._message(row, row.traceparent if span is None else span.traceparent))
            except (ValueError, TypeError, AttributeError, LookupError) as error:
                withheld.add(row.subject)
                metrics.relay_parked.labels(self.service).inc()
                with context.about(event_id=str(row.id), correlation_id=row.correlation_id):
                    logger.error("%s: event %s is parked: %s", self._thread.name, row.id, error)  # noqa: TRY400 - the text is the whole story
                if span is not None:
                    span.end("parked")
                connection.execute(
                    self._statements.park,
                    {"seq": row.seq, "error": f"{type(error).__name__}: {error}"[:LONGEST_ERROR]},
                )
            else:
                sent.append(row.seq)
                if span is not None:
                    spans.append(span)
        if messages:
            self._deliver(messages, spans)
        return sent

    def _deliver(self, messages: list[Outgoing], spans: list[Span]) -> None:
        error = ""
        try:
            returned = self._publisher.publish(messages)
            self._check_routes(messages, returned)
        except Unavailable as failed:
            error = failed.slug
            raise
        finally:
            for span in spans:
                span.end(error)

    def _span(self, row: Any) -> Span | None:
        exchange = topology.exchange_of(self.service)
        return event_span(traces.PRODUCER, exchange, row.id, row.type, row.correlation_id, row.traceparent)

    def _message(self, row: Any, traceparent: str | None) -> Outgoing:
        if (self.service, row.type) not in CONTRACTS:
            raise LookupError(f"there is no contract for {self.service}.{row.type}")
        return Outgoing(
            body=row.data.encode(),
            exchange=topology.exchange_of(self.service),
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

    def _check_routes(self, messages: list[Outgoing], returned: set[str]) -> None:
        for message in messages:
            if message.message_id in returned and topology.is_heard(self.service, message.routing_key):
                raise Unavailable(
                    f"No queue hears {self.service}.{message.routing_key}: declare the topology. The event is kept."
                )


class _Statements:
    def __init__(self, service: str) -> None:
        outbox = f"{service}.outbox"
        self.anything = text(f"SELECT EXISTS (SELECT FROM {outbox} WHERE parked_at IS NULL)")
        # Losing this transaction in a crash of the server means duplicates, not loss: it need not wait for the disk.
        self.lock = text(
            f"SELECT pg_advisory_xact_lock(hashtextextended('impactx.relay.{service}', 0)),"
            " set_config('synchronous_commit', 'off', true)"
        )
        self.batch = text(
            "SELECT seq, id, type, subject, sequence, data::text AS data, occurred_at, correlation_id, traceparent,"
            " size FROM (SELECT *, sum(pg_column_size(data)) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) AS size"
            f" FROM {outbox} AS waiting WHERE parked_at IS NULL AND NOT EXISTS ("
            f"SELECT FROM {outbox} AS parked WHERE parked.parked_at IS NOT NULL"
            " AND parked.subject = waiting.subject AND parked.seq < waiting.seq)"
            " ORDER BY seq LIMIT :limit) AS batch"
            f" WHERE size - pg_column_size(data) < {GREATEST_BATCH_BYTES} ORDER BY seq"
        )
        self.remove = text(f"DELETE FROM {outbox} WHERE seq = ANY(:sent)")
        self.park = text(
            f"UPDATE {outbox} SET parked_at = clock_timestamp(), error = :error WHERE seq = :seq"
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
        """The relay; see `shared.observability.health.Dependent`."""
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

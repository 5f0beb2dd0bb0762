"""What a process counts and times, for Prometheus.

Labels have few values: the template of a route and not the address, the name of an RPC method, a slug. Everything
in one process counts together, so an embedded system shows all its services at once.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import TYPE_CHECKING, Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from shared.client import supervision

if TYPE_CHECKING:
    from collections.abc import Callable

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST

# The time at which each series began doubles their number, and nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The bounds of the histograms: from a quick read to the time limit of a call."""

HANDLED: Final = "ok"
RETRIED: Final = "retried"
FAILED: Final = "failed"

LAG_SECONDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""The same for events: from at once to a service that was away for long."""

http_requests: Final = Counter(
    "impactx_http_requests",
    "HTTP requests answered, by method, template of the route and status.",
    ("method", "route", "status"),
)
http_seconds: Final = Histogram(
    "impactx_http_request_seconds",
    "Seconds from a request's headers to the beginning of its response.",
    ("method", "route"),
    buckets=SECONDS,
)
http_refused: Final = Counter(
    "impactx_http_rate_limited", "HTTP requests refused because their client had sent too many."
)
http_malformed: Final = Counter(
    "impactx_http_malformed",
    "Requests that are no proper HTTP or exceed a limit of it, by status.",
    ("status",),
)
http_connections: Final = Gauge(
    "impactx_http_connections",
    "Connections that an HTTP server has now, by its settings' prefix.",
    ("server",),
)
http_connections_refused: Final = Counter(
    "impactx_http_connections_refused", "Connections refused because their client had too many."
)
accept_pauses: Final = Counter(
    "impactx_accept_pauses",
    "Times that accepting connections paused because no descriptor was left, by what is offered there.",
    ("server",),
)
rpc_calls: Final = Counter(
    "impactx_rpc_client_calls",
    "RPC calls made, by method and outcome: `ok`, or the slug of the error.",
    ("method", "outcome"),
)
rpc_seconds: Final = Histogram(
    "impactx_rpc_client_call_seconds",
    "Seconds that RPC calls took, their repeats included.",
    ("method",),
    buckets=SECONDS,
)
stream_listeners: Final = Gauge("impactx_stream_listeners", "Listeners of the live stream now.")
stream_events: Final = Counter(
    "impactx_stream_events", "Events that came in for the live stream, by type.", ("type",)
)
stream_sent: Final = Counter("impactx_stream_events_sent", "Events sent to listeners of the live stream.")
stream_resets: Final = Counter(
    "impactx_stream_resets", "Resets sent to listeners of the live stream, by reason.", ("reason",)
)


rpc_requests: Final = Counter(
    "impactx_rpc_server_requests",
    "RPC requests answered, by method and outcome: `ok`, or the slug of the error.",
    ("method", "outcome"),
)
rpc_request_seconds: Final = Histogram(
    "impactx_rpc_server_request_seconds",
    "Seconds from an RPC request's arrival in the service to its answer.",
    ("method",),
    buckets=SECONDS,
)
rpc_late_requests: Final = Counter(
    "impactx_rpc_server_late_requests",
    "RPC requests that were not executed, because their caller had given up when they came or had their turn.",
    ("service",),
)
rpc_workers: Final = Gauge(
    "impactx_rpc_server_workers",
    "RPC requests that a service works on at the same time at most.",
    ("service",),
)
rpc_busy_workers: Final = Gauge(
    "impactx_rpc_server_busy_workers", "RPC requests that a service works on now.", ("service",)
)
broker_blocked: Final = Gauge(
    "impactx_broker_blocked",
    "1 while the broker takes no messages from a service, because of an alarm for its memory or disk.",
    ("service",),
)

backups: Final = Counter(
    "impactx_backups", "Backups of an embedded system, by kind and outcome.", ("kind", "outcome")
)
backup_finished: Final = Gauge(
    "impactx_backup_finished_timestamp_seconds", "When the newest backup of a kind was finished.", ("kind",)
)
backup_recoverable: Final = Gauge(
    "impactx_backup_recoverable_timestamp_seconds",
    "The newest moment that the received write-ahead log leads to.",
)
drill_at: Final = Gauge(
    "impactx_restore_drill_timestamp_seconds", "When the last restore drill was made; 0 without one."
)
drill_age: Final = Gauge(
    "impactx_restore_drill_age_seconds",
    "How old the newest recoverable moment was in the last restore drill.",
)
drill_broken: Final = Gauge(
    "impactx_restore_drill_broken_invariants", "Invariants that did not hold in the last restore drill."
)

revocations_held: Final = Gauge(
    "impactx_revocations_held",
    "Accounts, sessions and roles of which a service refuses earlier access tokens now.",
    ("service",),
)
revocations_merged: Final = Counter(
    "impactx_revocations_merged",
    "Revocations beyond the number that is held: tokens that were signed before the newest of them are all refused.",
)
revocations_age: Final = Gauge(
    "impactx_revocations_age_seconds",
    "Seconds for which a service has not heard what is revoked and has not asked for it; 0 while it hears.",
    ("service",),
)
tokens_refused: Final = Counter(
    "impactx_tokens_revoked",
    "Calls and streams refused or ended because their token was revoked, by reason.",
    ("reason",),
)

handler_batches: Final = Counter(
    "impactx_handler_batches",
    "Batches given to an event handler, by outcome: `ok`, `retried` for what passes by itself, `failed`.",
    ("queue", "outcome"),
)
handler_events: Final = Counter("impactx_handler_events", "Events handled.", ("queue",))
handler_seconds: Final = Histogram(
    "impactx_handler_batch_seconds",
    "Seconds that an event handler took for a batch.",
    ("queue",),
    buckets=SECONDS,
)
handler_lag_seconds: Final = Histogram(
    "impactx_handler_lag_seconds",
    "Seconds from an event to the end of its handling, for the oldest event of each batch.",
    ("queue",),
    buckets=LAG_SECONDS,
)
handler_batch_age_seconds: Final = Gauge(
    "impactx_handler_batch_age_seconds",
    "Seconds for which an event handler has had its batch in hand, retries included; 0 without one.",
    ("queue",),
)
dead_letters: Final = Counter(
    "impactx_dead_letters", "Messages given up by their handler and put into the dead queue.", ("queue",)
)
dead_letters_waiting: Final = Gauge(
    "impactx_dead_letters_waiting",
    "Messages in the dead queue, NaN while the broker does not say.",
    ("queue",),
)

relay_batches: Final = Counter(
    "impactx_relay_batches",
    "Batches that a relay carried, by outcome: `ok` or `failed`.",
    ("service", "outcome"),
)
relay_events: Final = Counter(
    "impactx_relay_events", "Events published by a relay and confirmed by the broker.", ("service",)
)
relay_parked: Final = Counter(
    "impactx_relay_parked", "Events that a relay could not publish and has set aside.", ("service",)
)
outbox_events: Final = Gauge(
    "impactx_outbox_events",
    "Events in the outbox, counted up to 100,000; NaN while the database does not say.",
    ("service",),
)
outbox_oldest_seconds: Final = Gauge(
    "impactx_outbox_oldest_seconds",
    "Age of the oldest event that waits to be published; 0 without one.",
    ("service",),
)
outbox_parked_events: Final = Gauge(
    "impactx_outbox_parked_events", "Events set aside in the outbox.", ("service",)
)

work_failures: Final = Counter(
    "impactx_work_failures",
    "Times that something which works by itself `ended` without being told to, was `stuck` in one step for longer than"
    " its limit, or `failed` at what it does at intervals; by what it is.",
    ("work", "outcome"),
)
supervision.count_failures_with(lambda work, outcome: work_failures.labels(work, outcome).inc())

pool_limit: Final = Gauge(
    "impactx_database_pool_limit", "Database connections that a service may hold.", ("service",)
)
pool_connections: Final = Gauge(
    "impactx_database_pool_connections",
    "Database connections that a service holds, by state.",
    ("service", "state"),
)
pool_waiting: Final = Gauge(
    "impactx_database_pool_waiting", "Work that waits for a database connection now.", ("service",)
)
database_errors: Final = Counter(
    "impactx_database_errors",
    "Statements and connections that failed, by the class of SQLSTATE; `none` where the server said nothing.",
    ("service", "sqlstate_class"),
)


class Calls:
    """Counts and times the calls of one method; the label sets are looked up once."""

    def __init__(self, method: str, count: Counter, seconds: Histogram) -> None:
        self._method = method
        self._count = count
        self._seconds = seconds.labels(method)
        self._outcomes: dict[str, Counter] = {}

    def observe(self, outcome: str, seconds: float) -> None:
        """One call, which ended with ``ok`` or a slug after so many seconds."""
        counter = self._outcomes.get(outcome)
        if counter is None:
            counter = self._outcomes[outcome] = self._count.labels(self._method, outcome)
        counter.inc()
        self._seconds.observe(seconds)


@cache
def calls_made(method: str) -> Calls:
    """The calls of a method that this process makes."""
    return Calls(method, rpc_calls, rpc_seconds)


@cache
def calls_served(method: str) -> Calls:
    """The calls of a method that this process answers."""
    return Calls(method, rpc_requests, rpc_request_seconds)


def observe_rpc_call(method: str, outcome: str, seconds: float) -> None:
    """Counts and times one call; for `shared.client.rpc.RpcClient`."""
    calls_made(method).observe(outcome, seconds)


class Handling:
    """Counts and times what one event handler does; the label sets are looked up once.

    Attributes:
        seconds: Of each batch, whatever its outcome.
    """

    def __init__(self, queue: str) -> None:
        self.seconds = handler_seconds.labels(queue)
        self._batches = {
            outcome: handler_batches.labels(queue, outcome) for outcome in (HANDLED, RETRIED, FAILED)
        }
        self._events = handler_events.labels(queue)
        self._lag = handler_lag_seconds.labels(queue)

    def count(self, outcome: str) -> None:
        """One batch."""
        self._batches[outcome].inc()

    def handled(self, events: int, oldest: dt.datetime) -> None:
        """One batch of so many events, which is done."""
        self.count(HANDLED)
        self._events.inc(events)
        self._lag.observe(max((dt.datetime.now(dt.UTC) - oldest).total_seconds(), 0.0))


class Display:
    """Gauges that are asked for their value when somebody looks, as long as what they show is there."""

    def __init__(self) -> None:
        self._shown: list[tuple[Gauge, tuple[str, ...]]] = []

    def show(self, gauge: Gauge, read: Callable[[], float], *labels: str) -> None:
        """From now on the gauge's value for these labels is what ``read`` says; it must neither raise nor wait."""
        gauge.labels(*labels).set_function(read)
        self._shown.append((gauge, labels))

    def clear(self) -> None:
        """Nothing of it is shown any more."""
        for gauge, labels in self._shown:
            gauge.remove(*labels)
        self._shown.clear()


def exposition() -> bytes:
    """All metrics of this process, in the text format of Prometheus."""
    return generate_latest()

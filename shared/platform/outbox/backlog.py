"""How much waits: in a service's outbox to be published, and in a queue of dead letters for an operator."""

from __future__ import annotations

import math
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from shared.client.errors import Unavailable
from shared.platform.observability import metrics
from shared.platform.observability.sampling import Sample

if TYPE_CHECKING:
    from prometheus_client import Gauge

    from shared.client.amqp.link import Link
    from shared.platform.db.engine import Database
    from shared.platform.observability.metrics import Display

MAX_COUNTED: Final = 100_000
"""Rows after which the outbox is not counted on: by then it is known that something is wrong."""

ANSWER_SECONDS: Final = 2.0


def show_outbox(display: Display, service: str, database: Database) -> None:
    """Shows how many events wait in a service's outbox, for how long, and how many are parked."""
    outbox = f"{service}.outbox"
    statement = text(
        f"SELECT (SELECT count(*) FROM (SELECT FROM {outbox} LIMIT {MAX_COUNTED}) AS counted),"
        f" coalesce((SELECT extract(epoch FROM clock_timestamp() - occurred_at) FROM {outbox}"
        " WHERE parked_at IS NULL ORDER BY seq LIMIT 1), 0),"
        f" (SELECT count(*) FROM {outbox} WHERE parked_at IS NOT NULL)"
    )

    def ask() -> tuple[float, ...]:
        with database.read() as connection:
            return tuple(map(float, connection.execute(statement).one()))

    sample = Sample(f"the outbox of {service}", ask)
    gauges = metrics.outbox_events, metrics.outbox_oldest_seconds, metrics.outbox_parked_events
    for place, gauge in enumerate(gauges):
        display.show(gauge, partial(_value, sample, place), service)


def show_queue_length(display: Display, gauge: Gauge, queue: str, link: Link, *labels: str) -> None:
    """Shows how many messages wait in a queue, as the broker says on a connection that is there anyway."""

    def ask() -> tuple[float]:
        if not link.wait_until_open(0):
            return (math.nan,)
        answered = threading.Event()
        found: list[float] = []

        def count(channel: Any) -> None:
            # Passive: it only asks, which takes no right to configure the queue.
            found.append(channel.queue_declare(queue, passive=True).message_count)
            answered.set()

        link.run_in_reader(count)
        if not answered.wait(ANSWER_SECONDS):
            raise Unavailable("The message broker does not answer.")
        return (found[0],)

    display.show(gauge, partial(_value, Sample(f"the queue {queue}", ask), 0), *labels)


def _value(sample: Sample[tuple[float, ...]], place: int) -> float:
    values = sample.latest()
    return math.nan if values is None else values[place]

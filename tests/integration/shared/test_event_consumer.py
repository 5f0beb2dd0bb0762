"""Another system hears events: each until it is acknowledged, and nothing that is no event stands in the way."""

import datetime as dt
import threading
from contextlib import contextmanager
from uuid import uuid4

import kombu
import orjson
import pytest

from shared.client.events import Event, EventConsumer
from shared.client.types.events import ReportCreated, UserCreated
from shared.platform.amqp.confirms import Outgoing
from shared.platform.outbox.event import headers_of
from tests.integration.shared.samples import publish
from tests.support.waiting import eventually, patience

QUEUE = "watch.events"


@pytest.fixture(autouse=True)
def exchanges(uri):
    with kombu.Connection(uri) as connection:
        for service in ("reports", "identity"):
            kombu.Exchange(f"{service}.events", "topic", durable=True)(connection.channel()).declare()


@contextmanager
def listening(uri, *events):
    with EventConsumer(uri, queue=QUEUE, events=events or (ReportCreated,)) as consumer:
        assert consumer.wait_until_ready(patience(10))
        yield consumer


def announce(uri, *titles, event_type="report_created"):
    publish(uri, [message(title, event_type) for title in titles])


def message(title, event_type="report_created", service="reports"):
    event_id = uuid4()
    headers = headers_of(
        service=service,
        event_id=event_id,
        event_type=event_type,
        subject=uuid4(),
        sequence=1,
        time=dt.datetime.now(dt.UTC),
        correlation_id="a call",
        traceparent=None,
    )
    return Outgoing(orjson.dumps({"title": title}), f"{service}.events", event_type, headers, str(event_id))


def waiting(uri, queue):
    with kombu.Connection(uri) as connection:
        return (
            kombu.Queue(queue, no_declare=True)(connection.channel())
            .queue_declare(passive=True)
            .message_count
        )


def test_an_event_is_of_its_class_and_does_not_come_again_once_it_is_acknowledged(uri):
    with listening(uri, ReportCreated, UserCreated) as consumer:
        announce(uri, "Bridge")
        event = next(iter(consumer))
        assert isinstance(event, ReportCreated)
        assert (event.data["title"], event.attributes.correlation_id) == ("Bridge", "a call")
        event.acknowledge()
    assert waiting(uri, QUEUE) == 0


def test_what_is_not_acknowledged_comes_again(uri):
    with listening(uri) as consumer:
        announce(uri, "first", "second")
        first = next(iter(consumer))
    with listening(uri) as consumer:
        again = iter(consumer)
        assert {next(again).attributes.id, next(again).attributes.id} >= {first.attributes.id}


def test_what_is_given_back_comes_again_at_once(uri):
    with listening(uri) as consumer:
        announce(uri, "Bridge")
        events = iter(consumer)
        first = next(events)
        first.requeue()
        second = next(events)
        second.acknowledge()
    assert first.attributes == second.attributes


def test_what_cannot_be_handled_and_what_is_no_event_is_set_aside(uri):
    with listening(uri) as consumer:
        publish(uri, [Outgoing(b"[", "reports.events", "report_created", {}, "no event")])
        announce(uri, "Bridge")
        next(iter(consumer)).reject()
        eventually(lambda: waiting(uri, f"{QUEUE}.dead") == 2)
    assert waiting(uri, QUEUE) == 0


def test_an_event_of_a_type_that_the_client_does_not_know_is_an_event(uri):
    class Newer(Event[dict]):
        source, type = "reports", "newer"

    with listening(uri, Newer):
        pass
    announce(uri, "Bridge", event_type="newer")
    with listening(uri) as consumer:
        event = next(iter(consumer))
        event.acknowledge()
    assert type(event) is Event
    assert (event.attributes.type, event.data) == ("newer", {"title": "Bridge"})


def test_a_lost_connection_gives_back_what_was_read_ahead_and_is_opened_again(uri, proxy):
    with listening(proxy.through(uri)) as consumer:
        announce(uri, *"abc")
        events = iter(consumer)
        next(events).acknowledge()
        proxy.cut()
        heard = {next(events).data["title"]}
        while heard < {"b", "c"}:
            heard.add(next(events).data["title"])


def test_stop_ends_the_iteration_of_another_thread(uri):
    with listening(uri) as consumer:
        heard = []
        working = threading.Thread(target=lambda: heard.extend(consumer))
        working.start()
        consumer.stop()
        working.join(patience(10))
    assert not working.is_alive()
    assert heard == []

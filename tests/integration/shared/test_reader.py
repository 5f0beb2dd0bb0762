"""Stopping a reader loses nothing and duplicates nothing; a broken connection at most repeats."""

import threading
import time

import kombu
import pytest

from shared.client.amqp.reader import QueueReader
from shared.platform.amqp.confirms import Outgoing
from tests.integration.shared.samples import publish
from tests.support.randomness import chance
from tests.support.waiting import ends, eventually, patience

QUEUE = "test.reader"
MESSAGES = 2000


def declare(channel):
    kombu.Queue(QUEUE, durable=True, queue_arguments={"x-queue-type": "quorum"})(channel).queue_declare()


@pytest.fixture
def full_queue(uri):
    """A queue with many numbered messages."""
    with kombu.Connection(uri) as connection:
        declare(connection.channel())
    publish(uri, [Outgoing(str(number).encode(), "", QUEUE, {}, str(number)) for number in range(MESSAGES)])
    return QUEUE


def ready(uri):
    with kombu.Connection(uri) as connection:
        return connection.default_channel.queue_declare(QUEUE, passive=True).message_count


class Worker:
    """Takes what the reader hands out and acknowledges it in batches, as a handler would."""

    def __init__(self, uri, *, prefetch=100, batch=10, work=0.002):
        self.done = []
        self._batch = batch
        self._work = work
        self._waiting = []
        self._stopping = threading.Event()
        self.reader = QueueReader(
            uri,
            QUEUE,
            prefetch=prefetch,
            receive=self._waiting.append,
            declare=declare,
            on_lost=self._waiting.clear,
        )
        self._thread = threading.Thread(target=self._run)

    def start(self):
        self.reader.start()
        assert self.reader.wait_until_open(patience(10))
        self._thread.start()
        return self

    def stop(self):
        """As a subscriber stops: no more deliveries, the batch in hand is finished, the rest goes back."""
        self.reader.cancel()
        self._stopping.set()
        self._thread.join(10)
        self.reader.close(0)

    def _run(self):
        while not self._stopping.is_set():
            batch, self._waiting[: self._batch] = self._waiting[: self._batch], []
            time.sleep(self._work)
            if batch:
                self.done += [int(message.body) for message in batch]
                self.reader.acknowledge(batch[-1], count=len(batch))


def test_stopping_under_load_loses_and_duplicates_nothing(uri, full_queue):
    done = []
    for _ in range(4):
        worker = Worker(uri).start()
        eventually(lambda worker=worker: len(worker.done) > 100)
        worker.stop()
        done += worker.done
    assert len(done) == len(set(done)) < MESSAGES, "nothing twice"
    last = Worker(uri, work=0).start()
    eventually(lambda: len(last.done) == MESSAGES - len(done), timeout=30)
    last.stop()
    assert sorted(done + last.done) == list(range(MESSAGES)), "nothing lost"


@pytest.mark.parametrize("is_served_to_the_end", [True, False])
def test_what_arrives_while_it_is_cancelled_is_served_to_the_end_or_given_back(
    uri, full_queue, is_served_to_the_end
):
    received, first, go_on = [], threading.Event(), threading.Event()

    def receive(message):
        received.append(message)
        if (
            len(received) == 1
        ):  # the reading thread stands still, and the rest of the prefetch waits in the socket
            first.set()
            assert go_on.wait(patience(10))

    reader = QueueReader(
        uri,
        QUEUE,
        prefetch=50,
        receive=receive,
        declare=declare,
        is_served_to_the_end=is_served_to_the_end,
    )
    reader.start()
    assert first.wait(patience(10))
    eventually(lambda: ready(uri) == MESSAGES - 50, "the prefetch is handed out")
    cancelling = threading.Thread(target=reader.cancel, args=(patience(10),))
    cancelling.start()
    eventually(reader._cancelled.is_set, "it is told")  # the call itself returns only at its end
    go_on.set()
    cancelling.join()
    assert len(received) == (50 if is_served_to_the_end else 1)
    for message in received:
        reader.acknowledge(message)
    reader.close(0)
    eventually(lambda: ready(uri) == MESSAGES - len(received), "the others are there again")


def test_two_readers_share_and_the_one_that_stays_gets_the_rest(uri, full_queue):
    leaving, staying = Worker(uri).start(), Worker(uri).start()
    eventually(lambda: len(leaving.done) > 50)
    leaving.stop()
    eventually(lambda: len(leaving.done) + len(staying.done) >= MESSAGES, timeout=30)
    staying.stop()
    assert sorted(leaving.done + staying.done) == list(range(MESSAGES))


def test_a_network_that_keeps_breaking_loses_nothing(uri, proxy, full_queue):
    random = chance()
    worker = Worker(proxy.through(uri)).start()
    for _ in range(5):
        before = len(worker.done)
        eventually(lambda before=before: len(worker.done) > before)
        time.sleep(random.uniform(0, 0.05))
        proxy.cut()
    eventually(lambda: len(set(worker.done)) == MESSAGES, timeout=30)
    worker.stop()
    repeated = len(worker.done) - MESSAGES
    assert repeated <= 5 * 100, "at most what was handed out when the network broke"


def test_settling_what_came_by_a_connection_that_is_gone_does_nothing(uri, proxy, full_queue):
    got = []
    reader = QueueReader(proxy.through(uri), QUEUE, prefetch=5, receive=got.append, declare=declare)
    reader.start()
    eventually(lambda: len(got) == 5)
    old = list(got)
    proxy.cut()
    eventually(lambda: len(got) == 10)
    reader.acknowledge(old[4], count=5)
    reader.requeue(old[0])
    answered = threading.Event()
    reader.link.run_in_reader(
        lambda channel: (declare(channel), answered.set())
    )  # what comes before it has come
    assert answered.wait(patience(10))
    assert len(got) == 10, "had the old tags counted, the broker would have sent more or closed the channel"
    assert [message.body for message in got[5:]] == [message.body for message in old]
    reader.close(0)


def test_closing_waits_for_what_was_handed_out(uri, full_queue):
    got = []
    reader = QueueReader(uri, QUEUE, prefetch=3, receive=got.append, declare=declare)
    reader.start()
    eventually(lambda: len(got) == 3)
    settled = []
    timer = threading.Timer(0.3, lambda: settled.append(reader.acknowledge(got[2], count=3)))
    timer.start()
    with ends("closing"):
        reader.close(3600)
    assert settled, "it was settled before, and not given back"
    with kombu.Connection(uri) as connection:
        queue = kombu.Queue(QUEUE, durable=True)(connection.channel())
        eventually(
            lambda: queue.queue_declare(passive=True).message_count == MESSAGES - 3,
            "what was sent ahead coming back, and nothing else",
        )


def test_closing_does_not_wait_for_ever(uri, full_queue):
    got = []
    reader = QueueReader(uri, QUEUE, prefetch=3, receive=got.append, declare=declare)
    reader.start()
    eventually(lambda: len(got) == 3)
    with ends("closing"):
        reader.close(0.5)


def test_closing_while_the_broker_is_away_does_not_wait(uri, proxy, full_queue):
    got = []
    reader = QueueReader(proxy.through(uri), QUEUE, prefetch=3, receive=got.append, declare=declare)
    reader.start()
    eventually(lambda: len(got) == 3)
    proxy.refuse()
    eventually(lambda: not reader.wait_until_open(0))
    with ends("closing"):
        reader.close(3600)


def test_a_queue_that_is_deleted_is_declared_and_read_again(uri):
    got = []

    def declare_classic(channel):
        kombu.Queue("test.classic", durable=True)(channel).queue_declare()

    reader = QueueReader(uri, "test.classic", prefetch=5, receive=got.append, declare=declare_classic)
    reader.start()
    assert reader.wait_until_open(patience(10))
    with kombu.Connection(uri) as connection:
        connection.default_channel.queue_delete("test.classic")
    eventually(lambda: publish(uri, [Outgoing(b"1", "", "test.classic", {}, "1")]) or got, every=0.1)
    reader.close(0)


@pytest.mark.parametrize(
    ("headers", "properties"),
    [
        ({"compression": "application/x-gzip"}, {}),
        ({"compression": "no such thing"}, {}),
        ({"compression": 7}, {}),
        ({}, {"content_encoding": "no such thing"}),
        ({}, {"content_encoding": "raw_unicode_escape"}),
        ({}, {"content_type": "application/x-python-serialize"}),
    ],
)
def test_a_message_that_kombu_cannot_decode_is_handed_out_like_any_other(uri, headers, properties):
    got = []
    reader = QueueReader(uri, QUEUE, prefetch=3, receive=got.append, declare=declare)
    reader.start()
    assert reader.wait_until_open(patience(10))
    with kombu.Connection(uri) as connection:
        channel = connection.default_channel
        for body in (rb"\ud800", b"{}"):
            channel.basic_publish(
                channel.prepare_message(body, headers=headers, **properties), exchange="", routing_key=QUEUE
            )
    eventually(lambda: len(got) == 2)
    reader.acknowledge(got[1], count=2)
    reader.close(1)

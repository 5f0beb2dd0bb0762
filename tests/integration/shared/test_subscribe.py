"""A handler's events: every one handled, in order, none lost; what cannot be handled is set aside and kept."""

import asyncio
import threading
import time
from uuid import UUID, uuid4

import eventlet
import greenlet
import kombu
import orjson
import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from shared.client.errors import Invalid, NotFound, Unavailable
from shared.domain import topology
from shared.platform.amqp.confirms import Outgoing
from shared.platform.amqp.declare import declare_everything
from shared.platform.outbox.dead_letters import PREFIX, DeadLetters
from shared.platform.outbox.subscribe import BATCH, TRIES
from tests.integration.shared.samples import HISTORY, HistoryService, event, publish, serving
from tests.support.randomness import chance
from tests.support.waiting import ends, eventually, patience

DEAD = topology.dead_queue_of(HISTORY)


@pytest.fixture
def declared(uri):
    """A broker with everything declared ahead."""
    declare_everything(uri, quorum=False)
    return uri


@pytest.fixture
def hurried(monkeypatch):
    """Waits between two tries are a tenth."""
    monkeypatch.setattr("shared.client.amqp.backoff.random.uniform", lambda low, _high: low / 10)


def count(uri, queue):
    """Messages that wait in the queue, not counting those handed out."""
    with kombu.Connection(uri) as connection:
        return connection.default_channel.queue_declare(queue, passive=True).message_count


def ids(messages):
    return [message.message_id for message in messages]


def handled_ids(handled):
    return [str(one) for one in handled.ids]


def database_is_away():
    return OperationalError("SELECT", {}, psycopg.OperationalError("connection refused"))


# --- the good case ---


def test_events_come_in_order_and_in_batches(declared, handled):
    sent = [event(number) for number in range(600)]
    publish(declared, sent)
    with serving(declared, HistoryService):
        eventually(lambda: len(handled.ids) == 600)
    assert handled_ids(handled) == ids(sent)
    assert max(map(len, handled.batches)) <= BATCH
    assert len(handled.batches) < 60, "many at once, not one by one"
    assert count(declared, HISTORY) == 0


def test_an_event_carries_its_envelope_and_its_data(declared, handled):
    one = event(3)
    publish(declared, [one])
    with serving(declared, HistoryService):
        eventually(lambda: handled.ids)
    got = handled.batches[0][0]
    assert (str(got.id), got.source, got.type, got.sequence) == (
        one.message_id,
        "reports",
        "report_created",
        3,
    )
    assert got.correlation_id == "test"
    assert got.data["report_id"] == got.subject, "ids are converted"


def test_an_event_published_before_the_first_start_of_its_consumer_is_kept(declared, handled):
    publish(declared, [event()])
    assert count(declared, HISTORY) == 1
    with serving(declared, HistoryService):
        eventually(lambda: handled.ids)


def test_a_new_event_is_handled_at_once(declared, handled):
    with serving(declared, HistoryService):
        publish(declared, [event()])
        eventually(lambda: handled.ids)
        publish(declared, [event()])
        eventually(lambda: len(handled.ids) == 2)


# --- what passes ---


@pytest.mark.parametrize(
    "trouble",
    [database_is_away(), Unavailable(), ConnectionResetError(), psycopg.errors.DeadlockDetected()],
    ids=lambda trouble: type(trouble).__name__,
)
def test_trouble_that_passes_is_waited_out_and_nothing_is_dropped(declared, handled, trouble, hurried):
    tries = []

    def fail(_events):
        tries.append(1)
        if len(tries) <= TRIES + 1:
            raise trouble

    handled.fail = fail
    sent = [event(number) for number in range(5)]
    publish(declared, sent)
    with serving(declared, HistoryService):
        eventually(lambda: len(handled.ids) == 5)
    assert handled_ids(handled) == ids(sent)
    assert count(declared, DEAD) == 0


def test_a_network_that_breaks_while_trouble_lasts_kills_no_message(declared, proxy, handled, hurried):
    trouble = threading.Event()
    trouble.set()

    def fail(_events):
        if trouble.is_set():
            raise database_is_away()

    handled.fail = fail
    sent = [event(number) for number in range(5)]
    publish(declared, sent)
    with serving(proxy.through(declared), HistoryService):
        for _ in range(25):  # each cut is one more delivery of all five
            eventually(lambda: count(declared, HISTORY) == 0)
            proxy.cut()
            eventually(lambda: count(declared, HISTORY) == 5)
        trouble.clear()
        eventually(lambda: len(set(handled.ids)) == 5)
    assert count(declared, DEAD) == 0


def test_stopping_while_trouble_lasts_gives_everything_back(declared, handled):
    tried = threading.Event()

    def fail(_events):
        tried.set()
        raise database_is_away()

    handled.fail = fail
    publish(declared, [event(number) for number in range(5)])
    with ends("serving"), serving(declared, HistoryService):
        assert tried.wait(patience(5))
    eventually(lambda: count(declared, HISTORY) == 5)


# --- what does not ---


def refuse_poison(handled):
    marked = set()

    def fail(events):
        for one in events:
            if one.id in marked:
                raise ValueError(f"event {one.id} is poison")

    handled.fail = fail
    return marked


def test_a_poison_event_goes_to_the_dead_queue_and_the_good_ones_are_handled(declared, handled, hurried):
    sent = [event(number) for number in range(20)]
    refuse_poison(handled).update(
        {one for index, one in enumerate(uuid_ids(sent)) if index in (7, 13)},
    )
    publish(declared, sent)
    with serving(declared, HistoryService):
        eventually(lambda: count(declared, DEAD) == 2)
        eventually(lambda: len(handled.ids) == 18)
    good = [message.message_id for index, message in enumerate(sent) if index not in (7, 13)]
    assert handled_ids(handled) == good
    letters = DeadLetters(declared, HISTORY).list()
    assert [letter.id for letter in letters] == [sent[7].message_id, sent[13].message_id]
    letter = letters[0]
    assert letter.tries == TRIES
    assert letter.event == "report_created"
    assert letter.error == f"ValueError: event {letter.id} is poison"
    assert "in fail" in letter.headers[PREFIX + "traceback"]
    assert letter.headers[PREFIX + "queue"] == HISTORY
    assert letter.died_at
    assert orjson.loads(letter.body) == orjson.loads(sent[7].body)


def uuid_ids(messages):
    return [UUID(message.message_id) for message in messages]


BROKEN = [
    event(1, body=b""),
    event(1, body=b"not JSON"),
    event(1, body=b"[1, 2]"),
    event(1, body=b'{"report_id": 7}'),
    event(1, body=b"\xff\xfe\x00"),
    event(1, body=b"[" * 5000),
    event(1, cloudEvents_type="report_imagined"),
    event(1, cloudEvents_time="noon"),
    event(1, compression="application/x-gzip", body=b"not compressed"),
    Outgoing(b"{}", topology.exchange_of("reports"), "report_created", {}, ""),
    Outgoing(
        b"{}", topology.exchange_of("reports"), "report_created", {"deep": {"list": [1, None, 2.5]}}, "x"
    ),
    event(1, padding="x" * 129_000, body=b"broken, with headers that leave no room for more"),
]


def test_messages_that_are_no_events_are_set_aside_and_the_others_handled(declared, handled, hurried):
    good = [event(2) for _ in BROKEN]
    publish(declared, [message for pair in zip(BROKEN, good, strict=True) for message in pair])
    with serving(declared, HistoryService):
        eventually(lambda: count(declared, DEAD) == len(BROKEN))
        eventually(lambda: len(handled.ids) == len(good))
    assert handled_ids(handled) == ids(good)
    letters = DeadLetters(declared, HISTORY).list()
    assert [letter.id for letter in letters if letter.id in ids(BROKEN)] == [
        one for one in ids(BROKEN) if one
    ]
    assert len({letter.id for letter in letters}) == len(BROKEN), "one without an id has got one"
    assert all(letter.error for letter in letters)
    assert count(declared, HISTORY) == 0


def test_a_bare_timeout_in_a_handler_is_an_error_like_any_other(declared, handled, hurried):
    def fail(events):
        if events[0].sequence == 1:
            raise eventlet.Timeout(0.001)

    handled.fail = fail
    publish(declared, [event(1), event(2)])
    with serving(declared, HistoryService):
        eventually(lambda: [one.sequence for batch in handled.batches for one in batch] == [2])
        eventually(lambda: count(declared, DEAD) == 1)


@pytest.mark.parametrize(
    "fault",
    [
        FileNotFoundError(2, "No such file"),
        MemoryError(),
        RecursionError(),
        SystemExit(1),
        GeneratorExit(),
        KeyboardInterrupt(),
        greenlet.GreenletExit(),
        asyncio.CancelledError(),
    ],
    ids=repr,
)
def test_a_fault_of_any_kind_in_a_handler_kills_the_event_and_nothing_else(declared, handled, hurried, fault):
    def fail(events):
        if events[0].sequence == 1:
            raise fault

    handled.fail = fail
    publish(declared, [event(1), event(2)])
    with serving(declared, HistoryService):
        eventually(lambda: [one.sequence for batch in handled.batches for one in batch] == [2])
        eventually(lambda: count(declared, DEAD) == 1)
    [letter] = DeadLetters(declared, HISTORY).list()
    assert letter.tries == TRIES
    assert type(fault).__name__ in letter.error


def test_an_error_of_the_fixed_set_that_will_not_pass_is_buried_too(declared, handled):
    def fail(_events):
        raise Invalid(fields={"x": ["No."]})

    handled.fail = fail
    publish(declared, [event(1)])
    with serving(declared, HistoryService):
        eventually(lambda: count(declared, DEAD) == 1)


def test_what_fails_once_is_tried_again_and_not_buried(declared, handled):
    tries = []

    def fail(events):
        tries.append(events)
        if len(tries) < TRIES:
            raise ValueError("not yet")

    handled.fail = fail
    publish(declared, [event(1)])
    with serving(declared, HistoryService):
        eventually(lambda: handled.ids)
    assert count(declared, DEAD) == 0


def test_a_dead_letter_that_cannot_be_sent_keeps_the_message(declared, proxy, handled, hurried, caplog):
    """The broker goes away between the last try and the burial: the poison is neither lost nor acknowledged."""
    tries = []

    def fail(_events):
        tries.append(1)
        if len(tries) == TRIES:
            proxy.refuse()
        raise ValueError("poison")

    handled.fail = fail
    publish(declared, [event(1)])
    with serving(proxy.through(declared), HistoryService):
        eventually(lambda: "is dead" in caplog.text, "the burial")
        proxy.admit()
        eventually(lambda: count(declared, DEAD) >= 1, timeout=30)
        eventually(lambda: count(declared, HISTORY) == 0, timeout=30)


# --- what the network does ---


def test_a_network_that_keeps_breaking_loses_nothing_and_keeps_the_order(declared, proxy, handled):
    random = chance()
    sent = [event(number) for number in range(1000)]
    handled.fail = lambda _events: time.sleep(0.02)
    with serving(proxy.through(declared), HistoryService):
        for start in range(0, 1000, 100):
            publish(declared, sent[start : start + 100])
            time.sleep(random.uniform(0, 0.1))
            proxy.cut()
        eventually(lambda: len(set(handled.ids)) == 1000, timeout=30)
    first_seen = list(dict.fromkeys(handled_ids(handled)))
    assert first_seen == ids(sent)
    assert count(declared, DEAD) == 0


def test_stopping_under_load_finishes_the_batch_in_hand_and_duplicates_nothing(declared, handled):
    sent = [event(number) for number in range(1500)]
    publish(declared, sent)
    handled.fail = lambda _events: time.sleep(0.05)
    for _ in range(3):
        before = len(handled.ids)
        with serving(declared, HistoryService):
            # a slow machine may be done before the last stop
            eventually(lambda before=before: len(handled.ids) > before or before == len(sent))
    with serving(declared, HistoryService):
        eventually(lambda: len(handled.ids) == 1500)
    assert sorted(handled_ids(handled)) == sorted(ids(sent)), "none twice, none lost"
    assert count(declared, HISTORY) == 0


def test_a_handler_that_takes_longer_than_the_grace_does_not_hold_up_the_stop(declared, handled):
    handled.gate.clear()
    publish(declared, [event(1)])
    runtime = serving(declared, HistoryService, stop_grace=0.5)
    with runtime:
        eventually(lambda: count(declared, HISTORY) == 0)
        with ends("the stop"):
            # `serving` would open the gate before it stops
            runtime.gen.gi_frame.f_locals["runtime"].stop()
        assert not handled.gate.is_set(), "it did not wait for the handler"


# --- dead letters ---


@pytest.fixture
def letters(declared, handled, hurried):
    """Three dead letters, and what to do with them."""
    sent = [event(number) for number in range(3)]

    def fail(_events):
        raise ValueError("a bug")

    handled.fail = fail
    publish(declared, sent)
    with serving(declared, HistoryService):
        eventually(lambda: count(declared, DEAD) == 3)
    handled.fail = lambda _events: None
    return DeadLetters(declared, HISTORY), ids(sent)


def test_listing_changes_nothing(letters):
    dead, expected = letters
    for _ in range(30):  # more often than a queue with a delivery limit would forgive
        assert [letter.id for letter in dead.list()] == expected
    assert [letter.id for letter in dead.list(limit=2)] == expected[:2]


def test_showing_finds_the_one(letters):
    dead, expected = letters
    assert dead.show(expected[1]).id == expected[1]


def test_replaying_one_after_the_bug_is_mended_handles_it(letters, declared, handled):
    dead, expected = letters
    assert dead.replay(expected[1]) == 1
    assert [letter.id for letter in dead.list()] == [expected[0], expected[2]]
    with serving(declared, HistoryService):
        eventually(lambda: handled_ids(handled) == [expected[1]])


def test_replaying_all_handles_all_in_order(letters, declared, handled):
    dead, expected = letters
    assert dead.replay() == 3
    assert dead.list() == []
    with serving(declared, HistoryService):
        eventually(lambda: handled_ids(handled) == expected)


def test_a_replayed_letter_that_fails_again_is_a_new_letter(letters, declared, handled):
    dead, expected = letters

    def fail(_events):
        raise LookupError("another bug")

    handled.fail = fail
    dead.replay(expected[0])
    with serving(declared, HistoryService):
        eventually(lambda: count(declared, DEAD) == 3)
    again = dead.show(expected[0])
    assert again.error == "LookupError: another bug"


def test_dropping_removes_for_good(letters, declared):
    dead, expected = letters
    assert dead.drop(expected[0]) == 1
    assert [letter.id for letter in dead.list()] == expected[1:]
    assert dead.drop() == 2
    assert dead.list() == []
    assert count(declared, HISTORY) == 0


@pytest.mark.parametrize("act", ["show", "replay", "drop"])
def test_a_letter_that_is_not_there_is_said(letters, act):
    dead, _ = letters
    with pytest.raises(NotFound):
        getattr(dead, act)(str(uuid4()))


def test_a_broker_that_is_away_is_said(declared, proxy):
    proxy.refuse()
    with pytest.raises(Unavailable):
        DeadLetters(proxy.through(declared), HISTORY).list()

"""The broker inside the process keeps the promises that the services build on."""

import itertools
import zlib
from dataclasses import replace

import kombu
import pytest
from kombu.exceptions import ChannelError

from infra.local import broker
from shared.client.amqp.link import Link
from shared.client.amqp.reader import QueueReader
from shared.client.errors import Unavailable
from shared.client.rpc import RpcClient
from shared.domain import topology
from shared.platform import registry
from shared.platform.amqp.confirms import ConfirmedPublisher, Outgoing
from shared.platform.amqp.declare import declare_everything, declare_subscription
from shared.platform.outbox.dead_letters import DeadLetters
from shared.platform.outbox.routes import Routes
from shared.platform.registry import Subscription
from tests.support.inprocess import inprocess_broker
from tests.support.waiting import eventually, patience

HISTORY, AUDIENCE = "reports.history", "test.audience"
EXCHANGE = "reports.events"
NOBODY_HEARS = "report_updated"


@pytest.fixture(autouse=True)
def empty_broker():
    """An empty broker with a second queue that hears reports."""
    second = Subscription(AUDIENCE, {"reports": ("report_created",)})
    known = registry.current()
    registry.register(replace(known, subscriptions=(known.by_queue[HISTORY], second)))
    with inprocess_broker():
        yield
    registry.register(known)


@pytest.fixture
def connect():
    opened = []

    def connection():
        made = kombu.Connection(broker.URI)
        made.connect()
        opened.append(made)
        return made

    yield connection
    for one in opened:
        one.close()


@pytest.fixture
def channel(connect):
    made = connect().channel()
    for queue in (HISTORY, AUDIENCE):
        declare_subscription(queue, made)
    return made


def message(channel, body=b"{}", message_id="m", **properties):
    return channel.prepare_message(
        body,
        content_type="application/json",
        content_encoding="utf-8",
        headers={"cloudEvents_type": "report_created"},
        properties={"message_id": message_id, **properties},
    )


def publish(channel, *bodies, key="report_created", exchange=EXCHANGE, mandatory=False):
    for body in bodies:
        channel.basic_publish(message(channel, body, body.decode()), exchange, key, mandatory=mandatory)


def confirming(channel):
    confirmed = []
    channel.confirm_select()
    channel.events["basic_ack"].add(lambda tag, _multiple: confirmed.append(tag))
    return confirmed


def get(channel, queue=HISTORY):
    return kombu.Queue(queue, no_declare=True)(channel).get(no_ack=False)


def take_all(channel, queue=HISTORY):
    taken = []
    while (one := get(channel, queue)) is not None:
        taken.append(one)
    return taken


def bodies(messages):
    return [one.body for one in messages]


class Reading:
    """A `QueueReader` that collects what it gets."""

    def __init__(self, queue=HISTORY, prefetch=10):
        self.got = []
        self.reader = QueueReader(
            broker.URI,
            queue,
            prefetch=prefetch,
            receive=self.got.append,
            declare=lambda channel: declare_subscription(queue, channel),
        )
        self.reader.start()
        assert self.reader.wait_until_open(patience(5))

    def close(self):
        self.reader.close(0)


@pytest.fixture
def reading():
    made = []

    def begin(**options):
        made.append(Reading(**options))
        return made[-1]

    yield begin
    for one in made:
        one.close()


# --- confirms ---


def test_an_event_is_confirmed_when_every_event_queue_has_acknowledged_it(channel):
    confirmed = confirming(channel)
    publish(channel, b"1")
    first, second = get(channel, HISTORY), get(channel, AUDIENCE)
    assert confirmed == []
    first.ack()
    assert confirmed == []
    second.ack()
    assert confirmed == [1]


def test_each_message_has_its_own_confirm(channel):
    confirmed = confirming(channel)
    publish(channel, b"1", b"2", b"3")
    for queue in (HISTORY, AUDIENCE):
        taken = take_all(channel, queue)
        taken[1].ack()
    assert confirmed == [2]


def test_acknowledging_several_confirms_each(channel):
    confirmed = confirming(channel)
    publish(channel, b"1", b"2", b"3")
    for queue in (HISTORY, AUDIENCE):
        taken = take_all(channel, queue)
        taken[1].ack(multiple=True)
    assert sorted(confirmed) == [1, 2]


def test_what_is_given_back_is_not_confirmed_until_it_is_acknowledged(channel, connect):
    confirmed = confirming(channel)
    publish(channel, b"1")
    get(channel, AUDIENCE).ack()
    get(channel, HISTORY).requeue()
    dying = connect()
    assert get(dying.channel()) is not None
    dying.close()
    assert confirmed == []
    again = get(connect().channel())
    again.ack()
    assert confirmed == [1]


def test_a_message_to_no_event_queue_is_confirmed_at_once(channel):
    confirmed = confirming(channel)
    channel.queue_declare("somewhere")
    publish(channel, b"1", key="somewhere", exchange="")
    publish(channel, b"2", key=NOBODY_HEARS)
    assert confirmed == [1, 2]


def test_a_publisher_waits_for_the_handler_and_no_longer(channel, reading):
    publisher = ConfirmedPublisher(broker.URI, "test")
    publisher.start()
    history, audience = reading(queue=HISTORY), reading(queue=AUDIENCE)
    outgoing = [Outgoing(b"{}", EXCHANGE, "report_created", {}, str(number)) for number in range(3)]
    with pytest.raises(Unavailable):
        publisher.publish(outgoing, timeout=0.2)
    # what was published stays with the handlers; the publisher sends it again
    eventually(lambda: len(history.got) == len(audience.got) == 3)
    for one in (history, audience):
        one.reader.acknowledge(one.got[-1], count=3)
        one.reader._receive = lambda again, one=one: one.reader.acknowledge(again)
    assert publisher.publish(outgoing, timeout=5) == set()
    publisher.stop()


# --- routing and returns ---


def test_an_unroutable_mandatory_message_comes_back(channel):
    returned = []
    channel.events["basic_return"].add(
        lambda _error, _exchange, key, unroutable: returned.append((key, unroutable.properties["message_id"]))
    )
    publish(channel, b"1", key=NOBODY_HEARS, mandatory=True)
    publish(channel, b"2", key=NOBODY_HEARS)
    assert returned == [(NOBODY_HEARS, "1")]


def test_a_publisher_learns_which_messages_nobody_heard(channel, reading):
    history, audience = reading(queue=HISTORY), reading(queue=AUDIENCE)
    for one in (history, audience):
        one.reader._receive = lambda message, one=one: one.reader.acknowledge(message)
    publisher = ConfirmedPublisher(broker.URI, "test")
    publisher.start()
    returned = publisher.publish(
        [
            Outgoing(b"{}", EXCHANGE, "report_created", {}, "heard"),
            Outgoing(b"{}", EXCHANGE, NOBODY_HEARS, {}, "unheard"),
        ]
    )
    assert returned == {"unheard"}
    publisher.stop()


def test_content_type_stands_in_the_properties_as_in_amqp(channel):
    publish(channel, b"1")
    assert get(channel).properties["content_type"] == "application/json"


# --- order, prefetch, giving back ---


def test_messages_come_in_order(channel):
    publish(channel, *(str(number).encode() for number in range(20)))
    assert bodies(take_all(channel)) == [str(number).encode() for number in range(20)]


def test_a_requeued_message_is_the_first_again(channel):
    publish(channel, b"1", b"2", b"3")
    get(channel).requeue()
    assert bodies(take_all(channel)) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("acknowledged", [(), (0,), (1, 3)])
def test_closing_gives_back_in_order_what_was_not_acknowledged(channel, connect, acknowledged):
    publish(channel, b"0", b"1", b"2", b"3", b"4")
    dying = connect()
    taken = [get(other) for other in itertools.repeat(dying.channel(), 4)]
    for index in acknowledged:
        taken[index].ack()
    dying.close()
    left = [str(number).encode() for number in range(5) if number not in acknowledged]
    assert bodies(take_all(channel)) == left


def test_closing_a_connection_leaves_the_queues_to_the_others(channel, connect):
    connect().close()
    publish(channel, b"1")
    assert bodies(take_all(channel)) == [b"1"]


def test_no_more_is_handed_out_than_the_prefetch(channel, reading):
    one = reading(prefetch=3)
    publish(channel, *(str(number).encode() for number in range(10)))
    eventually(lambda: len(one.got) == 3)
    other = reading(queue=AUDIENCE)  # which got all of them, one after another
    eventually(lambda: len(other.got) == 10)
    assert len(one.got) == 3
    one.reader.acknowledge(one.got[1], count=2)
    eventually(lambda: len(one.got) == 5)
    one.reader.acknowledge(one.got[4], count=3)
    eventually(lambda: len(one.got) == 8)
    assert bodies(one.got) == [str(number).encode() for number in range(8)]


def test_two_readers_share_a_queue_and_one_takes_over_from_the_other(channel, reading):
    first = reading(prefetch=2)
    publish(channel, *(str(number).encode() for number in range(6)))
    eventually(lambda: len(first.got) == 2)
    second = reading(prefetch=10)
    eventually(lambda: len(second.got) == 4)
    first.close()
    eventually(lambda: len(second.got) == 6)
    assert sorted(bodies(second.got)) == [str(number).encode() for number in range(6)]


def test_a_waiting_reader_is_woken_and_does_not_poll(channel, reading, monkeypatch):
    monkeypatch.setattr("shared.client.amqp.link.READ_SECONDS", 3600)
    one = reading()
    for count in (1, 2, 3):  # it had time to begin to wait after the one before
        publish(channel, b"1")
        eventually(lambda count=count: len(one.got) == count)
    # A reader that waits for an hour sees that it has to stop when it is woken for something.
    open_before = len(broker.Transport._readers)
    one.reader.link.stop(0)
    publish(channel, b"1")
    eventually(lambda: len(broker.Transport._readers) < open_before, "the end of the reader")


# --- what must not grow ---


def queues_and_bindings():
    state = broker.Transport.global_state
    tables = sum(len(exchange.get("table", ())) for exchange in state.exchanges.values())
    return len(broker.Channel.queues), len(state.bindings), tables


def test_the_reply_queue_of_a_client_goes_with_the_client(channel):
    before = queues_and_bindings()
    for _ in range(3):
        client = RpcClient(broker.URI, timeout=0.2)
        with pytest.raises(Unavailable):
            client.call("identity.get_jwks")
        client.close()
    eventually(lambda: queues_and_bindings() == before)


def test_readers_that_have_closed_are_forgotten(channel, reading):
    before = len(broker.Transport._readers)
    for _ in range(2):
        reading().close()
    eventually(lambda: len(broker.Transport._readers) <= before)


def test_declaring_everything_twice_changes_nothing(channel):
    declare_everything(broker.URI, quorum=False)
    before = queues_and_bindings()
    declare_everything(broker.URI, quorum=False)
    assert queues_and_bindings() == before


# --- dead letters and links on it ---


def test_dead_letters_can_be_listed_shown_replayed_and_dropped(channel):
    dead = topology.dead_queue_of(HISTORY)
    publish(channel, b"1", b"2", b"3", key=dead, exchange="")
    letters = DeadLetters(broker.URI, HISTORY)
    assert [letter.id for letter in letters.list()] == ["1", "2", "3"]
    assert [letter.id for letter in letters.list()] == ["1", "2", "3"]
    assert letters.show("2").body == "2"
    assert letters.replay("2") == 1
    assert bodies(take_all(channel)) == [b"2"]
    assert letters.drop("1") == 1
    assert letters.drop() == 1
    assert letters.list() == []


def test_a_link_that_is_reset_opens_again():
    opened = []
    link = Link(broker.URI, "test", on_open=opened.append)
    link.start()
    link.reset(link.channel)
    eventually(lambda: len(opened) == 2)
    assert link.wait_until_open(patience(5))
    link.stop()


def test_a_rejected_event_is_a_dead_letter_and_is_confirmed(channel):
    confirmed = confirming(channel)
    publish(channel, b"bad")
    for queue in (HISTORY, AUDIENCE):
        found = channel.basic_get(queue)
        channel.basic_reject(found.delivery_tag, requeue=False)
        assert channel.basic_get(topology.dead_queue_of(queue)).body in (b"bad", "bad")
    assert confirmed == [1]


def test_nothing_is_inflated_and_the_header_stays(channel):
    squeezed = zlib.compress(b" " * 1_000_000)
    made = message(channel, squeezed)
    made["headers"]["compression"] = "application/x-gzip"
    channel.basic_publish(made, EXCHANGE, "report_created")
    first = channel.basic_get(HISTORY)
    assert (first.body, first.headers["compression"]) == (squeezed, "application/x-gzip")
    channel.basic_reject(first.delivery_tag, requeue=True)
    again = channel.basic_get(HISTORY)
    assert (again.body, again.headers["compression"]) == (squeezed, "application/x-gzip")


def test_a_queue_that_is_not_there_cannot_be_bound(channel):
    with pytest.raises(ChannelError):
        channel.queue_bind("not.there", EXCHANGE, "report_created")
    assert Routes("reports", broker.URI).missing(["report_created"]) == {}
    channel._remove(AUDIENCE)
    assert AUDIENCE in Routes("reports", broker.URI).missing(["report_created"])["report_created"]

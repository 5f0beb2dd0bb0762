"""Any bytes from any AMQP client end as an answer, a dead letter or a line in the log, at the first delivery."""

import gzip
import struct

import kombu
import orjson
import pytest

from shared.client.amqp.reader import QueueReader
from shared.client.amqp.transport import connection_to
from shared.client.events import PREFIX as ENVELOPE
from shared.client.rpc import RpcClient
from shared.domain import topology
from shared.platform.amqp.declare import declare_everything
from shared.platform.outbox import subscribe as subscribe_module
from shared.platform.outbox.dead_letters import DeadLetters
from tests.integration.shared.samples import HISTORY, EchoService, HistoryService, event, publish, serving
from tests.support.randomness import chance
from tests.support.raw_amqp import RawMessage, field, long, properties, random_properties
from tests.support.waiting import eventually

BINARY = b"\xff\xfe\x80"
REQUESTS = topology.rpc_queue_of("echo")
EVENTS = topology.exchange_of("reports")
DEAD = topology.dead_queue_of(HISTORY)


class Stranger:
    """Any AMQP client: it publishes what it likes, and hears the replies that are sent to it."""

    def __init__(self, uri):
        self._uri = uri
        self._connect()

    def _connect(self):
        self._connection = kombu.Connection(self._uri)
        self.channel = self._connection.default_channel

    def close(self):
        self._connection.release()

    def send(self, exchange, key, body, raw):
        self.channel.basic_publish(RawMessage(body, raw), exchange=exchange, routing_key=key)

    def send_if_the_broker_takes_it(self, exchange, key, body, raw):
        """Whether it did: some of what is made at random is refused, with the connection."""
        try:
            self.channel.confirm_select()
            self.channel.basic_publish_confirm(RawMessage(body, raw), exchange=exchange, routing_key=key)
        except self._connection.connection_errors + self._connection.channel_errors:
            self._connection.collect()
            self._connect()
            return False
        return True

    def replies_to(self, key):
        """A queue that gets the replies to a key."""
        name = self.channel.queue_declare(auto_delete=False).queue
        self.channel.queue_bind(name, topology.RPC_EXCHANGE, key)
        return name


@pytest.fixture
def stranger(uri):
    declare_everything(uri, quorum=False)
    made = Stranger(uri)
    yield made
    made.close()


@pytest.fixture
def hurried(monkeypatch):
    """What fails for good does so soon."""
    monkeypatch.setattr(subscribe_module, "TRIES", 1)


def depth(uri, queue):
    with kombu.Connection(uri) as connection:
        return connection.default_channel.queue_declare(queue, passive=True).message_count


def text(value):
    return long(value)


def as_table(headers, **changed):
    """Headers of an event as a table, some of them as other fields."""
    fields = {name.encode(): (b"S", text(value.encode())) for name, value in headers.items()}
    fields |= {ENVELOPE.encode() + name.encode(): value for name, value in changed.items()}
    return b"".join(field(name, kind, raw) for name, (kind, raw) in fields.items())


# --- requests ---


def test_a_request_with_a_binary_correlation_id_is_answered_with_it(uri, stranger):
    queue = stranger.replies_to("own")
    body = orjson.dumps({"args": [], "kwargs": {"text": "Hello."}})
    with serving(uri, EchoService):
        raw = properties(
            field(BINARY, b"S", text(BINARY)), correlation_id=BINARY, reply_to=b"own", message_id=BINARY
        )
        stranger.send(topology.RPC_EXCHANGE, "echo.say", body, raw)
        with connection_to(uri) as connection:  # py-amqp itself could not read the reply
            message = eventually(lambda: connection.default_channel.basic_get(queue, no_ack=True))
    assert message.properties["correlation_id"] == BINARY
    assert orjson.loads(message.body)["result"] == {"text": "Hello."}


@pytest.mark.parametrize(
    "raw",
    [
        properties(correlation_id=BINARY),
        properties(reply_to=BINARY),
        properties(
            message_id=BINARY, type=BINARY, app_id=BINARY, content_type=BINARY, content_encoding=BINARY
        ),
        properties(content_encoding=b"utf-16", reply_to=b"nobody"),
        properties(reply_to=b"echo.say"),
        properties(reply_to=b"#"),
        properties(field(BINARY, b"S", text(BINARY)), reply_to=b"nobody"),
        properties(field(b"nameko.auth_token", b"F", text(b""))),
        properties(field(b"nameko.correlation_id", b"A", text(b"I" + b"\x00" * 4)), reply_to=b"nobody"),
        properties(field(b"traceparent", b"T", b"\xff" * 8)),
        properties(field(b"compression", b"S", text(b"application/x-gzip"))),
        properties(field(b"compression", b"A", text(b""))),
        properties(field(b"x-delivery-count", b"S", text(b"many"))),
    ],
)
@pytest.mark.parametrize("key", ["echo.say", b"echo." + BINARY, b"echo.\xed\xa0\x80"])
def test_a_request_of_any_bytes_is_settled_at_its_first_delivery_and_the_next_one_answered(
    uri, stranger, executed, raw, key
):
    with serving(uri, EchoService), RpcClient(uri, timeout=10) as client:
        for body in (b"", b'{"args": [], "kwargs": {"text": "x"}}'):
            # RabbitMQ itself refuses a routing key that is not UTF-8, if not always one that nobody else takes for it
            stranger.send_if_the_broker_takes_it(topology.RPC_EXCHANGE, key, body, raw)
        assert client.echo.say(text="ready") == {"text": "ready"}
        eventually(lambda: depth(uri, REQUESTS) == 0)
    assert executed.count("ready") == 1
    assert executed.count("x") <= 1


def test_a_request_that_is_larger_than_is_read_is_answered_without_being_held(uri, stranger):
    queue = stranger.replies_to("own")
    with serving(uri, EchoService):
        stranger.send(topology.RPC_EXCHANGE, "echo.say", b" " * 8_000_000, properties(reply_to=b"own"))
        message = eventually(lambda: stranger.channel.basic_get(queue, no_ack=True), timeout=20)
    assert orjson.loads(message.body)["error"]["slug"] == "too_large"


def test_a_reply_of_any_bytes_does_not_end_the_client(uri, stranger):
    with serving(uri, EchoService), RpcClient(uri, timeout=10) as client:
        assert client.echo.say(text="1") == {"text": "1"}
        for raw in (properties(correlation_id=BINARY), properties(field(BINARY, b"T", b"\xff" * 8))):
            stranger.send(topology.RPC_EXCHANGE, client._reply_to, b"[" * 10, raw)
        assert client.echo.say(text="2") == {"text": "2"}


# --- a request that ends its replica ---


@pytest.mark.parametrize("quorum", [False, True])
def test_a_request_that_was_handed_out_and_lost_is_not_executed_for_ever(uri, stranger, executed, quorum):
    with kombu.Connection(uri) as connection:
        connection.default_channel.queue_delete(REQUESTS)
    with serving(uri, EchoService, rpc_quorum=quorum):
        pass
    queue = stranger.replies_to("own")
    body = b'{"args": [], "kwargs": {"text": "killer"}}'
    stranger.send(topology.RPC_EXCHANGE, "echo.say", body, properties(reply_to=b"own"))
    for _ in range(4):
        with kombu.Connection(uri) as connection:
            channel = connection.channel()
            eventually(lambda channel=channel: channel.basic_get(REQUESTS))
    with serving(uri, EchoService, rpc_quorum=quorum):
        message = eventually(lambda: stranger.channel.basic_get(queue, no_ack=True))
    assert orjson.loads(message.body)["error"]["slug"] == "unavailable"
    assert "killer" not in executed
    assert depth(uri, REQUESTS) == 0


def test_a_quorum_queue_has_a_lost_request_executed_again(uri, stranger, executed):
    with serving(uri, EchoService, rpc_quorum=True):
        pass
    queue = stranger.replies_to("own")
    body = b'{"args": [], "kwargs": {"text": "unlucky"}}'
    stranger.send(topology.RPC_EXCHANGE, "echo.say", body, properties(reply_to=b"own"))
    with kombu.Connection(uri) as connection:
        channel = connection.channel()
        eventually(lambda: channel.basic_get(REQUESTS))
    with serving(uri, EchoService, rpc_quorum=True):
        message = eventually(lambda: stranger.channel.basic_get(queue, no_ack=True))
    assert orjson.loads(message.body)["result"] == {"text": "unlucky"}


# --- events ---


ODD_EVENTS = [
    (
        "binary properties",
        {"message_id": BINARY, "correlation_id": BINARY, "type": BINARY, "app_id": BINARY},
        {},
    ),
    ("table for a text", {}, {"correlationid": (b"F", long(field(b"a", b"V")))}),
    ("array for a text", {}, {"correlationid": (b"A", long(b"V"))}),
    ("bytes for a text", {}, {"correlationid": (b"x", long(BINARY))}),
    ("number for a text", {}, {"traceparent": (b"d", b"\x40" + b"\x00" * 7)}),
    ("table for the type", {}, {"type": (b"F", long(b""))}),
    ("moment beyond the calendar", {}, {"time": (b"T", b"\xff" * 8)}),
    ("time without a zone", {}, {"time": (b"S", long(b"2026-01-01T00:00:00"))}),
    ("time at the end", {}, {"time": (b"S", long(b"9999-12-31T23:59:59-12:00"))}),
    ("sequence beyond the column", {}, {"sequence": (b"S", long(b"9" * 30))}),
    ("decimal", {}, {"sequence": (b"D", b"\xff\x7f\xff\xff\xff")}),
]


@pytest.mark.parametrize(("_name", "given", "changed"), ODD_EVENTS, ids=[odd[0] for odd in ODD_EVENTS])
def test_an_odd_event_is_handled_or_a_dead_letter_and_the_next_one_handled(
    uri, stranger, handled, hurried, _name, given, changed
):
    odd, good = event(1), event(2)
    table = as_table(odd.headers, **changed) + field(BINARY, b"S", text(BINARY))
    with serving(uri, HistoryService):
        stranger.send(EVENTS, b"report_created", odd.body, properties(table, **given))
        publish(uri, [good])
        eventually(lambda: good.message_id in map(str, handled.ids))
        eventually(lambda: depth(uri, HISTORY) == 0)
        eventually(lambda: len(handled.ids) + depth(uri, DEAD) == 2)


def test_a_dead_letter_of_any_bytes_can_be_listed_shown_replayed_and_dropped(uri, stranger, handled, hurried):
    given = {"message_id": BINARY, "correlation_id": BINARY, "type": b"own type", "content_type": BINARY}
    table = field(BINARY, b"S", text(BINARY)) + field(b"kept", b"D", b"\x02\x00\x00\x00\x07")
    letters = DeadLetters(uri, HISTORY)
    with serving(uri, HistoryService):
        stranger.send(EVENTS, b"report_created", BINARY, properties(table, **given))
        letter = eventually(lambda: next(iter(letters.list()), None))
        assert letters.show(letter.id).headers["\\xff\\xfe\\x80"] == BINARY
        assert letters.replay(letter.id) == 1
        again = eventually(lambda: next((one for one in letters.list() if one.id != letter.id), None))
        assert again.headers["\\xff\\xfe\\x80"] == BINARY
    assert letters.replay() == 1
    arrived = []
    reader = kept_reader(uri, arrived)
    eventually(lambda: arrived)
    reader.close(0)
    (message,) = arrived
    assert message.body == BINARY
    assert message.headers == {BINARY: BINARY, "kept": message.headers["kept"]}
    assert {name: message.properties[name] for name in given} == {
        "message_id": BINARY,
        "correlation_id": BINARY,
        "type": "own type",
        "content_type": BINARY,
    }


def kept_reader(uri, arrived):
    reader = QueueReader(uri, HISTORY, prefetch=5, receive=arrived.append, declare=lambda _channel: None)
    reader.start()
    return reader


def test_what_the_broker_moved_to_the_dead_letters_itself_can_be_named(uri, stranger):
    letters = DeadLetters(uri, HISTORY)
    for given in ({"message_id": BINARY}, {"message_id": b"a\nb"}, {}):
        stranger.send("", DEAD.encode(), BINARY, properties(field(BINARY, b"V"), **given))
    found = eventually(lambda: len(listed := letters.list()) == 3 and listed)
    assert [letter.id for letter in letters.list()] == [letter.id for letter in found], (
        "the same at each look"
    )
    assert len({letter.id for letter in found}) == 3
    for letter in found:
        assert letter.id.isprintable()
        assert letters.show(letter.id).body == BINARY.decode(errors="replace")
        assert letters.drop(letter.id) == 1


# --- sizes ---


def test_a_body_that_asks_to_be_inflated_stays_as_it_is(uri, stranger, handled, hurried):
    bomb = gzip.compress(b" " * 50_000_000)
    letters = DeadLetters(uri, HISTORY)
    with serving(uri, HistoryService):
        for kind in (b"application/x-gzip", b"application/x-bz2", b"application/x-lzma", b"application/zstd"):
            raw = properties(
                field(b"compression", b"S", text(kind)), message_id=kind, content_encoding=b"gzip"
            )
            stranger.send(EVENTS, b"report_created", bomb, raw)
        eventually(lambda: depth(uri, DEAD) == 4, timeout=20)
        assert {len(letters.show(letter.id).headers["compression"]) > 0 for letter in letters.list()} == {
            True
        }
        with kombu.Connection(uri) as connection:
            found = connection.default_channel.basic_get(DEAD)
            assert found.body in (bomb, bomb.decode(errors="replace"))
    publish(uri, [good := event(2)])
    with serving(uri, HistoryService):
        eventually(lambda: good.message_id in map(str, handled.ids))


@pytest.mark.parametrize("size", [5_000_000, 20_000_000])
def test_an_event_that_is_too_large_to_be_kept_is_moved_by_the_broker(uri, stranger, handled, hurried, size):
    with serving(uri, HistoryService):
        stranger.send(EVENTS, b"report_created", b" " * size, properties(message_id=b"large"))
        publish(uri, [good := event(2)])
        eventually(lambda: good.message_id in map(str, handled.ids), timeout=20)
        eventually(lambda: depth(uri, DEAD) == 1, timeout=20)
    letters = DeadLetters(uri, HISTORY)
    assert len(letters.show("large").body) == size
    assert letters.drop("large") == 1


def test_headers_that_fill_a_frame_become_a_letter_that_fits(uri, stranger, handled, hurried):
    # More bytes on the wire than characters when it is printed.
    numbers = field(b"numbers", b"A", long((b"I" + struct.pack(">i", 1)) * 24_000))
    with serving(uri, HistoryService):
        stranger.send(EVENTS, b"report_created", b"{}", properties(numbers))
        eventually(lambda: depth(uri, DEAD) == 1)
        publish(uri, [good := event(2)])
        eventually(lambda: good.message_id in map(str, handled.ids))


# --- at random ---


def test_nothing_that_is_made_at_random_stops_a_service(uri, stranger, executed, handled, hurried):
    random = chance()
    letters = DeadLetters(uri, HISTORY)
    taken = 0
    with serving(uri, EchoService, HistoryService), RpcClient(uri, timeout=10) as client:
        for number in range(150):
            raw = random_properties(
                random, routing=random.choice((b"nobody", b"echo.say", client._reply_to.encode()))
            )
            body = random.choice((b"", b'{"args": [], "kwargs": {}}', random.randbytes(300)))
            if random.random() < 0.5:
                key = b"echo." + random.choice((b"say", random.randbytes(10)))
                taken += stranger.send_if_the_broker_takes_it(topology.RPC_EXCHANGE, key, body, raw)
            else:
                taken += stranger.send_if_the_broker_takes_it(EVENTS, b"report_created", body, raw)
            if number % 50 == 49:
                publish(uri, [good := event(number)])
                assert client.echo.say(text=f"{number}") == {"text": f"{number}"}
                eventually(lambda good=good: good.message_id in map(str, handled.ids), timeout=20)
        eventually(lambda: depth(uri, REQUESTS) == 0 and depth(uri, HISTORY) == 0, timeout=20)
    assert taken > 40, "much of it reached the services; the broker refuses the rest"
    named = [letter.id for letter in letters.list(1000)]
    assert len(named) == depth(uri, DEAD) > 20
    for letter_id in named[:5]:
        letters.show(letter_id)
    assert letters.drop() == len(named)

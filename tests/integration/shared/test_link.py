"""A link comes back whatever breaks it, and no wait on it is without an end."""

import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from urllib.parse import quote

import kombu
import pytest

from infra.local.postgresql.ports import free_port
from shared.client.amqp import link as link_module
from shared.client.amqp import transport
from shared.client.amqp.link import TRANSIENT, Link
from shared.client.amqp.transport import connection_to
from shared.client.errors import Unavailable
from shared.platform.amqp.confirms import ConfirmedPublisher, Outgoing
from tests.support.processes import ROOT
from tests.support.waiting import ends, eventually, patience

QUEUE = "test.link"


@pytest.fixture
def open_link():
    made = []

    def opening(uri, **options):
        made.append(Link(uri, "test link", **options))
        made[-1].start()
        return made[-1]

    yield opening
    for one in made:
        one.stop()


@pytest.fixture
def queue(uri):
    with kombu.Connection(uri) as connection:
        kombu.Queue(QUEUE, durable=True)(connection.channel()).queue_declare()
    return QUEUE


def messages_in(uri, queue):
    got = []
    with kombu.Connection(uri) as connection:
        bound = kombu.Queue(queue, no_declare=True)(connection.channel())
        while (message := bound.get(no_ack=True)) is not None:
            got.append(message.body if isinstance(message.body, bytes) else message.body.encode())
    return got


def close_all_connections(broker, virtual_host):
    """What ``rabbitmqctl close_all_connections`` does."""
    found = broker.api("GET", f"vhosts/{quote(virtual_host.name, safe='')}/connections")
    for connection in found:
        broker.api("DELETE", f"connections/{quote(connection['name'], safe='')}")
    return len(found)


def test_a_cut_connection_is_opened_anew(uri, proxy, open_link):
    opened, lost = [], []
    link = open_link(proxy.through(uri), on_open=opened.append, on_lost=lambda: lost.append(1))
    assert link.wait_until_open(patience(5))
    for times in (1, 2, 3):
        proxy.cut()
        eventually(
            lambda times=times: len(lost) == times and len(opened) == times + 1 and link.wait_until_open(0)
        )
    assert len(set(map(id, opened))) == 4


def test_a_connection_that_the_broker_closes_is_opened_anew(uri, broker, virtual_host, open_link):
    opened = []
    link = open_link(uri, on_open=opened.append)
    assert link.wait_until_open(patience(5))
    eventually(lambda: close_all_connections(broker, virtual_host))  # its list lags behind by some seconds
    eventually(lambda: len(opened) == 2)


def test_a_channel_that_the_broker_closes_is_opened_anew(open_link, uri, queue):
    opened = []
    link = open_link(uri, on_open=opened.append)
    link.publish(b"{}", exchange="no such exchange", routing_key=queue)
    eventually(lambda: len(opened) == 2)
    link.publish(b'"after"', exchange="", routing_key=queue)
    assert eventually(lambda: messages_in(uri, queue)) == [b'"after"']


def test_a_broker_that_is_not_there_is_waited_for_but_not_for_ever(open_link, monkeypatch):
    monkeypatch.setattr(link_module, "CONNECT_SECONDS", 0.3)
    link = open_link(f"amqp://guest:guest@127.0.0.1:{free_port()}//")
    with ends("publishing"), pytest.raises(Unavailable):
        link.publish(b"{}", exchange="", routing_key=QUEUE)


def test_a_broker_that_comes_later_is_found(uri, proxy, open_link, queue):
    proxy.refuse()
    link = open_link(proxy.through(uri))
    assert not link.wait_until_open(0.3)
    proxy.admit()
    assert link.wait_until_open(patience(5))


def test_a_server_that_accepts_and_says_nothing_is_given_up(open_link, monkeypatch):
    monkeypatch.setattr(link_module, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        link = open_link(f"amqp://guest:guest@127.0.0.1:{mute.getsockname()[1]}//")
        with ends("publishing"), pytest.raises(Unavailable):
            link.publish(b"{}", exchange="", routing_key=QUEUE)
        mute.settimeout(patience(10))
        mute.accept()
        mute.accept()  # it hung up on the first and tries again


@pytest.fixture
def trickling(monkeypatch):
    """An address where one byte comes now and then, always before a limit for one read would be over."""
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            client, _ = server.accept()
            with client, suppress(OSError):
                client.recv(1)  # the client speaks first, in AMQP as in TLS
                # the head of a frame as long as there can be, and of a record of TLS
                for byte in b"\x16\x03\x03\x40\x00\x02\x00" + bytes(100_000):
                    client.sendall(bytes([byte]))
                    time.sleep(0.05)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["amqp", "amqps"])
def test_a_server_that_lets_nobody_in_but_sends_a_byte_now_and_then_is_given_up(trickling, scheme):
    connection = connection_to(f"{scheme}://guest:guest@{trickling}//", connect_timeout=0.5, max_retries=0)
    with ends("connecting"), pytest.raises(TimeoutError):
        connection.connect()


def test_an_answer_of_which_a_byte_comes_now_and_then_is_given_up(uri, proxy, monkeypatch):
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.5)
    connection = connection_to(proxy.through(uri), connect_timeout=patience(10))
    channel = connection.channel()
    proxy.trickle(5)
    with ends("declaring"), pytest.raises(TimeoutError):
        channel.queue_declare("q" * 200, exclusive=True)
    connection.collect()


def test_a_connection_that_died_without_a_word_is_noticed_and_given_up(uri, proxy, open_link, monkeypatch):
    monkeypatch.setattr(link_module, "HEARTBEAT_SECONDS", 1)
    opened = []
    link = open_link(proxy.through(uri), on_open=opened.append)
    assert link.wait_until_open(patience(5))
    proxy.strand()
    eventually(lambda: len(opened) == 2)


def test_an_error_while_opening_does_not_end_the_link(open_link, uri):
    tries = []

    def fail_at_first(channel):
        tries.append(channel)
        if len(tries) == 1:
            raise LookupError("a fault of ours")

    link = open_link(uri, on_open=fail_at_first)
    assert link.wait_until_open(patience(5))
    assert len(tries) == 2


def test_an_error_in_a_callback_does_not_end_the_link(open_link, uri):
    opened = []
    link = open_link(uri, on_open=opened.append)
    link.channel  # noqa: B018 - waits until it is open
    link.run_in_reader(lambda _channel: {}["a fault of ours"])
    eventually(lambda: len(opened) == 2)


def test_many_threads_publish_on_one_link_and_every_message_arrives_whole(open_link, uri, queue):
    link = open_link(uri)
    link.channel  # noqa: B018 - waits until it is open
    bodies = [str(number).encode() * (1 + 997 * (number % 40)) for number in range(400)]

    def send(part):
        for body in part:
            link.publish(body, exchange="", routing_key=queue, delivery_mode=TRANSIENT)

    threads = [threading.Thread(target=send, args=(bodies[start::8],)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = []
    eventually(lambda: got.extend(messages_in(uri, queue)) or len(got) >= 400)
    assert sorted(got) == sorted(bodies)


def test_a_peer_that_stops_reading_does_not_hang_the_publisher(open_link, uri, proxy, queue):
    link = open_link(proxy.through(uri))
    link.channel  # noqa: B018 - waits until it is open
    proxy.stall()
    body = b"x" * 500_000

    def fill():
        while True:
            link.publish(body, exchange="", routing_key=queue)

    with ends("publishing"), pytest.raises(Unavailable):
        fill()
    proxy.resume()
    proxy.cut()
    eventually(lambda: link.wait_until_open(0) or link.publish(b"{}", exchange="", routing_key=queue))


def test_a_slow_network_is_no_broken_one(uri, proxy, queue):
    """What the kernel does not take at once is waited for, as long as it takes some."""
    publisher = ConfirmedPublisher(proxy.through(uri), "test")
    publisher.start()
    publisher.publish([])
    connections = proxy.opened
    proxy.slow_down(4_000_000)
    batch = [Outgoing(bytes([65 + number]) * 1_000_000, "", queue, {}, str(number)) for number in range(12)]
    assert publisher.publish(batch) == set()
    assert proxy.opened == connections
    publisher.stop()
    assert messages_in(uri, queue) == [one.body for one in batch]


PLAIN = """
import socket, sys
from shared.client.amqp import transport
from shared.client.amqp.link import Link

set_up = transport.Connector._setup_transport
def set_up_small(connector):
    connector.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    set_up(connector)
transport.Connector._setup_transport = set_up_small

opened = []
link = Link(sys.argv[1], "plain", on_open=opened.append)
link.start()
link.publish(b"x" * 900_000, exchange="", routing_key=sys.argv[2])
link.publish(b"end", exchange="", routing_key=sys.argv[2])
link.stop()
assert len(opened) == 1, opened
assert "eventlet" not in sys.modules
"""


def test_a_slow_network_is_no_broken_one_in_ordinary_threads_either(uri, proxy, queue):
    proxy.slow_down(500_000)
    done = subprocess.run(
        [sys.executable, "-c", PLAIN, proxy.through(uri), queue],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert eventually(lambda: messages_in(uri, queue)) == [b"x" * 900_000, b"end"]


def test_a_frame_that_comes_in_two_halves_does_not_stop_the_process(open_link, uri, proxy, queue):
    """py-amqp reads before it publishes; half a frame must not make it wait without letting others run."""
    received = []

    def consume(channel):
        kombu.Consumer(
            channel,
            queues=[kombu.Queue(queue, no_declare=True)],
            on_message=received.append,
            no_ack=True,
            auto_declare=False,
        ).consume()

    link = open_link(proxy.through(uri), on_open=consume)
    link.channel  # noqa: B018 - waits until it is open
    proxy.stall_after(1000)  # bytes towards the client, then silence
    with kombu.Connection(uri) as connection:
        connection.default_channel.basic_publish(
            connection.default_channel.prepare_message(b"x" * 50_000), exchange="", routing_key=queue
        )
    eventually(lambda: proxy.is_stalled)
    ticks = []
    ticker = threading.Thread(target=lambda: [ticks.append(time.sleep(0.05)) for _ in range(10)])
    ticker.start()
    for _ in range(5):
        link.publish(b"{}", exchange="", routing_key="nobody")
        time.sleep(0.02)
    ticker.join(patience(5))
    assert len(ticks) == 10
    proxy.resume()
    eventually(lambda: received)


def test_confirms_that_do_not_come_are_an_error_in_time(uri, proxy, queue):
    publisher = ConfirmedPublisher(proxy.through(uri), "test")
    publisher.start()
    one = Outgoing(b"{}", "", queue, {}, "1")
    assert publisher.publish([one]) == set()
    proxy.stall(up=False)
    with ends("waiting for confirms"), pytest.raises(Unavailable):
        publisher.publish([one], timeout=0.5)
    proxy.resume()
    assert publisher.publish([one]) == set()
    publisher.stop()


def test_a_connection_cut_while_confirms_are_awaited_is_an_error_at_once(uri, proxy, queue):
    publisher = ConfirmedPublisher(proxy.through(uri), "test")
    publisher.start()
    publisher.publish([])
    proxy.stall(up=False)
    timer = threading.Timer(0.2, proxy.cut)
    timer.start()
    with ends("waiting for confirms"), pytest.raises(Unavailable):
        publisher.publish([Outgoing(b"{}", "", queue, {}, "1")], timeout=3600)
    proxy.resume()
    publisher.stop()


def test_a_batch_of_thousands_is_confirmed_and_in_order(uri, queue):
    publisher = ConfirmedPublisher(uri, "test")
    publisher.start()
    batch = [Outgoing(str(number).encode(), "", queue, {}, str(number)) for number in range(3000)]
    assert publisher.publish(batch) == set()
    publisher.stop()
    assert messages_in(uri, queue) == [one.body for one in batch]


def test_a_stopped_link_stays_closed(open_link, uri):
    opened = []
    link = open_link(uri, on_open=opened.append)
    assert link.wait_until_open(patience(5))
    link.stop()
    assert not link.wait_until_open(0)
    assert len(opened) == 1

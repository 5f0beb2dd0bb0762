"""``amqps://`` carries everything that ``amqp://`` does, and trusts nobody whom it was not told to trust."""

import subprocess
import sys
import threading
from urllib.parse import quote, urlsplit

import pytest

from shared.client.amqp.link import Link
from shared.client.errors import Unavailable
from shared.client.rpc import RpcClient
from shared.domain import topology
from shared.platform.amqp.declare import declare_everything
from shared.platform.outbox.dead_letters import DeadLetters
from tests.integration.shared.samples import HISTORY, EchoService, HistoryService, event, publish, serving
from tests.integration.shared.test_any_bytes import BINARY, EVENTS, Stranger
from tests.support.processes import ROOT
from tests.support.raw_amqp import field, long, properties
from tests.support.tls import Authority, TlsFront
from tests.support.waiting import eventually

CALLS = 200


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def front(broker, authority):
    with TlsFront(broker.port, authority.issue("127.0.0.1")) as made:
        yield made


def over_tls(uri, front, **options):
    parts = urlsplit(uri)
    query = "&".join(f"{name}={quote(str(value))}" for name, value in options.items())
    return f"amqps://{parts.username}:{parts.password}@127.0.0.1:{front.port}{parts.path}?{query}"


@pytest.fixture
def secure(uri, front, authority):
    return over_tls(uri, front, ssl_ca_certs=authority.certificate)


def test_calls_events_and_dead_letters_go_over_tls(uri, secure, handled, executed):
    declare_everything(secure, quorum=False)
    stranger = Stranger(uri)
    with serving(secure, EchoService, HistoryService), RpcClient(secure, timeout=20) as client:
        large = "x" * 90_000  # more than one record of TLS
        assert client.echo.say(text=large) == {"text": large}
        publish(secure, [good := event(1)])
        eventually(lambda: good.message_id in map(str, handled.ids))
        odd = properties(field(BINARY, b"S", long(BINARY)), message_id=BINARY, correlation_id=BINARY)
        stranger.send(EVENTS, b"report_created", b"{}", odd)
        stranger.send(topology.RPC_EXCHANGE, "echo.say", b"{}", odd)
        letter = eventually(lambda: next(iter(DeadLetters(secure, HISTORY).list()), None), timeout=20)
        assert DeadLetters(secure, HISTORY).drop(letter.id) == 1
        assert client.echo.say(text="still") == {"text": "still"}
    stranger.close()


def test_many_at_once_do_not_mix_what_they_write(secure):
    declare_everything(secure, quorum=False)
    answers = {}
    with serving(secure, EchoService), RpcClient(secure, timeout=20) as client:

        def call(number):
            text = f"{number}" * 200
            answers[number] = client.echo.say(text=text)["text"] == text

        calls = [threading.Thread(target=call, args=(number,)) for number in range(CALLS)]
        for one in calls:
            one.start()
        for one in calls:
            one.join(60)
    assert answers == dict.fromkeys(range(CALLS), True)


PLAIN_THREADS = """
import sys, threading
from shared.client.rpc import RpcClient

answers = {}
with RpcClient(sys.argv[1], timeout=20) as client:
    def call(number):
        text = f"{number}" * 200
        answers[number] = client.echo.say(text=text)["text"] == text
    calls = [threading.Thread(target=call, args=(number,)) for number in range(100)]
    for one in calls: one.start()
    for one in calls: one.join(60)
assert answers == dict.fromkeys(range(100), True), answers
print("all answered")
"""


def test_a_program_with_ordinary_threads_calls_over_tls(secure):
    declare_everything(secure, quorum=False)
    with serving(secure, EchoService):
        program = subprocess.Popen(
            [sys.executable, "-c", PLAIN_THREADS, secure],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        eventually(lambda: program.poll() is not None, timeout=60)
        said = program.stdout.read()
    assert program.returncode == 0, said
    assert said.endswith("all answered\n")


def test_a_connection_that_breaks_is_opened_anew(front, secure):
    opened = []
    link = Link(secure, "test", on_open=opened.append)
    link.start()
    assert link.wait_until_open(10)
    front.cut()
    eventually(lambda: len(opened) == 2, timeout=20)
    link.stop()


@pytest.mark.parametrize(
    ("hosts", "trusted", "options", "connects"),
    [
        (("127.0.0.1",), True, {}, True),
        (("127.0.0.1",), False, {}, False),
        (("other.example",), True, {}, False),
        (("other.example",), True, {"ssl_server_hostname": "other.example"}, True),
        (("other.example",), True, {"ssl_check_hostname": "false"}, True),
        (("other.example",), False, {"ssl_check_hostname": "false"}, False),
        (("other.example",), False, {"ssl_cert_reqs": "none"}, True),
    ],
)
def test_the_certificate_is_verified_unless_an_option_says_otherwise(
    uri, broker, authority, tmp_path, hosts, trusted, options, connects
):
    stranger = Authority(tmp_path, "somebody else")
    options |= {"ssl_ca_certs": (authority if trusted else stranger).certificate}
    with TlsFront(broker.port, authority.issue("server", *hosts)) as front:
        link = Link(over_tls(uri, front, **options), "test")
        link.start()
        assert link.wait_until_open(10 if connects else 1.5) is connects
        link.stop()


def test_a_client_shows_its_certificate_where_it_is_asked_for(uri, broker, authority):
    certificate, key = authority.issue("client")
    server = authority.issue("127.0.0.1")
    with TlsFront(broker.port, server, client_authority=authority.certificate) as front:
        shown = over_tls(
            uri, front, ssl_ca_certs=authority.certificate, ssl_certfile=certificate, ssl_keyfile=key
        )
        declare_everything(shown, quorum=False)
        with pytest.raises(Unavailable):
            declare_everything(over_tls(uri, front, ssl_ca_certs=authority.certificate), quorum=False)

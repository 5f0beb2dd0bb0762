"""RPC on a real broker: every call is answered or fails in time, whatever is sent and whatever breaks."""

import asyncio
import contextlib
import threading
from uuid import uuid4

import amqp
import greenlet
import kombu
import orjson
import pytest
from prometheus_client import REGISTRY

from shared.client.errors import (
    Conflict,
    Forbidden,
    Internal,
    Invalid,
    NotFound,
    RpcTimeout,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from shared.client.request import MAX_BODY
from shared.client.rpc import RpcClient
from shared.domain import topology
from tests.integration.shared.samples import EchoService, serving, token
from tests.support.waiting import ends, eventually

REQUESTS = topology.rpc_queue_of("echo")


@pytest.fixture
def echo(uri, executed):
    """The sample service, running."""
    with serving(uri, EchoService) as runtime:
        yield runtime
        EchoService.released.set()


@pytest.fixture
def client(uri):
    with RpcClient(uri, timeout=5) as made:
        yield made


class RawCaller:
    """Sends requests as any AMQP client may, well-formed or not."""

    def __init__(self, uri):
        self._connection = kombu.Connection(uri)
        self.channel = self._connection.default_channel
        self.queue = kombu.Queue(f"raw-{uuid4()}", exclusive=True)(self.channel)
        self.queue.queue_declare()
        self.queue.bind_to(topology.RPC_EXCHANGE, self.queue.name)

    def send(self, method, body, *, headers=None, **properties):
        properties = {
            "reply_to": self.queue.name,
            "correlation_id": "7",
            "content_type": "application/json",
        } | properties
        given = {name: value for name, value in properties.items() if value is not None}
        message = amqp.Message(body, application_headers=headers, **given)
        self.channel.basic_publish(message, exchange=topology.RPC_EXCHANGE, routing_key=method)

    def reply(self):
        message = eventually(lambda: self.queue.get(no_ack=True))
        assert message.properties["correlation_id"] == "7"
        return orjson.loads(message.body)

    def close(self):
        self._connection.release()


@pytest.fixture
def raw(uri):
    made = RawCaller(uri)
    yield made
    made.close()


def request(**arguments):
    return orjson.dumps({"args": [], "kwargs": arguments})


def waiting_requests(uri):
    with kombu.Connection(uri) as connection:
        return connection.default_channel.queue_declare(REQUESTS, passive=True).message_count


# --- what a caller gets ---


def test_a_call_returns_what_the_method_returns(echo, client):
    assert client.echo.say(text="Is anybody there?") == {"text": "Is anybody there?"}


def test_text_of_every_kind_comes_back_as_it_went(echo, client):
    text = 'Zoë 救助 🌊 \\ " عاجل'
    assert client.echo.say(text=text) == {"text": text}


def test_an_error_of_the_set_arrives_with_everything_it_says(echo, client):
    with pytest.raises(Conflict) as refusal:
        client.echo.conflict()
    assert refusal.value.message == "It is taken."
    assert refusal.value.fields == {"title": ["Is taken already."]}
    assert refusal.value.details == {"legal": ["confirmed"]}


def test_any_other_error_tells_the_caller_nothing_but_where_to_ask(echo, client, caplog):
    with pytest.raises(Internal) as refusal:
        client.call("echo.bug", correlation_id="case-7")
    assert "secret" not in str(refusal.value)
    assert refusal.value.details == {"correlation_id": "case-7"}
    assert "the secret of the house" in caplog.text


@pytest.mark.parametrize(
    "fault",
    [
        FileNotFoundError(2, "No such file"),
        OSError("no number"),
        MemoryError(),
        RecursionError(),
        StopIteration(),
        SystemExit(1),
        GeneratorExit(),
        KeyboardInterrupt(),
        greenlet.GreenletExit(),
        asyncio.CancelledError(),
    ],
    ids=repr,
)
def test_a_fault_of_any_kind_is_answered_and_executed_once(echo, client, executed, fault, monkeypatch):
    monkeypatch.setattr("tests.integration.shared.samples.FAULTS", [fault])
    with pytest.raises(Internal):
        client.call("echo.fail")
    assert executed == ["fail"]
    assert client.echo.say(text="Still there?") == {"text": "Still there?"}


def test_a_fault_is_executed_once(echo, client, executed):
    with pytest.raises(Internal):
        client.echo.bug()
    assert executed == ["bug"]


def test_a_bare_timeout_in_a_method_is_an_answer_too(echo, client):
    with pytest.raises(Internal):
        client.call("echo.hang_up", timeout=2)


def test_a_result_that_cannot_be_sent_is_an_answer_too(echo, client):
    with pytest.raises(Internal):
        client.call("echo.unsendable", timeout=2)


def test_arguments_are_checked(echo, client):
    with pytest.raises(Invalid) as refusal:
        client.echo.say(text="", volume=11)
    assert set(refusal.value.fields) == {"text", "volume"}


def test_a_body_that_is_too_large_is_refused_on_either_side(echo, client, raw):
    with pytest.raises(TooLarge):
        client.echo.say(text="x" * MAX_BODY)
    raw.send("echo.say", request(text="x" * MAX_BODY))
    assert raw.reply()["error"]["slug"] == "too_large"


def test_a_method_that_is_not_there_is_not_found(echo, client):
    with pytest.raises(NotFound, match=r"echo\.shout"):
        client.echo.shout()


@pytest.mark.parametrize("method", ["name", "executed", "own_keys", "__init__", "say.x"])
def test_only_operations_can_be_called(echo, client, method):
    with pytest.raises((NotFound, Unavailable)):
        client.call(f"echo.{method}", timeout=1, attempts=1)


# --- who may ---


def test_without_a_token_only_what_is_open_to_anyone(echo, client):
    with pytest.raises(Unauthenticated):
        client.echo.whoami()
    with pytest.raises(Unauthenticated):
        client.echo.privileged()


def test_a_token_says_who_calls(echo, uri):
    user = uuid4()
    with RpcClient(uri, token=token(user_id=user)) as client:
        assert client.echo.whoami() == {"text": str(user)}
        with pytest.raises(Forbidden, match="report:create"):
            client.echo.privileged()
    with RpcClient(uri, token=token({"report:create"})) as client:
        assert client.echo.privileged() == {"text": "yes"}


@pytest.mark.parametrize("method", ["say", "whoami"])
@pytest.mark.parametrize("wrong", ["x", "a.b.c", "\udc80", "e" * 70_000])
def test_a_wrong_token_is_refused_even_where_none_is_needed(echo, raw, method, wrong):
    arguments = {"text": "hello"} if method == "say" else {}
    with contextlib.suppress(UnicodeEncodeError):
        raw.send(f"echo.{method}", request(**arguments), headers={"nameko.auth_token": wrong})
        assert raw.reply()["error"]["slug"] == "unauthenticated"


def test_identity_does_not_come_from_a_header(echo, raw):
    forged = {"nameko.user_id": str(uuid4()), "nameko.roles": ["administrator"], "nameko.user_agent": "root"}
    raw.send("echo.privileged", request(), headers=forged)
    assert raw.reply()["error"]["slug"] == "unauthenticated"


# --- what may be sent ---


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b'{"args": [], "kwargs": {"text": NaN}}',
        b'{"args": [], "kwargs": {"text": "\\u0000"}}',
        b'{"args": ["positional"], "kwargs": {}}',
        b'{"args": [], "kwargs": {"text": {"__type__": "x", "__value__": "y"}}}',
        b'{"args": [], "kwargs": {"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    ],
)
def test_an_undecodable_request_is_answered_and_the_next_one_served(echo, raw, client, body):
    raw.send("echo.say", body)
    assert raw.reply()["error"]["slug"] == "invalid"
    assert client.echo.say(text="still here")


@pytest.mark.parametrize(
    "properties",
    [
        {"content_encoding": "raw_unicode_escape"},
        {"content_encoding": "no such encoding"},
        {"content_encoding": "utf-16"},
        {"headers": {"compression": "application/x-gzip"}},
        {"headers": {"compression": "no such thing"}},
        {"headers": {"nameko.correlation_id": {"not": "a text"}, "nameko.auth_token": 7}},
        {"content_type": "application/x-python-serialize"},
        {"type": "x" * 255, "message_id": "", "app_id": "somebody"},
    ],
)
def test_properties_cannot_break_the_service(echo, raw, client, properties):
    raw.send("echo.say", rb'{"args": [], "kwargs": {"text": "\ud800"}}', **properties)
    raw.reply()
    assert client.echo.say(text="still here")


def test_a_request_without_reply_to_is_executed_and_not_answered(echo, raw, client, executed, uri):
    raw.send("echo.say", request(text="no answer, please"), reply_to=None, correlation_id=None)
    raw.send("echo.say", b"not JSON", reply_to=None)
    assert client.echo.say(text="after")
    eventually(lambda: executed == ["no answer, please", "after"])


@pytest.mark.parametrize("reply_to", ["nobody", "echo.say", "#", "x" * 255])
def test_a_reply_to_somewhere_else_breaks_nothing(echo, raw, client, executed, reply_to):
    raw.send("echo.say", request(text="once"), reply_to=reply_to)
    assert client.echo.say(text="after")
    assert executed == ["once", "after"]


# --- waiting is bounded ---


def test_a_slow_method_times_out(echo, client):
    with pytest.raises(RpcTimeout):
        client.call("echo.wait", {"seconds": 3}, timeout=0.3, attempts=1)


def waits_answered():
    return (
        REGISTRY.get_sample_value(
            "impactx_rpc_server_requests_total", {"method": "echo.wait", "outcome": "ok"}
        )
        or 0
    )


def test_an_answer_that_comes_too_late_goes_to_nobody(echo, client):
    with pytest.raises(RpcTimeout):
        client.call("echo.wait", {"seconds": 60}, timeout=0.2, attempts=1)
    answered = waits_answered()
    EchoService.released.set()
    eventually(lambda: waits_answered() > answered, "the late answer")
    for number in range(5):
        assert client.echo.say(text=str(number)) == {"text": str(number)}


def test_a_service_that_was_never_here_is_unavailable_at_once(client):
    with ends("the call"), pytest.raises(Unavailable, match="echo"):
        client.call("echo.say", {"text": "anybody?"}, timeout=3600)


def test_a_request_that_has_expired_is_not_executed_late(uri, client, executed):
    with serving(uri, EchoService):
        client.echo.say(text="first")
    with pytest.raises(RpcTimeout):
        client.call("echo.say", {"text": "late"}, timeout=0.3, attempts=1)
    eventually(lambda: waiting_requests(uri) == 0, "the end of the request")
    with serving(uri, EchoService):
        client.echo.say(text="second")
    assert executed == ["first", "second"]


def test_a_broker_that_is_away_is_unavailable_in_time(uri, proxy, echo, monkeypatch):
    monkeypatch.setattr("shared.client.amqp.link.CONNECT_SECONDS", 0.5)
    with RpcClient(proxy.through(uri), timeout=0.5) as client:
        assert client.echo.say(text="before")
        proxy.refuse()
        with ends("the call"), pytest.raises((Unavailable, RpcTimeout)):
            client.call("echo.say", {"text": "during"}, attempts=1)
        proxy.admit()
        assert eventually(lambda: attempt(client, "after"))


def when_executing(executed, mark, do):
    """Does something as soon as the call with this mark is being executed."""
    thread = threading.Thread(target=lambda: (eventually(lambda: mark in executed), do()))
    thread.start()
    return thread


def test_calls_in_flight_fail_at_once_when_the_connection_breaks(uri, proxy, echo, executed):
    with RpcClient(proxy.through(uri), timeout=20) as client:
        cutting = when_executing(executed, "in flight", proxy.cut)
        with ends("the call"), pytest.raises(Unavailable):
            client.call("echo.wait", {"seconds": 4, "mark": "in flight"}, timeout=3600, attempts=1)
        cutting.join()


def test_a_call_is_made_again_when_the_connection_breaks(uri, proxy, echo, executed):
    with RpcClient(proxy.through(uri), timeout=20) as client:
        cutting = when_executing(executed, "repeatable", proxy.cut)
        client.call("echo.wait", {"seconds": 0.5, "mark": "repeatable"})
        cutting.join()
        assert executed.count("repeatable") == 2


def attempt(client, text):
    with contextlib.suppress(Unavailable, RpcTimeout):
        return client.echo.say(text=text)
    return None


# --- nothing is lost, nothing leaks ---


def test_a_request_in_hand_when_the_service_loses_its_connection_is_answered(uri, proxy, executed):
    with serving(proxy.through(uri), EchoService), RpcClient(uri, timeout=10) as client:
        cutting = when_executing(executed, "redelivered", proxy.cut)
        client.call("echo.wait", {"seconds": 0.5, "mark": "redelivered"})
        cutting.join()
        assert executed.count("redelivered") == 2


def test_what_the_callers_send_at_once_is_answered_to_each(echo, uri):
    answers = {}
    with RpcClient(uri, timeout=10) as client:

        def ask(part):
            for number in part:
                answers[number] = client.echo.say(text=str(number))["text"]

        threads = [threading.Thread(target=ask, args=(range(start, 640, 64),)) for start in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert answers == {number: str(number) for number in range(640)}
        assert client._pending == {}


def test_the_reply_queue_goes_with_the_client(echo, uri, virtual_host):
    with RpcClient(uri) as client:
        client.echo.say(text="x")
    eventually(
        lambda: not [name for name in virtual_host.queues() if name.startswith("rpc.reply")], every=0.3
    )


def test_stopping_under_load_answers_every_call_once_and_leaves_nothing(uri, virtual_host, executed):
    """A replica stops while another serves: no call notices, none is executed twice, none stays unacknowledged."""
    answers, failures = {}, []
    with RpcClient(uri, timeout=10) as client, serving(uri, EchoService):
        stop = threading.Event()

        def ask(caller):
            number = 0
            while not stop.is_set():
                mark = f"{caller}-{number}"
                try:
                    client.call("echo.wait", {"seconds": 0.01, "mark": mark})
                except (Unavailable, RpcTimeout) as error:
                    failures.append(error)
                else:
                    answers[mark] = True
                number += 1

        threads = [threading.Thread(target=ask, args=(caller,)) for caller in range(16)]
        for _ in range(3):
            with serving(uri, EchoService):
                if not threads[0].ident:
                    for thread in threads:
                        thread.start()
                before = len(answers)
                eventually(lambda before=before: len(answers) > before + 100)
        stop.set()
        for thread in threads:
            thread.join(20)
        assert failures == []
        assert sorted(executed) == sorted(answers), "each executed once, and answered"
    eventually(lambda: virtual_host.queues()[REQUESTS].get("messages") == 0, every=0.3)


def test_stopping_waits_for_the_call_in_hand(uri, executed):
    answered = []
    with RpcClient(uri, timeout=10) as client:
        with serving(uri, EchoService):
            client.echo.say(text="warm")
            thread = threading.Thread(
                target=lambda: answered.append(client.call("echo.wait", {"seconds": 1.0, "mark": "slow"}))
            )
            thread.start()
            eventually(lambda: "slow" in executed)
        thread.join(5)
        assert answered == [None]
        assert executed.count("slow") == 1

"""A request that comes after its caller has given up is not executed, and nobody works for longer than that."""

import math
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import eventlet
import pytest

from infra.local import broker as embedded_broker
from shared.client import deadline, lateness
from shared.client import rpc as client_module
from shared.client.errors import RpcTimeout, Unavailable
from shared.client.lateness import SENT_HEADER
from shared.client.request import TIMEOUT_HEADER
from shared.client.rpc import RpcClient
from shared.platform.observability import metrics
from shared.platform.rpc.operation import ANYONE, operation
from shared.platform.rpc.provider import RpcProvider
from shared.platform.rpc.verification import OwnsKeys
from shared.platform.schemas import Empty
from tests.integration.shared.samples import EchoService, Said, Wait, serving
from tests.integration.shared.test_rpc import RawCaller, request
from tests.support.inprocess import inprocess_broker
from tests.support.processes import ROOT
from tests.support.waiting import eventually

HOUR = 3600.0


class FrontService(OwnsKeys):
    """Answers with what `EchoService` says, or how long its caller still waits."""

    name = "front"
    own_keys = EchoService.own_keys
    rpc = RpcProvider()

    @operation(permission=ANYONE, arguments=Wait, result=Said)
    def ask(self, caller, seconds, mark):
        self.rpc.call("echo.wait", {"seconds": seconds, "mark": mark}, token="")
        return {"text": "done"}

    @operation(permission=ANYONE, arguments=Empty, result=Said)
    def left(self, caller):
        return {"text": str(deadline.left())}


@pytest.fixture(params=["memory", "RabbitMQ"])
def any_broker(request):
    """Each broker that the services run on."""
    if request.param == "RabbitMQ":
        yield request.getfixturevalue("uri")
        return
    with inprocess_broker():
        yield embedded_broker.URI


@pytest.fixture
def system(any_broker, executed):
    with serving(any_broker, EchoService, FrontService):
        yield any_broker
        EchoService.released.set()


@pytest.fixture
def client(system):
    with RpcClient(system, timeout=5) as made:
        yield made


@pytest.fixture
def apart(monkeypatch):
    """Sets the clocks of this process's callers apart from those of its services."""

    def set_apart(seconds):
        def stamped():
            sent = lateness.sent_of({SENT_HEADER: lateness.stamp()})
            return f"{sent.time_of_day + seconds} {sent.steady + 4321}"

        monkeypatch.setattr(client_module, "stamp", stamped)

    return set_apart


def late_requests(service):
    return metrics.rpc_late_requests.labels(service)._value.get()


# --- what comes late ---


@pytest.mark.parametrize("seconds", [0.0, HOUR, -HOUR])
def test_calls_work_whatever_the_clocks_show(client, executed, apart, seconds):
    apart(seconds)
    assert [client.echo.say(text=str(number))["text"] for number in range(5)] == list("01234")
    assert executed == list("01234")


@pytest.mark.parametrize("seconds", [0.0, HOUR, -HOUR])
def test_a_request_that_was_on_its_way_too_long_is_not_executed(
    client, executed, apart, monkeypatch, seconds
):
    apart(seconds)
    client.echo.say(text="in time")
    stamped = client_module.stamp
    late = late_requests("echo")

    def long_ago():
        time_of_day, by_steady = map(float, stamped().split())
        return f"{time_of_day - 28} {by_steady - 28}"

    monkeypatch.setattr(client_module, "stamp", long_ago)
    monkeypatch.setattr(lateness.Echoes, "hear", lambda *_: False)  # nobody waits for the refusal
    with pytest.raises(RpcTimeout, match="not executed"):
        client.call("echo.say", {"text": "too late"}, attempts=1, budget=1)
    assert executed == ["in time"]
    assert late_requests("echo") > late


def test_a_request_whose_turn_comes_after_its_caller_gave_up_is_not_executed(any_broker, executed):
    """The one worker is busy; the process itself holds the request meanwhile, not the broker."""
    with serving(any_broker, EchoService, max_workers=1), RpcClient(any_broker) as client:
        busy = threading.Thread(target=client.call, args=("echo.wait", {"seconds": 1.5, "mark": "first"}))
        busy.start()
        eventually(lambda: executed == ["first"])
        with pytest.raises(RpcTimeout):
            client.call("echo.wait", {"seconds": 0, "mark": "second"}, timeout=0.3, attempts=1)
        busy.join()
        client.echo.say(text="third")
        assert executed == ["first", "third"]


SERVE = """
from shared.platform import concurrency; concurrency.patch()
import sys
from tests.integration.shared.samples import EchoService, settings
from shared.platform.runtime import Runtime
runtime = Runtime([EchoService], settings(sys.argv[1]))
runtime.start()
print("ready", flush=True)
EchoService.executed = type("Log", (list,), {"append": lambda self, mark: print(mark, flush=True)})()
runtime.run_until_stopped()
"""


@contextmanager
def echo_process(uri):
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVE, uri],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(30)


@pytest.mark.fault
@pytest.mark.parametrize("seconds", [0.0, HOUR])
def test_what_a_frozen_process_held_is_not_executed_when_it_thaws(uri, apart, seconds):
    apart(seconds)
    with echo_process(uri) as process, RpcClient(uri, timeout=20) as client:
        # How far apart the clocks are is learnt from the quickest message: a single one may have been slow.
        warm = [f"warm {number}" for number in range(10)]
        for text in warm:
            client.echo.say(text=text)
        process.send_signal(signal.SIGSTOP)
        for number in range(5):
            with pytest.raises(RpcTimeout):
                client.call("echo.say", {"text": f"frozen {number}"}, timeout=0.2, attempts=1)
        process.send_signal(signal.SIGCONT)
        client.echo.say(text="thawed")
        process.terminate()
        assert process.stdout.read().split("\n") == [*warm, "thawed", ""]


# --- callers that say less ---


def test_a_caller_that_says_nothing_of_time_is_answered(uri, executed):
    with serving(uri, EchoService):
        raw = RawCaller(uri)
        raw.send("echo.say", request(text="no limit"))
        assert raw.reply()["result"] == {"text": "no limit"}
        raw.close()


@pytest.mark.parametrize(
    "headers",
    [
        {TIMEOUT_HEADER: value}
        for value in ("soon", "-1", "1e9", [5], {"a": 1}, True, 2.5, "9" * 400, b"\xff", 0.0)
    ]
    + [{SENT_HEADER: value, TIMEOUT_HEADER: 5000} for value in ("never", [1], {"a": 1}, 17, True)],
    ids=repr,
)
def test_headers_of_any_type_are_no_reason_to_fail(uri, executed, headers):
    with serving(uri, EchoService):
        raw = RawCaller(uri)
        raw.send("echo.say", request(text="odd"), headers=headers)
        assert raw.reply()["result"] == {"text": "odd"}
        raw.close()


def test_the_expiration_alone_limits_the_work_too(uri, executed):
    with serving(uri, FrontService):
        raw = RawCaller(uri)
        raw.send("front.left", request(), expiration="4000")
        assert 3 < float(raw.reply()["result"]["text"]) <= 4
        raw.send("front.left", request())
        assert float(raw.reply()["result"]["text"]) == math.inf
        raw.close()


# --- what is left goes along ---


def test_a_method_knows_how_long_its_caller_waits(client):
    assert 20 < float(client.call("front.left", timeout=30)["text"]) <= 30


def test_a_nested_call_gets_what_is_left(client, executed):
    """Without that it would try three times, for 30 seconds, whoever asked for it."""
    with pytest.raises(RpcTimeout):
        client.call("front.ask", {"seconds": 3, "mark": "slow"}, timeout=0.5, attempts=1)
    eventually(lambda: late_worker_is_free(client))
    assert executed == ["slow"]


def late_worker_is_free(client):
    return client.call("front.left", attempts=1)


def test_a_call_within_a_deadline_ends_with_it(client, executed):
    with deadline.within(0.5), pytest.raises(RpcTimeout):
        client.call("echo.wait", {"seconds": 30, "mark": "x"}, timeout=10, attempts=3)
    assert executed == ["x"]


def test_nothing_is_sent_when_the_deadline_is_over(client, executed):
    with deadline.within(0), pytest.raises(RpcTimeout, match="was not called"):
        client.echo.say(text="too late")
    assert executed == []


def test_the_attempts_of_a_call_share_its_budget(client, executed):
    with eventlet.Timeout(20, AssertionError("the budget was not kept")), pytest.raises(RpcTimeout):
        client.call("echo.wait", {"seconds": 60, "mark": "x"}, timeout=0.4, budget=1, attempts=1000)
    assert 2 <= len(executed) <= 3


def test_a_broker_that_is_away_is_waited_for_no_longer_than_the_budget():
    with (
        RpcClient("amqp://guest:guest@127.0.0.1:1//", timeout=10) as client,
        eventlet.Timeout(4, AssertionError("the budget was not kept")),
        pytest.raises((Unavailable, RpcTimeout)),
    ):
        client.call("echo.say", {"text": "x"}, token="", budget=0.5)


def test_the_next_call_of_the_same_greenlet_has_its_own_budget(client):
    with pytest.raises(RpcTimeout):
        client.call("echo.wait", {"seconds": 1, "mark": "x"}, budget=0.2)
    assert deadline.left() == math.inf
    assert client.echo.say(text="again") == {"text": "again"}

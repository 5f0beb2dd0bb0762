"""The broker's alarm for memory or disk: it takes nothing from anybody, and everybody says so at once."""

import json
import threading
import urllib.error
import urllib.request

import pytest

from shared.client.errors import Unavailable
from shared.client.rpc import RpcClient
from shared.platform.amqp.confirms import ConfirmedPublisher
from shared.platform.amqp.declare import declare_everything
from tests.integration.shared import samples
from tests.integration.shared.samples import EchoService, HistoryService, event, serving
from tests.support.rabbitmq import fresh_virtual_host, new_broker
from tests.support.waiting import eventually

ALARM = "takes no messages now"
PATIENCE = 60
"""Seconds that a caller would wait who is not told."""


@pytest.fixture(scope="module")
def broker():
    """A broker of one's own, whose alarm bothers nobody else."""
    made = new_broker()
    yield made
    made.remove()


@pytest.fixture
def uri(broker):
    virtual_host = fresh_virtual_host(broker)
    declare_everything(virtual_host.uri, quorum=False)
    yield virtual_host.uri
    virtual_host.drop()


@pytest.fixture
def executed():
    EchoService.executed.clear()
    return EchoService.executed


def missing(runtime):
    """What the process says is missing, by its probe."""
    try:
        with urllib.request.urlopen(f"{runtime.health_url}/health/ready", timeout=10) as answer:
            assert answer.status == 200
            return ""
    except urllib.error.HTTPError as error:
        return json.dumps(json.loads(error.read()))


def said(client, text):
    try:
        return client.call("echo.say", {"text": text}, attempts=1)["text"]
    except Unavailable:
        return None


def test_calls_fail_at_once_and_work_again_when_it_is_over(broker, uri, executed):
    with (
        serving(uri, EchoService),
        RpcClient(uri, timeout=PATIENCE) as client,
        RpcClient(uri, timeout=PATIENCE) as other,
    ):
        assert said(client, "before") == "before"
        assert other.wait_until_connected(10)
        with broker.blocking_publishers():
            for caller in (client, other):
                with pytest.raises(Unavailable, match=ALARM) as first:
                    caller.echo.say(text="meanwhile")
                assert "low on memory" in first.value.message
            with RpcClient(uri, timeout=PATIENCE) as third, pytest.raises(Unavailable, match=ALARM):
                third.echo.say(text="meanwhile")
        eventually(lambda: said(client, "after") == said(other, "after") == "after", timeout=20)


def test_readiness_says_it_although_nobody_calls(broker, uri):
    with serving(uri, EchoService, health_port=0) as runtime:
        eventually(lambda: not missing(runtime))
        with broker.blocking_publishers():
            eventually(lambda: ALARM in missing(runtime), timeout=20)
        eventually(lambda: not missing(runtime), timeout=20)


def test_a_call_in_hand_is_answered_when_it_is_over_and_executed_once(broker, uri, executed):
    answers = []
    with serving(uri, EchoService), RpcClient(uri, timeout=PATIENCE) as client:
        assert said(client, "before") == "before"

        def call():
            client.call("echo.wait", {"seconds": 5, "mark": "in hand"}, attempts=1)
            answers.append("in hand")

        calling = threading.Thread(target=call)
        calling.start()
        eventually(lambda: "in hand" in executed)
        with broker.blocking_publishers():
            with RpcClient(uri, timeout=PATIENCE) as other, pytest.raises(Unavailable, match=ALARM):
                other.echo.say(text="meanwhile")
            assert not answers
        calling.join(PATIENCE)
        assert answers == ["in hand"]
        eventually(lambda: said(client, "after") == "after", timeout=20)
        assert executed.count("in hand") == 1


def test_events_wait_and_arrive_and_the_publisher_says_why(broker, uri, handled_events):
    publisher = ConfirmedPublisher(uri, "test")
    publisher.start()
    with serving(uri, HistoryService):
        publisher.publish([event(1)])
        eventually(lambda: len(handled_events.ids) == 1)
        waiting = [event(2), event(3)]
        with broker.blocking_publishers():
            for _ in range(2):  # the first has the broker say it, the second knows
                with pytest.raises(Unavailable, match=ALARM):
                    publisher.publish(waiting, timeout=PATIENCE)
        eventually(lambda: arrives(publisher, waiting), timeout=20)
        eventually(lambda: {one.message_id for one in waiting} <= set(map(str, handled_events.ids)))
    publisher.stop()


def arrives(publisher, messages):
    try:
        return publisher.publish(messages) == set()
    except Unavailable:
        return False


def test_a_process_stops_in_time_although_the_broker_reads_no_goodbye(broker, uri):
    stopped = threading.Event()
    with broker.blocking_publishers():
        with serving(uri, EchoService, HistoryService, health_port=0) as runtime:
            eventually(lambda: ALARM in missing(runtime), timeout=20)
        stopped.set()
    assert stopped.is_set()


@pytest.fixture
def handled_events():
    samples.HANDLED.__init__()
    yield samples.HANDLED
    samples.HANDLED.gate.set()

"""A service whose handler, timer, reader or relay ends or stands still says so, and mends itself."""

import threading

import eventlet
import pytest

from infra.local import broker as embedded_broker
from shared.client import supervision
from shared.client.amqp import link as link_module
from shared.client.amqp.link import Link
from shared.client.errors import Unavailable
from shared.platform.amqp.declare import declare_everything
from shared.platform.outbox.event import work_on
from shared.platform.outbox.subscribe import Subscriber, subscribe
from shared.platform.timer import MISSED, Timer, every
from tests.integration.shared.samples import (
    HANDLED,
    HISTORY,
    EchoService,
    HistoryService,
    event,
    publish,
    serving,
)
from tests.integration.shared.test_subscribe import count, handled_ids, ids
from tests.support.inprocess import inprocess_broker
from tests.support.waiting import eventually


@pytest.fixture
def declared(uri):
    declare_everything(uri, quorum=False)
    return uri


def missing(runtime):
    return runtime._readiness.missing()


def is_ready(runtime):
    runtime._readiness._asked_at = float("-inf")
    return not missing(runtime)


def says(runtime, text):
    runtime._readiness._asked_at = float("-inf")
    return any(text in reason for reason in missing(runtime).values())


def subscriber(runtime):
    return runtime.extension(HistoryService, Subscriber)


# --- handlers ---


@pytest.mark.parametrize("error", [LookupError("a bug of ours"), eventlet.Timeout(), SystemExit()], ids=repr)
def test_a_handler_s_thread_that_ends_is_started_again_and_loses_nothing(
    declared, handled, monkeypatch, error
):
    sent = [event(number) for number in range(3)]
    failures = [error]
    handle = Subscriber._handle

    def fail_once(self, messages):
        if failures:
            raise failures.pop()
        handle(self, messages)

    monkeypatch.setattr(Subscriber, "_handle", fail_once)
    with serving(declared, HistoryService) as runtime:
        publish(declared, sent)
        eventually(lambda: set(handled_ids(handled)) == set(ids(sent)))
        eventually(lambda: is_ready(runtime))
    assert count(declared, HISTORY) == 0


class QuickToJudge:
    """Hears reports, and may take half a second for them."""

    name = "quick_sample"

    @subscribe(HISTORY, limit=0.5)
    def record(self, events):
        HANDLED.gate.wait()
        HANDLED.batches.append(list(events))


def test_a_handler_that_stands_still_gives_its_messages_to_another_replica(declared, handled, monkeypatch):
    monkeypatch.setattr(supervision, "LOOK_SECONDS", 0.1)
    handled.gate.clear()
    sent = [event(number) for number in range(5)]
    publish(declared, sent)
    with serving(declared, QuickToJudge) as runtime:
        eventually(lambda: says(runtime, "has stood still"))
        eventually(lambda: count(declared, HISTORY) == 5)  # all are the broker's again, for whoever is well
        assert count(declared, HISTORY) == 5
        handled.gate.set()
        eventually(lambda: count(declared, HISTORY) == 0)
        eventually(lambda: is_ready(runtime))
    assert set(handled_ids(handled)) == set(ids(sent))


class InParts:
    """Works for long, and says so."""

    name = "parts_sample"

    @subscribe(HISTORY, limit=0.6)
    def record(self, events):
        for one in events:
            for _ in range(10):
                with work_on(one):
                    eventlet.sleep(0.15)
        HANDLED.batches.append(list(events))


def test_a_handler_that_makes_progress_is_left_alone(declared, handled, monkeypatch, caplog):
    monkeypatch.setattr(supervision, "LOOK_SECONDS", 0.1)
    publish(declared, [event()])
    with serving(declared, InParts):
        eventually(lambda: len(handled.ids) == 1)
    assert "stands still" not in caplog.text


# --- timers ---


class Ticking:
    name = "ticking_sample"
    ticks: list[int] = []  # noqa: RUF012 - looked at by the tests
    outcome: list = []  # noqa: RUF012
    gate = threading.Event()

    @every(0.05, eager=True)
    def tick(self):
        self.ticks.append(1)
        self.gate.wait()
        if self.outcome:
            raise self.outcome[0]


@pytest.fixture
def ticking(monkeypatch):
    monkeypatch.setattr(supervision, "LOOK_SECONDS", 0.1)
    Ticking.ticks.clear()
    Ticking.outcome.clear()
    Ticking.gate.set()
    with inprocess_broker(), serving(embedded_broker.URI, Ticking) as runtime:
        yield runtime
        Ticking.gate.set()


@pytest.mark.parametrize(
    "error", [LookupError("a bug"), eventlet.Timeout(), SystemExit(1), GeneratorExit()], ids=repr
)
def test_a_timer_goes_on_after_runs_that_fail_and_is_not_ready_meanwhile(ticking, error):
    Ticking.outcome.append(error)
    eventually(lambda: says(ticking, "has failed"))
    assert len(Ticking.ticks) >= MISSED
    Ticking.outcome.clear()
    eventually(lambda: is_ready(ticking))


def test_a_timer_that_has_missed_its_intervals_is_not_ready(ticking):
    Ticking.gate.clear()
    eventually(lambda: says(ticking, "has stood still"))
    Ticking.gate.set()
    eventually(lambda: is_ready(ticking))


def test_a_timer_whose_thread_ends_is_started_again(ticking, monkeypatch):
    timer = ticking.extension(Ticking, Timer)
    tick = timer._tick
    failures = [SystemExit()]

    def fail_once():
        if failures:
            raise failures.pop()
        tick()

    monkeypatch.setattr(timer, "_tick", fail_once)
    eventually(lambda: not failures)
    before = len(Ticking.ticks)
    eventually(lambda: len(Ticking.ticks) > before + 1)


# --- the broker ---


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(link_module, "SETUP_SECONDS", 0.5)
    monkeypatch.setattr(link_module, "STEP_SECONDS", 0.5)
    monkeypatch.setattr(supervision, "LOOK_SECONDS", 0.1)


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


def test_a_declaration_that_is_never_answered_is_given_up(uri, proxy, open_link, impatient):
    tries = []

    def declare(channel):
        tries.append(channel)
        if len(tries) == 1:
            proxy.stall(up=False)
        channel.queue_declare("test.supervision", exclusive=True, auto_delete=True)

    link = open_link(proxy.through(uri), on_open=declare)
    eventually(lambda: proxy.is_stalled)
    eventually(lambda: link._work._is_stuck)
    proxy.strand()
    assert link.wait_until_open(20)


def test_a_question_that_is_never_answered_is_given_up(uri, proxy, open_link, impatient):
    opened = []
    link = open_link(proxy.through(uri), on_open=opened.append)
    assert link.wait_until_open(10)
    proxy.stall(up=False)
    link.run_in_reader(lambda channel: channel.queue_declare("test.supervision", passive=True))
    eventually(lambda: link._work._is_stuck)
    proxy.strand()
    eventually(lambda: len(opened) == 2)


def test_a_goodbye_that_is_never_answered_keeps_no_messages(uri, proxy, open_link):
    link = open_link(proxy.through(uri))
    assert link.wait_until_open(10)
    proxy.stall()
    link.stop(0.3)
    eventually(lambda: not link._work.is_running)


def test_an_error_after_the_connection_was_lost_does_not_end_the_reader(uri, proxy, open_link):
    opened, losses = [], [LookupError("a fault of ours"), SystemExit()]

    def lose():
        if losses:
            raise losses.pop()

    open_link(proxy.through(uri), on_open=opened.append, on_lost=lose)
    for times in (1, 2, 3):
        eventually(lambda times=times: len(opened) == times)
        proxy.cut()
    eventually(lambda: len(opened) == 4)


def test_a_service_is_ready_and_names_what_it_watches(uri):
    with serving(uri, EchoService) as runtime:
        eventually(lambda: is_ready(runtime))
        assert "work" in runtime._readiness.dependencies
        with pytest.raises(Unavailable):
            stuck().check()


def stuck():
    work = supervision.Work("a test's work", lambda: None)
    work._thread = threading.current_thread()
    work._due = work._began = 0.0
    return work

"""What works by itself is started again when it ends, noticed when it stands still, and the process says so."""

import threading
import time

import eventlet
import pytest

from shared.client import supervision
from shared.client.errors import Unavailable
from shared.client.supervision import HOPELESS_SECONDS, StandsStillError, Work
from shared.platform import concurrency
from shared.platform.observability import metrics
from tests.support.waiting import eventually


@pytest.fixture
def begin():
    """Starts works that end with the test."""
    made = []

    def start(run, **options):
        work = Work("work of a test", lambda: run(work), **options)
        made.append(work)
        work.start()
        return work

    yield start
    for work in made:
        assert work.join(5)


def count(outcome):
    return metrics.work_failures.labels("work of a test", outcome)._value.get()


def waits(work):
    """The usual way to work: rests until it is told to stop."""
    work.rest()
    work.stopping.wait()


FATAL = [RuntimeError("a bug"), eventlet.Timeout(), SystemExit(1), KeyboardInterrupt(), GeneratorExit()]


@pytest.mark.parametrize("error", FATAL, ids=repr)
def test_whatever_ends_it_is_logged_counted_and_said_and_it_is_started_again(begin, caplog, error):
    ended, runs, goes_on = count(supervision.ENDED), [], threading.Event()

    def run(work):
        runs.append(1)
        if len(runs) == 1:
            raise error
        goes_on.wait()
        waits(work)

    work = begin(run)
    eventually(lambda: len(runs) == 2)
    assert count(supervision.ENDED) == ended + 1
    assert "ended without being told to" in caplog.text
    assert type(error).__name__ in caplog.text
    with pytest.raises(Unavailable, match="ended unexpectedly"):
        supervision.check()
    goes_on.set()
    eventually(lambda: is_fine(work))


def is_fine(work):
    try:
        work.check()
    except Unavailable:
        return False
    return True


def test_one_that_returns_without_being_told_to_is_started_again(begin):
    runs = []

    def run(work):
        runs.append(1)
        if len(runs) > 1:
            waits(work)

    work = begin(run)
    eventually(lambda: is_fine(work) and len(runs) == 2)


def test_one_that_says_nothing_of_itself_is_fine_a_while_after_it_was_started_again(begin):
    runs = []

    def run(work):
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError
        work.stopping.wait()

    work = begin(run)
    eventually(lambda: len(runs) == 2)
    work.look(time.monotonic())
    assert not is_fine(work)
    work.look(time.monotonic() + supervision.SETTLED_SECONDS + 1)
    assert is_fine(work)


def test_one_whose_thread_has_vanished_gets_another(begin):
    started = []

    def run(work):
        started.append(eventlet.getcurrent())
        waits(work)

    work = begin(run)
    eventually(lambda: started)
    vanished = work._thread
    work._thread = threading.Thread()  # one that does not run
    with pytest.raises(Unavailable, match="does not run"):
        work.check()
    supervision._monitor.look(time.monotonic())
    eventually(lambda: len(started) == 2)
    work.stop()
    vanished.join(5)


def test_cleaning_up_comes_before_the_next_start(begin):
    order = []

    def run(work):
        order.append("run")
        if order.count("run") == 1:
            raise RuntimeError
        waits(work)

    begin(run, on_ended=lambda: order.append("clean up"))
    eventually(lambda: order.count("run") == 2)
    assert order == ["run", "clean up", "run"]


def test_a_clean_up_that_fails_does_not_end_it(begin):
    runs = []

    def run(work):
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError
        waits(work)

    def fail():
        raise LookupError

    begin(run, on_ended=fail)
    eventually(lambda: len(runs) == 2)


# --- standing still ---


@pytest.fixture
def busy(begin):
    """One that begins a step of a minute and does not come to its end."""
    goes_on, stuck = threading.Event(), []

    def run(work):
        work.begin(60)
        goes_on.wait()
        waits(work)

    work = begin(run, on_stuck=lambda: stuck.append(1))
    eventually(lambda: work._due < float("inf"))
    work.goes_on, work.stuck = goes_on, stuck
    yield work
    goes_on.set()


def test_a_step_within_its_limit_is_fine(busy):
    busy.look(busy._began + 59)
    busy.check()
    assert busy.stuck == []


def test_a_step_beyond_its_limit_is_logged_with_its_place_counted_and_said_once(busy, caplog):
    before = count(supervision.STUCK)
    for seconds in (61, 62, 100):
        busy.look(busy._began + seconds)
    assert busy.stuck == [1]
    assert count(supervision.STUCK) == before + 1
    assert "goes_on.wait()" in caplog.text, "the log shows where it stands"
    busy._due = busy._began = 0.0
    with pytest.raises(Unavailable, match="has stood still"):
        supervision.check()


def test_one_that_goes_on_is_fine_again(busy):
    busy.look(busy._began + 61)
    busy.goes_on.set()
    eventually(lambda: busy._due == float("inf"))
    busy.check()


def test_progress_in_another_thread_counts(busy):
    began = busy._began

    def long_work():
        supervision.report_progress_to(busy.begin)
        supervision.progress()

    eventlet.spawn(long_work).wait()
    assert busy._began > began
    supervision.progress()  # nobody is told, and nothing fails


def test_one_that_rests_may_do_so_for_ever(begin):
    work = begin(waits)
    eventually(lambda: is_fine(work))
    work.look(1e12)
    work.check()


def test_what_stands_still_for_too_long_ends_the_process(busy, monkeypatch):
    reasons = []
    monkeypatch.setattr(supervision._monitor, "end", reasons.append)
    with pytest.raises(StandsStillError):
        busy.look(busy._due + HOPELESS_SECONDS + 1)
    supervision._monitor.look(time.monotonic())
    assert reasons == []
    busy._due -= HOPELESS_SECONDS + 100
    supervision._monitor.look(time.monotonic())
    assert [type(reason) for reason in reasons] == [StandsStillError]


def test_a_process_that_was_frozen_as_a_whole_blames_nobody(busy):
    supervision._monitor._looked_at -= 1000
    busy._due -= 1000
    supervision._monitor.look(time.monotonic())
    assert busy.stuck == []


def test_one_that_cannot_be_looked_after_does_not_keep_the_others_from_it(busy, begin, monkeypatch, caplog):
    other = begin(waits)
    looked = []
    monkeypatch.setattr(other, "look", looked.append)
    busy._due = 0.0
    busy._on_stuck = lambda: 1 / 0
    supervision._monitor.look(time.monotonic())
    assert looked
    assert "cannot be looked after" in caplog.text


def test_nobody_watching_is_not_ready(begin, monkeypatch):
    begin(waits)
    monkeypatch.setattr(supervision._monitor, "_thread", threading.Thread())
    with pytest.raises(Unavailable, match="watches"):
        supervision.check()


# --- the end ---


def test_what_is_told_to_end_is_no_fault(begin, caplog):
    ended = count(supervision.ENDED)
    work = begin(waits)
    assert work.join(5)
    assert (count(supervision.ENDED), caplog.text) == (ended, "")
    work.check()


def test_what_does_not_end_in_time_is_told(busy):
    assert not busy.join(0.05)
    busy.goes_on.set()


def test_a_green_thread_can_be_ended_at_once(begin):
    work = begin(lambda _: threading.Event().wait())
    eventually(lambda: work.is_running)
    concurrency.kill(work)
    eventually(lambda: not work.is_running)


def test_what_fails_once_in_a_green_thread_is_logged_and_counted(caplog):
    before = count(supervision.FAILED)

    def fail():
        raise LookupError("gone")

    eventlet.spawn(supervision.guarded, "work of a test", fail).wait()
    assert "gone" in caplog.text
    assert count(supervision.FAILED) == before + 1

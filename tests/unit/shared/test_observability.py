"""What stands in the log, what is measured and how long for, what probes are told, and that all of it is cheap."""

import logging
import math
import subprocess
import sys
import threading

import eventlet
import orjson
import pytest
from opentelemetry.trace import SpanKind
from prometheus_client import Gauge
from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from shared.client.errors import Unavailable
from shared.platform.db.context import EVENT_CONTEXT, with_event_context
from shared.platform.observability import context, metrics, probes, traces
from shared.platform.observability.health import PATIENCE, Readiness
from shared.platform.observability.logs import (
    ContextFilter,
    JsonFormatter,
    PlainFormatter,
    without_secrets,
)
from shared.platform.observability.sampling import LIFETIME, Sample
from shared.platform.outbox.event import facts_of
from tests.support.processes import ROOT
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
def nothing_in_hand():
    context.begin({})
    yield
    context.begin({})


# --- the work in hand ---------------------------------------------------------------------------------------------


def logged(message="it", *values, facts=None, error=None):
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "INFO", "msg": message, "args": values}
        | ({"facts": facts} if facts else {})
        | ({"exc_info": (type(error), error, error.__traceback__)} if error else {})
    )
    assert ContextFilter().filter(record)
    return record


def line_of(record):
    return orjson.loads(JsonFormatter().format(record))


def test_a_line_names_the_work_in_hand_and_its_own_facts():
    context.begin({"correlation_id": "c", "method": "m"})
    with context.about(event_id="e"):
        line = line_of(logged(facts={"outcome": "ok"}))
    assert {name: line[name] for name in ("correlation_id", "method", "event_id", "outcome")} == {
        "correlation_id": "c",
        "method": "m",
        "event_id": "e",
        "outcome": "ok",
    }
    assert "event_id" not in line_of(logged())


def test_a_line_for_a_person_ends_with_the_correlation_id():
    context.begin({"correlation_id": "c-1"})
    assert PlainFormatter().format(logged()).endswith("it [c-1]")


def test_each_green_thread_has_work_of_its_own():
    seen = {}

    def work(name):
        seen[name, "at first"] = dict(context.facts())
        context.begin({"name": name})
        eventlet.sleep(0)
        seen[name] = context.facts()["name"]

    context.begin({"name": "test"})
    threads = [eventlet.spawn(work, name) for name in "ab"] + [threading.Thread(target=work, args="c")]
    threads[-1].start()
    for thread in threads[:-1]:
        thread.wait()
    threads[-1].join()
    assert seen == {"a": "a", "b": "b", "c": "c"} | {(name, "at first"): {} for name in "abc"}
    assert context.facts() == {"name": "test"}


class Message:
    def __init__(self, correlation_id):
        self.headers = {
            "cloudEvents_id": "1",
            "cloudEvents_type": "t",
            "cloudEvents_correlationid": correlation_id,
        }
        self.properties = {"message_id": "1"}


def test_a_batch_names_the_ids_of_its_events_and_a_single_event_its_own():
    assert facts_of([Message("c")]) == {"event": "t", "event_id": "1", "correlation_id": "c"}
    assert facts_of([Message("c"), Message("d"), Message("c")]) == {
        "events": 3,
        "correlation_ids": ["c", "d"],
    }


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("connect to amqp://reports:hunter22@broker//", "hunter22"),
        ("postgresql://u:p%40ss-w0rd@db:5432/impactx is away", "p%40ss-w0rd"),
        ("postgresql+psycopg://u:p:a@ss@db/x", "p:a@ss"),
        ("Bearer eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2ln-_Q refused", "eyJzdWIiOiIxIn0"),
        ("null value\nDETAIL:  Failing row contains (1, a@b.c, $2b$12$hash).\n", "$2b$12$hash"),
    ],
)
def test_a_secret_in_somebody_elses_message_is_not_written(text, secret):
    assert secret not in without_secrets(text)
    assert secret not in JsonFormatter().format(logged("%s", text))
    assert secret not in JsonFormatter().format(logged(error=ValueError(text)))
    assert secret not in PlainFormatter().format(logged(error=ValueError(text)))


def test_what_holds_no_secret_is_left_as_it_is():
    text = "GET http://127.0.0.1:8000/api/v1/reports?at=12:30@noon of amqp://broker:5672//"
    assert without_secrets(text) == text


# --- what is measured ---------------------------------------------------------------------------------------------


def test_a_figure_is_asked_for_once_while_it_holds():
    now, asked = [0.0], []
    sample = Sample("it", lambda: asked.append(now[0]) or len(asked), clock=lambda: now[0])
    assert [sample.latest(), sample.latest()] == [1, 1]
    now[0] = LIFETIME + 0.1
    assert sample.latest() == 2


def test_who_looks_waits_for_no_slow_answer_and_it_is_not_asked_again_meanwhile(monkeypatch):
    monkeypatch.setattr("shared.platform.observability.sampling.PATIENCE", 0.05)
    answer, asked = threading.Event(), []

    def ask():
        asked.append(1)
        answer.wait(10)
        return 1

    sample = Sample("it", ask)
    assert [sample.latest(), sample.latest()] == [None, None]
    assert len(asked) == 1
    answer.set()


def test_a_figure_that_cannot_be_had_takes_no_other_along(caplog):
    def fail():
        raise Unavailable("Away.")

    assert Sample("the outbox", fail).latest() is None
    assert "the outbox cannot be measured: Away." in caplog.text


def test_a_gauge_is_shown_as_long_as_what_it_shows_is_there():
    gauge, display = Gauge("made_up", "For this test.", ("service",)), metrics.Display()
    display.show(gauge, lambda: math.pi, "a")
    assert 'made_up{service="a"} 3.14' in metrics.exposition().decode()
    display.clear()
    assert 'made_up{service="a"}' not in metrics.exposition().decode()


def test_the_label_sets_of_a_method_are_looked_up_once():
    assert metrics.calls_served("x.y") is metrics.calls_served("x.y")
    metrics.calls_served("x.y").observe("not_found", 0.2)
    text = metrics.exposition().decode()
    assert 'impactx_rpc_server_requests_total{method="x.y",outcome="not_found"} 1.0' in text
    assert 'impactx_rpc_server_request_seconds_bucket{le="0.25",method="x.y"} 1.0' in text


# --- what probes are told -----------------------------------------------------------------------------------------


def ask(readiness, path, method="GET"):
    answered = []
    body = b"".join(
        probes.application(readiness)(
            {"PATH_INFO": path, "REQUEST_METHOD": method},
            lambda status, headers: answered.append((status, dict(headers))),
        )
    )
    return answered[0][0], answered[0][1], body


def away():
    raise Unavailable("Away.")


def test_a_process_that_starts_or_stops_is_not_ready_whatever_is_there():
    readiness = Readiness({})
    readiness.withhold("It starts.")
    assert ask(readiness, probes.READY)[0] == "503 Service Unavailable"
    readiness.rest_on({"broker": lambda: None})
    assert ask(readiness, probes.READY)[0] == "200 OK"
    readiness.withhold("It stops.")
    assert orjson.loads(ask(readiness, probes.READY)[2])["missing"] == {"process": "It stops."}
    assert ask(readiness, probes.LIVE)[0] == "200 OK"


def test_what_is_missing_is_named_and_what_is_there_too():
    status, headers, body = ask(Readiness({"broker": away, "database": lambda: None}), probes.READY)
    assert status == "503 Service Unavailable"
    assert headers["Cache-Control"] == "no-store"
    assert orjson.loads(body) == {
        "status": "not ready",
        "missing": {"broker": "Away."},
        "present": ["database"],
    }


def test_a_dependency_that_says_nothing_is_missing_and_not_asked_again_meanwhile(monkeypatch):
    monkeypatch.setattr("shared.platform.observability.health.PATIENCE", 0.05)
    now, asked, answer = [100.0], [], threading.Event()

    def silent():
        asked.append(1)
        answer.wait(10)

    readiness = Readiness({"database": silent}, clock=lambda: now[0])
    assert "did not answer" in readiness.missing()["database"]
    now[0] += 10
    assert readiness.missing()
    assert len(asked) == 1
    answer.set()

    def is_found_again():
        now[0] += 10
        return readiness.missing() == {}

    eventually(is_found_again)
    assert PATIENCE > 0


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", "404 Not Found"),
        (probes.LIVE, "POST", "405 Method Not Allowed"),
        (probes.LIVE, "HEAD", "200 OK"),
    ],
)
def test_probes_know_three_addresses_and_two_methods(path, method, status):
    answered, headers, body = ask(Readiness({}), path, method)
    assert answered == status
    assert int(headers["Content-Length"]) > 0
    assert bool(body) == (method != "HEAD")


# --- traces -------------------------------------------------------------------------------------------------------


def test_without_a_collector_nothing_is_traced_and_opentelemetry_is_its_api_alone():
    span = traces.start("x", SpanKind.SERVER, {})
    assert (span.is_recording(), traces.fact(span), traces.place_of(span)) == (False, {}, "")
    traces.end(span, "internal", name="y", attributes={"z": 1})
    assert traces.current() == ""
    code = (
        "from shared.platform import concurrency; concurrency.patch();"
        "import services.reports.service, services.gateway.service, sys;"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_statement_carries_the_trace_of_the_moment_in_which_it_is_executed():
    compiled = select(EVENT_CONTEXT).compile(dialect=postgresql.dialect())
    context.begin({"traceparent": "00-1"})
    first = compiled.construct_params({"correlation_id": "c"})
    context.begin({"traceparent": "00-2"})
    second = compiled.construct_params({"correlation_id": "d"})
    assert ["c" in first.values(), "00-1" in first.values()] == [True, True]
    assert ["d" in second.values(), "00-2" in second.values()] == [True, True]
    assert (
        "00-2"
        in select(with_event_context("e")).compile(dialect=postgresql.dialect()).construct_params().values()
    )

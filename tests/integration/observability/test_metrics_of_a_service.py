"""What each process counts and times, after one report was filed through all of them."""

import psycopg
import pytest

from tests.support.waiting import eventually

CREATE = "reports.create_report"


@pytest.fixture(scope="module")
def filed(system):
    """A report, whose event was published and handled."""
    handled = system["reports"].metric("impactx_handler_events_total", queue="reports.history") or 0
    system.admin.done("POST", "/reports", json=system.report_body())
    eventually(
        lambda: (
            (system["reports"].metric("impactx_handler_events_total", queue="reports.history") or 0) > handled
        ),
        "its history is written",
        timeout=30,
    )
    return system["reports"].metrics()


def value(samples, name, **labels):
    return samples[(name, *sorted(labels.items()))]


def test_calls_are_counted_by_method_and_outcome_and_timed(filed):
    done = value(filed, "impactx_rpc_server_requests_total", method=CREATE, outcome="ok")
    assert done >= 1
    assert value(filed, "impactx_rpc_server_request_seconds_count", method=CREATE) >= done
    assert value(filed, "impactx_rpc_server_workers", service="reports") == 20
    assert value(filed, "impactx_rpc_server_busy_workers", service="reports") == 0


def test_events_are_counted_from_the_outbox_to_their_handling(filed):
    assert value(filed, "impactx_relay_batches_total", service="reports", outcome="ok") >= 1
    assert value(filed, "impactx_relay_events_total", service="reports") >= 1
    assert value(filed, "impactx_handler_batches_total", queue="reports.history", outcome="ok") >= 1
    assert value(filed, "impactx_handler_batch_seconds_count", queue="reports.history") >= 1
    assert 0 < value(filed, "impactx_handler_lag_seconds_sum", queue="reports.history") < 60
    assert value(filed, "impactx_handler_batch_age_seconds", queue="reports.history") == 0


def test_the_pool_and_the_process_are_shown(filed):
    assert value(filed, "impactx_database_pool_limit", service="reports") == 20
    idle = value(filed, "impactx_database_pool_connections", service="reports", state="idle")
    assert 1 <= idle <= 20
    assert value(filed, "impactx_database_pool_waiting", service="reports") == 0
    assert value(filed, "process_resident_memory_bytes") > 1_000_000


def test_what_waits_in_the_outbox_and_what_is_parked_is_shown(system, filed):
    with psycopg.connect(system.database.admin_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO reports.outbox (type, subject, sequence, data, occurred_at, parked_at, error)"
            " VALUES ('made_up', gen_random_uuid(), 1, '{}', now() - interval '1 hour', now(), 'x')"
        )
        try:
            eventually(
                lambda: system["reports"].metric("impactx_outbox_parked_events", service="reports") == 1,
                "it is seen",
                timeout=30,
                every=0.5,
            )
            assert system["reports"].metric("impactx_outbox_events", service="reports") >= 1
            # What is parked does not wait: an operator has to look at it first.
            assert system["reports"].metric("impactx_outbox_oldest_seconds", service="reports") < 60
        finally:
            connection.execute("DELETE FROM reports.outbox WHERE type = 'made_up'")


def test_a_message_that_is_no_event_ends_among_the_dead_letters_and_is_counted(system, filed):
    broken = {
        "properties": {},
        "routing_key": "reports.history",
        "payload": "x",
        "payload_encoding": "string",
    }
    system.virtual_host.broker.api(
        "POST", f"exchanges/{system.virtual_host.name}/amq.default/publish", broken
    )
    eventually(
        lambda: (
            (
                system["reports"].metric("impactx_dead_letters_waiting", queue="reports.history"),
                system["reports"].metric("impactx_dead_letters_total", queue="reports.history"),
            )
            == (1.0, 1.0)
        ),
        "it is counted",
        timeout=30,
        every=0.5,
    )
    failed = system["reports"].metric(
        "impactx_handler_batches_total", queue="reports.history", outcome="failed"
    )
    assert failed >= 1


def test_names_are_as_prometheus_wants_them(system):
    text = system["reports"].probe("/metrics").text
    for line in text.splitlines():
        if line.startswith("# TYPE impactx_"):
            _, _, name, kind = line.split()
            assert name.endswith("_total") == (kind == "counter"), name
            assert not name.endswith(("_milliseconds", "_ms", "_minutes")), name

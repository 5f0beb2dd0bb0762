"""Every process says whether it lives and can work, and names what is missing."""

import threading

import psycopg
import pytest

from tests.support.waiting import eventually


@pytest.fixture
def reports(system):
    """The service whose network can be cut; it is whole again afterwards."""
    reports = system["reports"]
    eventually(reports.is_ready, "it is ready")
    yield reports
    system.to_broker.admit()
    system.to_database.admit()
    system.to_database.resume()
    eventually(reports.is_ready, "it is ready again", timeout=30)


def misses(reports, *names):
    """Waits until exactly these are missed."""
    status, missing = eventually(
        lambda: found if set((found := reports.readiness())[1]) == set(names) else None,
        f"it misses {names}",
        timeout=30,
    )
    assert status == 503
    return missing


def test_each_process_lives_and_becomes_ready(system):
    for watched in system.watched.values():
        assert watched.probe("/health/live").json() == {"status": "ok"}
        eventually(watched.is_ready, f"{watched.process} is ready")


def test_it_names_all_that_it_rests_on(reports, system):
    answer = reports.probe("/health/ready")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["present"] == [
        "reports.broker",
        "reports.database",
        "reports.history",
        "reports.regions",
        "reports.relay",
        "reports.rpc",
        "work",
    ]
    assert "identity" in system["gateway"].probe("/health/ready").json()["present"]
    assert reports.probe("/elsewhere").status_code == 404


def test_without_the_broker_it_misses_its_queues_and_lives(reports, system):
    system.to_broker.refuse()
    missing = misses(reports, "reports.broker", "reports.rpc", "reports.history", "reports.regions")
    assert missing["reports.history"] == "The queue reports.history is not read."
    assert reports.probe("/health/live").status_code == 200


def test_without_the_database_it_misses_that_and_its_relay(reports, system):
    system.to_database.refuse()
    misses(reports, "reports.database", "reports.relay")
    assert reports.probe("/health/live").status_code == 200


def test_a_database_that_says_nothing_holds_up_no_probe_and_no_scrape(reports, system):
    system.to_database.stall()
    missing = misses(reports, "reports.database")
    assert missing["reports.database"] == "It did not answer within 2 seconds."
    # The figures that the database would have to say are left out, the others are there.
    outbox = eventually(
        lambda: (
            value if (value := reports.metric("impactx_outbox_events", service="reports")) != value else None
        )
    )
    assert outbox is not None
    assert reports.metric("impactx_rpc_server_workers", service="reports") == 20


def test_while_it_stops_it_finishes_its_work_and_is_not_ready(reports, system):
    answers = []
    body = system.report_body()
    filing = threading.Thread(target=lambda: answers.append(system.admin("POST", "/reports", json=body)))
    with psycopg.connect(system.database.admin_url) as lock:
        lock.execute("LOCK TABLE reports.reports IN EXCLUSIVE MODE")
        filing.start()
        eventually(lambda: reports.metric("impactx_rpc_server_busy_workers", service="reports") == 1)
        stopping = threading.Thread(target=reports.process.terminate)
        stopping.start()
        misses(reports, "process")
        assert reports.probe("/health/live").status_code == 200
    filing.join(30)
    stopping.join(30)
    assert [answer.status_code for answer in answers] == [201]
    reports.process.start()

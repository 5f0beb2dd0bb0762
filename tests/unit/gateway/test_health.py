"""Probes say what is missing, and what is counted can be read."""

import threading

import pytest

from services.gateway.http.health import BROKER, CONNECTIONS, WORK
from shared.client.errors import Internal, RpcTimeout, Unauthenticated, Unavailable
from shared.client.rpc import RpcClient
from shared.domain.topology import SERVICES
from shared.platform.observability import metrics
from shared.platform.observability.health import LIFETIME, Readiness
from tests.support.gateway import application


class Services:
    """Stands in for an RPC client: whoever is not away refuses a call without a token."""

    def __init__(self):
        self.connected = True
        self.away = {}
        self.asked = []

    def wait_until_connected(self, timeout):
        return self.connected

    def call(self, method, **options):
        assert options["token"] == ""
        assert options["attempts"] == 1
        assert options["timeout"] <= 1
        service = method.partition(".")[0]
        self.asked.append(service)
        raise self.away.get(service, Unauthenticated())


@pytest.fixture
def services():
    return Services()


@pytest.fixture
def client(services):
    return application(services).test_client()


def test_a_process_that_answers_is_alive_whatever_is_missing(client, services):
    services.connected = False
    assert client.get("/health/live").json == {"status": "ok"}


def test_it_is_ready_when_the_broker_and_every_service_answer(client, services):
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json == {"status": "ok", "missing": {}, "present": [CONNECTIONS, WORK, BROKER, *SERVICES]}
    assert sorted(services.asked) == sorted(SERVICES)


def test_a_service_that_does_not_answer_is_named(client, services):
    services.away = {"alerts": RpcTimeout("alerts.x did not answer."), "reports": Unavailable("Gone.")}
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["missing"] == {"alerts": "alerts.x did not answer.", "reports": "Gone."}
    assert answer.json["present"] == [CONNECTIONS, WORK, BROKER, "identity", "resources"]


def test_a_service_with_a_fault_is_named(client, services):
    services.away = {"alerts": Internal("The service failed.")}
    assert client.get("/health/ready").json["missing"] == {"alerts": "The service failed."}


def test_without_the_broker_nothing_is_asked(client, services):
    services.connected = False
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert list(answer.json["missing"]) == [BROKER, *SERVICES]
    assert services.asked == []


def test_an_answer_holds_a_second_and_all_wait_for_one():
    now, asked = [100.0], []
    readiness = Readiness({"thing": lambda: asked.append(1)}, clock=lambda: now[0])
    threads = [threading.Thread(target=readiness.missing) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    now[0] += LIFETIME + 0.1
    assert readiness.missing() == {}
    assert len(asked) == 2


def test_a_check_that_fails_is_missing_and_says_nothing_of_the_fault():
    def broken():
        raise KeyError("a secret")

    (reason,) = Readiness({"thing": broken}).missing().values()
    assert "secret" not in reason


def test_the_metrics_count_requests_by_the_template_of_their_route(client):
    client.get("/api/v1/reports/01978f3d-0c00-7d30-8f33-2a3b4c5d6e7f")
    client.get("/no/such/thing")
    client.open("/health/live", method="MADEUP")
    text = client.get("/metrics").text
    route = "/api/v1/reports/<uuid:report_id>"
    assert f'impactx_http_requests_total{{method="GET",route="{route}",status="401"}}' in text
    assert 'route="none",status="404"' in text
    assert 'method="other"' in text
    assert "01978f3d" not in text
    assert "/no/such/thing" not in text
    assert "MADEUP" not in text
    assert f'impactx_http_request_seconds_count{{method="GET",route="{route}"}}' in text


def test_an_rpc_client_says_how_each_call_went(monkeypatch):
    seen = []
    with RpcClient("memory://") as client:
        client.observe = lambda *facts: seen.append(facts)
        monkeypatch.setattr(client, "_attempt", lambda *_: {"id": 1})
        client.call("reports.get_report", token="t")

        def refuse(*_):
            raise Unauthenticated

        monkeypatch.setattr(client, "_attempt", refuse)
        with pytest.raises(Unauthenticated):
            client.call("reports.get_report", token="t")
    assert [facts[:2] for facts in seen] == [
        ("reports.get_report", "ok"),
        ("reports.get_report", "unauthenticated"),
    ]
    assert all(facts[2] >= 0 for facts in seen)
    metrics.observe_rpc_call("reports.get_report", "ok", 0.01)
    assert 'impactx_rpc_client_calls_total{method="reports.get_report",outcome="ok"}' in (
        metrics.exposition().decode()
    )

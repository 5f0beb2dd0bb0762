"""Limits, headers, origins and the access log, on the application without a server."""

import json
import logging
from uuid import UUID

import pytest

from services.gateway.http.middleware.limits import MAX_CLIENTS, Allowances
from shared.client.errors import Unauthenticated
from shared.platform.observability.logs import JsonFormatter
from shared.platform.rpc.context import Caller
from shared.platform.settings import SettingError, from_environment
from tests.support.gateway import application

USER = UUID("01978f3e-1c00-7aa1-9c55-0b8f1d2e3f40")
OURS, OTHER = "https://app.example", "https://evil.example"


class Answers:
    """Stands in for every service."""

    def call(self, method, arguments=None, **_):
        return {"items": [], "next_cursor": None}


def verify(token, correlation_id):
    if token.startswith("good"):
        return Caller(UUID(int=int(token[4:] or 0)), frozenset(), {"*": None}, token, correlation_id)
    raise Unauthenticated


def client(**settings):
    return application(Answers(), verify, **settings).test_client()


def get(http, *, token="", **options):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return http.get("/api/v1/report-types", headers=headers | options.pop("headers", {}), **options)


# --- limits -------------------------------------------------------------------------------------------------------


def test_a_bucket_empties_and_fills_again():
    now = [50.0]
    allowances = Allowances(8, 5, clock=lambda: now[0])
    assert [allowances.take("a") for _ in range(5)] == [0.0] * 5
    assert allowances.take("a") == 0.125
    assert allowances.take("b") == 0
    now[0] += 0.125
    assert allowances.take("a") == 0
    assert allowances.take("a") > 0
    now[0] += 1000
    assert [allowances.take("a") for _ in range(6)].count(0.0) == 5


def test_the_number_of_remembered_clients_is_bounded():
    allowances = Allowances(1, 1)
    for number in range(MAX_CLIENTS + 10):
        allowances.take(str(number))
    assert len(allowances._full_at) == MAX_CLIENTS


def test_who_sends_too_much_is_told_when_to_come_again():
    http = client(http_rate=1, http_burst=3)
    assert [get(http, token="good1").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = get(http, token="good1")
    assert refused.headers["Retry-After"] == "1"
    assert refused.content_type == "application/problem+json"
    assert refused.json["slug"] == "rate_limited"
    assert refused.headers["X-Request-ID"] == refused.json["correlation_id"]


def test_accounts_behind_one_address_do_not_share_a_limit():
    http = client(http_rate=1, http_burst=1)
    assert get(http, token="good1").status_code == 200
    assert get(http, token="good1").status_code == 429
    assert get(http, token="good2").status_code == 200


def test_false_tokens_are_counted_to_their_address_and_take_nothing_from_accounts():
    http = client(http_rate=1, http_burst=2)
    assert [get(http, token=f"false{number}").status_code for number in range(4)] == [401, 401, 429, 429]
    assert get(http, token="good1").status_code == 200
    other = {"REMOTE_ADDR": "192.0.2.7"}
    assert get(http, token="false", environ_overrides=other).status_code == 401


def test_a_network_of_ipv6_is_one_client():
    http = client(http_rate=1, http_burst=1)
    statuses = [
        http.get("/api/v1/openapi.json", environ_overrides={"REMOTE_ADDR": address}).status_code
        for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "::ffff:192.0.2.1", "192.0.2.1")
    ]
    assert statuses == [200, 429, 200, 200, 429]


def test_probes_are_never_limited():
    http = client(http_rate=1, http_burst=1)
    assert {http.get("/health/live").status_code for _ in range(5)} == {200}
    assert {http.get("/metrics").status_code for _ in range(5)} == {200}


def test_a_rate_of_zero_sets_no_limit():
    http = client(http_rate=0, http_burst=1)
    assert {get(http, token="good1").status_code for _ in range(5)} == {200}


# --- headers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/api/v1/docs/", "/nothing", "/api/v1/users"])
def test_every_response_has_the_security_headers(path):
    answer = client().get(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Request-ID"]
    assert "Strict-Transport-Security" not in answer.headers


def test_data_may_load_nothing_and_only_the_documentation_has_inline_scripts():
    http = client()
    assert "default-src 'none'" in http.get("/api/v1/openapi.json").headers["Content-Security-Policy"]
    assert "'unsafe-inline'" in http.get("/api/v1/docs/").headers["Content-Security-Policy"]


def test_behind_tls_browsers_are_told_to_stay_there():
    answer = client().get("/health/live", base_url="https://impactx.example")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


@pytest.mark.parametrize("given", ["one-id", "a" * 128])
def test_a_request_keeps_the_id_that_it_came_with(given):
    assert get(client(), headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a" * 129, "with blank", "ümlaut"])
def test_an_unfit_id_is_replaced(given):
    answer = get(client(), headers={"X-Request-ID": given})
    assert UUID(answer.headers["X-Request-ID"])


# --- other origins ------------------------------------------------------------------------------------------------


def preflight(http, origin):
    asked = {"Origin": origin, "Access-Control-Request-Method": "PATCH"}
    return http.options("/api/v1/reports", headers=asked)


def test_without_configuration_no_other_origin_may_call():
    http = client()
    for answer in (preflight(http, OURS), get(http, token="good1", headers={"Origin": OURS})):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_a_configured_origin_may_call_and_no_other():
    http = client(http_cors_origins=(OURS,))
    asked = preflight(http, OURS)
    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == OURS
    assert "PATCH" in asked.headers["Access-Control-Allow-Methods"]
    assert "If-Match" in asked.headers["Access-Control-Allow-Headers"]
    done = get(http, token="good1", headers={"Origin": OURS})
    assert done.headers["Access-Control-Allow-Origin"] == OURS
    assert "ETag" in done.headers["Access-Control-Expose-Headers"]
    assert "Origin" in done.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in done.headers
    for answer in (preflight(http, OTHER), get(http, token="good1", headers={"Origin": OTHER})):
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


def test_a_refusal_can_be_read_by_a_page_that_may_call():
    answer = get(client(http_cors_origins=("*",)), headers={"Origin": OTHER})
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_origins_are_read_from_the_environment():
    def origins(text):
        return from_environment((), {"IMPACTX_HTTP_CORS_ORIGINS": text}).http_cors_origins

    assert origins("") == ()
    assert origins(f"{OURS}, http://localhost:3000") == (OURS, "http://localhost:3000")
    assert origins("*") == ("*",)
    for wrong in (f"{OURS}/", "app.example", f"*,{OURS}", "null"):
        with pytest.raises(SettingError, match="IMPACTX_HTTP_CORS_ORIGINS"):
            origins(wrong)


# --- the access log -----------------------------------------------------------------------------------------------


def lines(caplog):
    return [
        json.loads(JsonFormatter().format(record))
        for record in caplog.records
        if record.name == "impactx.access"
    ]


def test_the_access_log_says_who_asked_for_what_and_no_secret(caplog):
    caplog.set_level(logging.INFO)
    http = client()
    http.get(
        "/api/v1/report-types?q=a-search&access_token=a-secret",
        headers={"Authorization": "Bearer good7", "Cookie": "c=a-secret", "User-Agent": "field-app/2"},
    )
    (line,) = lines(caplog)
    assert line["status"] == 200
    assert line["method"] == "GET"
    assert line["path"] == line["route"] == "/api/v1/report-types"
    assert line["user_id"] == str(UUID(int=7))
    assert line["address"] == "127.0.0.1"
    assert line["agent"] == "field-app/2"
    assert line["seconds"] >= 0
    assert line["request_id"]
    text = json.dumps(line)
    for secret in ("a-secret", "a-search", "good7"):
        assert secret not in text


def test_a_path_cannot_forge_a_line(caplog):
    caplog.set_level(logging.INFO)
    client().get("/x%0a2026-01-01 INFO impactx.access: GET /forged 200")
    (record,) = [record for record in caplog.records if record.name == "impactx.access"]
    assert "\n" not in record.getMessage()


def test_probes_do_not_fill_the_log(caplog):
    caplog.set_level(logging.INFO)
    client().get("/health/live")
    assert lines(caplog) == []

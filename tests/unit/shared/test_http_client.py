"""The client over HTTP: what it sends for a call, and what it makes of each response."""

import datetime as dt
import socket
import threading
import time
from contextlib import suppress
from uuid import UUID

import pytest

from shared.client.errors import Conflict, Internal, Invalid, NotFound, RateLimited, RpcTimeout, Unavailable
from shared.client.http import HttpClient, _error, _query
from shared.client.methods import CREATES
from shared.client.types.methods import METHODS
from shared.client.types.routes import ROUTES
from tests.support.waiting import ends

ID = UUID("0197a3c2-0000-7000-8000-000000000001")

NOT_OFFERED = {
    "alerts.get_alert_cap",
    "alerts.rebuild_audience",
    "identity.get_authority",
    "identity.list_revocations",
    "reports.add_attachment",
}
"""What the gateway offers as files, and what only an operator needs."""


class Recorded(HttpClient):
    """Answers without a server, and keeps what it would have sent."""

    def _exchange(self, method, verb, url, fields, body, headers, seconds):
        self.sent = (verb, url, fields, body, headers)
        return 200, "application/json", b"{}"


@pytest.fixture
def client():
    return Recorded("https://impactx.example/base/", token="x.y.z")


def test_the_other_methods_have_a_route():
    assert METHODS.keys() - ROUTES.keys() == NOT_OFFERED


def test_everything_that_is_created_over_http_takes_an_id():
    assert all(any(route.takes_id for route in ROUTES[name]) for name in CREATES & ROUTES.keys())


def test_a_change_is_sent_to_the_address_of_its_thing_under_its_version(client):
    client.reports.change_report_status(report_id=ID, version=3, status="confirmed", notes="Seen.")
    verb, url, fields, body, headers = client.sent
    assert (verb, url) == ("PUT", f"https://impactx.example/base/api/v1/reports/{ID}/status")
    assert fields is None
    assert body == b'{"status":"confirmed","notes":"Seen."}'
    assert headers["If-Match"] == '"3"'
    assert headers["Authorization"] == "Bearer x.y.z"


def test_a_create_has_an_id_by_which_it_can_be_repeated(client):
    client.reports.add_comment(report_id=ID, comment="Water rising.")
    assert b'"id":"' in client.sent[3]


def test_a_draft_is_issued_at_its_own_address(client):
    client.alerts.issue_alert(alert_id=ID, version=1)
    verb, url, _, body, _ = client.sent
    assert (verb, url, body) == ("PUT", f"https://impactx.example/base/api/v1/alerts/{ID}/issue", None)


def test_a_query_says_lists_boxes_circles_and_times():
    assert _query(
        {
            "status": ["pending", "confirmed"],
            "bbox": [-72.5, 18.4, -72.2, 18.7],
            "near": {"lon": -72.3, "lat": 18.5, "radius_m": 500},
            "is_active": True,
            "cursor": None,
            "since": dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
            "region_id": ID,
        }
    ) == [
        ("status", "pending"),
        ("status", "confirmed"),
        ("bbox", "-72.5,18.4,-72.2,18.7"),
        ("near", "-72.3,18.5,500"),
        ("is_active", "true"),
        ("since", "2026-01-02T00:00:00+00:00"),
        ("region_id", str(ID)),
    ]


def test_what_is_not_offered_over_http_is_said_so(client):
    with pytest.raises(NotFound, match=r"reports\.add_attachment"):
        client.reports.add_attachment(
            report_id=ID, file_name="a", mime_type="image/png", file_size=1, sha256=""
        )


def test_an_argument_of_the_address_that_is_missing_is_named(client):
    with pytest.raises(Invalid) as error:
        client.call("reports.get_report")
    assert error.value.fields.keys() == {"report_id"}


def test_a_version_of_none_is_not_sent(client):
    client.identity.update_role(role="watch", description="Watch.", version=None)
    assert "If-Match" not in client.sent[4]
    assert b"version" not in client.sent[3]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"lon": float("nan")}, "lon"),
        ({"near": {"lon": -72.3, "lat": float("inf"), "radius_m": 5}}, "near.lat"),
    ],
)
def test_an_argument_of_a_query_that_cannot_be_sent_is_named(arguments, field):
    with pytest.raises(Invalid) as error:
        _query(arguments)
    assert error.value.fields.keys() == {field}


@pytest.mark.parametrize("url", ["impactx.example", "ftp://impactx.example", "https://a.example/?x=1"])
def test_only_the_url_of_a_gateway_is_taken(url):
    with pytest.raises(ValueError, match="gateway"):
        HttpClient(url)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (409, b'{"slug":"conflict","detail":"No.","current_status":"closed","legal":[]}', Conflict),
        (412, b'{"slug":"precondition_failed","detail":"No.","version":4}', Conflict),
        (422, b'{"slug":"invalid","detail":"No.","fields":{"title":["Too long."]}}', Invalid),
        (400, b'{"slug":"bad_request","detail":"No."}', Invalid),
        (418, b'{"slug":"unheard_of","detail":"No."}', Internal),
        (503, b"[", Unavailable),
        (503, b'{"slug":["unavailable"]}', Unavailable),
        (422, b'{"slug":"invalid","detail":"No.","fields":"title"}', Unavailable),
    ],
)
def test_a_problem_is_the_error_that_the_service_would_have_answered(status, body, kind):
    try:
        error = _error(status, "application/problem+json; charset=utf-8", body)
    except Unavailable as unreadable:
        error = unreadable
    assert type(error) is kind


def test_the_details_of_a_problem_are_those_of_the_error():
    error = _error(
        409,
        "application/problem+json",
        b'{"slug":"conflict","detail":"No.","current_status":"closed","status":409}',
    )
    assert (error.message, error.details) == ("No.", {"status": "closed"})


@pytest.mark.parametrize(
    ("status", "kind"), [(502, Unavailable), (429, RateLimited), (404, NotFound), (302, Internal)]
)
def test_a_response_of_a_proxy_is_understood_by_its_status(status, kind):
    assert type(_error(status, "text/html", b"<html>")) is kind


def test_a_gateway_that_is_not_there_is_unavailable():
    with (
        HttpClient("http://127.0.0.1:1", token="x", timeout=1) as client,
        pytest.raises(Unavailable, match="reached"),
    ):
        client.call("reports.list_reports", attempts=1)


def drip(listener):
    """Answer one request with a body that grows by a byte at a time and never becomes whole."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
        )
        try:
            for _ in range(100):
                connection.sendall(b" ")
                time.sleep(0.05)
        except OSError:
            return


def test_a_response_that_comes_by_the_byte_is_not_waited_for_past_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gateway = threading.Thread(target=drip, args=(listener,))
        gateway.start()
        with (
            HttpClient(f"http://127.0.0.1:{listener.getsockname()[1]}", token="x", timeout=1) as client,
            pytest.raises(RpcTimeout),
        ):
            client.call("identity.get_me", attempts=1)
        gateway.join()


def drip_a_head(listener):
    """Begin a response whose head never ends, until the client has gone."""
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)


def test_a_head_that_comes_by_the_byte_is_not_waited_for_past_the_deadline():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gateway = threading.Thread(target=drip_a_head, args=(listener,))
        gateway.start()
        with (
            ends("the call", 30),
            HttpClient(f"http://127.0.0.1:{listener.getsockname()[1]}", token="x", timeout=1) as client,
            pytest.raises(RpcTimeout),
        ):
            client.call("identity.get_me", attempts=1)
        gateway.join()

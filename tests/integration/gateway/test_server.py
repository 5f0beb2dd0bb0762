"""The server: slow clients, limits, what is no proper HTTP."""

import contextlib
import re
import socket
import time
from urllib.parse import urlsplit

import orjson
import pytest

from tests.integration.gateway.conftest import BODY_SECONDS
from tests.support.waiting import patience


def connect(system):
    where = urlsplit(system.url)
    return socket.create_connection((where.hostname, where.port), timeout=patience(20))


def test_slow_clients_hold_up_nobody(system):
    slow = [connect(system) for _ in range(200)]
    for connection in slow:
        connection.sendall(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n")
    system.admin.done("GET", "/reports")
    for connection in slow:
        connection.close()


def test_a_body_that_does_not_come_in_time_is_given_up(system):
    """One byte after the other, so that no single one is late."""
    with connect(system) as connection:
        head = f"POST /api/v1/reports HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {system.admin.token}\r\n"
        connection.sendall(head.encode() + b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        connection.settimeout(0.1)
        began, answer = time.monotonic(), b""
        while not answer and time.monotonic() - began < patience(BODY_SECONDS + 10):
            connection.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(4096)
        assert b" 408 " in answer.partition(b"\r\n")[0]
        assert b"request_timeout" in answer
        assert time.monotonic() - began > BODY_SECONDS - 0.5


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 200_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 300 + b"\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ],
)
def test_what_is_no_proper_http(system, sent, status):
    with connect(system) as connection:
        connection.sendall(sent)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert f" {status} ".encode() in head.partition(b"\r\n")[0]
    assert b"application/problem+json" in head
    assert orjson.loads(body)["status"] == status


def test_a_malformed_chunk_behind_the_head_is_answered_with_400(system):
    """The head has been worked on by then, so the application itself meets it."""
    with connect(system) as connection:
        connection.sendall(
            b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"0x15\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"slug":"bad_request"' in answer
    assert b"Connection: close" in answer


def test_a_token_of_sixty_kibibytes_is_read(system):
    answer = system.anonymous("GET", "/reports", headers={"Authorization": "Bearer " + "x" * 60_000})
    assert answer.status_code == 401


def test_a_feed_never_says_a_host_that_a_client_made_up(system):
    with connect(system) as connection:
        connection.sendall(
            b"GET /feeds/alerts.atom HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 421 ")
    assert b"evil.example" not in answer


def test_the_documentation_needs_nothing_from_elsewhere(system):
    page = system.anonymous("GET", "/docs/")
    assert page.status_code == 200
    addresses = re.findall(r"https?://[^/\"]+", page.text)
    assert set(addresses) <= {system.url}
    assert system.anonymous("GET", "/docs/swagger-ui-bundle.js").status_code == 200

"""The server: slow clients, limits, what is no proper HTTP."""

import contextlib
import re
import socket
import time
from urllib.parse import urlsplit

import pytest

from tests.integration.gateway.conftest import BODY_SECONDS


def connect(system):
    where = urlsplit(system.url)
    return socket.create_connection((where.hostname, where.port), timeout=20)


def test_slow_clients_hold_up_nobody(system):
    slow = [connect(system) for _ in range(200)]
    for connection in slow:
        connection.sendall(b"POST /api/v1/auth/login HTTP/1.1\r\nContent-Length: 100\r\n")
    began = time.monotonic()
    system.admin.done("GET", "/reports")
    assert time.monotonic() - began < 2
    for connection in slow:
        connection.close()


def test_a_body_that_does_not_come_in_time_is_given_up(system):
    """One byte after the other, so that no single one is late."""
    with connect(system) as connection:
        head = f"POST /api/v1/reports HTTP/1.1\r\nAuthorization: Bearer {system.admin.token}\r\n"
        connection.sendall(head.encode() + b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        connection.settimeout(0.1)
        began, answer = time.monotonic(), b""
        while not answer and time.monotonic() - began < BODY_SECONDS + 10:
            connection.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(4096)
        assert b" 408 " in answer.partition(b"\r\n")[0]
        assert b"request_timeout" in answer
        assert time.monotonic() - began > BODY_SECONDS - 0.5


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 9_000 + b"\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", b"4"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
    ],
)
def test_what_is_no_proper_http(system, sent, status):
    with connect(system) as connection:
        connection.sendall(sent)
        answer = connection.recv(4096)
        assert b" " + status in answer.partition(b"\r\n")[0]
        assert b"Traceback" not in answer


def test_the_documentation_needs_nothing_from_elsewhere(system):
    page = system.anonymous("GET", "/docs/")
    assert page.status_code == 200
    addresses = re.findall(r"https?://[^/\"]+", page.text)
    assert set(addresses) <= {system.url}
    assert system.anonymous("GET", "/docs/swagger-ui-bundle.js").status_code == 200

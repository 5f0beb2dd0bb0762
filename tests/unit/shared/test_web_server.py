"""The HTTP server: it stops without leaving anybody to wait."""

import errno
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import eventlet
import pytest
import requests
from eventlet.event import Event

from shared.platform.http import accepting
from shared.platform.http.accepting import Acceptor, ensure_descriptors
from shared.platform.http.parser import Limits
from shared.platform.http.server import WebServer
from shared.platform.settings import SettingError
from tests.support.waiting import eventually, patience


def test_who_comes_while_it_stops_is_refused_at_once_and_who_was_there_is_answered():
    arrived, let_go = Event(), Event()

    def application(_environ, start_response):
        arrived.send()
        let_go.wait()
        start_response("200 OK", [("Content-Length", "4")])
        return [b"done"]

    server = WebServer("127.0.0.1", 0, variables="IMPACTX_HTTP", connections=10)
    where, url = urlsplit(server.url), server.url
    server.serve(application)
    first = eventlet.spawn(requests.get, url, timeout=10)
    arrived.wait()
    server.refuse()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((where.hostname, where.port), timeout=patience(5))
    let_go.send()
    assert first.wait().text == "done"
    server.finish(10)


def test_a_port_that_is_taken_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            SettingError, match=f"port {port} .*: set IMPACTX_HTTP_HOST and IMPACTX_HTTP_PORT"
        ):
            WebServer("127.0.0.1", port, variables="IMPACTX_HTTP", connections=10)


def test_headers_that_trickle_in_are_cut_off():
    """However lively each byte is: all of them together have to come in time."""
    server = WebServer(
        "127.0.0.1", 0, variables="IMPACTX_HTTP", connections=10, limits=Limits(head_seconds=0.3)
    )
    where = urlsplit(server.url)
    server.serve(lambda *_: pytest.fail("a request that is not complete is not answered"))
    with socket.create_connection((where.hostname, where.port), timeout=0.05) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        deadline = time.monotonic() + patience(10)
        while not is_closed(connection) and time.monotonic() < deadline:
            connection.sendall(b"X-Slow: 1\r\n")
        assert time.monotonic() < deadline
    server.finish(10)


def test_a_client_with_too_many_connections_is_told_and_others_are_served():
    server = WebServer("127.0.0.1", 0, variables="IMPACTX_HTTP", connections=10, per_client=2)
    server.serve(hello)
    where = urlsplit(server.url)
    kept = [socket.create_connection((where.hostname, where.port), timeout=patience(10)) for _ in range(2)]
    for connection in kept:
        assert get(connection).startswith(b"HTTP/1.1 200 ")
    with socket.create_connection((where.hostname, where.port), timeout=patience(10)) as third:
        answer = third.recv(4096)
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"application/problem+json" in answer
    with socket.create_connection(
        (where.hostname, where.port), timeout=patience(10), source_address=("127.0.0.2", 0)
    ) as other:
        assert get(other).startswith(b"HTTP/1.1 200 ")
    kept.pop().close()
    eventually(lambda: is_served(where), "the client has a place again")
    server.finish(10)


def test_the_connection_that_is_idle_longest_makes_room_when_all_places_are_taken():
    server = WebServer("127.0.0.1", 0, variables="IMPACTX_HTTP", connections=2)
    server.serve(hello)
    where = urlsplit(server.url)
    first, second, third = (
        socket.create_connection((where.hostname, where.port), timeout=patience(10)) for _ in range(3)
    )
    # The third waits for a place, which the first leaves.
    assert get(third).startswith(b"HTTP/1.1 200 ")
    assert get(second).startswith(b"HTTP/1.1 200 ")
    assert first.recv(1) == b""
    server.finish(10)


def test_a_process_without_descriptors_pauses_says_so_and_recovers():
    """In a process of its own, whose limit is lowered once it runs."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.few_descriptors"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=patience(120),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == ["refused", "not-ready", "recovered", "counted"]
    assert "accepts no connections for now: Too many open files" in done.stderr
    assert "accepts connections again" in done.stderr


@pytest.mark.parametrize(
    "number", [errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN, errno.EMFILE, errno.ENOBUFS]
)
def test_no_error_of_accepting_ends_it(number, monkeypatch):
    monkeypatch.setattr(accepting, "PAUSE_SECONDS", 0.0)
    listener = FailingListener(number)
    acceptor = Acceptor(listener, "test")
    taken = []

    def take(connection, _address):
        taken.append(connection)
        acceptor.close()

    acceptor.run(take)
    assert taken == [listener.connection]


def test_what_taking_a_connection_raises_does_not_end_accepting():
    listener = FailingListener(errno.ECONNABORTED)
    acceptor = Acceptor(listener, "test")
    calls = []

    def take(*_):
        calls.append(1)
        if len(calls) == 1:
            raise LookupError
        acceptor.close()

    acceptor.run(take)
    assert len(calls) == 2


def test_a_limit_that_the_system_does_not_grant_stops_the_start():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY:
        hard = 2**40
    with pytest.raises(
        SettingError, match=r"^IMPACTX_HTTP_CONNECTIONS=9 needs \d+ open files, .* lower the setting"
    ):
        ensure_descriptors(hard + 1, because="IMPACTX_HTTP_CONNECTIONS=9")


class FailingListener:
    """A listening socket whose first accept fails, and whose later ones succeed."""

    def __init__(self, number):
        self._errors = [OSError(number, "")] * 2
        self.connection = socket.socket()

    def accept(self):
        if self._errors:
            raise self._errors.pop()
        return self.connection, ("127.0.0.1", 1)


def hello(_environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def get(connection):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    return connection.recv(4096)


def is_served(where):
    with socket.create_connection((where.hostname, where.port), timeout=patience(10)) as connection:
        return get(connection).startswith(b"HTTP/1.1 200 ")


def is_closed(connection):
    """Whether the other side has closed it; waits a moment for that."""
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True

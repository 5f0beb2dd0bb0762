"""The HTTP server: it stops without leaving anybody to wait."""

import socket
import time
from urllib.parse import urlsplit

import eventlet
import pytest
import requests
from eventlet.event import Event

from shared import web
from shared.settings import SettingError
from shared.web import WebServer


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
        socket.create_connection((where.hostname, where.port), timeout=5)
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


def test_headers_that_trickle_in_are_cut_off(monkeypatch):
    """However lively each byte is: all of them together have to come in time."""
    monkeypatch.setattr(web, "HEADER_SECONDS", 0.3)
    server = WebServer("127.0.0.1", 0, variables="IMPACTX_HTTP", connections=10)
    where = urlsplit(server.url)
    server.serve(lambda *_: pytest.fail("a request that is not complete is not answered"))
    with socket.create_connection((where.hostname, where.port), timeout=0.05) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        deadline = time.monotonic() + 10
        while not is_closed(connection) and time.monotonic() < deadline:
            connection.sendall(b"X-Slow: 1\r\n")
        assert time.monotonic() < deadline
    server.finish(10)


def is_closed(connection):
    """Whether the other side has closed it; waits a moment for that."""
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True

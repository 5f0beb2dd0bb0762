"""The HTTP server: it stops without leaving anybody to wait."""

import socket
from urllib.parse import urlsplit

import eventlet
import pytest
import requests
from eventlet.event import Event

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

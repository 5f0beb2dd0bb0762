"""Runs an HTTP server out of descriptors and back, as a process of its own that says what happened."""

import logging
import resource
import socket
from pathlib import Path

from shared.platform import concurrency

concurrency.patch()

from shared.client.errors import Unavailable
from shared.platform.http.server import WebServer
from shared.platform.observability import metrics
from tests.support.waiting import eventually

LIMIT = 64
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def hello(_environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def connect(url):
    return socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20)


def is_refused(server):
    try:
        server.check()
    except Unavailable:
        return True
    return False


def is_served(url):
    with connect(url) as connection:
        connection.sendall(REQUEST)
        return connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def main():
    server = WebServer("127.0.0.1", 0, variables="IMPACTX_HTTP", connections=1000)
    server.serve(hello)
    # The connections' own ends are descriptors of this process too, so they are what uses them up.
    held = [connect(server.url) for _ in range(10)]
    open_now = len(list(Path("/proc/self/fd").iterdir()))
    waiting = [socket.socket() for _ in range(5)]
    for one in waiting:
        one.settimeout(20)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 5, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    for one in waiting:
        one.connect(("127.0.0.1", int(server.url.rpartition(":")[2])))
        one.sendall(REQUEST)
    # Those for whom there still is a descriptor are served, the next one is told with the reserve.
    answers = (one.recv(4096) for one in waiting)
    assert any(answer.startswith(b"HTTP/1.1 503 ") for answer in answers)
    print("refused")
    eventually(lambda: is_refused(server), "the server says that it accepts nothing")
    print("not-ready")
    for one in (*waiting, *held):
        one.close()
    eventually(lambda: not is_refused(server) or is_served(server.url), "the server accepts again")
    eventually(lambda: is_served(server.url) and not is_refused(server), "the server is well")
    print("recovered")
    counted = metrics.accept_pauses.labels("impactx_http")._value.get()
    assert counted > 0
    print("counted")
    server.finish(5)


logging.basicConfig(level=logging.WARNING)
main()

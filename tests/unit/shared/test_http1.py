"""Requests are read as strictly as RFC 9112 asks, and every refusal is a problem document that says why."""

import socket
import threading
from http import HTTPStatus

import orjson
import pytest

from shared.platform.http.parser import (
    Limits,
    MalformedBodyError,
    SlowBodyError,
    Wire,
    problem,
    read_head,
)
from shared.platform.http.server import WebServer
from tests.support.waiting import patience

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"\r\nabc\r\n0\r\n\r\n"


def echo(environ, start_response):
    """Answers with what it understood."""
    try:
        body = environ["wsgi.input"].read()
    except MalformedBodyError as error:
        document = problem(HTTPStatus.BAD_REQUEST, str(error)).partition(b"\r\n\r\n")[2]
        start_response("400 Bad Request", [("Content-Type", "application/problem+json")])
        return [document]
    understood = [
        environ["REQUEST_METHOD"],
        environ.get("HTTP_HOST"),
        environ["PATH_INFO"],
        body.decode("latin-1"),
    ]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [orjson.dumps(understood)]


@pytest.fixture(scope="module")
def server():
    found = WebServer(
        "127.0.0.1",
        0,
        variables="IMPACTX_HTTP",
        connections=100,
        limits=Limits(head_seconds=5, idle_seconds=5),
    )
    found.serve(echo)
    yield found
    found.finish(5)


def exchange(server, sent):
    """What is answered to these bytes until the connection ends; the client sends no more after them."""
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=patience(20)) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def content(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        body = body.partition(b"\r\n")[2].partition(b"\r\n")[0]
    return orjson.loads(body)


REFUSED = {
    "two lengths": (POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    "two different lengths": (POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400),
    "a list of lengths": (POST + b"Content-Length: 3, 3\r\n\r\nabc", 400),
    "a length with a sign": (POST + b"Content-Length: +3\r\n\r\nabc", 400),
    "a length with an underscore": (POST + b"Content-Length: 2_1\r\n\r\n" + b"x" * 21, 400),
    "a length in hexadecimal": (POST + b"Content-Length: 0x3\r\n\r\nabc", 400),
    "a length with a superscript": (POST + b"Content-Length: \xb3\r\n\r\nabc", 400),
    "an empty length": (POST + b"Content-Length:\r\n\r\nabc", 400),
    "a negative length": (POST + b"Content-Length: -3\r\n\r\nabc", 400),
    "a length beyond all numbers": (POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n", 400),
    "a chunk with 0x": (CHUNKED + b"0x3" + END, 400),
    "a chunk with an underscore": (CHUNKED + b"0_3" + END, 400),
    "a chunk with a blank before it": (CHUNKED + b" 3" + END, 400),
    "a chunk with a blank behind it": (CHUNKED + b"3 " + END, 400),
    "a chunk with a sign": (CHUNKED + b"+3" + END, 400),
    "a negative chunk": (CHUNKED + b"-3" + END, 400),
    "a chunk without a size": (CHUNKED + END, 400),
    "a chunk beyond all numbers": (CHUNKED + b"f" * 17 + END, 400),
    "data beyond a chunk": (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n", 400),
    "data short of a chunk": (CHUNKED + b"5\r\nabc\r\n0\r\n\r\n", 400),
    "a chunk's size with LF alone": (CHUNKED + b"3\nabc\r\n0\r\n\r\n", 400),
    "a chunk's end with LF alone": (CHUNKED + b"3\r\nabc\n0\r\n\r\n", 400),
    "the last chunk with LF alone": (CHUNKED + b"3\r\nabc\r\n0\n\n", 400),
    "a malformed trailer": (CHUNKED + b"3\r\nabc\r\n0\r\nno colon\r\n\r\n", 400),
    "a chunk's extension without end": (CHUNKED + b"3;" + b"x" * 100_000 + END, 400),
    "trailers without end": (CHUNKED + b"3\r\nabc\r\n0\r\n" + b"X: y\r\n" * 30_000 + b"\r\n", 400),
    "chunks and a length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3" + END, 400),
    "a length and chunks": (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3" + END, 400),
    "a blank before the colon": (POST + b"Transfer-Encoding : chunked\r\n\r\n3" + END, 400),
    "a tab before the colon": (POST + b"Content-Length\t: 3\r\n\r\nabc", 400),
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n3" + END, 400),
    "chunked but not last": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n3" + END, 400),
    "another coding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
    "another coding before chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n3" + END, 501),
    "nearly chunked": (POST + b"Transfer-Encoding: xchunked\r\n\r\n3" + END, 501),
    "chunks in HTTP/1.0": (
        b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3" + END,
        400,
    ),
    "LF alone everywhere": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "LF alone behind the request line": (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    "LF alone behind a field": (b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
    "LF alone at the end": (GET + b"\n", 400),
    "CR alone everywhere": (b"GET / HTTP/1.1\rHost: a\r\r", 400),
    "CR alone in a field": (GET + b"X: a\rb\r\n\r\n", 400),
    "NUL in a field": (GET + b"X: a\0b\r\n\r\n", 400),
    "a control character in a field": (GET + b"X: a\x01b\r\n\r\n", 400),
    "a folded field": (GET + b"X: a\r\n b\r\n\r\n", 400),
    "a blank before the first field": (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    "a name with a blank": (GET + b"X Y: a\r\n\r\n", 400),
    "a name that is no token": (GET + b"X(: a\r\n\r\n", 400),
    "a name that is not ASCII": (GET + b"X\xe9: a\r\n\r\n", 400),
    "no name": (GET + b": a\r\n\r\n", 400),
    "no colon": (GET + b"X\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (GET + b"Host: a\r\n\r\n", 400),
    "an empty Host": (b"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
    "a Host with a path": (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "a Host with an account": (b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    "a target that is no path": (b"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a star for GET": (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a target that is not ASCII": (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "a proxy's method": (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    "an unknown method": (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    "a method that is no token": (b"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "two blanks": (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "tabs": (b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    "HTTP/1.2": (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    "http in small letters": (b"GET / http/1.1\r\nHost: a\r\n\r\n", 400),
    "a version with two digits": (b"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400),
    "a long line": (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "a long field": (GET + b"X: " + b"x" * 140_000 + b"\r\n\r\n", 431),
    "many fields": (GET + b"X: y\r\n" * 201 + b"\r\n", 431),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_malformed_is_refused_with_a_problem_document_and_the_connection_closed(server, name):
    sent, status = REFUSED[name]
    answer = exchange(server, sent)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/problem+json" in head
    assert b"Connection: close" in head
    found = orjson.loads(body)  # and nothing behind it: what follows is not taken for a request
    assert found["status"] == status
    assert found["detail"].endswith(".")
    assert found["type"] == f"urn:impactx:problem:{found['slug']}"


@pytest.mark.parametrize(
    ("sent", "understood"),
    [
        (GET + b"\r\n", ["GET", "a", "/", ""]),
        (b"\r\n" + GET + b"\r\n", ["GET", "a", "/", ""]),
        (b"GET /%41?b=c HTTP/1.0\r\n\r\n", ["GET", None, "/A", ""]),
        (POST + b"Content-Length: 3\r\n\r\nabc", ["POST", "a", "/", "abc"]),
        (POST + b"Content-Length: \t3 \r\n\r\nabc", ["POST", "a", "/", "abc"]),
        (CHUNKED + b'3;a=b\r\nabc\r\n1;c="d"\r\nd\r\n0\r\nX: y\r\n\r\n', ["POST", "a", "/", "abcd"]),
        (CHUNKED + b"0003" + END, ["POST", "a", "/", "abc"]),
        (POST + b"Transfer-Encoding: Chunked\r\n\r\n3" + END, ["POST", "a", "/", "abc"]),
        (b"GET http://b:80/c HTTP/1.1\r\nHost: a\r\n\r\n", ["GET", "b:80", "/c", ""]),
        (b"GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", ["GET", "b", "/", ""]),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", ["OPTIONS", "a", "*", ""]),
        (b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", ["GET", "[::1]:80", "/", ""]),
        (GET + b"X: " + b"x" * 120_000 + b"\r\n\r\n", ["GET", "a", "/", ""]),
        (GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", ["GET", "a", "/", ""]),
        (
            POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc",
            ["POST", "a", "/", "abc"],
        ),
    ],
)
def test_what_is_proper_is_understood(server, sent, understood):
    answer = exchange(server, sent)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert content(answer) == understood


def test_an_answer_before_the_last_chunk_says_that_the_connection_is_closed():
    """Reading the rest could swallow the next request, which then nobody would answer."""

    def refuse(environ, start_response):
        environ["wsgi.input"].read(1)
        start_response("413 Content Too Large", [("Content-Length", "0")])
        return [b""]

    found = WebServer("127.0.0.1", 0, variables="IMPACTX_HTTP", connections=10)
    found.serve(refuse)
    port = int(found.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=patience(20)) as connection:
        connection.sendall(CHUNKED + b"3\r\nabc\r\n")
        answer = connection.recv(65536)
        connection.sendall(b"0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        rest = b"".join(iter(lambda: connection.recv(65536), b""))
    found.finish(5)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nConnection: close\r\n" in answer
    assert rest == b""


def test_requests_behind_one_another_are_answered_in_their_order(server):
    answer = exchange(server, POST + b"Content-Length: 3\r\n\r\nabc" + GET + b"\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.index(b'"abc"') < answer.index(b'"GET"')


def test_a_body_is_read_in_pieces_and_lines():
    with pair(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab\ncd\nef\nGET") as wire:
        head = read_head(wire, lambda: True)
        assert head.body.read(1) == b"a"
        assert head.body.readline() == b"b\n"
        assert head.body.readline(1) == b"c"
        assert head.body.readlines() == [b"d\n", b"ef\n"]
        assert head.body.read() == b""
        assert wire.buffer == b"GET"


def test_a_body_that_ends_early_is_malformed():
    with pair(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab") as wire:
        head = read_head(wire, lambda: True)
        with pytest.raises(MalformedBodyError, match="before the body was whole"):
            head.body.read()


class Trickle:
    """A socket on which some bytes arrive after each so many seconds, of a clock that only this moves."""

    def __init__(self, pieces, seconds):
        self.now = 0.0
        self._pieces = iter(pieces)
        self._seconds = seconds
        self._timeout = None

    def clock(self):
        return self.now

    def settimeout(self, seconds):
        self._timeout = seconds

    def recv(self, _size):
        if self._timeout < self._seconds:
            self.now += self._timeout
            raise TimeoutError
        self.now += self._seconds
        return next(self._pieces)

    def send(self, data):
        if self._timeout < self._seconds:
            self.now += self._timeout
            raise TimeoutError
        self.now += self._seconds
        return min(len(data), 100)


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
CHUNKS = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("head", [HEAD, CHUNKS])
def test_a_body_below_the_rate_is_given_up_when_the_clock_says_so_and_not_when_a_buffer_is_full(head):
    piece = b"x" if head is HEAD else b"1\r\nx\r\n"
    slow = Trickle([head, *[piece] * 10_000], 1.0)
    wire = Wire(slow, Limits(patience=30, rate=1024), slow.clock)
    found = read_head(wire, lambda: True)
    began = slow.now
    with pytest.raises(SlowBodyError, match="1024 bytes a second after 30 seconds"):
        found.body.read()
    assert slow.now - began == pytest.approx(30, abs=1)


def test_a_body_at_the_rate_is_read_however_long_it_takes():
    slow = Trickle([HEAD, *[b"x" * 10_000] * 100], 5.0)
    wire = Wire(slow, Limits(patience=30, rate=1024), slow.clock)
    assert len(read_head(wire, lambda: True).body.read()) == 1_000_000
    assert slow.now > 400


def test_a_body_that_began_fast_may_not_rest_on_it():
    slow = Trickle([HEAD + b"x" * 60_000], 5.0)
    wire = Wire(slow, Limits(patience=30, rate=1, stall_seconds=4), slow.clock)
    wire.buffer = HEAD + b"x" * 60_000
    body = read_head(wire, lambda: True).body
    assert len(body.read(60_000)) == 60_000
    with pytest.raises(SlowBodyError):
        body.read(1)


def test_a_fast_first_half_does_not_pay_for_hours_of_single_bytes():
    slow = Trickle([*[b"x"] * 10_000], 1.25)
    wire = Wire(slow, Limits(patience=30, rate=1024), slow.clock)
    wire.buffer = HEAD + b"x" * 500_000
    body = read_head(wire, lambda: True).body
    began = slow.now
    with pytest.raises(SlowBodyError):
        body.read()
    assert slow.now - began == pytest.approx(60, abs=2)


def test_the_time_that_we_take_ourselves_is_not_the_clients():
    slow = Trickle([HEAD, b"x" * 5_000, b"y" * 5_000], 1.0)
    wire = Wire(slow, Limits(patience=30, rate=1024), slow.clock)
    body = read_head(wire, lambda: True).body
    assert body.read(5_000)
    slow.now += 1_000  # the file store is slow
    assert body.read(5_000)


def test_a_response_that_is_read_below_the_rate_is_given_up():
    slow = Trickle([], 1.0)
    wire = Wire(slow, Limits(patience=30, rate=1024), slow.clock)
    with pytest.raises(TimeoutError):
        wire.write(b"x" * 1_000_000)
    assert slow.now == pytest.approx(30, abs=1)


class pair:  # noqa: N801 - as socket.socketpair
    """A wire on which these bytes arrive and then the end."""

    def __init__(self, sent):
        self._sent = sent

    def __enter__(self):
        self._ours, theirs = socket.socketpair()
        threading.Thread(target=self._send, args=(theirs,), daemon=True).start()
        return Wire(self._ours, Limits())

    def _send(self, theirs):
        theirs.sendall(self._sent)
        theirs.close()

    def __exit__(self, *_):
        self._ours.close()

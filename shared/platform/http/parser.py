"""Reads HTTP/1.1 requests from a socket as strictly as RFC 9112 asks, and holds both directions to a minimum pace.

The syntax is checked by llhttp (the parser of Node.js, through httptools); what a server has to add is here: limits of
size and time, the `Host` field, and a status and a sentence for each refusal.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import httptools
import orjson

from shared.platform.concurrency import Timeout

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)

PROBLEM: Final = "application/problem+json"
BLOCK: Final = 64 * 1024
MAX_FRAMING: Final = 64 * 1024
"""Bytes that sizes, extensions and trailers of chunks may take beside eight for each byte of the body."""

SAVED: Final = 2
"""How many times the patience somebody may save up by being fast."""

MAX_DISCARDED: Final = 64 * 1024 * 1024
DISCARD_SECONDS: Final = 5.0

_HEAD_END: Final = re.compile(rb"\n\r?\n")
_BARE_CR: Final = re.compile(rb"\r[^\n]")
_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_REQUEST_LINE: Final = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])\r\n")
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]+)(:[0-9]{0,5})?")
_ABSOLUTE: Final = re.compile(r"https?://([^/?#@]+)(.*)", re.IGNORECASE)
_VERSIONS: Final = ((b"1", b"0"), (b"1", b"1"))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take in time and size.

    Attributes:
        idle_seconds: A connection on which no request begins for so long is closed.
        head_seconds: For the request line and all fields together, however they trickle in.
        stall_seconds: For each single wait within a body or a response.
        patience: Seconds of waiting for a body, or for a response to be read, from which `rate` counts.
        rate: Bytes a second that have to have passed from then on.
        target_bytes: Of the request line. An area of 2,000 positions to look within fits in.
        head_bytes: Of all fields of a request together.
        head_fields: How many fields a request may have.
    """

    idle_seconds: float = 75.0
    head_seconds: float = 10.0
    stall_seconds: float = 30.0
    patience: float = 30.0
    rate: int = 1024
    target_bytes: int = 64 * 1024
    head_bytes: int = 128 * 1024
    head_fields: int = 200


class RequestError(Exception):
    """A request that is refused before any application sees it.

    Args:
        status: Of the answer.
        detail: One sentence for whoever wrote the client.
    """

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        self.status = status
        self.detail = detail
        super().__init__(detail)


class MalformedBodyError(ValueError):
    """The body of a request breaks the rules of its framing, or ends early; the connection cannot be used again."""


class SlowBodyError(TimeoutError):
    """The body of a request arrives too slowly."""


class Pace:
    """Holds the other side to a minimum rate by a clock, counting only the time for which it was waited for.

    A byte now and then does not extend the time: after the patience, everything that has passed since the beginning
    must amount to the rate. Whoever was faster may be slower for a while, but not for longer than `SAVED` times the
    patience: a large first half does not pay for hours in which hardly anything comes.

    Args:
        limits: The patience and the rate.
        clock: Seconds, always growing.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._waited = 0.0
        self._passed = 0

    def wait(self, sock: socket.socket, work: Callable[[], Any]) -> Any:
        """Does one blocking piece of work on the socket within the time that is left; counts the time it takes.

        Raises:
            TimeoutError: The time is up.
        """
        left = max(self._limits.patience, self._passed / self._limits.rate) - self._waited
        if left <= 0:
            raise TimeoutError
        sock.settimeout(min(left, self._limits.stall_seconds))
        began = self._clock()
        try:
            return work()
        finally:
            self._waited += self._clock() - began

    def passed(self, size: int) -> None:
        """Counts bytes that the other side has sent or taken."""
        credit = (self._waited + SAVED * self._limits.patience) * self._limits.rate
        self._passed = min(self._passed + size, int(credit))


class Wire:
    """One connection: what was received and not used yet, and timed sending.

    Args:
        sock: Connected.
        limits: For both directions.
        clock: Seconds, always growing.
    """

    def __init__(
        self, sock: socket.socket, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.sock = sock
        self.limits = limits
        self.clock = clock
        self.buffer = b""
        self.closed = False
        self._sending = Pace(limits, clock)

    def begin_response(self) -> None:
        """Begins to count the pace of sending anew."""
        self._sending = Pace(self.limits, self.clock)

    def receive(self, seconds: float) -> bytes:
        """Returns what arrives next; nothing when the other side has closed.

        Raises:
            TimeoutError: Nothing arrives in time.
        """
        if seconds <= 0:
            raise TimeoutError
        self.sock.settimeout(seconds)
        return self.sock.recv(BLOCK)

    def write(self, data: bytes) -> int:
        """Sends bytes.

        Raises:
            TimeoutError: The other side reads too slowly.
        """
        view = memoryview(data)
        while view:
            part = view[:BLOCK]
            sent: int = self._sending.wait(self.sock, lambda part=part: self.sock.send(part))  # type: ignore[misc]
            self._sending.passed(sent)
            view = view[sent:]
        return len(data)

    def writelines(self, lines: list[bytes]) -> None:
        """Sends bytes."""
        self.write(b"".join(lines))

    def flush(self) -> None:
        """Does nothing: nothing is held back."""

    def close(self) -> None:
        """Marks the file as closed; the socket is its owner's to close."""
        self.closed = True


@dataclass(slots=True)
class Head:
    """The request line and the fields of a request.

    Attributes:
        method: Such as ``GET``.
        target: Path and query, as they were sent; ``*`` for OPTIONS alone.
        version: ``1.0`` or ``1.1``.
        fields: Names in lower case with their values, in their order.
        host: Whom the request is for, with the port where it is said.
        keeps: Whether the connection may be used again.
        body: What follows the head.
    """

    method: str
    target: str
    version: str
    fields: list[tuple[str, str]]
    host: str
    keeps: bool
    body: Body

    def values(self, name: str) -> list[str]:
        """Returns every value of a field, whose name is in lower case."""
        return [value for known, value in self.fields if known == name]


def read_head(wire: Wire, begun: Callable[[], bool]) -> Head | None:
    """Reads the head of the next request.

    Args:
        wire: Where it comes from.
        begun: Called when its first bytes are there; false when they must not be answered any more.

    Returns:
        The head; None when the other side has closed, or nothing came for `Limits.idle_seconds`.

    Raises:
        RequestError: It is refused; the connection has to be closed after the answer.
    """
    received, wire.buffer = wire.buffer, b""
    if not received:
        try:
            received = wire.receive(wire.limits.idle_seconds)
        except TimeoutError:
            return None
    if not received or not begun():
        return None
    until = wire.clock() + wire.limits.head_seconds
    reader = _HeadReader(wire.limits)
    while received:
        rest = reader.take(received)
        if rest is not None:
            wire.buffer = rest
            return _head(reader.line, reader.collected, wire)
        try:
            received = wire.receive(until - wire.clock())
        except TimeoutError:
            raise RequestError(
                HTTPStatus.REQUEST_TIMEOUT,
                f"The header fields did not arrive within {wire.limits.head_seconds:g} seconds.",
            ) from None
    return None


class _HeadReader:
    """Gathers a head out of the pieces in which it arrives, and stops exactly at its end."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._raw = bytearray()
        self._parsed = 0
        self.line = b""
        self.collected = _Collected(limits)

    def take(self, received: bytes) -> bytes | None:
        """Takes what has arrived.

        Returns:
            What follows the head; None while it is not complete.

        Raises:
            RequestError: It is refused.
        """
        raw = self._raw
        raw += received
        if not self.line:
            while raw.startswith(b"\r\n"):  # RFC 9112, 2.2: what some clients send behind a body
                del raw[:2]
            self.line = _request_line(raw, self._limits)
            if not self.line:
                return None
        end = _HEAD_END.search(raw, max(self._parsed - 2, len(self.line) - 1))
        stop = end.end() if end else len(raw)
        if stop - len(self.line) > self._limits.head_bytes:
            raise RequestError(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"The header fields of a request may have at most {self._limits.head_bytes} bytes in total.",
            )
        self.collected.feed(bytes(raw[self._parsed : stop]))
        self._parsed = stop
        return bytes(raw[stop:]) if end else None


def _request_line(raw: bytearray, limits: Limits) -> bytes:
    """The request line with its end once it is there; refused if it is not proper."""
    stop = raw.find(b"\n") + 1
    if (stop or len(raw)) > limits.target_bytes:
        raise RequestError(
            HTTPStatus.REQUEST_URI_TOO_LONG,
            f"The request line may have at most {limits.target_bytes} bytes; send long arguments in a body.",
        )
    if not stop:
        if _BARE_CR.search(raw):
            raise _bad("a line ends with CR LF, not with CR alone")
        return b""
    line = bytes(raw[:stop])
    if not line.endswith(b"\r\n"):
        raise _bad("a line ends with CR LF, not with LF alone")
    parts = _REQUEST_LINE.fullmatch(line)
    if parts is None:
        raise _bad("the first line must be a method, a target and HTTP/1.1, with one blank between them")
    if (parts[3], parts[4]) not in _VERSIONS:
        raise RequestError(
            HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "This server supports HTTP/1.1 and HTTP/1.0 only."
        )
    return line


class _Collected:
    """What llhttp finds in one request."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.parser = httptools.HttpRequestParser(self)
        self.fields: list[tuple[str, str]] = []
        self.pieces: list[bytes] = []
        self.is_head_read = False
        self.keeps = False
        self.is_whole = False
        self.has_more = False
        self.too_many = False

    def on_message_begin(self) -> None:
        """Called by httptools; more than once where something follows."""
        self.has_more = self.is_whole

    def on_header(self, name: bytes, value: bytes | None) -> None:
        """Called by httptools; fields behind the body (trailers) are of no use here."""
        if not self.is_head_read:
            if len(self.fields) >= self._limits.head_fields:
                self.too_many = True
                return
            self.fields.append((name.decode("ascii").lower(), (value or b"").strip(b" \t").decode("latin-1")))

    def on_headers_complete(self) -> None:
        """Called by httptools."""
        self.is_head_read = True
        self.keeps = bool(self.parser.should_keep_alive())

    def on_body(self, piece: bytes) -> None:
        """Called by httptools."""
        if not self.is_whole:
            self.pieces.append(piece)

    def on_message_complete(self) -> None:
        """Called by httptools."""
        self.is_whole = True

    def feed(self, data: bytes) -> None:
        """Parses a part of the head.

        Raises:
            RequestError: It is not proper.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # what is asked for in place of HTTP/1.1 is not offered, and is answered in HTTP/1.1
        except httptools.HttpParserInvalidMethodError:
            raise RequestError(
                HTTPStatus.NOT_IMPLEMENTED,
                "This server does not support the method of the request. Methods are written in capitals.",
            ) from None
        except httptools.HttpParserError as error:
            self._refuse_codings()
            raise _bad(_sentence(error)) from None
        if self.too_many:
            raise RequestError(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"A request may have at most {self._limits.head_fields} header fields.",
            )

    def _refuse_codings(self) -> None:
        codings = [value for name, value in self.fields if name == "transfer-encoding"]
        lengths = [name for name, _ in self.fields if name == "content-length"]
        if len(codings) == 1 and codings[0] and codings[0].lower() != "chunked" and not lengths:
            raise RequestError(HTTPStatus.NOT_IMPLEMENTED, "The only supported Transfer-Encoding is chunked.")


def _head(line: bytes, collected: _Collected, wire: Wire) -> Head:
    parts = _REQUEST_LINE.fullmatch(line)
    if parts is None or not collected.is_head_read:
        raise _bad("the header fields are not complete")
    method, target = parts[1].decode("ascii"), parts[2].decode("ascii")
    version = f"{parts[3].decode()}.{parts[4].decode()}"
    values: dict[str, list[str]] = {}
    for name, value in collected.fields:
        values.setdefault(name, []).append(value)
    host = _host(values.get("host", []), version)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        # RFC 9112, 3.2.2: what the target says counts, and not Host
        host, target = _checked_host(absolute[1]), absolute[2]
        target = target if target.startswith("/") else f"/{target}"
    if method == "CONNECT":
        raise RequestError(HTTPStatus.NOT_IMPLEMENTED, "This server is not a proxy.")
    if not target.startswith("/") and (method, target) != ("OPTIONS", "*"):
        raise _bad("the target must be a path that begins with a slash")
    codings = values.get("transfer-encoding", [])
    if codings and version == "1.0":
        raise _bad("HTTP/1.0 has no Transfer-Encoding")
    if codings and codings[0].lower() != "chunked":
        raise RequestError(HTTPStatus.NOT_IMPLEMENTED, "The only supported Transfer-Encoding is chunked.")
    length = int(values.get("content-length", ["0"])[0])
    waits = version == "1.1" and values.get("expect", [""])[0].lower() == "100-continue"
    body = Body(wire, collected if codings else None, length, waits=waits)
    try:
        body.look_ahead()
    except MalformedBodyError as error:
        raise RequestError(HTTPStatus.BAD_REQUEST, str(error)) from None
    target = target.partition("#")[0]
    return Head(method, target, version, collected.fields, host, collected.keeps, body)


def _host(given: list[str], version: str) -> str:
    if len(given) > 1:
        raise _bad("there is more than one Host")
    if not given:
        if version == "1.0":
            return ""
        raise _bad("Host is missing")
    return _checked_host(given[0])


def _checked_host(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise _bad("Host is not the name of a host, with a port or without one")
    return host


@dataclass(slots=True)
class Body:
    """The body of a request as a file (``wsgi.input``); it ends by itself.

    Raises from each of its methods that read: `MalformedBodyError`, and `SlowBodyError` for one that comes too slowly.
    """

    wire: Wire
    _chunks: _Collected | None
    content_length: int
    waits: bool = False
    headers_sent: list[int] | None = None
    """Of eventlet's: has an item once the response has begun."""

    on_broken: Callable[[], None] = lambda: None
    position: int = 0
    """How much of it has been received."""

    _framing: int = 0
    _ready: bytes = b""
    _pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self._pace = Pace(self.wire.limits, self.wire.clock)

    @property
    def chunked_input(self) -> bool:
        """Whether it comes in chunks."""
        return self._chunks is not None

    @property
    def should_send_hundred_continue(self) -> bool:
        """Whether the client waits to be told that its body is wanted, and has not sent any of it."""
        return self.waits and not self.position

    @property
    def has_more(self) -> bool:
        """Whether bytes behind the last chunk have been taken, so that the connection cannot be used again."""
        return self._chunks is not None and self._chunks.has_more

    @property
    def may_take_what_follows(self) -> bool:
        """Whether reading on could take bytes of the next request: chunks that are under way have no known end."""
        return self._chunks is not None and not self._chunks.is_whole

    def look_ahead(self) -> None:
        """Checks the chunks that arrived with the head: what is malformed there is refused before it is worked on."""
        if self._chunks is not None and self.wire.buffer:
            data, self.wire.buffer = self.wire.buffer, b""
            self._ready = self._parsed(data)

    def read(self, size: int | None = -1) -> bytes:
        """Returns so many bytes, fewer only at the end; all of them without a size."""
        pieces, left = [], -1 if size is None or size < 0 else size
        while left and (self._ready or self._fill()):
            piece = self._take(left)
            pieces.append(piece)
            left -= len(piece) if left > 0 else 0
        return b"".join(pieces)

    def readline(self, size: int | None = -1) -> bytes:
        """Returns a line with its end, cut off at the size where there is one."""
        line, limit = b"", -1 if size is None or size < 0 else size
        while limit < 0 or len(line) < limit:
            if not self._ready and not self._fill():
                break
            stop = self._ready.find(b"\n") + 1 or len(self._ready)
            line += self._take(stop if limit < 0 else min(stop, limit - len(line)))
            if line.endswith(b"\n"):
                break
        return line

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        """Returns the lines; no more once they have as many bytes as the hint."""
        lines: list[bytes] = []
        total = 0
        for line in self:
            lines.append(line)
            total += len(line)
            if hint is not None and 0 < hint <= total:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        """Yields the lines."""
        return iter(self.readline, b"")

    def discard(self) -> None:
        """Reads what is left of a body that was refused, so that its sender gets to read why; but not for ever."""
        left = MAX_DISCARDED
        try:
            with Timeout(DISCARD_SECONDS, TimeoutError):
                while left > 0:
                    block = self.read(BLOCK)
                    if not block:
                        return
                    left -= len(block)
        except (MalformedBodyError, OSError) as error:
            logger.debug("a body that is not wanted is not read to its end: %r", error)
        self.on_broken()

    def _take(self, size: int) -> bytes:
        if size < 0 or size >= len(self._ready):
            piece, self._ready = self._ready, b""
        else:
            piece, self._ready = self._ready[:size], self._ready[size:]
        return piece

    def _fill(self) -> bool:
        """Receives more of the body; false when it is whole."""
        while not self._ready:
            if self._chunks.is_whole if self._chunks is not None else self.position >= self.content_length:
                return False
            if self._chunks is not None:
                self._ready = self._parsed(self._received())
                continue
            data = self._received()
            left = self.content_length - self.position
            self._ready, self.wire.buffer = data[:left], data[left:]
            self.position += len(self._ready)
            self._pace.passed(len(self._ready))
        return True

    def _received(self) -> bytes:
        if self.wire.buffer:
            data, self.wire.buffer = self.wire.buffer, b""
            return data
        if self.should_send_hundred_continue and not self.headers_sent:
            self.waits = False
            self.wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        sock = self.wire.sock
        try:
            received: bytes = self._pace.wait(sock, lambda: sock.recv(BLOCK))
        except TimeoutError:
            self.on_broken()
            limits = self.wire.limits
            raise SlowBodyError(
                f"The body must arrive at {limits.rate} bytes a second after {limits.patience:g} seconds, and never"
                f" stop for {limits.stall_seconds:g}."
            ) from None
        if not received:
            raise self._broken("the connection was closed before the body was whole")
        return received

    def _parsed(self, data: bytes) -> bytes:
        """The part of the body that is in these chunks."""
        chunks = self._chunks
        if chunks is None:
            return data
        reason = ""
        try:
            chunks.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            chunks.has_more = True
        except httptools.HttpParserError as error:
            if chunks.is_whole:
                chunks.has_more = True  # and what follows is no request
            else:
                reason = _sentence(error)
        found = b"".join(chunks.pieces)
        chunks.pieces.clear()
        self.position += len(found)
        self._pace.passed(len(found))
        self._framing += len(data) - len(found)
        if not chunks.has_more and self._framing > MAX_FRAMING + 8 * self.position:
            reason = "its chunks have more framing than content"
        if reason:
            raise self._broken(reason)
        if chunks.has_more:
            self.on_broken()
        return found

    def _broken(self, reason: str) -> MalformedBodyError:
        self.on_broken()
        return MalformedBodyError(f"The body of the request is malformed: {reason}.")


def problem(status: HTTPStatus, detail: str) -> bytes:
    """Makes the whole response that refuses a request and says that the connection is closed."""
    slug = SLUGS.get(status, status.name.lower())
    correlation_id = str(uuid4())
    content = orjson.dumps(
        {
            "type": f"urn:impactx:problem:{slug}",
            "title": status.phrase,
            "status": status.value,
            "detail": detail,
            "slug": slug,
            "correlation_id": correlation_id,
        }
    )
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {PROBLEM}\r\nContent-Length: {len(content)}\r\n"
        f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-ID: {correlation_id}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + content


SLUGS: Final = {
    HTTPStatus.REQUEST_URI_TOO_LONG: "uri_too_long",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "header_too_large",
    HTTPStatus.SERVICE_UNAVAILABLE: "unavailable",
    HTTPStatus.TOO_MANY_REQUESTS: "rate_limited",
}


def _bad(reason: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, f"The request is not valid HTTP/1.1: {reason}.")


def _sentence(error: Exception) -> str:
    """What llhttp says, as the end of a sentence."""
    text = str(error).strip().rstrip(".").replace("`", "")
    return text if "-" in text.partition(" ")[0] else text[:1].lower() + text[1:]

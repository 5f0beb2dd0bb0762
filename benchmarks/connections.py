"""The load over HTTP: kept connections, one request outstanding on each, and listeners of Server-Sent Events.

It knows nothing of ImpactX, so that it drives any server alike, and it runs in a process without eventlet.
"""

from __future__ import annotations

import selectors
import socket
import time
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import TracebackType
    from typing import Any

ANSWER_SECONDS = 30.0
"""How long a run may be without any answer before it is called broken."""

END_OF_HEADERS = b"\r\n\r\n"
READ_SIZE = 65536


class RefusedError(Exception):
    """A server answered with an error, or not at all."""


def request(verb: str, path: str, headers: Mapping[str, str], body: Any = None) -> bytes:
    """A request as it goes over the wire; ``body`` becomes JSON."""
    said = dict(headers) | {"Host": "127.0.0.1"}
    encoded = b"" if body is None else orjson.dumps(body)
    if encoded:
        said |= {"Content-Type": "application/json", "Content-Length": str(len(encoded))}
    lines = [f"{verb} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items()), "", ""]
    return "\r\n".join(lines).encode() + encoded


class Connections:
    """Some connections to one server.

    Args:
        url: Of the server.
        number: How many.
    """

    def __init__(self, url: str, number: int) -> None:
        parts = urlsplit(url)
        self._selector = selectors.DefaultSelector()
        self._sockets = []
        for _ in range(number):
            opened = socket.create_connection((parts.hostname or "", parts.port or 80), ANSWER_SECONDS)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(opened, selectors.EVENT_READ, bytearray())
            self._sockets.append(opened)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._selector.close()
        for opened in self._sockets:
            opened.close()

    def answers(self, requests: Iterable[bytes]) -> Iterator[bytes]:
        """Sends the requests, one outstanding on each connection; gives the bodies of the answers as they come.

        Raises:
            RefusedError: An answer is no success.
        """
        waiting = iter(requests)
        under_way = 0
        for opened, first in zip(self._sockets, waiting, strict=False):
            opened.sendall(first)
            under_way += 1
        while under_way:
            for opened, received in self._readable():
                answer = _answer(received)
                if answer is None:
                    continue
                under_way -= 1
                following = next(waiting, None)
                if following is not None:
                    opened.sendall(following)
                    under_way += 1
                yield answer

    def listen(self, asked: bytes) -> None:
        """Sends the same request on every connection and waits until each is answered with a stream.

        Raises:
            RefusedError: One is answered otherwise.
        """
        silent = set(self._sockets)
        for opened in self._sockets:
            opened.sendall(asked)
        while silent:
            for opened, received in self._readable():
                head, end, _ = received.partition(END_OF_HEADERS)
                if end:
                    _check(head)
                    silent.discard(opened)

    def heard(self, what: bytes) -> float:
        """When every connection had received this, by `time.perf_counter`; what came before is forgotten."""
        deaf = set(self._sockets)
        while deaf:
            for opened, received in self._readable():
                if what in received:
                    received.clear()
                    deaf.discard(opened)
        return time.perf_counter()

    def _readable(self) -> Iterator[tuple[socket.socket, bytearray]]:
        """Every connection on which something came, with all that came on it and was not taken yet."""
        ready = self._selector.select(ANSWER_SECONDS)
        if not ready:
            raise RefusedError(f"No answer came within {ANSWER_SECONDS:g} s.")
        for key, _ in ready:
            opened, received = key.fileobj, key.data
            assert isinstance(opened, socket.socket)
            came = opened.recv(READ_SIZE)
            if not came:
                raise RefusedError("The server closed a connection.")
            received += came
            yield opened, received


def _answer(received: bytearray) -> bytes | None:
    """Takes an answer from what came, where it is complete, and gives its body."""
    head, end, body = received.partition(END_OF_HEADERS)
    if not end:
        return None
    length = int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
    if len(body) < length:
        return None
    _check(head)
    answer = bytes(body[:length])
    del received[: len(head) + len(end) + length]
    return answer


def _check(head: bytearray) -> None:
    if head.split(None, 2)[1] not in (b"200", b"201"):
        raise RefusedError(head.decode(errors="replace"))

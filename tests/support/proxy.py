"""A TCP proxy that can stall, cut and refuse connections: the network between two processes, on its bad days."""

import contextlib
import socket
import threading
import time
from typing import Self

from infra.local.postgresql.ports import free_port

CHUNK = 65536


class Proxy:
    """Passes on every connection to its port, until told otherwise.

    Args:
        port: Of the server.
        host: Of the server; this machine by default.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.target = port
        self._host = host
        self.port = free_port()
        self._up, self._down = threading.Event(), threading.Event()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self.opened = 0
        self._refusing = False
        self._left: int | None = None
        self._rate: float | None = None
        self._trickle: float | None = None
        self._names: dict[tuple[socket.socket, socket.socket], bytes] = {}
        self._deaf = b""
        self._server = socket.create_server(("127.0.0.1", self.port))
        # Small, so that whoever sends feels soon that nothing is passed on.
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
        self.resume()
        threading.Thread(target=self._accept, daemon=True).start()

    def through(self, uri: str) -> str:
        """The URI of the server, by way of the proxy."""
        return uri.replace(f"{self._host}:{self.target}", f"127.0.0.1:{self.port}", 1)

    @property
    def connections(self) -> int:
        """How many stand now."""
        return len(self._pairs)

    def stall(self, *, up: bool = True, down: bool = True) -> None:
        """Passes nothing on towards the server (up) or the client (down); nobody is told."""
        if up:
            self._up.clear()
        if down:
            self._down.clear()

    def slow_down(self, bytes_per_second: float) -> None:
        """Passes so much on, in each direction of each connection."""
        self._rate = bytes_per_second

    def trickle(self, bytes_per_second: float) -> None:
        """Passes on byte by byte, so that something comes all the time and nothing is ever complete."""
        self._trickle = bytes_per_second

    def stall_after(self, size: int) -> None:
        """Passes ``size`` bytes more towards the client, wherever that cuts a message, and stalls."""
        self._left = size

    @property
    def is_stalled(self) -> bool:
        """Whether something is held back on purpose."""
        return not (self._up.is_set() and self._down.is_set())

    def deafen(self, name: str = "") -> None:
        """Passes everything on towards the server again, and nothing towards the client.

        With a name, nothing towards the client on the AMQP connections of this name alone.
        """
        self._deaf = name.encode()
        if name:
            self._down.set()
        else:
            self._down.clear()
        self._up.set()

    def strand(self) -> None:
        """Passes nothing on for the connections that stand now, ever, and everything for those that come."""
        self.stall()
        self._up, self._down = threading.Event(), threading.Event()
        self.resume()

    def resume(self) -> None:
        """Passes everything on again, what was held back first."""
        self._trickle = None
        self._deaf = b""
        self._up.set()
        self._down.set()

    def cut(self) -> None:
        """Breaks every connection; new ones are welcome."""
        for pair in list(self._pairs):
            self._close(pair)

    def refuse(self) -> None:
        """Breaks every connection and lets nobody in until `admit`."""
        self._refusing = True
        self.cut()

    def admit(self) -> None:
        """Lets new connections in again."""
        self._refusing = False

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown(socket.SHUT_RDWR)
        self.cut()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                self._server.close()
                return
            if self._refusing:
                client.close()
                continue
            try:
                server = socket.create_connection((self._host, self.target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = client, server
            for one in pair:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._pairs.add(pair)
            self.opened += 1
            for source, sink, gate in ((client, server, self._up), (server, client, self._down)):
                threading.Thread(target=self._pump, args=(pair, source, sink, gate), daemon=True).start()

    def _pump(
        self,
        pair: tuple[socket.socket, socket.socket],
        source: socket.socket,
        sink: socket.socket,
        gate: threading.Event,
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(CHUNK):
                # While stalled this holds one chunk, and the kernel's buffers fill behind it as on a real network.
                self._wait(gate, pair)
                if source is pair[0] and len(self._names.get(pair, b"")) < CHUNK:
                    # the client says its name at the beginning
                    self._names[pair] = self._names.get(pair, b"") + chunk
                while source is pair[1] and self._deaf and self._deaf in self._names.get(pair, b""):
                    self._wait_a_moment(pair)
                if gate is self._down and self._left is not None and len(chunk) > self._left:
                    sink.sendall(chunk[: self._left])
                    chunk, self._left = chunk[self._left :], None
                    gate.clear()
                    self._wait(gate, pair)
                while chunk and (rate := self._trickle) is not None and pair in self._pairs:
                    sink.sendall(chunk[:1])
                    chunk = chunk[1:]
                    time.sleep(1 / rate)
                sink.sendall(chunk)
                if self._rate is not None:
                    time.sleep(len(chunk) / self._rate)
        self._close(pair)
        # Each end is closed by who reads it: elsewhere its number could be given away while it is still read.
        source.close()

    def _wait(self, gate: threading.Event, pair: tuple[socket.socket, socket.socket]) -> None:
        while not gate.wait(0.2):
            if pair not in self._pairs:
                raise ConnectionResetError

    def _wait_a_moment(self, pair: tuple[socket.socket, socket.socket]) -> None:
        if pair not in self._pairs:
            raise ConnectionResetError
        time.sleep(0.02)

    def _close(self, pair: tuple[socket.socket, socket.socket]) -> None:
        self._pairs.discard(pair)
        self._names.pop(pair, None)
        for one in pair:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

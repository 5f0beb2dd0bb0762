"""kombu's AMQP transport with fewer system calls, which were a third of the work of answering an RPC request.

py-amqp asks the kernel for each part of each frame, six times a message; here one read takes what has come. It
sends each message by itself; here, under eventlet, what the greenlets of one turn write leaves in one send.
"""

from __future__ import annotations

import logging
import socket
import time
from typing import Any

import eventlet
from amqp.transport import TCPTransport
from eventlet.hubs import trampoline
from eventlet.patcher import is_monkey_patched
from eventlet.semaphore import Semaphore
from kombu.transport import pyamqp

logger = logging.getLogger(__name__)

TRANSPORTS = {"amqp": f"{__name__}:Transport"}
"""What kombu is to use instead of its own, by the scheme of the broker's URI. TLS keeps kombu's own."""

READ_SIZE = 4096
"""Bytes: some ten requests. py-amqp copies the rest of it with each part that it takes off."""

GREATEST_UNSENT = 65536
"""Bytes after which a writer has to wait for the kernel, as it would without the collecting."""

WRITE_SECONDS = 5.0
"""How long a writer waits for a broker that takes nothing at all; then the connection counts as broken."""

DO_NOT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)


class _Connector(TCPTransport):
    """One TCP connection to the broker."""

    def _setup_transport(self) -> None:
        super()._setup_transport()
        receive = self.sock.recv
        self._quick_recv = lambda size: receive(max(size, READ_SIZE))
        if is_monkey_patched("socket"):
            self._unsent = bytearray()
            self._sending = Semaphore()
            self._scheduled = False
            self._write = self._collect
        else:
            self._write = self._write_patiently

    def _collect(self, frames: bytes | memoryview) -> None:
        if self.sock is None:
            raise ConnectionResetError("The connection to the broker was lost while it was written to.")
        self._unsent += frames
        if len(self._unsent) > GREATEST_UNSENT:
            self._send()
        elif not self._scheduled:
            self._scheduled = True
            eventlet.spawn_n(self._send_collected)

    def _send_collected(self) -> None:
        self._scheduled = False
        try:
            self._send()
        except (OSError, AttributeError):  # AttributeError: it was closed already
            hang_up(self)

    def _send(self) -> None:
        with self._sending:
            frames, self._unsent = memoryview(self._unsent), bytearray()
            while frames:
                frames = frames[self._send_some(frames) :]

    def _send_some(self, frames: memoryview) -> int:
        # Past the green socket, whose timeout is the reader's: the short time after which that looks around.
        kernel = self.sock.fd
        while True:
            try:
                sent: int = kernel.send(frames)
            except BlockingIOError:
                trampoline(kernel, write=True, timeout=WRITE_SECONDS, timeout_exc=TimeoutError)
            else:
                return sent

    def _write_patiently(self, frames: bytes | memoryview) -> None:
        """For ordinary threads; there too the socket's timeout is the reader's."""
        left = memoryview(frames)
        given_up_at = time.monotonic() + WRITE_SECONDS
        while left:
            try:
                left = left[self.sock.send(left, DO_NOT_WAIT) :]
                given_up_at = time.monotonic() + WRITE_SECONDS
            except (BlockingIOError, TimeoutError):
                if time.monotonic() > given_up_at:
                    raise
                time.sleep(0.005)


def hang_up(transport: Any) -> None:
    """Ends the connection, so that the thread that reads it wakes, closes it and opens another.

    Closed by anybody else, its number would go to the next socket while the reader still waits on it, and
    eventlet would fail whoever has that socket: a query, as likely as not.
    """
    try:
        transport.sock.shutdown(socket.SHUT_RDWR)
    except (OSError, AttributeError) as error:
        logger.debug("ending a broken connection: %s", error)


class _Connection(pyamqp.Connection):
    def Transport(self, host: str, connect_timeout: float, *more: Any, **options: Any) -> _Connector:  # noqa: N802 - as in py-amqp
        _tls, read_timeout, write_timeout = more
        return _Connector(host, connect_timeout, read_timeout, write_timeout, **options)


class Transport(pyamqp.Transport):
    """What kombu opens connections with."""

    Connection = _Connection

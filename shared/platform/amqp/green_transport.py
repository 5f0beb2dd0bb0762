"""The sockets to the broker in a process of green threads, for `shared.client.amqp.transport`.

py-amqp sends each message by itself. Here what the green threads of one turn write leaves in one send.
"""

from __future__ import annotations

import time
from typing import Any

from eventlet.hubs import trampoline

from shared.client.amqp import transport
from shared.client.amqp.transport import WRITE_SECONDS, hang_up
from shared.platform.concurrency import Semaphore, Timeout, spawn

MAX_UNSENT = 65536
"""Bytes after which a writer has to wait for the kernel, as it would without the collecting."""


class GreenConnector(transport.Connector):
    """One TCP connection."""

    def _setup_transport(self) -> None:
        super()._setup_transport()
        self._unsent = bytearray()
        self._sending = Semaphore()
        self._scheduled = False

    def _write_all(self, frames: bytes | memoryview) -> None:
        if self.sock is None:
            raise ConnectionResetError("The connection to the broker was lost while it was written to.")
        self._unsent += frames
        if len(self._unsent) > MAX_UNSENT:
            self._send()
        elif not self._scheduled:
            self._scheduled = True
            spawn(self._send_collected)

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
        kernel: Any = self.sock.fd
        while True:
            try:
                sent: int = kernel.send(frames)
            except BlockingIOError:
                trampoline(kernel, write=True, timeout=WRITE_SECONDS, timeout_exc=TimeoutError)
            else:
                return sent


class GreenTlsConnector(transport.TlsConnector):
    """One TLS connection. There is one native thread, so nobody reads while another writes."""

    def _setup_transport(self) -> None:
        # Python's own handshake is complete in time or fails; eventlet's waits so long for each part of it.
        if self.answer_by is None:
            super()._setup_transport()
            return
        with Timeout(
            max(self.answer_by - time.monotonic(), 0), TimeoutError("The handshake takes too long.")
        ):
            super()._setup_transport()

    def _read_some(self, size: int) -> bytes:
        return bytes(self.sock.read(size))

    def _write_some(self, frames: memoryview) -> int:
        return int(self.sock.write(frames))


def install() -> None:
    """Have every connection to the broker opened with these."""
    transport.use_connectors(GreenConnector, GreenTlsConnector)

"""How every connection to the broker is made: kombu's AMQP transport, made safe from what strangers send, and faster.

Whatever bytes a message holds, it arrives (`amqp.received`). No answer of the broker is waited for
without a limit. "connection.blocked" is told to whoever asked for it.

py-amqp asks the kernel for each part of each frame, six times a message, a third of the work of answering an RPC
request; here one read takes what has come.

What stands here is for ordinary threads. A process of green threads has sockets of its own, see `use_connectors`.
"""

from __future__ import annotations

import logging
import select
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import kombu
from amqp import spec
from amqp.transport import SSLTransport, TCPTransport
from kombu.transport import pyamqp

from .address import MEMORY_SCHEME, read_address
from .received import MAX_BODY, ReceivedMessage, frames_to_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 5.0
"""How long it may take until the broker has let us in."""

ANSWER_SECONDS: Final = 10.0
"""How long the broker may take to answer what it is asked; then the connection counts as broken."""

READ_SIZE = 4096
"""Bytes: some ten requests. py-amqp copies the rest of it with each part that it takes off."""

WRITE_SECONDS = 5.0
"""How long a writer waits for a broker that takes nothing at all; then the connection counts as broken."""

DO_NOT_WAIT = getattr(socket, "MSG_DONTWAIT", 0)


class Answered:
    """A connection on which an answer is complete in time, also where one byte of it comes now and then.

    Attributes:
        answer_by: Until when, by `time.monotonic`; None while no answer is waited for.
    """

    answer_by: float | None = None

    def check_time(self) -> None:
        """Return while there is time left.

        Raises:
            TimeoutError: There is none.
        """
        if self.answer_by is not None and time.monotonic() >= self.answer_by:
            raise TimeoutError("The broker does not answer in time.")


class Connector(Answered, TCPTransport):
    """One TCP connection to the broker."""

    def _setup_transport(self) -> None:
        super()._setup_transport()
        receive = self.sock.recv

        def receive_much(size: int) -> bytes:
            self.check_time()
            return bytes(receive(max(size, READ_SIZE)))

        self._quick_recv = receive_much
        self._write = self._write_all

    def _write_all(self, frames: bytes | memoryview) -> None:
        """Write all of it; the socket's timeout is the reader's: the short time after which that looks around."""
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


class TlsConnector(Answered, SSLTransport):
    """One TLS connection to the broker.

    OpenSSL lets nobody read a connection while another thread writes it. A lock stands between them, which is not held
    while there is nothing to read.
    """

    def __init__(
        self, *arguments: Any, context: ssl.SSLContext, server_hostname: str, **options: Any
    ) -> None:
        self._context = context
        self._server_hostname = server_hostname
        self._using = threading.Lock()
        super().__init__(*arguments, **options)

    def _wrap_socket(self, sock: Any, *_more: Any, **_options: Any) -> Any:
        return self._context.wrap_socket(
            sock, server_hostname=self._server_hostname, do_handshake_on_connect=False
        )

    def _setup_transport(self) -> None:
        super()._setup_transport()
        self._quick_recv = self._receive

    def _shutdown_transport(self) -> None:
        """Nothing: a goodbye would wait for a peer that may be gone."""

    def _receive(self, size: int) -> bytes:
        self.check_time()
        try:
            return self._read_some(max(size, READ_SIZE))
        except (
            ValueError
        ) as error:  # Python's ssl, to whoever reads from a socket that was shut down meanwhile
            raise ConnectionResetError("The connection to the broker was closed.") from error

    def _read_some(self, size: int) -> bytes:
        self._wait_until_readable()
        with self._using:
            return bytes(self.sock.read(size))

    def _wait_until_readable(self) -> None:
        if self.sock.pending():
            return
        seconds = self.sock.gettimeout()
        readable = select.poll()
        readable.register(self.sock, select.POLLIN)
        if not readable.poll(None if seconds is None else seconds * 1000):
            raise TimeoutError("nothing to read")

    def _write(self, frames: bytes | memoryview) -> None:
        left = memoryview(frames)
        given_up_at = time.monotonic() + WRITE_SECONDS
        while left:
            try:
                left = left[self._write_some(left) :]
                given_up_at = time.monotonic() + WRITE_SECONDS
            except (TimeoutError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                # The socket's timeout is the reader's; OpenSSL wants the same bytes again.
                if time.monotonic() > given_up_at:
                    raise
            except (ValueError, AttributeError) as error:
                raise ConnectionResetError("The connection to the broker was closed.") from error

    def _write_some(self, frames: memoryview) -> int:
        with self._using:
            return int(self.sock.write(frames))


class _Connectors:
    plain: type[Connector] = Connector
    tls: type[TlsConnector] = TlsConnector


def use_connectors(plain: type[Connector], tls: type[TlsConnector]) -> None:
    """Open connections with these from now on: a process of green threads has its own ways of waiting."""
    _Connectors.plain, _Connectors.tls = plain, tls


class _Channel(pyamqp.Channel):
    Message = ReceivedMessage

    def __init__(self, connection: Any, channel_id: int | None = None, on_open: Any = None) -> None:
        # Decoding the body by what the sender calls its encoding is for whoever needs text.
        super().__init__(connection, channel_id, auto_decode=False, on_open=on_open)

    def wait(self, method: Any, callback: Any = None, timeout: float | None = None, **options: Any) -> Any:
        """Wait for an answer of the broker, for `ANSWER_SECONDS` at most."""
        with self.connection.answering(timeout or ANSWER_SECONDS):
            return super().wait(method, callback, timeout, **options)


class _Connection(pyamqp.Connection):
    Channel = _Channel

    # py-amqp leaves out why the broker takes nothing.
    _METHODS = pyamqp.Connection._METHODS | {  # noqa: SLF001 - where py-amqp looks for the form of a method
        spec.Connection.Blocked: spec.method(spec.Connection.Blocked, "s")
    }

    def __init__(
        self,
        *arguments: Any,
        tls: ssl.SSLContext | None,
        server_hostname: str,
        max_body: int | None = MAX_BODY,
        **options: Any,
    ) -> None:
        self._tls = tls
        self._server_hostname = server_hostname
        self._answer_by: float | None = None
        super().__init__(*arguments, frame_handler=partial(frames_to_messages, max_body=max_body), **options)

    def Transport(self, host: str, connect_timeout: float, *more: Any, **options: Any) -> Any:  # noqa: N802 - as in py-amqp
        _ssl, read_timeout, write_timeout = more
        made: Connector | TlsConnector
        if self._tls is None:
            made = _Connectors.plain(host, connect_timeout, read_timeout, write_timeout, **options)
        else:
            made = _Connectors.tls(
                host,
                connect_timeout,
                read_timeout=read_timeout,
                write_timeout=write_timeout,
                context=self._tls,
                server_hostname=self._server_hostname,
                **options,
            )
        made.answer_by = self._answer_by
        return made

    def connect(self, callback: Any = None) -> Any:
        """Connect, sign in and open, all of it within `ANSWER_SECONDS` more than the connecting may take."""
        with self.answering(self.connect_timeout + ANSWER_SECONDS):
            return super().connect(callback)

    def wait(self, method: Any, callback: Any = None, timeout: float | None = None, **options: Any) -> Any:
        """Wait for an answer of the broker, for `ANSWER_SECONDS` at most."""
        with self.answering(timeout or ANSWER_SECONDS):
            return super().wait(method, callback, timeout, **options)

    @contextmanager
    def answering(self, seconds: float) -> Iterator[None]:
        """Limit what is read in the block, heartbeats and messages of other methods included, to so many seconds."""
        before = self._answer_by
        self._limit_answers(time.monotonic() + seconds)
        try:
            yield
        finally:
            self._limit_answers(before)

    def _limit_answers(self, until: float | None) -> None:
        self._answer_by = until
        transport = getattr(self, "_transport", None)
        if transport is not None:
            transport.answer_by = until

    def blocking_read(self, timeout: float | None = None) -> Any:
        """Read one frame."""
        if self._answer_by is not None:
            left = self._answer_by - time.monotonic()
            if left <= 0:
                raise TimeoutError("The broker does not answer.")
            timeout = left if timeout is None else min(timeout, left)
        return super().blocking_read(timeout)

    def _on_blocked(self, reason: str = "") -> Any:
        return self.on_blocked(reason) if self.on_blocked else None


class Transport(pyamqp.Transport):
    """What kombu opens connections with."""

    Connection = _Connection


class _TriedOnce(kombu.Connection):
    """A connection that is tried once: kombu would wait two seconds and try again before it says what is wrong.

    Whoever opens it has a pause of its own between two attempts.
    """

    def connect(self) -> Any:
        """Open the connection now."""
        return self._ensure_connection(max_retries=0, reraise_as_library_errors=False)

    @property
    def connection(self) -> Any:
        """The open connection of py-amqp; opened when it is first asked for."""
        return None if self._closed else (self._connection if self.connected else self.connect())


def connection_to(
    uri: str, *, heartbeat: float = 0, connect_timeout: float = CONNECT_SECONDS, **options: Any
) -> kombu.Connection:
    """Return a connection to the broker that is not open yet.

    Args:
        uri: See `amqp.address`.
        heartbeat: Seconds between two signs of life; 0 is none.
        connect_timeout: Seconds that may pass until the broker has let us in.
        options: Of py-amqp's connection, such as ``on_blocked``; ``max_body`` is the size up to which bodies are kept.

    Raises:
        BrokerAddressError: The URI cannot work.
    """
    address = read_address(uri)
    if address.scheme == MEMORY_SCHEME:
        return kombu.Connection(uri)
    return _TriedOnce(
        address.host,
        port=address.port,
        userid=address.user,
        password=address.password,
        virtual_host=address.virtual_host,
        transport=Transport,
        heartbeat=heartbeat,
        connect_timeout=connect_timeout,
        transport_options={
            "tls": address.tls,
            "server_hostname": address.server_hostname,
            "max_retries": 0,  # of kombu's, for the channel that it opens by itself
            **options,
        },
    )

"""A connection to the broker that is kept: opened in the background, read for ever, reopened when it breaks.

Everything that speaks AMQP stands on a `Link`: the readers of queues, the relay, the RPC client and server.
One thread reads, so heartbeats are answered, a channel that the broker closed is noticed at once, and confirms
and returns arrive while others publish. Publishing and acknowledging may be done from any thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import amqp.exceptions
import kombu
import kombu.exceptions

from shared.errors import Unavailable
from shared.messaging.backoff import Backoff
from shared.messaging.transport import TRANSPORTS, hang_up

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 20
CONNECT_SECONDS = 5.0
READ_SECONDS = 0.2
STABLE_SECONDS = 5.0

TRANSIENT = 1
PERSISTENT = 2

BROKEN = (
    OSError,
    amqp.exceptions.AMQPError,
    kombu.exceptions.KombuError,
    # eventlet, to who reads from a socket that another greenlet has just closed
    EOFError,
)
"""What a broken connection is met as; none of it says anything about the message in hand."""

FAULTS_OF_A_CLOSED_CHANNEL = (AttributeError, RuntimeError)
"""What py-amqp also raises on a connection that another thread closes meanwhile: it works on with None.

On a channel that is open they are a fault of ours; see `is_broken`.
"""


class Link:
    """One kept connection with one channel.

    Args:
        uri: The broker.
        name: Shown in the broker's list of connections and in the log.
        on_open: Called in the reading thread with each new channel, before anyone else gets it: the only
            place where calls that wait for the broker's answer (declare, consume, confirm_select) are allowed.
        on_lost: Called in the reading thread when a connection that was open has gone.
    """

    def __init__(
        self,
        uri: str,
        name: str,
        *,
        on_open: Callable[[Any], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self._uri = uri
        self._on_open = on_open
        self._on_lost = on_lost
        self._tasks: deque[Callable[[Any], None]] = deque()
        self._channel: Any = None
        self._opened = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins to connect; returns at once."""
        self._thread.start()

    def stop(self, timeout: float = CONNECT_SECONDS) -> None:
        """Closes the connection and waits, bounded, for the reading thread to end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def wait_until_open(self, timeout: float) -> bool:
        """Whether the connection is open now or becomes so in time (seconds)."""
        return self._opened.wait(timeout)

    @property
    def channel(self) -> Any:
        """The open channel.

        Raises:
            Unavailable: The broker could not be reached within `CONNECT_SECONDS`.
        """
        channel = self._channel if self._opened.wait(CONNECT_SECONDS) else None
        if channel is None:
            raise Unavailable("The message broker cannot be reached.")
        return channel

    def run_in_reader(self, task: Callable[[Any], None]) -> None:
        """Has the reading thread call ``task(channel)`` soon: for calls that wait for the broker's answer."""
        self._tasks.append(task)

    def publish(
        self,
        body: bytes,
        *,
        exchange: str,
        routing_key: str,
        headers: dict[str, Any] | None = None,
        mandatory: bool = False,
        **properties: Any,
    ) -> None:
        """Sends one message of JSON; nothing is known of its fate unless the channel is in confirm mode.

        Raises:
            Unavailable: It could not be sent; the connection is being opened anew.
        """
        channel = self.channel
        try:
            message = channel.prepare_message(
                body,
                content_type="application/json",
                content_encoding="utf-8",
                headers=headers or {},
                properties=properties,
            )
            channel.basic_publish(message, exchange=exchange, routing_key=routing_key, mandatory=mandatory)
        except (*BROKEN, *FAULTS_OF_A_CLOSED_CHANNEL) as error:
            if not is_broken(error, channel):
                raise
            self.reset(channel)
            raise Unavailable("The message broker went away while a message was sent.") from error

    def reset(self, channel: Any) -> None:
        """Gives up this channel's connection, if it is still the current one; the reader opens another."""
        if channel is self._channel:
            self._opened.clear()
            # a frame may be half written: no goodbye, the socket alone
            hang_up(getattr(channel.connection, "transport", None))

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._open_and_read()
            except BROKEN as error:
                if not self._stopping.is_set():
                    logger.warning("%s: the broker is away (%s: %s)", self.name, type(error).__name__, error)
            except Exception:
                # A fault of ours, in a callback. Without its reading thread the process would live on, deaf.
                logger.exception("%s: connecting anew after a fault", self.name)
            finally:
                self._forget()
            if time.monotonic() - began > STABLE_SECONDS:
                backoff.reset()
            self._stopping.wait(backoff.next())

    def _open_and_read(self) -> None:
        connection = kombu.Connection(
            self._uri,
            transport=TRANSPORTS.get(self._uri.partition("://")[0]),
            heartbeat=HEARTBEAT_SECONDS,
            connect_timeout=CONNECT_SECONDS,
            transport_options={
                "client_properties": {"connection_name": self.name},
                "max_retries": 0,
            },
        )
        established = connection.connect()
        _let_only_the_reader_read(established)
        try:
            channel = connection.channel()
            if self._on_open is not None:
                self._on_open(channel)
            self._channel = channel
            self._opened.set()
            while not self._stopping.is_set():
                self._read(connection, channel)
        except Exception:
            # Nobody may be there to answer a goodbye, and py-amqp would wait for the answer for ever.
            self._quietly(getattr(established, "collect", connection.close))
            raise
        self._quietly(connection.close)

    def _quietly(self, close: Callable[[], None]) -> None:
        try:
            close()
        except (*BROKEN, *FAULTS_OF_A_CLOSED_CHANNEL) as error:
            logger.debug("%s: closing: %s", self.name, error)

    def _read(self, connection: Any, channel: Any) -> None:
        try:
            connection.drain_events(timeout=READ_SECONDS)
        except TimeoutError:
            connection.heartbeat_check()
        while self._tasks:
            self._tasks.popleft()(channel)
        if not self._opened.is_set():
            raise ConnectionResetError("given up after a failed write")

    def _forget(self) -> None:
        was_open = self._channel is not None
        self._opened.clear()
        self._channel = None
        if was_open and self._on_lost is not None:
            self._on_lost()


def is_broken(error: BaseException, channel: Any) -> bool:
    """Return whether the error says that the channel's connection is broken, and nothing of the work in hand."""
    return isinstance(error, BROKEN) or (
        isinstance(error, FAULTS_OF_A_CLOSED_CHANNEL) and not _is_open(channel)
    )


def _is_open(channel: Any) -> bool:
    connection = channel.connection
    if connection is None or getattr(channel, "closed", False):
        return False
    # The in-process broker has no socket.
    transport = getattr(connection, "_transport", connection)
    if transport is None:
        return False
    return getattr(transport, "sock", connection) is not None and getattr(transport, "connected", True)


def _let_only_the_reader_read(connection: Any) -> None:
    """Takes from py-amqp its habit to read before it publishes, in search of a "connection.blocked".

    It would read beside our reading thread, whose frame it may tear; and when it gets but a part of a frame it
    turns in a loop that lets no other greenlet run until the rest has come.
    """
    getattr(connection, "client_properties", {}).get("capabilities", {}).pop("connection.blocked", None)

"""A connection to the broker that is kept: opened in the background, read for ever, reopened when it breaks.

Everything that speaks AMQP stands on a `Link`: the readers of queues, the relay, the RPC client and server.
One thread reads, so heartbeats are answered, a channel that the broker closed is noticed at once, and confirms
and returns arrive while others publish. Publishing and acknowledging may be done from any thread.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import amqp.exceptions
import kombu
import kombu.exceptions

from ..errors import Unavailable
from ..supervision import Work
from .address import read_address
from .backoff import Backoff
from .received import MAX_BODY
from .transport import CONNECT_SECONDS, connection_to, hang_up

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 20
READ_SECONDS = 0.2
STABLE_SECONDS = 5.0
PROBE_SECONDS = 5.0
"""Between two messages that only find out whether the broker takes messages."""

SETUP_SECONDS = 20.0
"""For connecting and everything that is declared then, by the clock of this process: py-amqp has no limit for those."""

STEP_SECONDS = 15.0
"""For anything else that the reading thread does before it reads on."""

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


REFUSALS = (
    ConnectionRefusedError,
    socket.gaierror,
    amqp.exceptions.AccessRefused,
    amqp.exceptions.NotAllowed,
)
"""What says at once that there is no broker for us, where a broker that is slow or far away says nothing."""

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Link:
    """One kept connection with one channel.

    Args:
        uri: The broker.
        name: Shown in the broker's list of connections and in the log.
        on_open: Called in the reading thread with each new channel, before anyone else gets it: the only
            place where calls that wait for the broker's answer (declare, consume, confirm_select) are allowed.
        on_lost: Called in the reading thread when a connection that was open has gone.
        on_blocked: Called in the reading thread when the broker has begun to take no messages.
        max_body: Bytes of the largest body that is kept; see `amqp.received`.
        probe: An exchange and a routing key to which nothing is bound. RabbitMQ says that it takes no messages only to
            a connection that sends one; with this, the link asks every `PROBE_SECONDS`.

    Attributes:
        failure: Why the last connection that was open has gone.

    Raises:
        BrokerAddressError: The URI cannot work.
    """

    def __init__(
        self,
        uri: str,
        name: str,
        *,
        on_open: Callable[[Any], None] | None = None,
        on_lost: Callable[[], None] | None = None,
        on_blocked: Callable[[], None] | None = None,
        max_body: int = MAX_BODY,
        probe: tuple[str, str] | None = None,
    ) -> None:
        read_address(uri)
        self.name = name
        self.failure: Exception | None = None
        self._uri = uri
        self._on_open = on_open
        self._on_lost = on_lost
        self._on_blocked = on_blocked
        self._max_body = max_body
        self._probe = probe
        self._probe_at = 0.0
        self._blocked = ""
        self._tasks: deque[Callable[[Any], None]] = deque()
        self._channel: Any = None
        self._opened = threading.Event()
        self._tried = threading.Event()
        self._refused = ""
        self._reached = False
        self._established: Any = None
        self._work = Work(name, self._run, limit=STEP_SECONDS, on_stuck=self._hang_up)
        self._stopping = self._work.stopping

    def start(self) -> None:
        """Begins to connect; returns at once."""
        self._work.start()

    def stop(self, timeout: float = CONNECT_SECONDS) -> None:
        """Closes the connection and waits, bounded, for the reading thread to end."""
        if not self._work.join(timeout):
            # A broker that does not answer the goodbye must not keep the messages that it has handed out.
            self._hang_up()

    def wait_until_open(self, timeout: float) -> bool:
        """Whether the connection is open now or becomes so in time (seconds)."""
        return self._opened.wait(timeout)

    def require_open(self, timeout: float) -> None:
        """Return when the connection is open.

        A broker that has been reached once is waited for, because it comes back. One that refuses the very first
        connections is more likely not there at all, and whoever waits for it learns so at once.

        Args:
            timeout: Seconds to wait.

        Raises:
            Unavailable: It is not open in time, or was refused and has never been open.
        """
        until = time.monotonic() + timeout
        self._tried.wait(timeout)
        if self._refused and not self._opened.is_set():
            raise Unavailable(self._refused)
        if not self._opened.wait(max(until - time.monotonic(), 0)):
            raise Unavailable("The message broker cannot be reached.")

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

    @property
    def is_blocked(self) -> bool:
        """Whether the broker has said that it takes no messages for the time being."""
        return bool(self._blocked)

    def check(self) -> None:
        """Return when messages can be sent now.

        Raises:
            Unavailable: The connection is not open, or the broker takes no messages.
        """
        if not self._opened.is_set():
            raise Unavailable("The message broker cannot be reached.")
        self.check_not_blocked()

    def check_not_blocked(self) -> None:
        """Return unless the broker has said that it takes no messages for the time being.

        Raises:
            Unavailable: It has. It names the broker's reason, such as "low on memory".
        """
        if self._blocked:
            raise Unavailable(
                f"The message broker takes no messages now ({self._blocked}): an alarm of the broker blocks them."
            )

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
        although_blocked: bool = False,
        **properties: Any,
    ) -> None:
        """Send one message; nothing is known of its fate unless the channel is in confirm mode.

        Args:
            body: Of the message.
            exchange: Where it goes.
            routing_key: Its key there.
            headers: Its headers.
            mandatory: Whether the broker returns it when no queue is bound.
            although_blocked: Whether it is also written while the broker takes no messages. The broker reads it, and
                what is written after it, once it takes messages again.
            properties: As AMQP names them; the body is JSON unless ``content_type`` says otherwise.

        Raises:
            Unavailable: The broker takes no messages, or this one could not be sent and the connection is being opened
                anew.
        """
        channel = self.channel
        if not although_blocked:
            self.check_not_blocked()
        content = {"content_type": "application/json", "content_encoding": "utf-8"} | properties
        try:
            message = channel.prepare_message(
                body,
                content_type=content.pop("content_type"),
                content_encoding=content.pop("content_encoding"),
                priority=content.pop("priority", None),
                headers=headers or {},
                properties=content,
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

    def reopen(self) -> None:
        """Gives up the connection, if there is one; the reader opens another. From any thread."""
        channel = self._channel
        if channel is not None:
            self.reset(channel)

    def _hang_up(self) -> None:
        """The reading thread stands still: wherever it waits for the broker, that ends now."""
        self._opened.clear()
        hang_up(getattr(self._established, "transport", None))

    def _run(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            began = time.monotonic()
            self._work.begin(SETUP_SECONDS)
            try:
                self._open_and_read()
            except BROKEN as error:
                self.failure = error
                self._note_refusal(error)
                if not self._stopping.is_set():
                    logger.warning("%s: the broker is away (%s: %s)", self.name, type(error).__name__, error)
            except Exception:
                # A fault of ours, in a callback. Without its reading thread the process would live on, deaf.
                logger.exception("%s: connecting anew after a fault", self.name)
            finally:
                self._forget()
            self._work.rest()
            if time.monotonic() - began > STABLE_SECONDS:
                backoff.reset()
            self._stopping.wait(backoff.next())

    def _note_refusal(self, error: Exception) -> None:
        """Keep what to say to those who wait for a broker that has never been reached."""
        if not self._reached and isinstance(error, REFUSALS):
            self._refused = _refusal(self._uri, error)
            self._tried.set()

    def _open_and_read(self) -> None:
        connection = connection_to(
            self._uri,
            heartbeat=HEARTBEAT_SECONDS,
            connect_timeout=CONNECT_SECONDS,
            client_properties={"connection_name": self.name},
            on_blocked=self._block,
            on_unblocked=self._unblock,
            max_body=self._max_body,
        )
        established = connection.connect()
        self._established = established
        _let_only_the_reader_read(established)
        try:
            channel = connection.channel()
            if self._on_open is not None:
                self._on_open(channel)
            self.failure = None
            self._refused, self._reached = "", True
            self._probe_at = 0.0
            self._channel = channel
            self._opened.set()
            self._tried.set()
            while not self._stopping.is_set():
                self._read(connection, channel)
        except BaseException:
            # Nobody may be there to answer a goodbye, and py-amqp would wait for the answer for ever.
            self._quietly(getattr(established, "collect", connection.close))
            raise
        # A broker that takes no messages does not read a goodbye either.
        self._quietly(established.collect if self._blocked else connection.close)

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
        self._work.begin()
        if self._probe is not None and time.monotonic() >= self._probe_at:
            self._probe_at = time.monotonic() + PROBE_SECONDS
            self._send_probe(channel, *self._probe)
        while self._tasks and not self._blocked:
            self._tasks.popleft()(channel)
        if not self._opened.is_set():
            raise ConnectionResetError("given up after a failed write")

    def _send_probe(self, channel: Any, exchange: str, routing_key: str) -> None:
        if not self._blocked:
            message = channel.prepare_message(b"", properties={"delivery_mode": TRANSIENT})
            channel.basic_publish(message, exchange=exchange, routing_key=routing_key)

    def _block(self, reason: str) -> None:
        self._blocked = reason or "it does not say why"
        logger.error("%s: the broker takes no messages now: %s", self.name, self._blocked)
        if self._on_blocked is not None:
            self._on_blocked()

    def _unblock(self) -> None:
        self._blocked = ""
        logger.warning("%s: the broker takes messages again", self.name)

    def _forget(self) -> None:
        was_open = self._channel is not None
        self._opened.clear()
        self._channel = self._established = None
        self._blocked = ""  # a new connection is told anew
        if was_open and self._on_lost is not None:
            self._on_lost()


def _refusal(uri: str, error: Exception) -> str:
    """Return one sentence that says that there is no broker for us at an address, and what to do."""
    address = read_address(uri)
    where = f"{address.host}:{address.port}"
    if isinstance(error, amqp.exceptions.AMQPError):
        return (
            f"The message broker at {where} refuses the user {address.user}: {error.reply_text.rstrip('.')}."
        )
    here = address.host in LOOPBACK
    hint = (
        "; a `make run` on this machine is called with impactx_client.local.LocalClient instead"
        if here
        else ""
    )
    reason = getattr(error, "strerror", None) or error
    return f"No message broker answers at {where} ({reason}): start one or name another{hint}."


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

    The broker has been told already that we understand it, and says it to the reading thread. py-amqp
    would read beside our reading thread, whose frame it may tear; and when it gets but a part of a frame it
    turns in a loop that lets no other greenlet run until the rest has come.
    """
    getattr(connection, "client_properties", {}).get("capabilities", {}).pop("connection.blocked", None)

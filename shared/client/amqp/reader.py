"""Reads one queue, with a way to stop that loses nothing."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

import kombu

from ..errors import Unavailable
from .link import BROKEN, FAULTS_OF_A_CLOSED_CHANNEL, Link, is_broken

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


class QueueReader:
    """Hands each message of a queue to ``receive`` and settles it when told.

    Stopping is in two steps, so that work in hand is answered and acknowledged on the connection it came by:
    `cancel` stops new deliveries, `close` waits for what was handed out and closes. What the broker had sent
    ahead and nobody took is redelivered to another replica.

    Args:
        uri: The broker.
        queue: The queue's name.
        prefetch: How many unsettled messages the broker may have handed out.
        receive: Called in the reading thread with each kombu message; it must not block.
        declare: Called with each new channel, to make sure that the queue is there.
        on_lost: Called when the connection has gone and every message handed out is the broker's again.
        probe: Where the link asks whether the broker takes messages; see `Link`.
        is_served_to_the_end: Whether messages that arrive while the broker learns of `cancel` are received too. Given
            back, they would reach another replica marked as redelivered, as if this one had been lost with them.

    Attributes:
        link: The connection it reads by. An answer published on it reaches the broker before the acknowledgement.
    """

    def __init__(
        self,
        uri: str,
        queue: str,
        *,
        prefetch: int,
        receive: Callable[[Any], None],
        declare: Callable[[Any], None],
        on_lost: Callable[[], None] | None = None,
        probe: tuple[str, str] | None = None,
        is_served_to_the_end: bool = False,
    ) -> None:
        self.queue = queue
        self._prefetch = prefetch
        self._receive = receive
        self._declare = declare
        self._on_lost = on_lost
        self._is_served_to_the_end = is_served_to_the_end
        self._unsettled = 0
        self._cancelled = threading.Event()
        self._is_held = False
        self._stopped_consuming = threading.Event()
        self._consumer: Any = None
        self.link = Link(uri, f"reader of {queue}", on_open=self._consume, on_lost=self._lost, probe=probe)

    def start(self) -> None:
        """Begins to read; returns at once."""
        self.link.start()

    def wait_until_open(self, timeout: float) -> bool:
        """Whether the queue is being read now or begins to be in time (seconds)."""
        return self.link.wait_until_open(timeout)

    def check(self) -> None:
        """Whether the broker delivers the queue's messages to it now.

        Raises:
            Unavailable: It does not.
        """
        if self._consumer is None or self._cancelled.is_set() or not self.link.wait_until_open(0):
            raise Unavailable(f"The queue {self.queue} is not read.")

    @property
    def unsettled(self) -> int:
        """How many messages were handed out and are neither acknowledged nor given back."""
        return self._unsettled

    def hold(self) -> None:
        """Gives everything back that was handed out, and takes nothing more until `release`.

        The connection is closed for that, so that another replica gets the messages at once.
        """
        self._is_held = True
        self.link.reopen()

    def release(self) -> None:
        """Reads again after `hold`."""
        if self._is_held:
            self._is_held = False
            self.link.reopen()

    def cancel(self, timeout: float = 3.0) -> None:
        """Stops new deliveries; what was handed out can still be settled."""
        if not self._cancelled.is_set():
            self._cancelled.set()
            self.link.run_in_reader(self._stop_consuming)
        if self.link.wait_until_open(0):
            self._stopped_consuming.wait(timeout)

    def close(self, timeout: float) -> None:
        """Waits up to ``timeout`` seconds for unsettled messages, then closes the connection."""
        self.cancel()
        deadline = time.monotonic() + timeout
        while self._unsettled > 0 and time.monotonic() < deadline and self.link.wait_until_open(0):
            time.sleep(0.01)
        if self._unsettled > 0:
            logger.warning(
                "%s: closed with %d messages unsettled; they will be redelivered", self.queue, self._unsettled
            )
        self.link.stop()

    def acknowledge(self, message: Any, *, count: int = 1) -> None:
        """Settles the message, and with ``count`` over 1 the ``count - 1`` handed out before it as well.

        When the connection it came by is gone, so is the need: the broker delivers it again.
        """
        self._settle(
            message, count, lambda: message.channel.basic_ack(message.delivery_tag, multiple=count > 1)
        )

    def requeue(self, message: Any) -> None:
        """Gives the message back to the queue."""
        self._settle(message, 1, lambda: message.channel.basic_reject(message.delivery_tag, requeue=True))

    def reject(self, message: Any) -> None:
        """Take the message off the queue; the broker moves it to the queue's dead letters, if it has any."""
        self._settle(message, 1, lambda: message.channel.basic_reject(message.delivery_tag, requeue=False))

    def _settle(self, message: Any, count: int, tell: Callable[[], None]) -> None:
        if message.channel is not self._consumer_channel():
            return
        self._unsettled -= count
        try:
            tell()
        except (*BROKEN, *FAULTS_OF_A_CLOSED_CHANNEL) as error:
            if not is_broken(error, message.channel):
                raise
            logger.warning("%s: not settled, so it will be redelivered: %s", self.queue, error)
            self.link.reset(message.channel)

    def _consumer_channel(self) -> Any:
        consumer = self._consumer
        return None if consumer is None else consumer.channel

    def _consume(self, channel: Any) -> None:
        self._unsettled = 0
        if self._cancelled.is_set() or self._is_held:
            return
        self._declare(channel)
        channel.basic_qos(0, self._prefetch, False)  # noqa: FBT003 - the two transports name it differently
        self._consumer = kombu.Consumer(
            channel,
            queues=[kombu.Queue(self.queue, no_declare=True)],
            on_message=self._take,
            # What kombu cannot read is for the receiver to refuse; raised here, it would come back for ever.
            on_decode_error=lambda message, _error: self._take(message),
            auto_declare=False,
        )
        self._consumer.consume()

    def _take(self, message: Any) -> None:
        self._unsettled += 1
        is_late = self._stopped_consuming if self._is_served_to_the_end else self._cancelled
        if is_late.is_set():
            self.requeue(message)
            return
        try:
            self._receive(message)
        except Exception:
            # The next delivery of it would end the same way, and keep the queue from everything behind it.
            logger.exception("%s: a message is rejected, because it cannot be received", self.queue)
            self.reject(message)

    def _stop_consuming(self, _channel: Any) -> None:
        if self._consumer is not None:
            self._consumer.cancel()
        self._stopped_consuming.set()

    def _lost(self) -> None:
        self._consumer = None
        self._unsettled = 0
        if self._on_lost is not None:
            self._on_lost()

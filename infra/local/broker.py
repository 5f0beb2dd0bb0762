"""A broker inside the process: kombu's in-memory transport, made good enough to run all services on.

What it adds to kombu's own:

- Readers are woken when a message comes instead of polling for it.
- Messages arrive whatever their headers say; nothing is inflated. One that is rejected goes to the dead letters.
- ``content_type`` stands in the message properties, where AMQP has it.
- Acknowledging with ``multiple`` works, and unroutable mandatory messages are returned.
- Exclusive queues go with the channel that declared them.
- Publisher confirms that mean something: as nothing here survives the process, an event is confirmed only when
  every event queue that got it has had it acknowledged. The relay therefore keeps an event in its outbox until
  it has been handled, and after a crash the outbox still holds it. Dead letters are kept in memory alone.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import defaultdict
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any, ClassVar

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, memory, virtual

from shared.platform import registry

if TYPE_CHECKING:
    from collections.abc import Callable

URI = "memory://"
NO_ROUTE = 312


def install() -> None:
    """Makes ``memory://`` mean this broker, in this process."""
    TRANSPORT_ALIASES["memory"] = f"{__name__}:Transport"


class _Confirmation:
    """One published message that is confirmed when all its copies have been acknowledged."""

    def __init__(self, copies: int, confirm: Callable[[], None]) -> None:
        self._copies = copies
        self._confirm = confirm

    def settled(self) -> None:
        self._copies -= 1
        if self._copies == 0:
            self._confirm()


class Message(virtual.Message):
    """kombu's message, of which nothing is inflated."""

    def __init__(self, payload: dict[str, Any], channel: Any = None, **options: Any) -> None:
        headers = payload.get("headers") or {}
        super().__init__({**payload, "headers": {}}, channel, **options)
        self._raw = payload
        # Set afterwards: kombu inflates what the header "compression" asks it to.
        self.headers = headers

    def serializable(self) -> dict[str, Any]:
        """The message as it is put into a queue."""
        return {**super().serializable(), "headers": dict(self.headers)}


class Channel(memory.Channel):
    """A channel with AMQP's confirms, returns and multiple acknowledgement."""

    Message = Message

    body_encoding = None
    do_restore = True
    queues: ClassVar[dict[str, Queue[Any]]] = {}
    confirmations: ClassVar[dict[str, _Confirmation]] = {}

    def __init__(self, connection: Any, **options: Any) -> None:
        super().__init__(connection, **options)
        self.events: dict[str, set[Callable[..., None]]] = defaultdict(set)
        self._confirming = False
        self._published = itertools.count(1)
        self._exclusive: list[str] = []

    def queue_declare(  # noqa: D102 - as in kombu
        self, queue: str | None = None, *, passive: bool = False, exclusive: bool = False, **options: Any
    ) -> Any:
        declared = super().queue_declare(queue, passive=passive, **options)
        if exclusive:
            self._exclusive.append(declared.queue)
        return declared

    def queue_bind(  # noqa: D102 - as in kombu
        self, queue: str, exchange: str | None = None, routing_key: str = "", **options: Any
    ) -> None:
        if queue not in self.queues:
            raise ChannelError(f"NOT_FOUND - no queue {queue!r}", (50, 20), "Channel.queue_bind", "404")
        super().queue_bind(queue, exchange, routing_key, **options)

    def confirm_select(self, nowait: bool = False) -> None:
        """Every message published from now on is confirmed by the ``basic_ack`` event."""
        self._confirming = True

    def prepare_message(  # noqa: D102 - as in kombu
        self,
        body: Any,
        priority: int | None = None,
        content_type: str | None = None,
        content_encoding: str | None = None,
        headers: dict[str, Any] | None = None,
        properties: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        message: dict[str, Any] = super().prepare_message(
            body, priority, content_type, content_encoding, headers, dict(properties or {})
        )
        message["properties"].update(content_type=content_type, content_encoding=content_encoding)
        return message

    def basic_publish(  # noqa: D102 - as in kombu
        self,
        message: dict[str, Any],
        exchange: str,
        routing_key: str,
        mandatory: bool = False,
        **_options: Any,
    ) -> None:
        targets = self._lookup(exchange, routing_key) if exchange else [routing_key]
        targets = [queue for queue in targets if queue in self.queues]
        tag = next(self._published) if self._confirming else 0
        if not targets:
            if mandatory:
                self._tell("basic_return", NO_ROUTE, exchange, routing_key, _Returned(message["properties"]))
            if tag:
                self._tell("basic_ack", tag, False)
            return
        awaited = [queue for queue in targets if queue in registry.current().by_queue] if tag else []
        confirmation = _Confirmation(len(awaited), lambda: self._tell("basic_ack", tag, False))
        for queue in targets:
            delivery_tag = self._next_delivery_tag()
            properties = message["properties"] | {
                "delivery_tag": delivery_tag,
                "delivery_info": {"exchange": exchange, "routing_key": routing_key, "queue": queue},
                "body_encoding": None,
            }
            if queue in awaited:
                self.confirmations[delivery_tag] = confirmation
            self._put(queue, message | {"properties": properties})
        if tag and not awaited:
            self._tell("basic_ack", tag, False)

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:  # noqa: D102 - as in kombu
        tags = [delivery_tag]
        if multiple:
            # The virtual channel keeps no other record of what was handed out and not yet acknowledged.
            handed_out = [tag for tag in self.qos._delivered if tag not in self.qos._dirty]  # noqa: SLF001
            tags = handed_out[: handed_out.index(delivery_tag) + 1]
        for tag in tags:
            super().basic_ack(tag)
            self._settled(tag)
        # A reader at its prefetch limit may go on.
        Transport.wake_readers()

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: D102 - as in kombu
        if not requeue:
            self._move_to_dead_letters(self.qos.get(delivery_tag))
        super().basic_reject(delivery_tag, requeue)
        if not requeue:
            self._settled(delivery_tag)
        Transport.wake_readers()

    def _settled(self, delivery_tag: str) -> None:
        confirmation = self.confirmations.pop(delivery_tag, None)
        if confirmation is not None:
            confirmation.settled()

    def _move_to_dead_letters(self, message: Any) -> None:
        queue = message.delivery_info["queue"]
        if queue in registry.current().by_queue:
            self._put(registry.dead_queue_of(queue), message.serializable())

    def _restore(self, message: Any) -> None:
        """A message that was handed out and not acknowledged is again the first of its queue."""
        raw = message.serializable()
        raw["redelivered"] = True
        self._queue_for(message.delivery_info["queue"]).queue.appendleft(raw)
        Transport.wake_readers()

    def _tell(self, event: str, *facts: Any) -> None:
        for listener in list(self.events[event]):
            listener(*facts)

    def _put(self, queue: str, message: dict[str, Any], **options: Any) -> None:
        super()._put(queue, message, **options)
        Transport.wake_readers()

    def close(self) -> None:
        """Gives back what was handed out and takes its exclusive queues along; other queues stay for the others."""
        while self._exclusive:
            self._remove(self._exclusive.pop())
        virtual.Channel.close(self)

    def _remove(self, queue: str) -> None:
        for binding in list(self.state.queue_bindings(queue)):
            # kombu's own deletion would leave the exchange's table with a row for each queue there ever was
            self.queue_unbind(queue, binding.exchange, binding.routing_key)
        self.state.queue_bindings_delete(queue)
        self._delete(queue)


class _Returned:
    def __init__(self, properties: dict[str, Any]) -> None:
        self.properties = properties


class Transport(memory.Transport):
    """Connections to the broker of this process."""

    Channel = Channel
    _readers: ClassVar[set[threading.Event]] = set()

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        self._arrived = threading.Event()
        self._readers.add(self._arrived)

    @classmethod
    def wake_readers(cls) -> None:
        """Something may be there to read."""
        for arrived in list(cls._readers):
            arrived.set()

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Delivers at least one message, or raises `TimeoutError` when none came in time (seconds)."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self._arrived.clear()
            try:
                self.cycle.get(self._deliver, timeout=0)
            except Empty:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError from None
                self._arrived.wait(left)
            else:
                return

    def close_connection(self, connection: Any) -> None:
        """Gives back what was handed out on the connection."""
        self._readers.discard(self._arrived)
        super().close_connection(connection)

"""Publishes batches of messages that must arrive: persistent, mandatory, with pipelined publisher confirms."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from shared.errors import Unavailable
from shared.messaging.link import PERSISTENT, Link

CONFIRM_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish."""

    body: bytes
    exchange: str
    routing_key: str
    headers: dict[str, Any]
    message_id: str


class ConfirmedPublisher:
    """Sends a batch and waits until the broker has taken responsibility for all of it. One thread uses it.

    Args:
        uri: The broker.
        name: Of the connection.
    """

    def __init__(self, uri: str, name: str) -> None:
        self._link = Link(uri, name, on_open=self._prepare, on_lost=self._wake)
        self._changed = threading.Condition()
        self._channel: Any = None
        self._next_tag = 1
        self._unconfirmed: set[int] = set()
        self._refused = False
        self._returned: set[str] = set()

    def start(self) -> None:
        """Begins to connect."""
        self._link.start()

    def stop(self) -> None:
        """Closes the connection."""
        self._link.stop()

    def publish(self, messages: list[Outgoing], timeout: float = CONFIRM_SECONDS) -> set[str]:
        """Publishes the messages in order and waits for every confirm.

        Returns:
            The ids of messages that no queue was bound for; the broker confirmed and dropped them.

        Raises:
            Unavailable: Not all are known to have arrived within ``timeout`` seconds; any may have.
        """
        channel = self._link.channel
        with self._changed:
            self._unconfirmed.clear()
            self._returned.clear()
            self._refused = False
        for message in messages:
            with self._changed:
                self._unconfirmed.add(self._next_tag)
                self._next_tag += 1
            self._link.publish(
                message.body,
                exchange=message.exchange,
                routing_key=message.routing_key,
                headers=message.headers,
                mandatory=True,
                delivery_mode=PERSISTENT,
                message_id=message.message_id,
            )
        with self._changed:
            settled = self._changed.wait_for(
                lambda: not self._unconfirmed or self._refused or self._channel is not channel, timeout
            )
            if self._unconfirmed or self._channel is not channel:
                what = "refused" if self._refused else "did not confirm"
                if not settled:
                    self._link.reset(channel)
                raise Unavailable(f"The message broker {what} {len(self._unconfirmed)} messages.")
            return set(self._returned)

    def _prepare(self, channel: Any) -> None:
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        with self._changed:
            self._channel = channel
            self._next_tag = 1
            self._unconfirmed.clear()

    def _wake(self) -> None:
        with self._changed:
            self._channel = None
            self._changed.notify_all()

    def _on_ack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - the signature is py-amqp's
        with self._changed:
            if multiple:
                self._unconfirmed = {one for one in self._unconfirmed if one > tag}
            else:
                self._unconfirmed.discard(tag)
            if not self._unconfirmed:
                self._changed.notify_all()

    def _on_nack(self, _tag: int, _multiple: bool) -> None:  # noqa: FBT001 - the signature is py-amqp's
        with self._changed:
            self._refused = True
            self._changed.notify_all()

    def _on_return(self, _error: Exception, _exchange: str, _routing_key: str, message: Any) -> None:
        with self._changed:
            self._returned.add(message.properties.get("message_id", ""))

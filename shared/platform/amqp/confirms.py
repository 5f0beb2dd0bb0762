"""Publishes batches of messages that must arrive: persistent, mandatory, with pipelined publisher confirms."""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import amqp.exceptions

from shared.client.amqp.link import PERSISTENT, Link
from shared.client.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONFIRM_SECONDS = 5.0

REFUSALS: Final = (
    amqp.exceptions.PreconditionFailed,
    amqp.exceptions.ContentTooLarge,
    amqp.exceptions.FrameError,
    amqp.exceptions.FrameSyntaxError,
)
"""With these a broker ends the channel or the connection for what a message is: too large, or made in a way that it
does not take. Sent again, it would end the same way."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish.

    Attributes:
        body: Its bytes.
        exchange: Where it goes.
        routing_key: Its key there.
        headers: Its headers.
        message_id: Its id.
        properties: Further properties, as AMQP names them.
    """

    body: bytes
    exchange: str
    routing_key: str
    headers: dict[Any, Any]
    message_id: str
    properties: Mapping[str, Any] = field(default_factory=dict)


class MessageRefused(Exception):
    """The broker does not take a message for what it is; sending it again would not help."""


class ConfirmedPublisher:
    """Sends a batch and waits until the broker has taken responsibility for all of it. One thread uses it.

    Args:
        uri: The broker.
        name: Of the connection.
    """

    def __init__(self, uri: str, name: str) -> None:
        self._link = Link(uri, name, on_open=self._prepare, on_lost=self._wake, on_blocked=self._wake_blocked)
        self._changed = threading.Condition()
        self._channel: Any = None
        self._next_tag = 1
        self._unconfirmed: dict[int, str] = {}
        self._confirmed: set[str] = set()
        self._refused = False
        self._returned: set[str] = set()

    def start(self) -> None:
        """Begins to connect."""
        self._link.start()

    def stop(self) -> None:
        """Closes the connection."""
        self._link.stop()

    def publish(self, messages: Sequence[Outgoing], timeout: float = CONFIRM_SECONDS) -> set[str]:
        """Publish the messages in order and wait for every confirm.

        Returns:
            The ids of messages that no queue was bound for; the broker confirmed and dropped them.

        Raises:
            Unavailable: Not all are known to have arrived within ``timeout`` seconds; any may have. `confirmed` says
                which have for certain.
            MessageRefused: The broker does not take one of them for what it is; the others may have arrived.
        """
        with self._changed:
            self._unconfirmed.clear()
            self._confirmed.clear()
            self._returned.clear()
            self._refused = False
        channel = self._link.channel
        self._link.check_not_blocked()
        for message in messages:
            self._send(channel, message)
        with self._changed:
            settled = self._changed.wait_for(
                lambda: (
                    not self._unconfirmed
                    or self._refused
                    or self._channel is not channel
                    or self._link.is_blocked
                ),
                timeout,
            )
            if self._unconfirmed or self._channel is not channel:
                self._fail(channel, settled=settled)
            return set(self._returned)

    @property
    def confirmed(self) -> set[str]:
        """The ids of those of the messages last published that the broker has confirmed, also when not all were."""
        with self._changed:
            return set(self._confirmed)

    @property
    def returned(self) -> set[str]:
        """The ids of those of the messages last published that no queue was bound for."""
        with self._changed:
            return set(self._returned)

    def _send(self, channel: Any, message: Outgoing) -> None:
        with self._changed:
            self._unconfirmed[self._next_tag] = message.message_id
            self._next_tag += 1
        try:
            self._link.publish(
                message.body,
                exchange=message.exchange,
                routing_key=message.routing_key,
                headers=message.headers,
                mandatory=True,
                **{**message.properties, "message_id": message.message_id, "delivery_mode": PERSISTENT},
            )
        except Unavailable:
            raise
        except (struct.error, ValueError, TypeError, RecursionError) as error:
            # Nothing was sent, but the tags no longer count as the broker counts them.
            self._link.reset(channel)
            raise MessageRefused(f"It cannot be written as a message: {error}") from error

    def _fail(self, channel: Any, *, settled: bool) -> None:
        """Say why not all was confirmed; the caller holds the lock."""
        self._link.check_not_blocked()
        if self._channel is not channel and isinstance(self._link.failure, REFUSALS):
            raise MessageRefused(f"The broker does not take it: {self._link.failure}")
        if not settled:
            self._link.reset(channel)
        what = "refused" if self._refused else "did not confirm"
        why = f" ({self._link.failure})" if self._channel is not channel and self._link.failure else ""
        raise Unavailable(f"The message broker {what} {len(self._unconfirmed)} messages{why}.")

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

    def _wake_blocked(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _on_ack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001 - the signature is py-amqp's
        with self._changed:
            tags = [one for one in self._unconfirmed if one <= tag] if multiple else [tag]
            # one of an earlier batch that was given up is not known any more
            self._confirmed.update(self._unconfirmed.pop(one) for one in tags if one in self._unconfirmed)
            if not self._unconfirmed:
                self._changed.notify_all()

    def _on_nack(self, _tag: int, _multiple: bool) -> None:  # noqa: FBT001 - the signature is py-amqp's
        with self._changed:
            self._refused = True
            self._changed.notify_all()

    def _on_return(self, _error: Exception, _exchange: str, _routing_key: str, message: Any) -> None:
        with self._changed:
            self._returned.add(message.properties.get("message_id", ""))

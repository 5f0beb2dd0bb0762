"""Messages that could not be handled: made here, and listed, shown, replayed and dropped by an operator.

A dead letter is the message as it was, with headers that say what went wrong. It lies in ``<queue>.dead`` until
somebody decides. Replaying publishes it to its queue again and only then removes it, so a death in between makes
a duplicate, which handlers ignore.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import amqp.exceptions

from shared.contracts import topology
from shared.errors import NotFound
from shared.messaging.commands import command_connection
from shared.messaging.confirms import Outgoing
from shared.messaging.event import PREFIX as ENVELOPE
from shared.messaging.link import PERSISTENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PREFIX = "x-impactx-"
LONGEST_ERROR = 8_000
LONGEST_TRACEBACK = 16_000
GREATEST_HEADERS = 64_000
"""Bytes. The headers of a message have to fit into one frame, of 131,072; a letter that does not would never get
through, and its queue would wait behind it for ever."""

CONFIRM_SECONDS = 5
GREATEST_SCAN = 10_000


def dead_letter(message: Any, queue: str, error: Exception, trace: list[str], tries: int) -> Outgoing:
    """The message as it goes to the dead queue.

    Args:
        message: The kombu message that could not be handled.
        queue: Where it came from.
        error: What the last try ended with.
        trace: The lines of its traceback.
        tries: How many tries there were.
    """
    body = message.body
    info = message.delivery_info
    return Outgoing(
        body=body.encode() if isinstance(body, str) else bytes(body),
        exchange=topology.dead_letter_exchange_of(topology.BY_QUEUE[queue].service),
        routing_key=topology.dead_queue_of(queue),
        # Strangers' messages may have no id; without one an operator could not name this letter.
        message_id=message.properties.get("message_id") or str(uuid4()),
        headers={
            **_bounded(message.headers),
            PREFIX + "queue": queue,
            PREFIX + "exchange": info.get("exchange") or "",
            PREFIX + "routing-key": info.get("routing_key") or "",
            PREFIX + "error": _bytes(f"{type(error).__name__}: {error}")[:LONGEST_ERROR].decode(
                errors="ignore"
            ),
            PREFIX + "traceback": _bytes("".join(trace))[-LONGEST_TRACEBACK:].decode(errors="ignore"),
            PREFIX + "tries": tries,
            PREFIX + "died-at": dt.datetime.now(dt.UTC).isoformat(),
        },
    )


def _bounded(headers: dict[str, Any]) -> dict[str, Any]:
    """The headers as long as there is room, those of the event's envelope first."""
    kept: dict[str, Any] = {}
    left = GREATEST_HEADERS
    for name in sorted(headers, key=lambda name: not name.startswith(ENVELOPE)):
        left -= len(_bytes(f"{name}{headers[name]}"))
        if left >= 0:
            kept[name] = headers[name]
    return kept


def _bytes(text: str) -> bytes:
    return text.encode(errors="replace")


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message of a dead queue as an operator sees it."""

    id: str
    queue: str
    event: str
    died_at: str
    tries: int
    error: str
    headers: dict[str, Any]
    body: str


class DeadLetters:
    """The dead letters of one event queue.

    Args:
        amqp_uri: The broker.
        queue: The event queue, not its dead queue.

    Raises:
        NotFound: There is no such event queue.
    """

    def __init__(self, amqp_uri: str, queue: str) -> None:
        if queue not in topology.BY_QUEUE:
            known = ", ".join(sorted(topology.BY_QUEUE))
            raise NotFound(f"There is no event queue {queue!r}; there are {known}.")
        self._uri = amqp_uri
        self._queue = queue

    def list(self, limit: int = 100) -> list[DeadLetter]:
        """The oldest dead letters; they stay where they are."""
        found: list[DeadLetter] = []

        def look(message: Any, _channel: Any) -> bool:
            found.append(_letter(self._queue, message))
            return False

        self._scan(look, limit)
        return found

    def show(self, letter_id: str) -> DeadLetter:
        """One dead letter with its traceback and body.

        Raises:
            NotFound: No dead letter has this id.
        """
        for letter in self.list(GREATEST_SCAN):
            if letter.id == letter_id:
                return letter
        raise NotFound(f"{topology.dead_queue_of(self._queue)} holds no message {letter_id}.")

    def replay(self, letter_id: str | None = None) -> int:
        """Gives one dead letter, or all of them, back to the queue it came from.

        Returns:
            How many.

        Raises:
            NotFound: No dead letter has this id.
        """

        def give_back(message: Any, channel: Any) -> bool:
            headers = {
                name: value for name, value in message.headers.items() if not name.startswith((PREFIX, "x-"))
            }
            again = channel.prepare_message(
                message.body,
                content_type="application/json",
                content_encoding="utf-8",
                headers=headers,
                properties={
                    "delivery_mode": PERSISTENT,
                    "message_id": message.properties.get("message_id") or "",
                },
            )
            # The connection is in confirm mode: this returns when the broker has the message.
            channel.basic_publish(again, exchange="", routing_key=self._queue, timeout=CONFIRM_SECONDS)
            return True

        return self._take(give_back, letter_id)

    def drop(self, letter_id: str | None = None) -> int:
        """Deletes one dead letter, or all of them, for good.

        Returns:
            How many.

        Raises:
            NotFound: No dead letter has this id.
        """
        return self._take(lambda _message, _channel: True, letter_id)

    def _take(self, settle: Callable[[Any, Any], bool], letter_id: str | None) -> int:
        def settle_wanted(message: Any, channel: Any) -> bool:
            return letter_id in (None, message.properties.get("message_id")) and settle(message, channel)

        count = self._scan(settle_wanted, GREATEST_SCAN)
        if letter_id is not None and count == 0:
            raise NotFound(f"{topology.dead_queue_of(self._queue)} holds no message {letter_id}.")
        return count

    def _scan(self, settle: Callable[[Any, Any], bool], limit: int) -> int:
        """Shows each message to ``settle`` and acknowledges it where that says True; the others stay."""
        settled = 0
        with command_connection(self._uri, confirm_publish=True) as connection:
            channel = connection.channel()
            try:
                # The messages that stay are given back in order when the channel closes.
                for message in _messages(channel, topology.dead_queue_of(self._queue), limit):
                    if settle(message, channel):
                        message.ack()
                        settled += 1
            except amqp.exceptions.NotFound as error:
                raise NotFound(
                    f"The broker has no queue {self._queue}: declare the topology first."
                ) from error
        return settled


def _messages(channel: Any, queue: str, limit: int) -> Iterator[Any]:
    for _ in range(limit):
        message = channel.basic_get(queue, no_ack=False)
        if message is None:
            return
        # Not by kombu's Queue.get: that raises on what kombu cannot decode, which is what may lie here.
        yield channel.message_to_python(message)


def _letter(queue: str, message: Any) -> DeadLetter:
    headers = message.headers
    body = message.body
    return DeadLetter(
        id=message.properties.get("message_id") or "",
        queue=queue,
        event=headers.get("cloudEvents_type") or headers.get(PREFIX + "routing-key") or "",
        died_at=headers.get(PREFIX + "died-at") or "",
        tries=int(headers.get(PREFIX + "tries") or 0),
        error=headers.get(PREFIX + "error")
        or "The consumer died with it repeatedly; see the broker's x-death header.",
        headers=dict(headers),
        body=body if isinstance(body, str) else bytes(body).decode("utf-8", "replace"),
    )

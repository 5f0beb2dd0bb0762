"""Messages that could not be handled: made here, and listed, shown, replayed and dropped by an operator.

A dead letter is the message as it was, with headers that say what went wrong. It lies in ``<queue>.dead`` until
somebody decides. Replaying publishes it to its queue again and only then removes it, so a death in between makes
a duplicate, which handlers ignore.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import amqp.exceptions
from amqp.serialization import dumps

from shared.client.amqp.link import PERSISTENT
from shared.client.amqp.received import as_text, bytes_of, is_whole
from shared.client.errors import NotFound
from shared.client.events import PREFIX as ENVELOPE
from shared.platform import registry
from shared.platform.amqp.commands import command_connection
from shared.platform.amqp.confirms import MessageRefused, Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PREFIX = "x-impactx-"
ORIGINAL_ID = PREFIX + "message-id"
"""Holds the id of the message where it is none that an operator could type: a letter has another one instead."""

MAX_ERROR_LENGTH = 8_000
MAX_TRACEBACK_LENGTH = 16_000
MAX_HEADERS = 64_000
"""Bytes on the wire. The headers of a message have to fit into one frame, of 131,072; a letter that does not would
never get through, and its queue would wait behind it for ever."""

KEPT_PROPERTIES = (
    "content_type",
    "content_encoding",
    "correlation_id",
    "reply_to",
    "type",
    "app_id",
    "timestamp",
    "priority",
)
"""Properties that a letter and a replay take over. The broker refuses a ``user_id`` that is not the sender's, and would
delete the letter by its ``expiration``."""

MAX_LISTED = 4_000
"""Bytes of the body of each letter in a list."""

BY_THE_BROKER = (
    "The broker put it here: its consumer gave it up as what cannot be sent on, or died with it repeatedly. See the"
    " log of the service, and the header x-death."
)
CONFIRM_SECONDS = 5
MAX_SCAN = 10_000


def dead_letter(message: Any, queue: str, error: Exception, trace: list[str], tries: int) -> Outgoing:
    """Return the message as it goes to the dead queue.

    Args:
        message: The kombu message that could not be handled.
        queue: Where it came from.
        error: What the last try ended with.
        trace: The lines of its traceback.
        tries: How many tries there were.

    Raises:
        MessageRefused: It was too large to be kept, so that only the broker has it.
    """
    if not is_whole(message):
        raise MessageRefused(f"Its {message.size} bytes were not kept, so it cannot be sent on.")
    body = message.body
    info = message.delivery_info
    original_id = message.properties.get("message_id")
    return Outgoing(
        body=body.encode(errors="surrogatepass") if isinstance(body, str) else bytes(body),
        exchange=registry.dead_letter_exchange_of(registry.current().by_queue[queue].service),
        routing_key=registry.dead_queue_of(queue),
        # Strangers' messages may have no id, or one that cannot be typed: an operator could not name this letter.
        message_id=original_id if _can_be_typed(original_id) else str(uuid4()),
        properties=_kept_properties(message.properties),
        headers={
            **_bounded(message.headers),
            **({} if _can_be_typed(original_id) or not original_id else {ORIGINAL_ID: original_id}),
            PREFIX + "queue": queue,
            PREFIX + "exchange": info.get("exchange") or "",
            PREFIX + "routing-key": info.get("routing_key") or "",
            PREFIX + "error": _bytes(f"{type(error).__name__}: {error}")[:MAX_ERROR_LENGTH].decode(
                errors="ignore"
            ),
            PREFIX + "traceback": _bytes("".join(trace))[-MAX_TRACEBACK_LENGTH:].decode(errors="ignore"),
            PREFIX + "tries": tries,
            PREFIX + "died-at": dt.datetime.now(dt.UTC).isoformat(),
        },
    )


def _can_be_typed(message_id: Any) -> bool:
    return isinstance(message_id, str) and bool(message_id.strip()) and message_id.isprintable()


def _kept_properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: properties[name] for name in KEPT_PROPERTIES if properties.get(name) is not None}


def _bounded(headers: Mapping[Any, Any]) -> dict[Any, Any]:
    """The headers as long as there is room, those of the event's envelope first."""
    kept: dict[Any, Any] = {}
    left = MAX_HEADERS
    for name in sorted(headers, key=lambda name: not as_text(name).startswith(ENVELOPE)):
        left -= _size(name, headers[name])
        if left >= 0:
            kept[name] = headers[name]
    return kept


def _size(name: Any, value: Any) -> int:
    """The bytes of a header on the wire; beyond all bounds where it cannot be written."""
    try:
        return len(dumps("F", [{name: value}]))
    except (struct.error, ValueError, TypeError, RecursionError, amqp.exceptions.AMQPError):
        return MAX_HEADERS + 1


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
        if queue not in registry.current().by_queue:
            known = ", ".join(sorted(registry.current().by_queue))
            raise NotFound(f"There is no event queue {queue!r}; there are {known}.")
        self._uri = amqp_uri
        self._queue = queue

    def list(self, limit: int = 100) -> list[DeadLetter]:
        """The oldest dead letters; they stay where they are."""
        found: list[DeadLetter] = []

        def look(message: Any, _channel: Any) -> bool:
            found.append(_letter(self._queue, message, MAX_LISTED))
            return False

        self._scan(look, limit)
        return found

    def show(self, letter_id: str) -> DeadLetter:
        """Return one dead letter with its traceback and body.

        Raises:
            NotFound: No dead letter has this id.
        """
        found: list[DeadLetter] = []

        def look(message: Any, _channel: Any) -> bool:
            if not found and letter_id_of(message) == letter_id:
                found.append(_letter(self._queue, message))
            return False

        self._scan(look, MAX_SCAN)
        if not found:
            raise NotFound(f"{registry.dead_queue_of(self._queue)} holds no message {letter_id}.")
        return found[0]

    def replay(self, letter_id: str | None = None) -> int:
        """Gives one dead letter, or all of them, back to the queue it came from.

        Returns:
            How many.

        Raises:
            NotFound: No dead letter has this id.
        """

        def give_back(message: Any, channel: Any) -> bool:
            headers = {
                name: value
                for name, value in message.headers.items()
                if not as_text(name).startswith((PREFIX, "x-"))
            }
            properties = _kept_properties(message.properties)
            original_id = message.headers.get(ORIGINAL_ID) or message.properties.get("message_id") or ""
            again = channel.prepare_message(
                message.body or b"",
                content_type=properties.pop("content_type", None),
                content_encoding=properties.pop("content_encoding", None),
                priority=properties.pop("priority", None),
                headers=_bounded(headers),
                properties={**properties, "delivery_mode": PERSISTENT, "message_id": original_id},
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
            return letter_id in (None, letter_id_of(message)) and settle(message, channel)

        count = self._scan(settle_wanted, MAX_SCAN)
        if letter_id is not None and count == 0:
            raise NotFound(f"{registry.dead_queue_of(self._queue)} holds no message {letter_id}.")
        return count

    def _scan(self, settle: Callable[[Any, Any], bool], limit: int) -> int:
        """Shows each message to ``settle`` and acknowledges it where that says True; the others stay."""
        settled = 0
        with command_connection(self._uri, confirm_publish=True) as connection:
            channel = connection.channel()
            try:
                # The messages that stay are given back in order when the channel closes.
                for message in _messages(channel, registry.dead_queue_of(self._queue), limit):
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


def letter_id_of(message: Any) -> str:
    """Return by what an operator names a letter: its id, else what it is recognised by."""
    own = message.properties.get("message_id")
    if _can_be_typed(own):
        return str(own)
    # The broker's own letters have what a stranger sent, which may be nothing or no text. What the broker adds, such as
    # a count of deliveries, changes with each look.
    said = sorted(
        repr((name, value)) for name, value in message.headers.items() if not as_text(name).startswith("x-")
    )
    digest = hashlib.sha256(repr((own, said)).encode(errors="replace"))
    digest.update(bytes_of(message))
    return f"unnamed-{digest.hexdigest()[:16]}"


def _letter(queue: str, message: Any, max_length: int | None = None) -> DeadLetter:
    headers = message.headers
    error = headers.get(PREFIX + "error")
    tries = headers.get(PREFIX + "tries")
    return DeadLetter(
        id=letter_id_of(message),
        queue=queue,
        event=as_text(headers.get("cloudEvents_type") or headers.get(PREFIX + "routing-key") or ""),
        died_at=as_text(headers.get(PREFIX + "died-at") or ""),
        tries=tries if isinstance(tries, int) else 0,
        error=error if isinstance(error, str) and error else BY_THE_BROKER,
        headers={as_text(name): value for name, value in headers.items()},
        body=bytes_of(message)[:max_length].decode("utf-8", "replace"),
    )

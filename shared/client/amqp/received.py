"""A message as it comes from the broker, whatever bytes its sender put into it.

py-amqp gives the connection up when a property is not UTF-8, when a table holds what it does not know, or when one is
nested too deeply; the broker would then deliver the same message for ever. kombu inflates a body whose ``compression``
header asks for it. Here a message always arrives, with its delivery tag, so that its reader can settle it:

- Text that is not UTF-8 is `bytes`: it can be sent on as it came, and never passes for text.
- What a table holds that cannot be read is left out; the rest of the message stays.
- The body stays as it came, and a body larger than `MAX_BODY` is passed by without being kept.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections import defaultdict
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from amqp import spec
from amqp.basic_message import Message
from amqp.exceptions import UnexpectedFrame
from amqp.serialization import decode_properties_basic
from kombu import message as kombu_message
from kombu.transport import pyamqp

from ..errors import TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes. No event and no request of ours comes near; what does is refused by its size, without being held."""

MAX_DEPTH: Final = 32
"""Levels of tables and arrays; what lies deeper is left out."""

_METHOD, _HEADER, _BODY, _HEARTBEAT = 1, 2, 3, 8
_METHOD_BYTES: Final = 4
MAX_NAME: Final = 255
"""Bytes of the name of an exchange, and of a routing key."""

_WITH_CONTENT: Final = {spec.Basic.Return: "Bsss", spec.Basic.Deliver: "sLbss", spec.Basic.GetOk: "Lbssl"}
"""The methods that a message comes with, and py-amqp's letters for their arguments."""

_SIZES: Final = {"B": 2, "L": 8, "b": 1, "l": 4}
_NAMES_AT: Final[dict[tuple[int, int], Callable[[bytes], int]]] = {
    spec.Basic.Return: lambda _arguments: _METHOD_BYTES + 2,
    spec.Basic.Deliver: lambda arguments: _METHOD_BYTES + 1 + arguments[_METHOD_BYTES] + 8 + 1,
    spec.Basic.GetOk: lambda _arguments: _METHOD_BYTES + 8 + 1,
}
"""Where the names begin."""

_PROPERTIES: Final = (
    (0x8000, "content_type"),
    (0x4000, "content_encoding"),
    (0x2000, "application_headers"),
    (0x1000, "delivery_mode"),
    (0x0800, "priority"),
    (0x0400, "correlation_id"),
    (0x0200, "reply_to"),
    (0x0100, "expiration"),
    (0x0080, "message_id"),
    (0x0040, "timestamp"),
    (0x0020, "type"),
    (0x0010, "user_id"),
    (0x0008, "app_id"),
    (0x0004, "cluster_id"),
)
_NUMBERS: Final = {
    "b": ">b",
    "B": ">B",
    "U": ">h",
    "s": ">h",
    "u": ">H",
    "I": ">i",
    "i": ">I",
    "l": ">q",
    "L": ">q",
    "f": ">f",
    "d": ">d",
}
_PLAIN_PROPERTIES: Final = {"delivery_mode": ">B", "priority": ">B", "timestamp": ">Q"}

_UNREADABLE: Final = (struct.error, IndexError, ValueError, OverflowError, OSError, ArithmeticError)


def properties_of(header: bytes, offset: int = 0) -> dict[str, Any]:
    """Return the properties of a message by name; never raises.

    Args:
        header: The payload of a content header frame.
        offset: Where the property flags are in it.
    """
    try:
        properties, _end = decode_properties_basic(header, offset)
    except Exception:  # noqa: BLE001 - whatever py-amqp makes of a stranger's bytes, the message has to be settled
        return _Fields(header, offset).properties()
    headers = properties.get("application_headers")
    if headers and any(isinstance(value, dict | list) for value in headers.values()):
        return _Fields(header, offset).properties()  # which knows a limit to their depth
    return dict(properties)


class _Fields:
    """Reads fields one after another, and as much of them as can be read."""

    def __init__(self, data: bytes, offset: int) -> None:
        self._data = data
        self._at = offset
        self._end = len(data)
        self._readers: dict[str, Callable[[int], Any]] = {
            "S": lambda _depth: _text(self._bytes(">I")),
            "x": lambda _depth: self._bytes(">I"),
            "F": lambda depth: self._table(depth + 1),
            "A": lambda depth: self._array(depth + 1),
            "t": lambda _depth: bool(self._number(">B")),
            "T": lambda _depth: _moment(self._number(">Q")),
            "D": lambda _depth: self._decimal(),
            "V": lambda _depth: None,
        }

    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        # Those before a broken one stand; what follows it cannot be found.
        with suppress(*_UNREADABLE):
            flags = self._number(">H")
            for flag, name in _PROPERTIES:
                if flags & flag:
                    found[name] = self._property(name)
        return found

    def _property(self, name: str) -> Any:
        if name == "application_headers":
            return self._table(1)
        if name in _PLAIN_PROPERTIES:
            return self._number(_PLAIN_PROPERTIES[name])
        return _text(self._bytes(">B"))

    def _table(self, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        with self._part():
            while depth <= MAX_DEPTH and self._at < self._end:
                name = _text(self._bytes(">B"))
                found[name] = self._value(depth)
        return found

    def _array(self, depth: int) -> list[Any]:
        found: list[Any] = []
        with self._part():
            while depth <= MAX_DEPTH and self._at < self._end:
                found.append(self._value(depth))
        return found

    @contextmanager
    def _part(self) -> Iterator[None]:
        """Of a table or an array the length is known: what follows it is found, whatever it holds."""
        size = self._number(">I")
        after, end = self._at + size, self._end
        if after > end:
            raise IndexError("cut off")
        self._end = after
        with suppress(*_UNREADABLE):
            yield
        self._at, self._end = after, end

    def _value(self, depth: int) -> Any:
        kind = chr(self._number(">B"))
        if kind in _NUMBERS:
            return self._number(_NUMBERS[kind])
        if kind not in self._readers:
            raise ValueError("a field of a type that is not known: where the next one begins cannot be said")
        return self._readers[kind](depth)

    def _number(self, form: str) -> Any:
        size = struct.calcsize(form)
        if self._at + size > self._end:
            raise IndexError("cut off")
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += size
        return value

    def _bytes(self, form: str) -> bytes:
        size = self._number(form)
        if self._at + size > self._end:
            raise IndexError("cut off")
        self._at += size
        return bytes(self._data[self._at - size : self._at])

    def _decimal(self) -> Decimal:
        places = self._number(">B")
        return Decimal(self._number(">i")).scaleb(-places)


def bytes_of(message: Any) -> bytes:
    """Return the body as it came.

    Raises:
        TooLarge: It was so large that it was not kept.
    """
    if not is_whole(message):
        raise TooLarge(f"The message has {message.size} bytes; at most {MAX_BODY} are read.", limit=MAX_BODY)
    body = message.body or b""
    return body.encode(errors="surrogatepass") if isinstance(body, str) else bytes(body)


def as_text(value: Any) -> str:
    """Return what a stranger put into a property or a header as one line that can be printed, logged and encoded."""
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _moment(seconds: int) -> dt.datetime | str:
    """Return the moment as py-amqp has it, in UTC without saying so; what no calendar holds is the number as text."""
    try:
        return dt.datetime.fromtimestamp(seconds, tz=dt.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return str(seconds)


class _Arriving(Message):
    """A message of which the frames arrive."""

    max_body: int | None = None

    def _load_properties(self, class_id: int, buf: bytes, offset: int) -> int:
        self.properties = properties_of(buf, offset)
        return len(buf)

    def inbound_body(self, buf: bytes) -> None:
        """Called with each frame of the body."""
        if self.max_body is not None and self.body_size > self.max_body:
            self.body_received += len(buf)
            self.body = b""
            self.ready = self.body_received >= self.body_size
        else:
            super().inbound_body(buf)


def frames_to_messages(
    connection: Any, callback: Any, *, max_body: int | None = MAX_BODY
) -> Callable[[Any], bool]:
    """Return what py-amqp calls with each frame; it stands in for its own ``frame_handler``.

    Args:
        connection: py-amqp's.
        callback: Told of each complete method, with its message where it has one.
        max_body: Bytes; larger bodies are not kept. None keeps every one.
    """
    expected: defaultdict[int, int] = defaultdict(lambda: _METHOD)
    arriving: dict[int, _Arriving] = {}

    def complete(channel: int) -> bool:
        message = arriving.pop(channel)
        expected[channel] = _METHOD
        method = message.frame_method
        callback(channel, method, readable_names(method, message.frame_args), message)
        return True

    def on_frame(frame: tuple[int, int, bytes]) -> bool:
        frame_type, channel, payload = frame
        connection.bytes_recv += 1
        if frame_type == _HEARTBEAT:
            return False
        if frame_type != expected[channel]:
            raise UnexpectedFrame(f"a frame of type {frame_type} instead of {expected[channel]}")
        if frame_type == _METHOD:
            method = struct.unpack_from(">HH", payload, 0)
            if method not in _WITH_CONTENT:
                callback(channel, method, payload, None)
                return True
            message = arriving[channel] = _Arriving(frame_method=method, frame_args=payload)
            message.max_body = max_body
            expected[channel] = _HEADER
            return False
        message = arriving[channel]
        if frame_type == _HEADER:
            message.inbound_header(payload)
            expected[channel] = _BODY
        else:
            message.inbound_body(payload)
        return complete(channel) if message.ready else False

    return on_frame


def readable_names(method: tuple[int, int], arguments: bytes) -> bytes:
    """Return the arguments of a delivery with the exchange and the routing key as UTF-8, which py-amqp insists on.

    Args:
        method: One that comes with a message.
        arguments: The payload of its frame.
    """
    try:
        arguments[_NAMES_AT[method](arguments) :].decode()
    except UnicodeDecodeError:  # also of a name so long that its length is no ASCII
        return _escaped(_WITH_CONTENT[method], arguments)
    return arguments


def _escaped(form: str, arguments: bytes) -> bytes:
    at, parts = _METHOD_BYTES, [arguments[:_METHOD_BYTES]]
    for kind in form:
        size = 1 + arguments[at] if kind == "s" else _SIZES[kind]
        part = arguments[at : at + size]
        at += size
        if kind == "s":
            name = part[1:].decode(errors="backslashreplace").encode()[:MAX_NAME]
            # cut within a character, it would be none again
            name = name.decode(errors="ignore").encode()
            part = bytes([len(name)]) + name
        parts.append(part)
    return b"".join(parts)


class ReceivedMessage(pyamqp.Message):
    """kombu's message, of which nothing is inflated or decoded.

    Attributes:
        size: Bytes of the body, also of one that was not kept.
    """

    def __init__(self, msg: Any, channel: Any = None, **options: Any) -> None:
        properties = msg.properties
        kombu_message.Message.__init__(
            self,
            body=msg.body,
            channel=channel,
            delivery_tag=msg.delivery_tag,
            content_type=properties.get("content_type"),
            content_encoding=properties.get("content_encoding"),
            delivery_info=msg.delivery_info,
            properties=properties,
            **options,
        )
        # Set afterwards: kombu inflates what the header "compression" asks it to.
        self.headers = properties.get("application_headers") or {}
        self.size: int = msg.body_size


def is_whole(message: Any) -> bool:
    """Return whether the message's body was kept."""
    size = getattr(message, "size", None)  # the in-process broker keeps every body
    return size is None or len(message.body or b"") == size

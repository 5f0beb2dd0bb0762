"""Reads an RPC request off the wire, and refuses what no method should have to look at."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from .errors import Invalid, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_BODY = 1024 * 1024
MAX_DEPTH = 20
ENVELOPE_DEPTH = 2
ESCAPE = b"\\u"
TYPE_MARKER = b'"__type__"'
NULL = b"null"
MAX_CORRELATION_ID_LENGTH = 128
MAX_TIMEOUT_MILLISECONDS = 2**32 - 1
"""The longest ``expiration`` that RabbitMQ takes."""

RPC_EXCHANGE = "nameko-rpc"
"""The topic exchange of requests and replies; nameko has chosen it."""

REPLY_QUEUES = "rpc.reply-"
"""The prefix of the names of reply queues; nameko has chosen it."""

TOKEN_HEADER = "nameko.auth_token"  # noqa: S105 - nameko's name of the header
CORRELATION_HEADER = "nameko.correlation_id"
TIMEOUT_HEADER = "x-impactx-timeout"


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    Attributes:
        arguments: The keyword arguments, as JSON gave them.
        token: The caller's token, empty without one. It is only trusted once it is verified.
        correlation_id: The caller's, else a new one.
        due: Until when the caller waits, by `time.monotonic`.
    """

    arguments: dict[str, Any]
    token: str
    correlation_id: str
    due: float = math.inf


def request_of(body: bytes, headers: Mapping[str, Any], due: float = math.inf) -> Request:
    """Return the request in a message.

    Args:
        body: Of the message.
        headers: Of the message.
        due: Until when the caller waits, by `time.monotonic`.

    Raises:
        TooLarge: The body is over 1 MiB.
        Invalid: Not JSON, positional arguments, a NUL, NaN or Infinity, more than 20 levels of nesting, an object
            that imitates a serializer's type marker. The field is named where there is one.
    """
    if len(body) > MAX_BODY:
        raise TooLarge(f"The request has {len(body)} bytes; at most {MAX_BODY} are accepted.", limit=MAX_BODY)
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise not_json(body, "request", error, itemgetter("kwargs")) from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("kwargs"), dict):
        raise Invalid('The request must be {"args": [], "kwargs": {...}}.')
    if envelope.get("args"):
        raise Invalid("Pass the arguments by name; positional arguments are not accepted.")
    arguments: dict[str, Any] = envelope["kwargs"]
    # The walk is only for bodies that can contain what it looks for; with an escape, a name can be spelled any way.
    if (
        ESCAPE in body
        or TYPE_MARKER in body
        or body.count(b"{") + body.count(b"[") > MAX_DEPTH + ENVELOPE_DEPTH
    ):
        check_value(arguments)
    return Request(arguments, _text(headers.get(TOKEN_HEADER)), correlation_id_of(headers), due)


def timeout_of(headers: Mapping[str, Any], properties: Mapping[str, Any]) -> float:
    """Return for how many seconds the caller waits from when it sent the request; ``math.inf`` when it does not say.

    Plain callers say it with the message's ``expiration`` alone. What is no number of milliseconds says nothing.
    """
    for said in (headers.get(TIMEOUT_HEADER), properties.get("expiration")):
        if isinstance(said, int | str) and not isinstance(said, bool):
            try:
                milliseconds = int(said)
            except ValueError:
                continue
            if 0 <= milliseconds <= MAX_TIMEOUT_MILLISECONDS:
                return milliseconds / 1000
    return math.inf


def arguments_json(arguments: Mapping[str, Any]) -> bytes:
    """The arguments as a request carries them.

    Raises:
        Invalid: They hold NaN or Infinity, which the serializer would send as null; it names the field. Or what
            JSON cannot say at all.
    """
    try:
        encoded = orjson.dumps(arguments)
    except TypeError as error:
        raise Invalid(f"The arguments cannot be sent: {error}.") from error
    if NULL in encoded:
        check_value(arguments)
    return encoded


def not_json(
    body: bytes,
    what: str,
    error: orjson.JSONDecodeError,
    arguments_of: Callable[[Any], Any] = lambda found: found,
) -> Invalid:
    """Why the parser refused a body: by the field, where it is what less strict writers send.

    Python's own, which nameko uses, writes NaN and Infinity as such and halves of surrogate pairs as escapes.

    Args:
        body: What came.
        what: It is, in a word.
        error: What the parser said.
        arguments_of: Finds the arguments in the parsed body.
    """
    try:
        check_value(arguments_of(json.loads(body, strict=False)))
    except Invalid as refused:
        return refused
    except RecursionError:
        return Invalid(fields={"arguments": [f"Nested more than {MAX_DEPTH} levels deep."]})
    except (ValueError, TypeError, KeyError):
        pass
    return Invalid(f"The {what} is not JSON: {error}.")


def reply_queues_of(connection: str) -> str:
    """Return the prefix of the names of the reply queues of a connection."""
    return f"{REPLY_QUEUES}{connection.replace(' ', '-')}-"


def correlation_id_of(headers: Mapping[str, Any]) -> str:
    """The caller's correlation id where it is a plain short text, else a new one."""
    given = _text(headers.get(CORRELATION_HEADER))
    return given if given.isprintable() and 0 < len(given) <= MAX_CORRELATION_ID_LENGTH else str(uuid4())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def check_value(value: Any, name: str = "", depth: int = 1) -> None:
    """Refuses what no method should have to look at, however deep in the value it is.

    Raises:
        Invalid: A NUL, half of a surrogate pair, NaN or Infinity, more than 20 levels of nesting, or an object that
            imitates a type marker; it names the field.
    """
    if isinstance(value, str):
        _check_text(value, name or "arguments")
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid(fields={name or "arguments": ["Must be a finite number."]})
    if not isinstance(value, dict | list):
        return
    if depth > MAX_DEPTH:
        raise Invalid(fields={name.split(".", 1)[0]: [f"Nested more than {MAX_DEPTH} levels deep."]})
    if isinstance(value, list):
        for index, inner in enumerate(value):
            check_value(inner, f"{name}.{index}", depth + 1)
        return
    if value.keys() == {"__type__", "__value__"}:
        raise Invalid(fields={name or "arguments": ["Must not imitate a serializer's type marker."]})
    for key, inner in value.items():
        dotted = f"{name}.{key}" if name else key
        _check_text(key, name or "arguments", "A name must")
        check_value(inner, dotted, depth + 1)


def _check_text(text: str, name: str, subject: str = "Must") -> None:
    if "\x00" in text:
        raise Invalid(fields={name: [f"{subject} not contain the NUL character."]})
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Invalid(fields={name: [f"{subject} not contain half of a surrogate pair."]}) from None

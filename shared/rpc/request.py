"""Reads an RPC request off the wire, and refuses what no method should have to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from shared.errors import Invalid, TooLarge

if TYPE_CHECKING:
    from collections.abc import Mapping

GREATEST_BODY = 1024 * 1024
GREATEST_DEPTH = 20
ENVELOPE_DEPTH = 2
ESCAPE = b"\\u"
TYPE_MARKER = b'"__type__"'
LONGEST_CORRELATION_ID = 128

TOKEN_HEADER = "nameko.auth_token"  # noqa: S105 - nameko's name of the header
CORRELATION_HEADER = "nameko.correlation_id"


@dataclass(frozen=True, slots=True)
class Request:
    """One call.

    Attributes:
        arguments: The keyword arguments, as JSON gave them.
        token: The caller's token, empty without one. It is only trusted once it is verified.
        correlation_id: The caller's, else a new one.
    """

    arguments: dict[str, Any]
    token: str
    correlation_id: str


def request_of(body: bytes, headers: Mapping[str, Any]) -> Request:
    """The request in a message.

    Raises:
        TooLarge: The body is over 1 MiB.
        Invalid: Not JSON (NaN and Infinity are not), positional arguments, a NUL, more than 20 levels of nesting,
            an object that imitates a serializer's type marker. The field is named where there is one.
    """
    if len(body) > GREATEST_BODY:
        raise TooLarge(
            f"The request has {len(body)} bytes; at most {GREATEST_BODY} are accepted.", limit=GREATEST_BODY
        )
    try:
        envelope = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The request is not JSON: {error}.") from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("kwargs"), dict):
        raise Invalid('The request must be {"args": [], "kwargs": {...}}.')
    if envelope.get("args"):
        raise Invalid("Pass the arguments by name; positional arguments are not accepted.")
    arguments: dict[str, Any] = envelope["kwargs"]
    # The walk is only for bodies that can contain what it looks for; with an escape, a name can be spelled any way.
    if (
        ESCAPE in body
        or TYPE_MARKER in body
        or body.count(b"{") + body.count(b"[") > GREATEST_DEPTH + ENVELOPE_DEPTH
    ):
        check_value(arguments)
    return Request(arguments, _text(headers.get(TOKEN_HEADER)), correlation_id_of(headers))


def correlation_id_of(headers: Mapping[str, Any]) -> str:
    """The caller's correlation id where it is a plain short text, else a new one."""
    given = _text(headers.get(CORRELATION_HEADER))
    return given if given.isprintable() and 0 < len(given) <= LONGEST_CORRELATION_ID else str(uuid4())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def check_value(value: Any, name: str = "", depth: int = 1) -> None:
    """Refuses what no method should have to look at, however deep in the value it is.

    Raises:
        Invalid: A NUL, more than 20 levels of nesting, or an object that imitates a type marker; it names the field.
    """
    if isinstance(value, str):
        if "\x00" in value:
            raise Invalid(fields={name: ["Must not contain the NUL character."]})
        return
    if not isinstance(value, dict | list):
        return
    if depth > GREATEST_DEPTH:
        raise Invalid(fields={name.split(".", 1)[0]: [f"Nested more than {GREATEST_DEPTH} levels deep."]})
    if isinstance(value, list):
        for index, inner in enumerate(value):
            check_value(inner, f"{name}.{index}", depth + 1)
        return
    if value.keys() == {"__type__", "__value__"}:
        raise Invalid(fields={name or "arguments": ["Must not imitate a serializer's type marker."]})
    for key, inner in value.items():
        dotted = f"{name}.{key}" if name else key
        if "\x00" in key:
            raise Invalid(fields={name or "arguments": ["A name must not contain the NUL character."]})
        check_value(inner, dotted, depth + 1)

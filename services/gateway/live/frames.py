"""The bytes of the stream (WHATWG HTML, Server-sent events): CloudEvents in JSON, and frames of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson

from services.gateway.live.audiences import AUDIENCES, circle_of, place_of
from services.gateway.live.recent import Heard
from shared.client.events import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

HEARTBEAT: Final = b": heartbeat\n\n"
RETRY: Final = b"retry: 3000\n\n"
"""The milliseconds after which a browser connects again."""

ATTRIBUTES: Final = ("specversion", "id", "source", "type", "subject", "time", "dataschema", "sequence")
"""The attributes that are streamed; the account and request that caused an event are not."""

PLACED: Final = ("region_created", "region_updated")
"""The events that tell where a region lies."""

SEPARATOR: Final = "."
"""Between the event's id and the replica's name in the id of a frame."""


def heard(body: bytes, headers: Mapping[str, Any], replica: str) -> Heard:
    """Return an event from the broker in the form in which it is sent to listeners.

    Args:
        body: Its data.
        headers: Its attributes.
        replica: The name of this replica, which becomes part of the frame's id; see `last_seen`.

    Raises:
        LookupError: An attribute is missing, or no listener may see it.
        ValueError: It is not JSON, or one of its ids is not valid.
        TypeError: It is not an object.
    """
    source, event_type = headers[PREFIX + "source"], headers[PREFIX + "type"]
    audience = AUDIENCES[source][event_type]
    data = orjson.loads(body)
    region_id, user_id = place_of(data)
    event_id = str(UUID(headers[PREFIX + "id"]))
    attributes = {name: headers[PREFIX + name] for name in ATTRIBUTES if PREFIX + name in headers}
    if not all(isinstance(value, str) for value in attributes.values()):
        raise TypeError("an attribute is not a text")
    shown = {name: value for name, value in data.items() if name not in audience.left_out}
    frame = _frame(event_type, {**attributes, "data": shown}, f"{event_id}{SEPARATOR}{replica}")
    placed = None
    if event_type in PLACED and region_id is not None and "version" in data:
        parent_id = data.get("parent_id")
        placed = region_id, int(data["version"]), UUID(parent_id) if parent_id else None
    return Heard(event_id, event_type, region_id, user_id, frame, placed, circle_of(event_type, data))


def reset(reason: str) -> bytes:
    """Return the frame that tells a client to reload what it shows, because events may have been missed."""
    return _frame("reset", {"reason": reason})


def end(reason: str) -> bytes:
    """Return the frame that ends the stream; the client may connect again."""
    return _frame("end", {"reason": reason})


def last_seen(header: str) -> tuple[str, str]:
    """Return the event's id and the replica's name in a ``Last-Event-ID``; the name may be empty."""
    event_id, _, replica = header.partition(SEPARATOR)
    return event_id, replica


def _frame(name: str, content: Mapping[str, Any], frame_id: str = "") -> bytes:
    identified = f"id: {frame_id}\n" if frame_id else ""
    return f"{identified}event: {name}\ndata: ".encode() + orjson.dumps(content) + b"\n\n"

"""The stream's bytes (WHATWG HTML, Server-sent events): events as CloudEvents in JSON, and words of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import orjson

from services.gateway.live.audiences import AUDIENCES, place_of
from services.gateway.live.recent import Heard
from shared.platform.outbox.event import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

HEARTBEAT: Final = b": heartbeat\n\n"
RETRY: Final = b"retry: 3000\n\n"
"""After how many milliseconds a browser shall connect again."""

ATTRIBUTES: Final = ("specversion", "id", "source", "type", "subject", "time", "dataschema", "sequence")
"""Of the event's envelope; whose request caused it is for the log alone."""

SEPARATOR: Final = "."
"""Between the event's id and the replica's name in the id of a frame."""


def heard(body: bytes, headers: Mapping[str, Any], replica: str) -> Heard:
    """An event off the wire as listeners are sent it.

    Args:
        body: Its data.
        headers: Its attributes.
        replica: The name of this one, which becomes part of the frame's id: see `last_seen`.

    Raises:
        LookupError: It lacks something, or nobody may hear of it.
        ValueError: It is not JSON, or one of its ids is none.
        TypeError: It is no object.
    """
    source, event_type = headers[PREFIX + "source"], headers[PREFIX + "type"]
    audience = AUDIENCES[source][event_type]
    data = orjson.loads(body)
    region_id, user_id = place_of(data)
    event_id = str(UUID(headers[PREFIX + "id"]))
    attributes = {name: headers[PREFIX + name] for name in ATTRIBUTES if PREFIX + name in headers}
    if not all(isinstance(value, str) for value in attributes.values()):
        raise TypeError("an attribute is no text")
    shown = {name: value for name, value in data.items() if name not in audience.left_out}
    frame = _frame(event_type, {**attributes, "data": shown}, f"{event_id}{SEPARATOR}{replica}")
    return Heard(event_id, event_type, region_id, user_id, frame)


def reset(reason: str) -> bytes:
    """Events may have been missed: read anew what is shown, and go on listening."""
    return _frame("reset", {"reason": reason})


def end(reason: str) -> bytes:
    """The stream ends here; the listener may come again."""
    return _frame("end", {"reason": reason})


def last_seen(header: str) -> tuple[str, str]:
    """The event's id and the replica's name in a ``Last-Event-ID``; the name is empty where it has none."""
    event_id, _, replica = header.partition(SEPARATOR)
    return event_id, replica


def _frame(name: str, content: Mapping[str, Any], frame_id: str = "") -> bytes:
    identified = f"id: {frame_id}\n" if frame_id else ""
    return f"{identified}event: {name}\ndata: ".encode() + orjson.dumps(content) + b"\n\n"

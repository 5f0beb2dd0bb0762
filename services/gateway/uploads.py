"""Takes a file off a multipart request as it arrives: counted, hashed, its type looked at, never whole in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import filetype
from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from services.gateway.errors import RequestTimeout, UnsupportedMediaType
from shared.errors import Invalid, TooLarge
from shared.http1 import MalformedBodyError

if TYPE_CHECKING:
    from services.gateway.storage import FileStore, Incoming

ALLOWED: Final = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/heic",
        "image/tiff",
        "application/pdf",
        "video/mp4",
        "video/quicktime",
        "video/webm",
        "video/3gpp",
        "audio/mpeg",
        "audio/mp4",
        "audio/ogg",
        "audio/x-wav",
        "audio/amr",
    }
)
"""What people in the field make with their telephones. Nothing of it runs in a browser."""

HEAD: Final = 8192
"""Bytes at the beginning by which a type is recognised."""

ENVELOPE: Final = 64 * 1024
"""Bytes that multipart may take around the file."""

PARSER_MEMORY: Final = 256 * 1024
"""Bytes that werkzeug's parser may hold: the 64 KiB that it reads at a time, and before them what may be the beginning
of a boundary."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that has arrived.

    Attributes:
        file: Where its bytes are; to be kept or discarded.
        fields: What was said beside it.
        file_name: What it is called at its owner's.
        mime_type: What its content is.
        size: In bytes.
        sha256: Lower-case hexadecimal.
    """

    file: Incoming
    fields: dict[str, str]
    file_name: str
    mime_type: str
    size: int
    sha256: str


def receive(store: FileStore, limit: int) -> Upload:
    """Reads the request's body, ``multipart/form-data`` with one part ``file``.

    Args:
        store: Where the file goes.
        limit: Bytes that it may have.

    Raises:
        UnsupportedMediaType: The body is not multipart, or the file's content is of no type that is accepted.
        TooLarge: The file is larger.
        Invalid: There is no file, more than one, or the body is malformed.
        RequestTimeout: It arrives too slowly.
    """
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Send the file as the part `file` of multipart/form-data.")
    if (request.content_length or 0) > limit + ENVELOPE:
        raise _too_large(limit)
    request.max_content_length = limit + ENVELOPE
    slot = _Slot(store, limit)
    try:
        return _parse(slot)
    except RequestEntityTooLarge:
        raise _too_large(limit) from None
    except TimeoutError as error:
        raise RequestTimeout(str(error)) from None
    except MalformedBodyError:  # a ValueError as well, but of the connection
        raise
    except ValueError as error:
        raise Invalid(f"The body is not proper multipart/form-data: {error}.") from None
    finally:  # also when the client goes away or the server stops
        slot.tidy()


def _parse(slot: _Slot) -> Upload:
    parser = FormDataParser(slot.take, max_form_memory_size=PARSER_MEMORY, max_form_parts=4, silent=False)
    _, form, files = parser.parse(
        request.stream, request.mimetype, request.content_length, request.mimetype_params
    )
    file = files.get("file")
    if file is None or slot.sink is None:
        raise Invalid(fields={"file": ["Is missing."]})
    upload = Upload(slot.sink.file, form.to_dict(), file.filename or "", *slot.sink.finish())
    slot.is_kept = True
    return upload


class _Slot:
    """Room for one file."""

    def __init__(self, store: FileStore, limit: int) -> None:
        self._store = store
        self._limit = limit
        self.sink: _Sink | None = None
        self.is_kept = False

    def take(self, *_said: Any, **_named: Any) -> Any:
        """Called by werkzeug for each part that is a file."""
        if self.sink is not None:
            raise Invalid(fields={"file": ["Only one file at a time."]})
        self.sink = _Sink(self._store.receive(), self._limit)
        return self.sink

    def tidy(self) -> None:
        """Removes what has arrived, unless it was taken over."""
        if self.sink is not None and not self.is_kept:
            self.sink.file.discard()


class _Sink:
    """What werkzeug's parser writes the file to."""

    def __init__(self, file: Incoming, limit: int) -> None:
        self.file = file
        self._limit = limit
        self._size = 0
        self._digest = hashlib.sha256()
        self._head = b""
        self._mime_type = ""

    def write(self, data: bytes) -> int:
        self._size += len(data)
        if self._size > self._limit:
            raise _too_large(self._limit)
        if not self._mime_type:
            self._head += data
            if len(self._head) >= HEAD:
                self._mime_type = _type_of(self._head)
        self._digest.update(data)
        self.file.write(data)
        return len(data)

    def seek(self, _position: int) -> int:
        """Called by werkzeug when the part has ended."""
        return 0

    def finish(self) -> tuple[str, int, str]:
        """Closes the file; gives type, size and digest."""
        if not self._size:
            raise Invalid(fields={"file": ["Is empty."]})
        mime_type = self._mime_type or _type_of(self._head)
        self.file.close()
        return mime_type, self._size, self._digest.hexdigest()


def _type_of(head: bytes) -> str:
    found = filetype.guess(head)
    if found is None or found.mime not in ALLOWED:
        raise UnsupportedMediaType(
            "The content of the file is of no type that is accepted.", accepted=sorted(ALLOWED)
        )
    return str(found.mime)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"A file may have at most {limit} bytes.", limit=limit)

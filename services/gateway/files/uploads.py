"""Takes a file off a multipart request as it arrives: counted, hashed, its type looked at, never whole in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from services.gateway.files.cleaners import MalformedMetadataError
from services.gateway.files.types import HEAD, MEDIA_TYPES, name_for, recognise
from services.gateway.http.errors import InsufficientStorage, RequestTimeout, UnsupportedMediaType
from shared.client.errors import Invalid, TooLarge
from shared.platform.http.parser import MalformedBodyError

if TYPE_CHECKING:
    from services.gateway.files.cleaners import Cleaner, Position
    from services.gateway.files.storage import FileStore, Incoming
    from services.gateway.files.types import MediaType

TOTAL: Final = "total"
"""The scope of the quota of everything together: the file is not too large, the store is too small."""

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
        file_name: What it is called at its owner's, with the extension of its type.
        kept: What is known of the bytes that are kept.
    """

    file: Incoming
    fields: dict[str, str]
    file_name: str
    kept: _Kept


@dataclass(frozen=True, slots=True)
class _Kept:
    """The bytes that are kept.

    Attributes:
        mime_type: What they are.
        size: How many.
        sha256: Lower-case hexadecimal.
        position: Where the file said that it was made, before that was taken out: longitude and latitude.
    """

    mime_type: str
    size: int
    sha256: str
    position: Position | None


def receive(store: FileStore, limit: int, allowance: dict[str, Any], *, keeps_metadata: bool) -> Upload:
    """Reads the request's body, ``multipart/form-data`` with one part ``file``.

    Args:
        store: Where the file goes.
        limit: Bytes that it may have.
        allowance: What quotas leave, as `services.reports.schemas.AttachmentAllowance` has it.
        keeps_metadata: Whether photos and videos are kept with what they say of where and when they were made.

    Raises:
        UnsupportedMediaType: The body is not multipart, or the file's content is of no type that is accepted.
        TooLarge: The file is larger, or passes a quota.
        InsufficientStorage: There is no room for it.
        Invalid: There is no file, more than one, or the body is malformed.
        RequestTimeout: It arrives too slowly.
    """
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Send the file as the part `file` of multipart/form-data.")
    if (request.content_length or 0) > limit + ENVELOPE:
        raise _too_large(limit)
    quota = _Quota(allowance)
    quota.check((request.content_length or 0) - ENVELOPE)
    request.max_content_length = limit + ENVELOPE
    slot = _Slot(store, limit, quota, keeps_metadata=keeps_metadata)
    try:
        return _parse(slot)
    except RequestEntityTooLarge:
        raise _too_large(limit) from None
    except TimeoutError as error:
        raise RequestTimeout(str(error)) from None
    except MalformedMetadataError as error:
        raise Invalid(fields={"file": [f"Is malformed: {error}."]}) from None
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
    kept = slot.sink.finish()
    name = name_for(file.filename, kept.mime_type) if file.filename else ""
    upload = Upload(slot.sink.file, form.to_dict(), name, kept)
    slot.is_kept = True
    return upload


class _Quota:
    """What may still be attached; see `services.reports.schemas.AttachmentAllowance`."""

    def __init__(self, allowance: dict[str, Any]) -> None:
        self._allowance = allowance

    def check(self, size: int) -> None:
        """Refuses so many bytes if they are more than what is left."""
        left = self._allowance["remaining"]
        if left is None or size <= left:
            return
        message = f"The quota leaves {left} bytes for this file."
        if self._allowance["scope"] == TOTAL:
            raise InsufficientStorage(message, **self._allowance)
        raise TooLarge(message, **self._allowance)


class _Slot:
    """Room for one file."""

    def __init__(self, store: FileStore, limit: int, quota: _Quota, *, keeps_metadata: bool) -> None:
        self._store = store
        self._limit = limit
        self._quota = quota
        self._keeps_metadata = keeps_metadata
        self.sink: _Sink | None = None
        self.is_kept = False

    def take(self, *_said: Any, **_named: Any) -> Any:
        """Called by werkzeug for each part that is a file."""
        if self.sink is not None:
            raise Invalid(fields={"file": ["Only one file at a time."]})
        self.sink = _Sink(
            self._store.receive(request.content_length or 0),
            self._limit,
            self._quota,
            keeps_metadata=self._keeps_metadata,
        )
        return self.sink

    def tidy(self) -> None:
        """Removes what has arrived, unless it was taken over."""
        if self.sink is None:
            return
        self.sink.close()
        if not self.is_kept:
            self.sink.file.discard()


class _Sink:
    """What werkzeug's parser writes the file to: recognised, cleaned, hashed and kept as it comes."""

    def __init__(self, file: Incoming, limit: int, quota: _Quota, *, keeps_metadata: bool) -> None:
        self.file = file
        self._limit = limit
        self._quota = quota
        self._keeps_metadata = keeps_metadata
        self._received = 0
        self._size = 0
        self._digest = hashlib.sha256()
        self._head = b""
        self._type: MediaType | None = None
        self._cleaner: Cleaner | None = None

    def write(self, data: bytes) -> int:
        self._received += len(data)
        if self._received > self._limit:
            raise _too_large(self._limit)
        if self._type is not None:
            self._clean(data)
            return len(data)
        self._head += data
        if len(self._head) >= HEAD:
            self._begin()
        return len(data)

    def seek(self, _position: int) -> int:
        """Called by werkzeug when the part has ended."""
        return 0

    def finish(self) -> _Kept:
        """Closes the file; gives what is known of it."""
        if not self._received:
            raise Invalid(fields={"file": ["Is empty."]})
        kind = self._type or self._begin()
        if self._cleaner is not None:
            for block in self._cleaner.finish():
                self._keep(block)
        self.file.close()
        position = self._cleaner.position if self._cleaner is not None else None
        return _Kept(kind.name, self._size, self._digest.hexdigest(), position)

    def close(self) -> None:
        """Gives back what the cleaner has put aside."""
        if self._cleaner is not None:
            self._cleaner.close()

    def _begin(self) -> MediaType:
        self._type = recognise(self._head)
        if self._type is None:
            raise UnsupportedMediaType(
                "The content of the file is of no type that is accepted.", accepted=sorted(MEDIA_TYPES)
            )
        if self._type.cleaner is not None and not self._keeps_metadata:
            self._cleaner = self._type.cleaner()
        head, self._head = self._head, b""
        self._clean(head)
        return self._type

    def _clean(self, data: bytes) -> None:
        self._keep(self._cleaner.feed(data) if self._cleaner is not None else data)

    def _keep(self, data: bytes) -> None:
        if data:
            self._size += len(data)
            self._quota.check(self._size)
            self._digest.update(data)
            self.file.write(data)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"A file may have at most {limit} bytes.", limit=limit)

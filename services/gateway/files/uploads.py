"""Receives a file from a multipart request: counts, hashes, recognises and stores it as it arrives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, cast

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
    from shared.client.types.reports import AttachmentAllowance

TOTAL: Final = "total"
"""The scope of the quota of all files together: the file is not too large, the store is too small."""

ENVELOPE: Final = 64 * 1024
"""Bytes that multipart may need around the file."""

PARSER_MEMORY: Final = 256 * 1024
"""Bytes that werkzeug's parser may hold: the 64 KiB that it reads at a time, and the possible beginning of a boundary
before them."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that has arrived.

    Attributes:
        file: Its bytes, to be kept or discarded.
        fields: The other fields of the form.
        file_name: Its name, with the extension of its type.
        kept: The facts about its bytes.
    """

    file: Incoming
    fields: dict[str, str]
    file_name: str
    kept: _Kept


@dataclass(frozen=True, slots=True)
class _Kept:
    """The facts about the bytes that are stored.

    Attributes:
        mime_type: Their media type.
        size: Their number.
        sha256: Their digest in lower-case hexadecimal.
        position: The longitude and latitude that the metadata contained before they were removed.
    """

    mime_type: str
    size: int
    sha256: str
    position: Position | None


def receive(store: FileStore, limit: int, allowance: AttachmentAllowance, *, keeps_metadata: bool) -> Upload:
    """Read the request's body, ``multipart/form-data`` with one part ``file``.

    Args:
        store: Where the file is stored.
        limit: The largest accepted size, in bytes.
        allowance: What the quotas leave, as `services.reports.schemas.AttachmentAllowance`.
        keeps_metadata: Whether photos and videos are stored with their metadata.

    Raises:
        UnsupportedMediaType: The body is not multipart, or the type of the file is not accepted.
        TooLarge: The file is too large, or exceeds a quota.
        InsufficientStorage: There is no room for it.
        Invalid: There is no file or more than one, or the body is malformed.
        RequestTimeout: It arrives too slowly.
    """
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("The body must be multipart/form-data with the file as its part `file`.")
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
        raise Invalid(fields={"file": [f"The file is malformed: {error}."]}) from None
    except MalformedBodyError:  # a ValueError as well, but of the connection
        raise
    except ValueError as error:
        raise Invalid(f"The body is not valid multipart/form-data: {error}.") from None
    finally:  # also when the client goes away or the server stops
        slot.tidy()


def _parse(slot: _Slot) -> Upload:
    parser = FormDataParser(slot.take, max_form_memory_size=PARSER_MEMORY, max_form_parts=4, silent=False)
    _, form, files = parser.parse(
        request.stream, request.mimetype, request.content_length, request.mimetype_params
    )
    file = files.get("file")
    if file is None or slot.sink is None:
        raise Invalid(fields={"file": ["The file is missing."]})
    kept = slot.sink.finish()
    name = name_for(file.filename, kept.mime_type) if file.filename else ""
    upload = Upload(slot.sink.file, form.to_dict(), name, kept)
    slot.is_kept = True
    return upload


class _Quota:
    """The bytes that may still be attached; see `services.reports.schemas.AttachmentAllowance`."""

    def __init__(self, allowance: AttachmentAllowance) -> None:
        self._allowance = allowance

    def check(self, size: int) -> None:
        """Refuse a file of so many bytes if the quota leaves fewer."""
        left = self._allowance["remaining"]
        if left is None or size <= left:
            return
        message = f"The file is too large: the quota has {left} bytes left."
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

    def take(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        """Open the sink of a part that is a file. Called by werkzeug."""
        if self.sink is not None:
            raise Invalid(fields={"file": ["Send only one file with each request."]})
        self.sink = _Sink(
            self._store.receive(request.content_length or 0),
            self._limit,
            self._quota,
            keeps_metadata=self._keeps_metadata,
        )
        return cast("IO[bytes]", self.sink)  # as far as werkzeug's parser needs one

    def tidy(self) -> None:
        """Remove what has arrived, unless the upload was completed."""
        if self.sink is None:
            return
        self.sink.close()
        if not self.is_kept:
            self.sink.file.discard()


class _Sink:
    """The sink to which werkzeug's parser writes the file: recognises, cleans, hashes and stores it."""

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
        """Do nothing. Called by werkzeug when the part has ended."""
        return 0

    def finish(self) -> _Kept:
        """Close the file, and return the facts about it."""
        if not self._received:
            raise Invalid(fields={"file": ["The file is empty."]})
        kind = self._type or self._begin()
        if self._cleaner is not None:
            for block in self._cleaner.finish():
                self._keep(block)
        self.file.close()
        position = self._cleaner.position if self._cleaner is not None else None
        return _Kept(kind.name, self._size, self._digest.hexdigest(), position)

    def close(self) -> None:
        """Release what the cleaner has put aside."""
        if self._cleaner is not None:
            self._cleaner.close()

    def _begin(self) -> MediaType:
        self._type = recognise(self._head)
        if self._type is None:
            raise UnsupportedMediaType(
                "Files of this type are not accepted. Attach a picture, an audio recording, a video or a PDF.",
                accepted=sorted(MEDIA_TYPES),
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
    return TooLarge(f"The file must not be larger than {limit} bytes.", limit=limit)

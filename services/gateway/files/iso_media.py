"""Removes the metadata of files of the ISO base media file format: videos, and photos as HEIC (ISO/IEC 14496-12)."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final

from services.gateway.files import tiff
from services.gateway.files.cleaners import BLANK, KEEP, MAX_BLOCK, StreamingCleaner, WholeFileCleaner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.gateway.files.cleaners import Change

MAX_BOX: Final = 2**63
"""Bytes of a box that extends to the end of its file."""

MAX_INDEX: Final = 16 * 1024 * 1024
"""Bytes of the index of a HEIC file."""

_EMPTY_XMP: Final = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


class VideoCleaner(StreamingCleaner):
    """MP4, QuickTime and 3GPP: turns the boxes of user data and metadata into free space of the same size."""

    _CONTAINERS: Final = frozenset({b"moov", b"trak"})
    METADATA: Final = frozenset({b"udta", b"meta", b"uuid"})
    _PLACE: Final = re.compile(
        rb"([+-][0-9]{1,2}(?:\.[0-9]{1,8})?)([+-][0-9]{1,3}(?:\.[0-9]{1,8})?)(?=[+/-])"
    )

    def _next(self) -> bool:
        buffer = self._buffer
        if len(buffer) < 16:  # noqa: PLR2004 - the longest header of a box; the end of the file comes with `finish`
            return False
        size, name, header = int.from_bytes(buffer[:4], "big"), bytes(buffer[4:8]), 8
        if size == 1:
            size, header = int.from_bytes(buffer[8:16], "big"), 16
        if name in self._CONTAINERS and (size == 0 or size >= header):
            self._emit(header)
            return True
        if size == 0 and name in self.METADATA:  # up to the end of the file
            size = MAX_BOX
        if size < header:
            return self._break()
        if name not in self.METADATA:
            return self._pass(size, KEEP)
        if size <= MAX_BLOCK:
            if len(buffer) < size:
                return False
            self._look_for_place(bytes(buffer[:size]))
        self._out += buffer[:4] + b"free" + buffer[8:header]
        del buffer[:header]
        return self._pass(size - header, BLANK)

    def finish(self) -> Iterator[bytes]:
        """Yield the rest; a last box of metadata becomes free space."""
        if bytes(self._buffer[4:8]) in self.METADATA and not self._is_broken:
            self._look_for_place(bytes(self._buffer))
            yield bytes(self._buffer[:4]) + b"free" + bytes(len(self._buffer) - 8)
        else:
            yield bytes(self._buffer)

    def _look_for_place(self, box: bytes) -> None:
        found = self._PLACE.search(box)
        if found is not None and self.position is None:
            latitude, longitude = float(found[1]), float(found[2])
            if abs(latitude) <= 90 and abs(longitude) <= 180:  # noqa: PLR2004
                self.position = round(longitude, 6), round(latitude, 6)


class HeicCleaner(WholeFileCleaner):
    """HEIC: blanks the items of EXIF and XMP, and frees boxes that are no part of the picture."""

    _KEPT: Final = frozenset(b"ftyp styp meta mdat free skip moov idat".split())

    def _changes(self) -> Iterator[Change]:
        at, end = 0, self._size()
        while at + 8 <= end:
            size, name, header = self._box(at, end)
            if size < header:
                return
            if name == b"meta" and size <= MAX_INDEX:
                yield from self._of_index(_Index(self._read(at + header, size - header), at + header))
            elif name == b"moov":
                yield from self._of_movie(at + header, min(at + size, end))
            elif name not in self._KEPT:
                yield at + 4, b"free"
                yield at + header, size - header
            at += size

    def _of_movie(self, at: int, end: int) -> Iterator[Change]:
        """Frees the metadata of a picture that moves, and of its tracks."""
        while at + 8 <= end:
            size, name, header = self._box(at, end)
            if size < header:
                return
            if name == b"trak":
                size = header
            elif name in VideoCleaner.METADATA:
                yield at + 4, b"free"
                yield at + header, size - header
            at += size

    def _box(self, at: int, end: int) -> tuple[int, bytes, int]:
        head = self._read(at, 16)
        size, header = int.from_bytes(head[:4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(head[8:16], "big"), 16
        return size or end - at, head[4:8], header

    def _of_index(self, index: _Index) -> Iterator[Change]:
        for kind, extents in index.metadata():
            block = b""
            for at, size in extents:
                block += self._read(at, min(size, MAX_BLOCK - len(block)))
                yield at, size
            empty = _EMPTY_XMP
            if kind == b"Exif":
                position, orientation = tiff.read_exif(block[4 + int.from_bytes(block[:4], "big") :])
                self.position = self.position or position
                empty = bytes(4) + tiff.only_orientation(orientation)
            if extents and extents[0][1] >= len(empty):  # for programs that stumble over zeros
                yield extents[0][0], empty


class _Index:
    """The box ``meta`` of a HEIC file (ISO/IEC 14496-12, 8.11), as far as it says where metadata are.

    Args:
        content: Of the box.
        at: Where in the file that is.
    """

    def __init__(self, content: bytes, at: int) -> None:
        self._boxes = {name: (start, body) for name, start, body in _boxes(content, 4)}
        self._at = at

    def metadata(self) -> list[tuple[bytes, list[tuple[int, int]]]]:
        """Returns the type of each item of metadata with the places and sizes of its bytes in the file."""
        items = self._items()
        try:
            return [(items[item], extents) for item, extents in self._locations() if item in items]
        except (struct.error, IndexError):
            return []

    def _items(self) -> dict[int, bytes]:
        _, body = self._boxes.get(b"iinf", (0, b""))
        found = {}
        for name, _, entry in _boxes(body, 6 if body[:1] == b"\0" else 8):
            version = entry[0] if entry else 0
            if name == b"infe" and version >= 2:  # noqa: PLR2004 - older ones have no types
                wide = 4 if version > 2 else 2  # noqa: PLR2004
                kind = entry[6 + wide : 10 + wide]
                if kind in (b"Exif", b"mime", b"uri "):
                    found[int.from_bytes(entry[4 : 4 + wide], "big")] = kind
        return found

    def _locations(self) -> Iterator[tuple[int, list[tuple[int, int]]]]:
        _, body = self._boxes.get(b"iloc", (0, b""))
        if not body:
            return
        version = body[0]
        sizes = [body[4] >> 4, body[4] & 15, body[5] >> 4, body[5] & 15 if version else 0]
        wide = 4 if version == 2 else 2  # noqa: PLR2004
        reader = _Reader(body, 6)
        for _ in range(reader.number(wide)):
            item = reader.number(wide)
            method = reader.number(2) & 15 if version else 0
            reader.number(2)
            base = reader.number(sizes[2])
            extents = []
            for _ in range(reader.number(2)):
                reader.number(sizes[3])
                offset, length = reader.number(sizes[0]), reader.number(sizes[1])
                extents.append((self._origin(method) + base + offset, length))
            yield item, extents

    def _origin(self, method: int) -> int:
        """Where offsets count from: the beginning of the file, or of the box ``idat``."""
        return self._at + self._boxes.get(b"idat", (0, b""))[0] if method == 1 else 0


class _Reader:
    """Numbers out of bytes, one behind the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def number(self, size: int) -> int:
        if self._at + size > len(self._data):
            raise IndexError
        found = int.from_bytes(self._data[self._at : self._at + size], "big")
        self._at += size
        return found


def _boxes(data: bytes, at: int) -> Iterator[tuple[bytes, int, bytes]]:
    """The boxes in some bytes from an offset: name, where the content begins, and the content."""
    while at + 8 <= len(data):
        size, name, header = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        size = size or len(data) - at
        if size < header:
            return
        yield name, at + header, data[at + header : at + size]
        at += size

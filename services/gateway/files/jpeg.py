"""Removes the metadata of JPEG files."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final

from services.gateway.files import tiff
from services.gateway.files.cleaners import StreamingCleaner

if TYPE_CHECKING:
    from collections.abc import Iterator


class JpegCleaner(StreamingCleaner):
    """JPEG: keeps APP0, colour profiles (APP2) and Adobe's transform (APP14) of the fields of applications.

    Where something is no field, decoders skip it. From there on, only fields that begin as metadata do are taken out.
    """

    _MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
    _ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
    _END: Final = 0xD9
    _SCAN: Final = 0xDA
    _COMMENT: Final = 0xFE
    _KEPT: Final = {0xE0: b"", 0xE2: b"ICC_PROFILE\0", 0xEE: b""}
    """How the content begins of those fields of applications that are part of the picture."""

    _EXIF: Final = b"Exif\0"
    _BLOCK: Final = re.compile(
        rb"\xff[\xe1\xed](?:\x00[\x02-\xff]|[\x01-\xff].)(?:Exif\0|http://ns\.adobe\.com/|Photoshop 3\.0)",
        re.DOTALL,
    )
    _MAX_BEGINNING_LENGTH: Final = 23

    def __init__(self) -> None:
        super().__init__()
        self._is_scan = False
        self._is_loose = False

    def finish(self) -> Iterator[bytes]:
        """Yield the rest, without the beginning of a field of metadata that was cut off."""
        is_half = self._BLOCK.match(self._buffer) if self._is_loose else self._is_half_of_metadata()
        if not self._is_over and not is_half:
            yield bytes(self._buffer)

    def _is_half_of_metadata(self) -> bool:
        return not self._is_scan and len(self._buffer) > 1 and self._is_metadata(self._buffer[1], b"")

    def _next(self) -> bool:
        if self._is_loose:
            return self._next_block()
        return self._next_of_scan() if self._is_scan else self._next_field()

    def _next_field(self) -> bool:  # noqa: PLR0911 - a decision each
        buffer = self._buffer
        if buffer[0] != 0xFF or buffer[1:2] == b"\0":  # noqa: PLR2004 - each marker begins so
            return self._be_loose()
        if len(buffer) < 2:  # noqa: PLR2004
            return False
        marker = buffer[1]
        if marker == 0xFF:  # noqa: PLR2004 - filling
            del buffer[0]
            return True
        if marker in self._ALONE:
            self._emit(2)
            return True
        if marker == self._END:
            self._emit(2)
            self._is_over = True
            return False
        if len(buffer) < 4:  # noqa: PLR2004
            return False
        size = int.from_bytes(buffer[2:4], "big")
        if size < 2:  # noqa: PLR2004 - it counts itself
            return self._be_loose()
        if len(buffer) < 2 + size:
            return False
        self._take_field(marker, 2 + size)
        return True

    def _be_loose(self) -> bool:
        self._is_loose = True
        return True

    def _next_block(self) -> bool:
        found = self._BLOCK.search(self._buffer)
        if found is None:
            self._emit(max(0, len(self._buffer) - self._MAX_BEGINNING_LENGTH))
            return False
        self._emit(found.start())
        whole = 2 + int.from_bytes(self._buffer[2:4], "big")
        if len(self._buffer) < whole:
            return False
        self._take_field(self._buffer[1], whole)
        return True

    def _next_of_scan(self) -> bool:
        found = self._MARKER.search(self._buffer)
        if found is None:
            self._emit(len(self._buffer) - self._buffer.endswith(b"\xff"))
            return False
        self._emit(found.start())
        self._is_scan = False
        return True

    def _take_field(self, marker: int, size: int) -> None:
        content = bytes(self._buffer[4:size])
        if not self._is_metadata(marker, content):
            self._emit(size)
            self._is_scan = marker == self._SCAN
            return
        if content.startswith(self._EXIF):
            position, orientation = tiff.read_exif(content)
            self.position = self.position or position
            if orientation != 1:
                block = b"Exif\0\0" + tiff.only_orientation(orientation)
                self._out += b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
        del self._buffer[:size]

    def _is_metadata(self, marker: int, content: bytes) -> bool:
        if marker == self._COMMENT:
            return True
        if not 0xE0 <= marker <= 0xEF:  # noqa: PLR2004 - APP0 to APP15
            return False
        kept = self._KEPT.get(marker)
        return kept is None or not content.startswith(kept) or content.startswith(self._EXIF)

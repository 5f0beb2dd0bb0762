"""Removes the metadata of WebP files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.gateway.files import tiff
from services.gateway.files.cleaners import BLANK, KEEP, MAX_BLOCK, StreamingCleaner

if TYPE_CHECKING:
    from collections.abc import Iterator


class WebpCleaner(StreamingCleaner):
    """WebP: blanks EXIF and XMP in their places, since the file begins with the size of the whole."""

    _XMP_FLAG: Final = 0x04

    def __init__(self) -> None:
        super().__init__()
        self._left = -1

    def _next(self) -> bool:  # noqa: PLR0911 - a decision each
        buffer = self._buffer
        if self._left < 0:
            if len(buffer) < 12:  # noqa: PLR2004 - the header of RIFF
                return False
            self._left = int.from_bytes(buffer[4:8], "little") - 4
            self._emit(12)
            return True
        if self._left < 8:  # noqa: PLR2004 - no room for a chunk
            self._is_over = True
            return False
        if len(buffer) < 8:  # noqa: PLR2004
            return False
        name, size = bytes(buffer[:4]), int.from_bytes(buffer[4:8], "little")
        whole = 8 + size + size % 2
        if whole > self._left + 1:
            self._is_over = name in (b"EXIF", b"XMP ")
            return not self._is_over and self._break()
        if name in (b"VP8X", b"EXIF", b"XMP ") and len(buffer) < whole:
            return whole > MAX_BLOCK and self._blank_unseen(whole)
        self._left -= whole
        if name == b"VP8X" and size:
            buffer[8] &= ~self._XMP_FLAG
        elif name == b"EXIF":
            position, orientation = tiff.read_exif(bytes(buffer[8 : 8 + size]))
            self.position = self.position or position
            block = tiff.only_orientation(orientation)
            buffer[8:whole] = block.ljust(whole - 8, b"\0") if len(block) <= size else bytes(whole - 8)
        elif name == b"XMP ":
            buffer[:4] = b"JUNK"
            buffer[8:whole] = bytes(whole - 8)
        return self._pass(whole, KEEP)

    def finish(self) -> Iterator[bytes]:
        """Yield the rest; a block of metadata that was cut off is blanked."""
        rest = bytes(self._buffer)
        if not self._is_over:
            yield rest[:8] + bytes(len(rest[8:])) if rest[:4] in (b"EXIF", b"XMP ") else rest

    def _blank_unseen(self, whole: int) -> bool:
        """Blank a block of metadata as it comes, because it is too large to be searched."""
        self._left -= whole
        self._out += b"JUNK" + self._buffer[4:8]
        del self._buffer[:8]
        return self._pass(whole - 8, BLANK)

"""Removes the metadata of PNG files."""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING, Final

from services.gateway.files import tiff
from services.gateway.files.cleaners import DROP, KEEP, MAX_BLOCK, StreamingCleaner

if TYPE_CHECKING:
    from collections.abc import Iterator


class PngCleaner(StreamingCleaner):
    """PNG: keeps the chunks that the picture is made of."""

    _SIGNATURE: Final = 8
    _KEPT: Final = frozenset(
        b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT bKGD hIST pHYs sPLT cICP mDCV cLLI"
        b" acTL fcTL fdAT".split()
    )
    _NAME: Final = re.compile(rb"[A-Za-z]{4}")

    def __init__(self) -> None:
        super().__init__()
        self._has_begun = False
        self._has_picture = False

    def _next(self) -> bool:  # noqa: PLR0911 - a decision each
        buffer = self._buffer
        if not self._has_begun:
            self._has_begun = True
            return self._pass(self._SIGNATURE, KEEP)
        if len(buffer) < 8:  # noqa: PLR2004 - size and name
            return False
        size, name = int.from_bytes(buffer[:4], "big"), bytes(buffer[4:8])
        if not self._NAME.fullmatch(name) or size >= 2**31:
            self._is_over = self._has_picture  # and no program reads on
            return not self._is_over and self._break()
        self._has_picture = self._has_picture or name == b"IDAT"
        whole = size + 12
        if name == b"IEND":
            if len(buffer) < whole:
                return False
            self._emit(whole)
            self._is_over = True
            return False
        if name == b"eXIf" and size <= MAX_BLOCK:
            if len(buffer) < whole:
                return False
            position, orientation = tiff.read_exif(bytes(buffer[8 : 8 + size]))
            self.position = self.position or position
            if orientation != 1:
                chunk = b"eXIf" + tiff.only_orientation(orientation)
                self._out += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
            del buffer[:whole]
            return True
        return self._pass(whole, KEEP if name in self._KEPT else DROP)

    def finish(self) -> Iterator[bytes]:
        """Yield the rest, without the beginning of a chunk of metadata that was cut off."""
        if not self._is_over and not (len(self._buffer) >= 8 and self._buffer[4:8] == b"eXIf"):  # noqa: PLR2004
            yield bytes(self._buffer)

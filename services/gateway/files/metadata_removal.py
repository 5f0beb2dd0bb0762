"""Takes out of photos and videos what they say beside the picture: where, when, by whom and with what it was made.

The picture itself is passed on bit by bit, with its colour profile and how it is to be turned. What comes behind the
end of a picture (a second picture, a video) is left away. A file that breaks the rules of its format is passed on from
there as it is, for no program shows it; but decoders of JPEG read on, so EXIF, XMP and IPTC are taken out there too.
"""

from __future__ import annotations

import re
import struct
import tempfile
import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from services.gateway.files import tiff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.gateway.files.tiff import Position

KEEP: Final = "keep"
DROP: Final = "drop"
BLANK: Final = "blank"
BLOCK: Final = 256 * 1024
IN_MEMORY: Final = 4 * 1024 * 1024
"""Bytes of a file whose parts may be anywhere, before the rest of it goes to a temporary file."""

MAX_BLOCK: Final = 1024 * 1024
"""Bytes of metadata that are looked through for a position; larger ones are removed unseen."""

MAX_BOX: Final = 2**63
"""Bytes of a box that goes up to the end of its file."""

MAX_INDEX: Final = 16 * 1024 * 1024
"""Bytes of the index of a HEIC file."""


class MalformedMetadataError(ValueError):
    """The metadata of a file say of themselves what cannot be."""


class Cleaner(Protocol):
    """Passes a file on without its metadata.

    Attributes:
        position: Where the file says that it was made; None if it does not.
    """

    position: Position | None

    def feed(self, data: bytes) -> bytes:
        """Takes what has arrived and returns what is to be kept."""

    def finish(self) -> Iterator[bytes]:
        """Yields what is left to be kept when all has arrived."""

    def close(self) -> None:
        """Gives back what the cleaner has put aside; to be called in any case."""


def is_cleaned(mime_type: str) -> bool:
    """Whether something is taken out of files of this type."""
    return mime_type in _CLEANERS


def cleaner_for(mime_type: str) -> Cleaner | None:
    """Returns what cleans a file of this type; None if nothing is taken out of it."""
    kind = _CLEANERS.get(mime_type)
    return kind() if kind is not None else None


class _Streaming:
    """The part of a cleaner that keeps what is not decided yet."""

    def __init__(self) -> None:
        self.position: Position | None = None
        self._buffer = bytearray()
        self._out = bytearray()
        self._passing = 0
        self._how = KEEP
        self._is_broken = False
        self._is_over = False

    def feed(self, data: bytes) -> bytes:
        self._buffer += data
        while self._buffer and self._step():
            pass
        if self._is_over:
            self._buffer.clear()
        elif self._is_broken:
            self._emit(len(self._buffer))
        out = bytes(self._out)
        self._out.clear()
        return out

    def finish(self) -> Iterator[bytes]:
        if not self._is_over:
            yield bytes(self._buffer)

    def close(self) -> None:
        """Does nothing: nothing is put aside."""

    def _step(self) -> bool:
        """Decides about some of the buffer; false if there is not enough of it."""
        if self._is_over or self._is_broken:
            return False
        if self._passing:
            size = min(self._passing, len(self._buffer))
            self._passing -= size
            if self._how == KEEP:
                self._emit(size)
            else:
                self._out += bytes(size if self._how == BLANK else 0)
                del self._buffer[:size]
            return True
        return self._next()

    def _next(self) -> bool:
        """Decides about the next part of the file, whose beginning is at that of the buffer."""
        raise NotImplementedError

    def _emit(self, size: int) -> None:
        self._out += self._buffer[:size]
        del self._buffer[:size]

    def _pass(self, size: int, how: str) -> bool:
        """Treats so many bytes alike, as they come: `KEEP`, `DROP`, or `BLANK` for zeros in their place."""
        self._passing, self._how = size, how
        return True

    def _break(self) -> bool:
        self._is_broken = True
        return False

    def _look(self, block: bytes) -> int:
        """Takes the position from an EXIF block; returns how the picture is to be turned."""
        found = tiff.of_block(block)
        if found is None:
            return 1
        self.position = self.position or found.position()
        return found.orientation()


class JpegCleaner(_Streaming):
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
        """Yields the rest; half a field of metadata is not kept."""
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
            orientation = self._look(content)
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


class PngCleaner(_Streaming):
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
            orientation = self._look(bytes(buffer[8 : 8 + size]))
            if orientation != 1:
                chunk = b"eXIf" + tiff.only_orientation(orientation)
                self._out += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
            del buffer[:whole]
            return True
        return self._pass(whole, KEEP if name in self._KEPT else DROP)

    def finish(self) -> Iterator[bytes]:
        """Yields the rest; half a chunk of metadata is not kept."""
        if not self._is_over and not (len(self._buffer) >= 8 and self._buffer[4:8] == b"eXIf"):  # noqa: PLR2004
            yield bytes(self._buffer)


class WebpCleaner(_Streaming):
    """WebP: blanks EXIF and XMP in their places, for the sizes of all are said at the beginning."""

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
            block = tiff.only_orientation(self._look(bytes(buffer[8 : 8 + size])))
            buffer[8:whole] = block.ljust(whole - 8, b"\0") if len(block) <= size else bytes(whole - 8)
        elif name == b"XMP ":
            buffer[:4] = b"JUNK"
            buffer[8:whole] = bytes(whole - 8)
        return self._pass(whole, KEEP)

    def finish(self) -> Iterator[bytes]:
        """Yields the rest; half a block of metadata is blanked."""
        rest = bytes(self._buffer)
        if not self._is_over:
            yield rest[:8] + bytes(len(rest[8:])) if rest[:4] in (b"EXIF", b"XMP ") else rest

    def _blank_unseen(self, whole: int) -> bool:
        """Blanks a block of metadata that is too large to look through, as it comes."""
        self._left -= whole
        self._out += b"JUNK" + self._buffer[4:8]
        del self._buffer[:8]
        return self._pass(whole - 8, BLANK)


class VideoCleaner(_Streaming):
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
        """Yields the rest; a last box of metadata is freed."""
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


class _Whole:
    """A cleaner for files whose parts may be anywhere: they are put aside and changed in place when they are whole."""

    def __init__(self) -> None:
        self.position: Position | None = None
        self._file: Any = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - see `close`

    def feed(self, data: bytes) -> bytes:
        self._file.write(data)
        return b""

    def finish(self) -> Iterator[bytes]:
        """Yields the changed file.

        Raises:
            MalformedMetadataError: More would have to be changed than there is.
        """
        end = self._size()
        changed = 0
        for at, data in self._changes():
            size = min(data if isinstance(data, int) else len(data), end - at)
            changed += max(size, 0)
            if changed > 2 * end:
                raise MalformedMetadataError("the metadata of the file are larger than the file")
            self._write(at, size, data)
        self._file.seek(0)
        while block := self._file.read(BLOCK):
            yield block

    def close(self) -> None:
        """Removes what was put aside."""
        self._file.close()

    def _write(self, at: int, size: int, data: bytes | int) -> None:
        self._file.seek(at)
        if isinstance(data, bytes):
            self._file.write(data[: max(size, 0)])
            return
        while size > 0:
            self._file.write(bytes(min(size, BLOCK)))
            size -= BLOCK

    def _read(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        data: bytes = self._file.read(size)
        return data

    def _size(self) -> int:
        end: int = self._file.seek(0, 2)
        return end

    def _changes(self) -> Iterator[tuple[int, bytes | int]]:
        """Yields what is to be written where; a number stands for so many zeros."""
        raise NotImplementedError


class TiffCleaner(_Whole):
    """TIFF: takes the entries of metadata out of the directories and blanks their values."""

    def _changes(self) -> Iterator[tuple[int, bytes | int]]:
        try:
            found = tiff.Tiff(self._read)
        except tiff.NotTiffError:
            return
        self.position = found.position()
        yield from found.changes()


class HeicCleaner(_Whole):
    """HEIC: blanks the items of EXIF and XMP, and frees boxes that are no part of the picture."""

    _KEPT: Final = frozenset(b"ftyp styp meta mdat free skip moov idat".split())

    def _changes(self) -> Iterator[tuple[int, bytes | int]]:
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

    def _of_movie(self, at: int, end: int) -> Iterator[tuple[int, bytes | int]]:
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

    def _of_index(self, index: _Index) -> Iterator[tuple[int, bytes | int]]:
        for kind, extents in index.metadata():
            block = b""
            for at, size in extents:
                block += self._read(at, min(size, MAX_BLOCK - len(block)))
                yield at, size
            empty = _NO_XMP
            if kind == b"Exif":
                found = tiff.of_block(block[4 + int.from_bytes(block[:4], "big") :])
                if found is not None:
                    self.position = self.position or found.position()
                empty = bytes(4) + tiff.only_orientation(found.orientation() if found is not None else 1)
            if extents and extents[0][1] >= len(empty):  # for programs that stumble over zeros
                yield extents[0][0], empty


_NO_XMP: Final = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


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


_CLEANERS: Final[dict[str, type[Cleaner]]] = {
    "image/jpeg": JpegCleaner,
    "image/png": PngCleaner,
    "image/webp": WebpCleaner,
    "image/tiff": TiffCleaner,
    "image/heic": HeicCleaner,
    "video/mp4": VideoCleaner,
    "video/quicktime": VideoCleaner,
    "video/3gpp": VideoCleaner,
    "audio/mp4": VideoCleaner,
}

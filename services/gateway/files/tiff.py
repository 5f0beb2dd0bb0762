"""Reads EXIF blocks, and reads and removes the metadata of TIFF files, which have the same format."""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Final

from services.gateway.files.cleaners import WholeFileCleaner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.gateway.files.cleaners import Change, Position

MAX_ENTRIES: Final = 1000
MAX_DIRECTORIES: Final = 100
MAX_TEXT: Final = 64

_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_ORIENTATION: Final = 0x0112
_EXIF: Final = 0x8769
_GPS: Final = 0x8825
_INTEROPERABILITY: Final = 0xA005
_SUB_DIRECTORIES: Final = 0x014A
_DIRECTORIES: Final = frozenset({_EXIF, _GPS, _INTEROPERABILITY})
_METADATA: Final = frozenset(
    {
        # texts: description, maker, model, software, time, artist, host, copyright
        *(0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298),
        *(0x02BC, 0x83BB, 0x8649),  # XMP, IPTC, Photoshop
        *(0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F),  # Windows' title, comment, author, keywords, subject
        *(0xC62F, 0xC634, 0xC65D, 0xC68B, 0xC6D2, 0xC6D3),  # DNG: serial number, private data, names
        *_DIRECTORIES,
    }
)
_NORMAL: Final = 1
_ORIENTATIONS: Final = range(2, 9)


class NotTiffError(ValueError):
    """The bytes are not valid TIFF."""


class Tiff:
    """A TIFF file or the EXIF block of another one.

    Args:
        read: Returns so many bytes from an offset; fewer at the end.

    Raises:
        NotTiffError: It does not begin like one.
    """

    def __init__(self, read: Callable[[int, int], bytes]) -> None:
        self._read = read
        head = read(0, 8)
        if head[:4] not in (b"II*\0", b"MM\0*") or len(head) < 8:  # noqa: PLR2004 - of the header
            raise NotTiffError
        self._order = "<" if head[:2] == b"II" else ">"
        self._first = self._number(head[4:8])

    def orientation(self) -> int:
        """Return the orientation of the picture, 1 to 8 as TIFF numbers them."""
        for tag, value in self._values(self._first):
            if tag == _ORIENTATION:
                found = self._number(value[:2])
                return found if found in _ORIENTATIONS else _NORMAL
        return _NORMAL

    def position(self) -> Position | None:
        """Return where the picture was taken; None if the file does not say so, or names no place on Earth."""
        for tag, value in self._values(self._first):
            if tag == _GPS:
                gps = dict(self._values(self._number(value[:4])))
                return _place(
                    self._degrees(gps.get(4, b""), gps.get(3, b"")),
                    self._degrees(gps.get(2, b""), gps.get(1, b"")),
                )
        return None

    def changes(self) -> Iterator[Change]:
        """Yield the changes that remove all metadata of the file."""
        pending, seen, erased = [self._first], set[int](), set[int]()
        while pending and len(seen) < MAX_DIRECTORIES:
            at = pending.pop()
            if not at or at in seen:
                continue
            seen.add(at)
            entries, following = self._entries(at)
            kept = b""
            count = 0
            for entry in entries:
                tag = self._number(entry[:2])
                if tag in _METADATA:
                    yield from self._erased(tag, entry, erased)
                    continue
                kept, count = kept + entry, count + 1
                if tag == _SUB_DIRECTORIES:
                    value = self._value(entry)
                    pending += [self._number(value[i : i + 4]) for i in range(0, len(value) - 3, 4)]
            pending.append(following)
            if count < len(entries):
                table = (
                    struct.pack(f"{self._order}H", count) + kept + struct.pack(f"{self._order}I", following)
                )
                yield at, table.ljust(2 + 12 * len(entries) + 4, b"\0")

    def _erased(self, tag: int, entry: bytes, seen: set[int]) -> Iterator[tuple[int, int]]:
        """The value of an entry as zeros, and below it those of a directory of metadata."""
        if tag in _DIRECTORIES:
            at = self._number(entry[8:12])
            if at in seen or len(seen) > MAX_DIRECTORIES:
                return
            seen.add(at)
            entries, _ = self._entries(at)
            for inner in entries:
                yield from self._erased(self._number(inner[:2]), inner, seen)
            yield at, 2 + 12 * len(entries) + 4
            return
        size = self._size(entry)
        if size > 4:  # noqa: PLR2004 - else it is in the entry itself
            yield self._number(entry[8:12]), size

    def _values(self, at: int) -> Iterator[tuple[int, bytes]]:
        for entry in self._entries(at)[0]:
            yield self._number(entry[:2]), self._value(entry)

    def _entries(self, at: int) -> tuple[list[bytes], int]:
        """The entries of a directory, and where the next one is."""
        count = self._number(self._read(at, 2)) if at else 0
        if count > MAX_ENTRIES:
            return [], 0
        table = self._read(at + 2, 12 * count + 4)
        if len(table) < 12 * count:
            return [], 0
        return [table[i : i + 12] for i in range(0, 12 * count, 12)], self._number(table[12 * count :])

    def _size(self, entry: bytes) -> int:
        return _SIZES.get(self._number(entry[2:4]), 0) * self._number(entry[4:8])

    def _value(self, entry: bytes) -> bytes:
        size = self._size(entry)
        if size <= 4:  # noqa: PLR2004 - it is in the entry itself
            return entry[8 : 8 + size]
        return self._read(self._number(entry[8:12]), min(size, MAX_TEXT))

    def _degrees(self, value: bytes, reference: bytes) -> float:
        """Degrees, minutes and seconds as one number."""
        if len(value) < 8:  # noqa: PLR2004 - one fraction
            return math.nan
        total = 0.0
        for index, at in enumerate(range(0, min(len(value), 24) - 7, 8)):
            above, below = self._number(value[at : at + 4]), self._number(value[at + 4 : at + 8])
            if below == 0 and above != 0:
                return math.nan
            total += (above / below if below else 0.0) / 60**index
        return -total if reference[:1] in (b"S", b"W") else total

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data, "little" if self._order == "<" else "big")


def read_exif(block: bytes) -> tuple[Position | None, int]:
    """Return the position and the orientation that an EXIF block names; None and 1 where it names none."""
    block = block.removeprefix(b"Exif\0\0")
    try:
        found = Tiff(lambda at, size: block[at : at + size])
    except NotTiffError:
        return None, _NORMAL
    return found.position(), found.orientation()


def only_orientation(orientation: int) -> bytes:
    """Return an EXIF block that has the orientation of the picture, and nothing else."""
    entry = struct.pack(">HHIHH", _ORIENTATION, 3, 1, orientation, 0)
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", 1) + entry + bytes(4)


def _place(longitude: float, latitude: float) -> Position | None:
    if not (abs(longitude) <= 180 and abs(latitude) <= 90):  # noqa: PLR2004 - not a number is neither
        return None
    if longitude == latitude == 0:  # what cameras write that do not know
        return None
    return round(longitude, 6), round(latitude, 6)


class TiffCleaner(WholeFileCleaner):
    """TIFF: removes the entries of metadata from the directories and blanks their values."""

    def _changes(self) -> Iterator[Change]:
        try:
            found = Tiff(self._read)
        except NotTiffError:
            return
        self.position = found.position()
        yield from found.changes()

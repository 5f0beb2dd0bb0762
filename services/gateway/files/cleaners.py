"""Removes the metadata of photos and videos: where, when, by whom and with which device they were made.

The picture itself is passed on bit by bit, with its colour profile and its orientation. What follows the end of a
picture (a second picture, a video) is dropped. From where a file breaks the rules of its format, it is passed on as it
is, since no program shows it; but decoders of JPEG read on, so EXIF, XMP and IPTC are removed there too.

Here is what the cleaners of all formats have in common; each format has a module of its own.
"""

from __future__ import annotations

import tempfile
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

Position = tuple[float, float]
"""Longitude and latitude, in degrees."""

Change = tuple[int, bytes | int]
"""An offset in a file, and the bytes to write there; a number stands for so many zeros."""

KEEP: Final = "keep"
DROP: Final = "drop"
BLANK: Final = "blank"
BLOCK: Final = 256 * 1024
IN_MEMORY: Final = 4 * 1024 * 1024
"""Bytes of a file whose parts may be anywhere, before the rest of it goes to a temporary file."""

MAX_BLOCK: Final = 1024 * 1024
"""Bytes of metadata that are searched for a position; larger ones are removed unseen."""


class MalformedMetadataError(ValueError):
    """The metadata of a file contradict themselves."""


class Cleaner(ABC):
    """Passes a file on without its metadata.

    Attributes:
        position: Where the file says that it was made; None if it does not.
    """

    def __init__(self) -> None:
        self.position: Position | None = None

    @abstractmethod
    def feed(self, data: bytes) -> bytes:
        """Take the bytes that have arrived, and return those to keep."""

    @abstractmethod
    def finish(self) -> Iterator[bytes]:
        """Yield the rest of the bytes to keep, once all have arrived."""

    @abstractmethod
    def close(self) -> None:
        """Release what the cleaner has put aside; to be called in any case."""


class StreamingCleaner(Cleaner):
    """A cleaner that passes a file on while it arrives, and holds back only what is not decided yet."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer = bytearray()
        self._out = bytearray()
        self._passing = 0
        self._how = KEEP
        self._is_broken = False
        self._is_over = False

    def feed(self, data: bytes) -> bytes:
        """Take the bytes that have arrived, and return those about which it is decided."""
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
        """Yield the rest, unless the picture has ended before."""
        if not self._is_over:
            yield bytes(self._buffer)

    def close(self) -> None:
        """Do nothing: nothing is put aside."""

    def _step(self) -> bool:
        """Decide about some of the buffer; false if there is not enough of it."""
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

    @abstractmethod
    def _next(self) -> bool:
        """Decide about the next part of the file, which begins where the buffer does; false if that lacks bytes."""

    def _emit(self, size: int) -> None:
        self._out += self._buffer[:size]
        del self._buffer[:size]

    def _pass(self, size: int, how: str) -> bool:
        """Treat so many bytes alike as they come: `KEEP`, `DROP`, or `BLANK` for zeros in their place."""
        self._passing, self._how = size, how
        return True

    def _break(self) -> bool:
        self._is_broken = True
        return False


class WholeFileCleaner(Cleaner):
    """A cleaner for files whose parts may be anywhere: it puts them aside, and changes them in place once complete."""

    def __init__(self) -> None:
        super().__init__()
        self._file: Any = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - see `close`

    def feed(self, data: bytes) -> bytes:
        """Put the bytes aside."""
        self._file.write(data)
        return b""

    def finish(self) -> Iterator[bytes]:
        """Yield the changed file.

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
        """Remove what was put aside."""
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

    @abstractmethod
    def _changes(self) -> Iterator[Change]:
        """Yield the changes that remove the metadata."""

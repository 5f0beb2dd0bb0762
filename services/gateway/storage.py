"""Where the bytes of attached files are kept: any file system that fsspec knows, a local directory by default."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

import fsspec
from eventlet import tpool

from shared.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)

T = TypeVar("T")

BLOCK: Final = 256 * 1024
INCOMING: Final = "incoming"
"""Below it are files that are still arriving."""


class FileStore:
    """Files below one root.

    Args:
        root: A path, or an address such as ``s3://bucket/files``. Credentials are read by the file system itself.
    """

    def __init__(self, root: str) -> None:
        self._system, path = fsspec.core.url_to_fs(root)
        self._root = str(path).rstrip("/")
        # A local disk blocks, so it is used from native threads; what goes over sockets is green by itself.
        self._is_local = "file" in getattr(self._system, "protocol", ())

    def receive(self) -> Incoming:
        """A new file for bytes that arrive."""
        path = f"{self._root}/{INCOMING}/{uuid4()}"
        self._run(self._system.makedirs, f"{self._root}/{INCOMING}", exist_ok=True)
        return Incoming(self, path, self._run(self._system.open, path, "wb"))

    def size(self, name: str) -> int | None:
        """The bytes of a file; None where there is none."""
        try:
            return int(self._run(self._system.size, self._path(name)))
        except FileNotFoundError:
            return None

    def read(self, name: str, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from ``start`` to before ``stop``, in blocks."""
        file = self._run(self._system.open, self._path(name), "rb")
        try:
            self._run(file.seek, start)
            left = stop - start
            while left > 0:
                block = self._run(file.read, min(BLOCK, left))
                if not block:
                    return
                left -= len(block)
                yield block
        finally:
            self._run(file.close)

    def put(self, path: str, name: str) -> None:
        """Gives a file that has arrived its name, in place of one that had it."""
        target = self._path(name)
        self._run(self._system.makedirs, target.rpartition("/")[0], exist_ok=True)
        self._run(self._system.mv, path, target)

    def remove(self, path: str) -> None:
        """Removes a file that has arrived."""
        self._run(self._system.rm_file, path)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _run(self, work: Callable[..., T], *arguments: Any, **options: Any) -> T:
        try:
            if self._is_local:
                done: T = tpool.execute(work, *arguments, **options)
                return done
            return work(*arguments, **options)
        except FileNotFoundError:
            raise
        except OSError as error:
            logger.exception("the file store failed")
            raise Unavailable("Files cannot be kept or read now.") from error


class Incoming:
    """A file that is arriving; made by `FileStore.receive`. It is kept by `keep_as` and removed by `discard`."""

    def __init__(self, store: FileStore, path: str, file: Any) -> None:
        self._store = store
        self._path = path
        self._file = file

    def write(self, data: bytes) -> None:
        """Adds bytes."""
        self._store._run(self._file.write, data)  # noqa: SLF001 - one thing in two classes

    def close(self) -> None:
        """All bytes are there."""
        self._store._run(self._file.close)  # noqa: SLF001

    def keep_as(self, name: str) -> None:
        """Gives the file its name."""
        self._store.put(self._path, name)

    def discard(self) -> None:
        """Removes it."""
        self.close()
        self._store.remove(self._path)

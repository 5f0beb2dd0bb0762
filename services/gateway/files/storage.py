"""Where the bytes of attached files are kept: any file system of fsspec's that blocks; a local directory by default."""

from __future__ import annotations

import datetime as dt
import errno
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

import fsspec
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.local import LocalFileSystem

from services.gateway.http.errors import InsufficientStorage
from shared.client.errors import Internal, Unavailable
from shared.platform.concurrency import run_blocking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)

T = TypeVar("T")

BLOCK: Final = 256 * 1024
CHECK_EVERY: Final = 4 * 1024 * 1024
"""Bytes of a file between two looks at the space that is left."""

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
PASSING: Final = frozenset(
    {
        # the process or the machine has too much to do
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EBUSY, errno.EINTR),
        # the disk, or the server of a network's file system
        *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN),
        *(
            errno.EHOSTUNREACH,
            errno.ECONNREFUSED,
            errno.ECONNRESET,
            errno.ECONNABORTED,
            errno.ENOTCONN,
            errno.EPIPE,
        ),
    }
)
"""Errors after which trying again later may help. Others, such as a right that lacks, are faults that somebody has to
mend."""

INCOMING: Final = "incoming"
"""Below it are files that are still arriving."""

FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700
"""Of local files: nobody but our account reads what people have attached."""

LEFT_OVER: Final = dt.timedelta(hours=1)
"""Since a file was last written to below `INCOMING`: whoever was to keep it has died long ago."""

MAX_LEFT_OVER: Final = 1000
"""Files that are removed at a time."""

# In place of s3fs; loaded only where it is asked for.
fsspec.register_implementation("s3", "services.gateway.files.object_storage.S3FileSystem", clobber=True)


class FileStore:
    """Files below one root.

    Args:
        root: A path, or an address such as ``s3://bucket/files``. Credentials are read by the file system itself.
        free_space: Bytes that have to stay free on a local disk.

    Raises:
        ValueError: Its kind is not known, or cannot be used here.
        ImportError: Its kind needs a package that is not installed.
    """

    def __init__(self, root: str, *, free_space: int = 0) -> None:
        self._system, path = fsspec.core.url_to_fs(root)
        if isinstance(self._system, AsyncFileSystem):
            kind = root.partition("://")[0]
            # As for a kind that is not known at all: it is what the address says that is wrong.
            raise ValueError(f"{kind}:// is read with asyncio, for which there is no place here")  # noqa: TRY004
        self._root = str(path).rstrip("/")
        self._is_local = isinstance(self._system, LocalFileSystem)
        if self._is_local and Path(self._root).is_dir():
            # of a version before, or made by hand
            Path(self._root).chmod(DIRECTORY_MODE)
        self._free_space = free_space
        self._arriving: dict[str, int] = {}

    def receive(self, expected: int = 0) -> Incoming:
        """A new file for bytes that arrive.

        Args:
            expected: How many, as far as that is known; they are reserved until the file is kept or discarded.

        Raises:
            InsufficientStorage: There is no room for them.
        """
        path = f"{self._root}/{INCOMING}/{uuid4()}"
        self._run(self._make_directory, f"{self._root}/{INCOMING}")
        self.check_space(expected)
        self._arriving[path] = expected
        try:
            return Incoming(self, path, self._run(self._create, path))
        except BaseException:
            del self._arriving[path]
            raise

    def check_space(self, more: int = 0) -> None:
        """Returns if the disk has room for so many bytes beside those that are arriving.

        Raises:
            InsufficientStorage: Less than has to stay free would be left.
        """
        if not self._is_local or not self._free_space:
            return
        free = self._run(shutil.disk_usage, self._root).free - sum(self._arriving.values())
        if free - more < self._free_space:
            raise InsufficientStorage(
                "There is no room for files now; the disk has to keep some space free.",
                remaining=max(free - self._free_space, 0),
            )

    def count(self, path: str, size: int) -> None:
        """Counts bytes of a file that is arriving, which are on the disk now."""
        self._arriving[path] = max(self._arriving.get(path, 0) - size, 0)

    def arrived(self, path: str) -> None:
        """Gives back what was reserved for a file."""
        self._arriving.pop(path, None)

    def size(self, name: str) -> int | None:
        """The bytes of a file; None where there is none."""
        return self._run(self._size, self._path(name))

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
        self._run(self._make_directory, target.rpartition("/")[0])
        self._run(self._system.mv, path, target)

    def remove(self, path: str) -> None:
        """Removes a file that has arrived."""
        self._run(self._system.rm_file, path)

    def remove_leftovers(self, age: dt.timedelta = LEFT_OVER) -> int:
        """Removes what began to arrive and was given up, because the process that took it was killed.

        Any number of processes may do so at the same time.

        Args:
            age: For how long nobody has written to such a file.

        Returns:
            How many were removed; at most `MAX_LEFT_OVER`, the next call finds the others.
        """
        limit = dt.datetime.now(dt.UTC) - age
        removed = 0
        for path in self._run(self._incoming):
            removed += self._run(self._remove_older, path, limit)
            if removed == MAX_LEFT_OVER:
                break
        return removed

    def _make_directory(self, path: str) -> None:
        """Makes a directory and those above it below the root; local ones are for our account alone."""
        if not self._is_local:
            self._system.makedirs(path, exist_ok=True)
            return
        root = Path(self._root)
        root.parent.mkdir(parents=True, exist_ok=True)
        current = root
        for part in ("", *Path(path).relative_to(root).parts):
            current /= part
            current.mkdir(mode=DIRECTORY_MODE, exist_ok=True)

    def _create(self, path: str) -> Any:
        file = self._system.open(path, "wb")
        if self._is_local:
            Path(path).chmod(FILE_MODE)
        return file

    def _size(self, path: str) -> int | None:
        try:
            return int(self._system.size(path))
        except FileNotFoundError:
            return None

    def _incoming(self) -> list[str]:
        try:
            return list(self._system.ls(f"{self._root}/{INCOMING}", detail=False))
        except FileNotFoundError:  # nothing has ever arrived
            return []

    def _remove_older(self, path: str, limit: dt.datetime) -> bool:
        try:
            is_older: bool = self._system.modified(path) < limit
            if is_older:
                self._system.rm_file(path)
        except FileNotFoundError:  # another process was faster, or the file has got its name
            return False
        return is_older

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _run(self, work: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Every file system blocks, so it is used from native threads."""
        try:
            return run_blocking(work, *arguments, **options)
        except OSError as error:
            if error.errno in FULL:
                raise InsufficientStorage("There is no room for files now; the disk is full.") from error
            logger.exception("the file store failed")
            if error.errno in PASSING:
                raise Unavailable("Files cannot be kept or read now; try again later.") from error
            raise Internal(
                "Files cannot be kept or read: the file store has a fault, which the log of the gateway tells."
            ) from error


class Incoming:
    """A file that is arriving; made by `FileStore.receive`. It is kept by `keep_as` and removed by `discard`."""

    def __init__(self, store: FileStore, path: str, file: Any) -> None:
        self._store = store
        self._path = path
        self._file = file
        self._unchecked = 0

    def write(self, data: bytes) -> None:
        """Adds bytes.

        Raises:
            InsufficientStorage: There is no room for more.
        """
        self._store._run(self._file.write, data)  # noqa: SLF001 - one thing in two classes
        self._store.count(self._path, len(data))
        self._unchecked += len(data)
        if self._unchecked >= CHECK_EVERY:
            self._unchecked = 0
            self._store.check_space()

    def close(self) -> None:
        """All bytes are there."""
        self._store._run(self._file.close)  # noqa: SLF001

    def keep_as(self, name: str) -> None:
        """Gives the file its name."""
        self._store.put(self._path, name)
        self._store.arrived(self._path)

    def discard(self) -> None:
        """Removes it."""
        try:
            self.close()
        finally:
            self._store.arrived(self._path)
            self._store.remove(self._path)

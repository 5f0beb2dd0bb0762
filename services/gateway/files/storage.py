"""Keeps the bytes of attached files: in a local directory by default, or in S3 (obstore)."""

from __future__ import annotations

import datetime as dt
import errno
import logging
import os
import re
import shutil
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar
from uuid import uuid4

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, MemoryStore, S3Store

from services.gateway.http.errors import InsufficientStorage
from shared.client.errors import Internal, Unavailable
from shared.platform.concurrency import run_blocking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from obstore import WritableFile
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

    from shared.client.errors import ImpactXError

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

PART: Final = 5 * 1024 * 1024
"""Bytes of a part of an upload to S3, the fewest that it takes; a file that is smaller goes in one piece."""

PARTS_AT_ONCE: Final = 2
BLOCK: Final = 1024 * 1024
"""Bytes that are read at a time: one request to S3, which must not last as long as a slow client takes to read."""

LOCAL_BLOCK: Final = 128 * 1024
"""The same for a local disk; with larger ones, the threads that read them let the process grow by 30 MB."""

CHECK_EVERY: Final = 4 * 1024 * 1024
"""Bytes of a file between two looks at the space that is left."""

CLIENT: Final[ClientConfig] = {
    "connect_timeout": dt.timedelta(seconds=5),
    "timeout": dt.timedelta(seconds=30),
    "allow_http": True,  # where the operator's endpoint says so; S3 itself is spoken to with TLS
}
RETRIES: Final[RetryConfig] = {"max_retries": 3, "retry_timeout": dt.timedelta(seconds=20)}

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
"""Errors after which a repeat may succeed. Others, such as a missing right, are faults that somebody has to mend."""

INCOMING: Final = "incoming"
"""Files that are still arriving have names below it."""

FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700
"""Of local files: nobody but our account reads what people have attached."""

LEFT_OVER: Final = dt.timedelta(hours=1)
"""Since a file below `INCOMING` was last written to: the gateway that was to keep it was killed long ago."""

MAX_LEFT_OVER: Final = 1000
"""Files that are removed at a time."""

_OS_ERROR: Final = re.compile(r"\(os error (\d+)\)")
"""How obstore's messages name an ``errno``, which its exceptions do not have."""


class FileStore:
    """Files below one root, each named by a relative path.

    Where S3 is and who may use it is read by obstore: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
    ``AWS_REGION``, ``AWS_ENDPOINT_URL`` and the others of its kind, or the identity of the machine.

    Args:
        root: A path, ``file:///path``, ``s3://bucket/prefix``, or ``memory://name`` for tests.
        free_space: Bytes that have to stay free on a local disk.

    Raises:
        ValueError: The root has another form.
    """

    def __init__(self, root: str, *, free_space: int = 0) -> None:
        scheme, separator, rest = root.partition("://")
        self._directory: Path | None = None
        if not separator or scheme == "file":
            self._directory = Path(rest if separator else root).expanduser().absolute()
            if self._directory.is_dir():
                self._directory.chmod(DIRECTORY_MODE)  # it may have been made by hand
        elif scheme == "s3":
            bucket, _, prefix = rest.partition("/")
            self._objects = S3Store(
                bucket, prefix=prefix.strip("/") or None, client_options=CLIENT, retry_config=RETRIES
            )
        elif scheme == "memory":
            self._objects = MemoryStore()
        else:
            raise ValueError(f"it must be a path, file:///path or s3://bucket/prefix, not {scheme}://")
        self._free_space = free_space
        self._arriving: dict[str, int] = {}

    @cached_property
    def _objects(self) -> ObjectStore:
        """The store of a local directory, which has to be there; opened when it is first used.

        A file server that is away must not keep the gateway from starting.
        """
        assert self._directory is not None  # noqa: S101 - the others are set by `__init__`
        self._directory.parent.mkdir(parents=True, exist_ok=True)
        self._directory.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        return LocalStore(self._directory)

    def receive(self, expected: int = 0) -> Incoming:
        """Open a new file for bytes that arrive.

        Args:
            expected: How many, as far as that is known; they are reserved until the file is kept or discarded.

        Raises:
            InsufficientStorage: There is no room for them.
        """
        name = f"{INCOMING}/{uuid4()}"
        self.run(self._make_directories, name)
        self.check_space(expected)
        self._arriving[name] = expected
        try:
            return Incoming(self, name, self.run(self._create, name))
        except BaseException:
            del self._arriving[name]
            raise

    def check_space(self, more: int = 0) -> None:
        """Check that the disk has room for so many bytes beside those that are arriving.

        Raises:
            InsufficientStorage: Less than has to stay free would be left.
        """
        if self._directory is None or not self._free_space:
            return
        free = self.run(shutil.disk_usage, self._directory).free - sum(self._arriving.values())
        if free - more < self._free_space:
            raise InsufficientStorage(
                "There is no room for this file at present, because the disk has to keep some space free.",
                remaining=max(free - self._free_space, 0),
            )

    def size(self, name: str) -> int | None:
        """Return the number of bytes of a file; None where there is none."""
        return self.run(self._size, name)

    def read(self, name: str, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from ``start`` to before ``stop``, in blocks."""
        block = BLOCK if self._directory is None else LOCAL_BLOCK
        for at in range(start, stop, block):
            yield self.run(self._read, name, at, min(at + block, stop))

    def count(self, name: str, size: int) -> None:
        """Count bytes of an arriving file, which are on the disk now and need not be reserved any more."""
        self._arriving[name] = max(self._arriving.get(name, 0) - size, 0)

    def keep(self, name: str, new_name: str) -> None:
        """Give a file that has arrived its name, in place of one that had it."""
        self.run(self._rename, name, new_name)
        self._arriving.pop(name, None)

    def remove(self, name: str) -> None:
        """Remove a file that has arrived."""
        self._arriving.pop(name, None)
        self.run(self._remove, name)

    def remove_leftovers(self, age: dt.timedelta = LEFT_OVER) -> int:
        """Remove files that began to arrive and were abandoned, because the gateway that took them was killed.

        Any number of processes may do so at the same time.

        Args:
            age: For how long nobody has written to such a file.

        Returns:
            How many were removed; at most `MAX_LEFT_OVER`, the next call finds the others.
        """
        names = self.run(self._leftovers, dt.datetime.now(dt.UTC) - age)
        return sum(self.run(self._remove_if_there, name) for name in names)

    def run(self, work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Do work with files in a native thread, since all of it blocks.

        Raises:
            InsufficientStorage: The disk is full.
            Unavailable: It failed, and a repeat may succeed.
            Internal: It failed in a way that somebody has to mend.
        """
        try:
            return run_blocking(work, *arguments, **options)
        except (OSError, BaseError) as error:
            raise _refusal(error) from error

    def _make_directories(self, name: str) -> None:
        """Make the directories of a local file, which are for our account alone."""
        if self._directory is None:
            return
        _ = self._objects  # makes the root
        current = self._directory
        for part in Path(name).parts[:-1]:
            current /= part
            current.mkdir(mode=DIRECTORY_MODE, exist_ok=True)

    def _create(self, name: str) -> BinaryIO | WritableFile:
        """Open a new file for writing.

        obstore would give a local one the mode of the umask, and not list it until it is whole.
        """
        if self._directory is None:
            return obstore.open_writer(self._objects, name, buffer_size=PART, max_concurrency=PARTS_AT_ONCE)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return os.fdopen(os.open(self._directory / name, flags, FILE_MODE), "wb")

    def _size(self, name: str) -> int | None:
        try:
            return obstore.head(self._objects, name)["size"]
        except FileNotFoundError:
            return None

    def _read(self, name: str, start: int, stop: int) -> bytes:
        return bytes(obstore.get_range(self._objects, name, start=start, end=stop))

    def _rename(self, name: str, new_name: str) -> None:
        self._make_directories(new_name)
        obstore.rename(self._objects, name, new_name)

    def _leftovers(self, limit: dt.datetime) -> list[str]:
        found = (entry for page in obstore.list(self._objects, INCOMING) for entry in page)
        return [e["path"] for e in islice((e for e in found if e["last_modified"] < limit), MAX_LEFT_OVER)]

    def _remove(self, name: str) -> None:
        obstore.delete(self._objects, name)

    def _remove_if_there(self, name: str) -> bool:
        try:
            self._remove(name)
        except FileNotFoundError:  # another process was faster, or the file has been kept
            return False
        return True


class Incoming:
    """A file that is arriving; made by `FileStore.receive`. It is kept by `keep_as` and removed by `discard`."""

    def __init__(self, store: FileStore, name: str, file: BinaryIO | WritableFile) -> None:
        self._store = store
        self._name = name
        self._file = file
        self._is_closed = False
        self._unchecked = 0

    def write(self, data: bytes) -> None:
        """Add bytes.

        Raises:
            InsufficientStorage: There is no room for more.
        """
        self._store.run(self._file.write, data)
        self._store.count(self._name, len(data))
        self._unchecked += len(data)
        if self._unchecked >= CHECK_EVERY:
            self._unchecked = 0
            self._store.check_space()

    def close(self) -> None:
        """Finish the file: all bytes are there."""
        if not self._is_closed:
            self._is_closed = True
            self._store.run(self._file.close)

    def keep_as(self, name: str) -> None:
        """Give the file its name, in place of one that had it."""
        self._store.keep(self._name, name)

    def discard(self) -> None:
        """Remove the file."""
        try:
            self.close()
        finally:
            self._store.remove(self._name)


def _refusal(error: OSError | BaseError) -> ImpactXError:
    """Return the error that a caller is told instead of the store's; the store's goes to the log."""
    # without the pages of debugging output that obstore has behind the first line
    logger.error("The file store failed: %s: %s", type(error).__name__, str(error).partition("\n")[0])
    number = _number(error)
    if number in FULL:
        return InsufficientStorage("There is no room for this file at present, because the disk is full.")
    if number in PASSING:
        return Unavailable("Files cannot be stored or read at present. Try again later.")
    return Internal("Files cannot be stored or read: the file store is faulty. See the log of the gateway.")


def _number(error: OSError | BaseError) -> int:
    """Return the ``errno`` of a failure."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    if isinstance(error, FileNotFoundError):
        return errno.ENOENT
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return errno.EACCES
    found = _OS_ERROR.search(str(error))
    # What has no number is told after the retries, and mostly of a server that is away.
    return int(found[1]) if found else errno.EIO

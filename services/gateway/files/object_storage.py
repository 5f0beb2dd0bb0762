"""``s3://`` for fsspec, on obstore, whose calls block and so may be run in native threads like those of a disk.

fsspec's own s3fs runs asyncio in a thread beside, which under eventlet is none: see docs/adr/0046-s3-on-obstore.md.
"""

from __future__ import annotations

import datetime as dt
import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import obstore
from fsspec import AbstractFileSystem
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig

PART: Final = 5 * 1024 * 1024
"""Bytes of a part of an upload, the fewest that S3 takes; a file that is smaller goes in one piece."""

PARTS_AT_ONCE: Final = 2
READ_AHEAD: Final = 1024 * 1024
"""Bytes that are asked for at a time: each is a request, which must not last as long as a slow client takes to read."""

CLIENT: Final[ClientConfig] = {
    "connect_timeout": dt.timedelta(seconds=5),
    "timeout": dt.timedelta(seconds=30),
    "allow_http": True,  # where the operator's endpoint says so; S3 itself is spoken to with TLS
}
RETRIES: Final[RetryConfig] = {"max_retries": 3, "retry_timeout": dt.timedelta(seconds=20)}


class S3FileSystem(AbstractFileSystem):
    """Objects as files, as far as `services.gateway.files.storage` needs them.

    Where the service is and who may use it is read by obstore: ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``,
    ``AWS_REGION``, ``AWS_ENDPOINT_URL`` and the others of its kind, or the identity of the machine.
    """

    protocol = "s3"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._stores: dict[str, S3Store] = {}

    def info(self, path: str, **_options: Any) -> dict[str, Any]:
        """What is known of one object.

        Raises:
            FileNotFoundError: There is none.
        """
        store, bucket, key = self._locate(path)
        with _as_os_errors():
            return _entry(bucket, obstore.head(store, key))

    def ls(self, path: str, detail: bool = True, **_options: Any) -> list[Any]:  # noqa: FBT001, FBT002 - fsspec's
        """All objects below a path."""
        store, bucket, key = self._locate(path)
        with _as_os_errors():
            found = [_entry(bucket, entry) for page in obstore.list(store, key) for entry in page]
        return found if detail else [entry["name"] for entry in found]

    def modified(self, path: str) -> dt.datetime:
        """When an object was written."""
        changed: dt.datetime = self.info(path)["LastModified"]
        return changed

    def mv(self, path1: str, path2: str, **_options: Any) -> None:
        """Moves an object within its bucket, in place of one that is there."""
        store, _, key = self._locate(path1)
        with _as_os_errors():
            obstore.rename(store, key, self._locate(path2)[2])

    def rm_file(self, path: str) -> None:
        """Removes an object; S3 does not tell whether there was one."""
        store, _, key = self._locate(path)
        with _as_os_errors():
            obstore.delete(store, key)

    def _open(self, path: str, mode: str = "rb", **_options: Any) -> _File:
        store, _, key = self._locate(path)
        with _as_os_errors():
            if mode == "wb":
                return _File(obstore.open_writer(store, key, buffer_size=PART, max_concurrency=PARTS_AT_ONCE))
            return _File(obstore.open_reader(store, key, buffer_size=READ_AHEAD))

    def _locate(self, path: str) -> tuple[S3Store, str, str]:
        """The store of the path's bucket, the bucket, and the object's key there."""
        bucket, _, key = self._strip_protocol(path).partition("/")
        if bucket not in self._stores:
            self._stores[bucket] = S3Store(bucket, client_options=CLIENT, retry_config=RETRIES)
        return self._stores[bucket], bucket, key


class _File:
    """A reader or writer of obstore's, with errors that callers know."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._is_closed = False

    def read(self, size: int) -> bytes:
        with _as_os_errors():
            return bytes(self._file.read(size))

    def seek(self, position: int) -> int:
        with _as_os_errors():
            return int(self._file.seek(position))

    def write(self, data: bytes) -> int:
        with _as_os_errors():
            return int(self._file.write(data))

    def close(self) -> None:
        """Closes it once, as files allow to be closed again."""
        if not self._is_closed:
            self._is_closed = True
            with _as_os_errors():
                self._file.close()


@contextmanager
def _as_os_errors() -> Iterator[None]:
    """obstore's errors as those of a file system, without the pages of debugging output behind their first line."""
    try:
        yield
    except NotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, _first_line(error)) from None
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise PermissionError(errno.EACCES, _first_line(error)) from None
    except BaseError as error:  # what is left is told after the retries, and mostly of a server that is away
        raise OSError(errno.EIO, _first_line(error)) from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _entry(bucket: str, found: ObjectMeta) -> dict[str, Any]:
    return {
        "name": f"{bucket}/{found['path']}",
        "size": found["size"],
        "type": "file",
        "LastModified": found["last_modified"],
    }

"""The first process of a PostgreSQL server, ours or one left behind, and the lock on its directory."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

POLL = 0.02
"""Seconds between two looks."""

REFUSAL = (
    "PostgreSQL in {place} is already run by process {holder}. Stop that one first, or use another directory."
)


class PostgresqlError(Exception):
    """The embedded PostgreSQL cannot do what was asked; the message says why."""


def wait_until(condition: Callable[[], bool], timeout: float) -> bool:
    """Looks until `condition` holds, for `timeout` seconds at most; whether it came to hold."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL)
    return True


class Postmaster:
    """The first process of a server.

    Args:
        data: The server's data directory.
        process: The process where we started it ourselves. We have to take note of its end then, or a zombie
            with its number would keep the next start from happening.
        pid: Its number where somebody else started it.
    """

    def __init__(
        self, data: Path, *, process: subprocess.Popen[bytes] | None = None, pid: int | None = None
    ) -> None:
        self._data = data
        self._process = process
        number = process.pid if process is not None else pid
        if number is None:
            raise ValueError("A postmaster is known by its process or by its number.")
        self.pid = number

    @classmethod
    def running_on(cls, data: Path) -> Postmaster | None:
        """The server that runs on a data directory; a stale ``postmaster.pid`` is no server."""
        lines = _postmaster_file(data)
        if not lines or not lines[0].strip().isdigit():
            return None
        postmaster = cls(data, pid=int(lines[0]))
        return postmaster if postmaster.is_alive() and _is_postgres(postmaster.pid, data) else None

    @staticmethod
    def misleading_number(data: Path) -> int | None:
        """The process number in a stale ``postmaster.pid``, where it is another program's by now."""
        lines = _postmaster_file(data)
        if not lines or not lines[0].strip().isdigit():
            return None
        number = int(lines[0])
        return number if Postmaster(data, pid=number).is_alive() and not _is_postgres(number, data) else None

    def is_alive(self) -> bool:
        """Whether the process exists."""
        if self._process is not None:
            return self._process.poll() is None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return not _is_zombie(self.pid)

    def is_ready(self) -> bool:
        """Whether it takes connections."""
        lines = _postmaster_file(self._data)
        return (
            len(lines) >= 8  # noqa: PLR2004 - the eighth line is the state
            and lines[0].strip() == str(self.pid)
            and lines[7].strip() == "ready"
            and self.is_alive()
        )

    def port(self) -> int:
        """Where a ready server listens."""
        return int(_postmaster_file(self._data)[3])

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal; to a process that is gone already, none."""
        if self.is_alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def wait(self, timeout: float) -> bool:
        """Waits for its end; whether it came."""
        return wait_until(lambda: not self.is_alive(), timeout)

    def kill(self, timeout: float) -> None:
        """Ends it with SIGKILL.

        Raises:
            PostgresqlError: It is still there after `timeout` seconds.
        """
        self.signal(signal.SIGKILL)
        if not self.wait(timeout):
            raise PostgresqlError(f"Process {self.pid} of PostgreSQL cannot be killed.")


class DirectoryLock:
    """Keeps two living processes from managing the same server; the kernel frees it when its holder dies.

    Args:
        path: The lock file; it holds the number of the process that has the lock.
        refusal: What is said where another process has it, with ``{place}`` and ``{holder}``.
    """

    def __init__(self, path: Path, refusal: str = REFUSAL) -> None:
        self._path = path
        self._refusal = refusal
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Takes the lock.

        Raises:
            PostgresqlError: Another process has it.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise PostgresqlError(
                self._refusal.format(place=self._path.parent, holder=holder or "unknown")
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Gives the lock back; harmless without one."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _postmaster_file(data: Path) -> list[str]:
    """PostgreSQL's note on itself: number, directory, start, port, socket directory, address, key, state."""
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _is_postgres(pid: int, data: Path) -> bool:
    """Whether the process is a PostgreSQL of this directory, and not one that got its number since.

    Where the system does not tell (no /proc) the state file is believed.
    """
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists()
    return os.fsencode(data) in command


def _is_zombie(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return state.rpartition(")")[2].split()[:1] == ["Z"]

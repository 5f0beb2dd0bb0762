"""The directory that holds backups: what is in it, how one is made, and what may be thrown away.

A *line* is the life of one data directory, from its first start or its restoration on. Each has its own directory::

    <line>/wal/                      the write-ahead log, as it is received
    <line>/<time>-full/              data/ (as pg_basebackup writes it), secrets.json, password, backup.json
    <line>/<time>-incremental/
    files/                           the attached files
    deleted-files/<day>/             those that were gone from the system on that day

A backup has another name until it is verified and on the disk: every one that can be found is a proven one.
"""

from __future__ import annotations

import datetime as dt
import os
import secrets
import shutil
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import orjson

from infra.local.postgresql.account import account_for
from infra.local.postgresql.postmaster import DirectoryLock, PostgresqlError, Postmaster
from infra.local.postgresql.programs import run
from infra.local.postgresql.server import SUPERUSER
from shared.platform.concurrency import run_blocking

if TYPE_CHECKING:
    from pathlib import Path

    from infra.local.instance_dir import InstanceDirectory
    from infra.local.postgresql.account import Account

TIMEOUT_SETTING: Final = "IMPACTX_BACKUP_TIMEOUT"
UNFINISHED: Final = ".unfinished"
FULL: Final = "full"
INCREMENTAL: Final = "incremental"
SEGMENT_BYTES: Final = 16 * 1024 * 1024
SEGMENTS_PER_FILE_NUMBER: Final = 2**32 // SEGMENT_BYTES


@dataclass(frozen=True, slots=True)
class Backup:
    """A proven backup.

    Attributes:
        path: Its directory.
        kind: `FULL` or `INCREMENTAL`.
        parent: The name of the backup that an incremental one stands on.
        started_at: When it was begun.
        finished_at: The database can be brought back to this moment or a later one.
        first_segment: The name of the file of the write-ahead log that recovery begins with.
    """

    path: Path
    kind: str
    parent: str | None
    started_at: dt.datetime
    finished_at: dt.datetime
    first_segment: str

    @property
    def name(self) -> str:
        """Its time and kind."""
        return self.path.name

    @property
    def wal(self) -> Path:
        """Where the write-ahead log of its line is."""
        return self.path.parent / "wal"

    def verify(self, account: Account, timeout: float) -> None:
        """Compare every file with the checksum that it was written with, and read the write-ahead log.

        Raises:
            PostgresqlError: The backup is damaged; the message names it.
        """
        try:
            run(
                account,
                self.path,
                "pg_verifybackup",
                "--exit-on-error",
                "--quiet",
                str(self.path / "data"),
                timeout=timeout,
                limit=TIMEOUT_SETTING,
            )
        except PostgresqlError as error:
            raise PostgresqlError(f"The backup {self.path} is damaged or cannot be read. {error}") from error


class BackupStore:
    """Backups in a directory.

    Args:
        path: The directory; it is made for the first backup.
        timeout: Seconds that one program may work on a backup.
    """

    def __init__(self, path: Path, *, timeout: float) -> None:
        self.path = path.absolute()
        self.timeout = timeout

    @property
    def files(self) -> Path:
        """The copies of the attached files."""
        return self.path / "files"

    @property
    def deleted_files(self) -> Path:
        """Those that are gone from the system, by the day on which that was noticed."""
        return self.path / "deleted-files"

    @property
    def drill_report(self) -> Path:
        """What the last restore drill found."""
        return self.path / "drill.json"

    @cached_property
    def account(self) -> Account:
        """Who owns the backups: the account of the server."""
        return account_for(self.path)

    def backups(self) -> list[Backup]:
        """All backups of all lines, the oldest first."""
        found = [_read(path.parent) for path in self.path.glob("*/*/backup.json") if path.parent.suffix == ""]
        return sorted(found, key=lambda backup: backup.finished_at)

    def of_line(self, line: str) -> list[Backup]:
        """The backups of one line, the oldest first."""
        return [backup for backup in self.backups() if backup.path.parent.name == line]

    def chain(self, backup: Backup) -> list[Backup]:
        """The backup after those that it stands on, from the full one on.

        Raises:
            PostgresqlError: One of them is missing.
        """
        chain = [backup]
        while chain[0].parent is not None:
            path = backup.path.with_name(chain[0].parent)
            if not (path / "backup.json").exists():
                raise PostgresqlError(f"The backup {path} is missing; {backup.name} stands on it.")
            chain.insert(0, _read(path))
        return chain

    def newest(self, at: dt.datetime | None = None) -> Backup:
        """Return the newest backup, or the newest that was finished at a moment.

        Raises:
            PostgresqlError: There is none.
        """
        backups = self.backups()
        fitting = [backup for backup in backups if at is None or backup.finished_at <= at]
        if fitting:
            return fitting[-1]
        if backups:
            first = backups[0].finished_at.isoformat(timespec="seconds")
            raise PostgresqlError(f"The oldest backup in {self.path} is of {first}; choose a later moment.")
        raise PostgresqlError(f"There is no backup in {self.path}. IMPACTX_BACKUPS says where they are.")

    def prepare(self, instance: InstanceDirectory) -> Path:
        """Make the directory of the system's line, and return it.

        Raises:
            PostgresqlError: The directory belongs to another account than the server's.
        """
        account = account_for(instance.postgresql.data)
        self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
        if not any(self.path.iterdir()):
            account.own(self.path)
        if self.account != account:
            raise PostgresqlError(
                f"IMPACTX_BACKUPS: {self.path} belongs to {self.account.name}, and the database to {account.name}."
            )
        account.open_way_to(self.path)
        line = self.path / line_of(instance)
        for directory in (line, line / "wal"):
            directory.mkdir(mode=0o700, exist_ok=True)
            account.own(directory)
        return line

    def take(self, instance: InstanceDirectory, kind: str) -> Backup:
        """Back up the running database and the secrets.

        An incremental backup stands on the newest one of the line; without one, a full backup is made.

        Raises:
            PostgresqlError: The database does not run, another backup is being made, or a program failed.
        """
        postmaster = Postmaster.running_on(instance.postgresql.data)
        if postmaster is None or not postmaster.is_ready():
            raise PostgresqlError(f"No database is running in {instance.path}: start `make run` first.")
        line = self.prepare(instance)
        lock = DirectoryLock(
            line / "lock", "{place} is already being backed up by process {holder}. Wait for it."
        )
        lock.acquire()
        try:
            return self._take(instance, line, kind, postmaster.port())
        finally:
            lock.release()

    def _take(self, instance: InstanceDirectory, line: Path, kind: str, port: int) -> Backup:
        for left in line.glob(f"*{UNFINISHED}"):
            shutil.rmtree(left)
        earlier = self.of_line(line.name)
        parent = earlier[-1] if kind == INCREMENTAL and earlier else None
        kind = INCREMENTAL if parent else FULL
        started_at = dt.datetime.now(dt.UTC)
        final = line / f"{started_at:%Y%m%dT%H%M%S%f}-{kind}"
        made = final.with_name(final.name + UNFINISHED)
        made.mkdir(mode=0o700)
        self.account.own(made)
        run(
            self.account,
            line,
            "pg_basebackup",
            *connection_options(port),
            f"--pgdata={made / 'data'}",
            "--checkpoint=fast",
            "--wal-method=stream",
            *([f"--incremental={parent.path / 'data' / 'backup_manifest'}"] if parent else ()),
            timeout=self.timeout,
            limit=TIMEOUT_SETTING,
            password=instance.postgresql.password(),
        )
        # After the database: a secret is only ever added.
        _keep(instance.secrets, made / "secrets.json")
        _keep(instance.postgresql.directory / "password", made / "password")
        backup = Backup(
            made,
            kind,
            parent.name if parent else None,
            started_at,
            dt.datetime.now(dt.UTC),
            _first_segment(made / "data" / "backup_manifest"),
        )
        backup.verify(self.account, self.timeout)
        kept = {name: value for name, value in asdict(backup).items() if name != "path"}
        (made / "backup.json").write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
        for path in (*made.iterdir(), made):
            _sync(path)
        made.rename(final)
        _sync(line)
        return _read(final)

    def prune(self, keep: dt.timedelta) -> list[str]:
        """Throw away what no moment of the last days needs, and return the names of the backups among it.

        The newest full backup that is older than that stays, and is verified anew before anything older goes.

        Raises:
            PostgresqlError: That backup is damaged; nothing has been thrown away.
        """
        horizon = dt.datetime.now(dt.UTC) - keep
        backups = self.backups()
        full = [backup for backup in backups if backup.kind == FULL and backup.finished_at <= horizon]
        if not full:
            return []
        anchor = full[-1]
        old = [backup for backup in backups if backup.finished_at < anchor.finished_at]
        if old:
            anchor.verify(self.account, self.timeout)
        for backup in reversed(old):  # what stands on another one goes first
            gone = backup.path.with_name(backup.name + UNFINISHED)
            backup.path.rename(gone)
            run_blocking(shutil.rmtree, gone)
            if backup.path.parent != anchor.path.parent and not self.of_line(backup.path.parent.name):
                shutil.rmtree(backup.path.parent)
        for segment in anchor.wal.iterdir():
            if segment.name < anchor.first_segment and not segment.name.endswith(".history"):
                segment.unlink()
        for day in self.deleted_files.glob("*"):
            if day.name < f"{horizon:%Y%m%d}":
                shutil.rmtree(day)
        return [backup.name for backup in old]

    def record_drill(self, recovered_to: dt.datetime | None, broken: list[str]) -> float | None:
        """Keep what a restore drill found, and return how many seconds old the newest recoverable moment is.

        Args:
            recovered_to: That moment; None where nothing could be restored.
            broken: What is wrong.
        """
        now = dt.datetime.now(dt.UTC)
        age = None if recovered_to is None else max((now - recovered_to).total_seconds(), 0.0)
        new = self.drill_report.with_suffix(".new")
        new.write_bytes(orjson.dumps({"at": now.timestamp(), "age_seconds": age, "broken": broken}))
        new.replace(self.drill_report)
        return age

    def copy_files(self, source: Path) -> int:
        """Copy the attached files that are new, and return how many; those that are gone move aside.

        A file never changes, and is complete once it has its name.
        """
        present = _names(source)
        kept = _names(self.files)
        for name in present - kept:
            target = self.files / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = target.with_name(target.name + UNFINISHED)
            try:
                shutil.copy2(source / name, new)
            except FileNotFoundError:
                continue  # deleted just now
            _sync(new)
            new.replace(target)
        aside = self.deleted_files / f"{dt.datetime.now(dt.UTC):%Y%m%d}"
        for name in kept - present:
            target = aside / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self.files / name).replace(target)
        return len(present - kept)


def connection_options(port: int) -> tuple[str, ...]:
    """How PostgreSQL's programs reach the embedded server; the password goes another way."""
    return ("--host=127.0.0.1", f"--port={port}", f"--username={SUPERUSER}", "--no-password")


def line_of(instance: InstanceDirectory) -> str:
    """The name of the line of a system's data directory; it gets one when it has none."""
    path = instance.postgresql.directory / "line"
    if not path.exists():
        new = path.with_suffix(".new")
        new.write_text(secrets.token_hex(8), encoding="ascii")
        new.replace(path)
    return path.read_text(encoding="ascii")


def begin_line(instance: InstanceDirectory) -> None:
    """Have the data directory begin a new line, because there is a gap in the log after the old one."""
    (instance.postgresql.directory / "line").unlink(missing_ok=True)


def segment_number(name: str) -> int:
    """The place of a file of the write-ahead log in the order of all, from its name."""
    return int(name[8:16], 16) * SEGMENTS_PER_FILE_NUMBER + int(name[16:24], 16)


def _first_segment(manifest: Path) -> str:
    ranges = orjson.loads(manifest.read_bytes())["WAL-Ranges"]
    first = min(ranges, key=lambda found: found["Timeline"])
    high, _, low = first["Start-LSN"].partition("/")
    return f"{first['Timeline']:08X}{int(high, 16):08X}{int(low, 16) // SEGMENT_BYTES:08X}"


def _read(path: Path) -> Backup:
    found = orjson.loads((path / "backup.json").read_bytes())
    for moment in ("started_at", "finished_at"):
        found[moment] = dt.datetime.fromisoformat(found[moment])
    return Backup(path, **found)


def _names(root: Path) -> set[str]:
    """The files below a directory, without those that are still being written."""
    return {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and "#" not in path.name and path.suffix != UNFINISHED
    }


def _keep(source: Path, target: Path) -> None:
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(source.read_bytes())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

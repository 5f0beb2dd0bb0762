"""Brings a system back from its backups, to the newest moment or to a chosen one."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from infra.local.backup.store import TIMEOUT_SETTING, Backup, segment_number
from infra.local.postgresql import EmbeddedPostgresql, PostgresqlError
from infra.local.postgresql.postmaster import Postmaster
from infra.local.postgresql.programs import run
from shared.platform.db.connection import BoundedConnection

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from infra.local.backup.store import BackupStore


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was brought back.

    Attributes:
        backup: The backup that recovery began with.
        recovered_to: Everything that was committed until then is there.
    """

    backup: Backup
    recovered_to: dt.datetime


def restore(store: BackupStore, home: Path, attachments: Path | None, at: dt.datetime | None) -> Recovery:
    """Bring a system back into a directory that is empty or does not exist.

    It is built beside the directory, and gets its name when it is whole. Its database begins a line of its own.

    Args:
        store: Where the backups are.
        home: The directory, as `IMPACTX_HOME`.
        attachments: Where the attached files belong, unless they are kept elsewhere.
        at: The moment; None for the newest.

    Raises:
        PostgresqlError: The directory is not empty, a backup is damaged or missing, or the moment is not in the log.
    """
    home = home.absolute()
    if Postmaster.running_on(home / "postgresql" / "data") is not None:
        raise PostgresqlError(f"IMPACTX_HOME: a system is running in {home}. Name another directory.")
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise PostgresqlError(
            f"IMPACTX_HOME: {home} is not empty. Name an empty directory, or one that is not there."
        )
    backup = store.newest(at)
    unfinished = home.with_name(home.name + ".unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o755, parents=True)
    try:
        with recovered(store, backup, unfinished / "postgresql", at) as server:
            moment = recovered_moment(server, backup)
        _copy_secret(backup.path / "secrets.json", unfinished / "secrets.json")
        if attachments is not None:
            _restore_files(
                store, attachments if attachments.parent != home else unfinished / attachments.name
            )
        if home.exists():
            home.rmdir()
        unfinished.rename(home)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return Recovery(backup, moment)


def recovered(
    store: BackupStore, backup: Backup, directory: Path, at: dt.datetime | None = None
) -> EmbeddedPostgresql:
    """Start a server on what a backup and the write-ahead log hold.

    Args:
        store: Where the backup is.
        backup: Where recovery begins.
        directory: The server's directory, which must not be there.
        at: The moment to stop at; None for the newest.

    Raises:
        PostgresqlError: A backup is damaged, a part of the log is missing, or the moment is not in it.
    """
    account = store.account
    chain = store.chain(backup)
    for part in chain:
        part.verify(account, store.timeout)
    _check_log(backup)
    directory.mkdir(mode=0o700 if account.is_ours else 0o711)
    account.own(directory)
    account.open_way_to(directory)
    run(
        account,
        directory,
        "pg_combinebackup",
        *(str(part.path / "data") for part in chain),
        f"--output={directory / 'data'}",
        timeout=store.timeout,
        limit=TIMEOUT_SETTING,
    )
    _copy_secret(backup.path / "password", directory / "password")
    account.own(directory / "password")
    (directory / "data" / "recovery.signal").touch(mode=0o600)
    account.own(directory / "data" / "recovery.signal")
    server = EmbeddedPostgresql(directory, settings=_settings(backup, at), start_timeout=store.timeout)
    try:
        server.start()
    except PostgresqlError as error:
        if at is not None and "before configured recovery target" in str(error):
            raise PostgresqlError(
                f"The log in {backup.wal} ends before {at.isoformat()}; restore to an earlier moment or to latest."
            ) from error
        raise
    return server


def recovered_moment(server: EmbeddedPostgresql, backup: Backup) -> dt.datetime:
    """Return the moment up to which a recovered server has everything.

    It is when the last transaction was committed that the log brought back, or else when the backup was begun.
    """
    with BoundedConnection.connect(server.url(), connect_timeout=10) as connection:
        row = connection.execute("SELECT pg_last_xact_replay_timestamp()").fetchone()
    found: dt.datetime | None = row[0] if row else None
    return backup.started_at if found is None else found


def _settings(backup: Backup, at: dt.datetime | None) -> dict[str, str]:
    # The last file of the log is received under another name until it is full.
    log = shlex.quote(str(backup.wal)).replace("%", "%%")
    return {
        "restore_command": f'cp {log}/%f "%p" 2>/dev/null || cp {log}/%f.partial "%p"',
        "recovery_target_timeline": "current",
        "recovery_target_action": "promote",
        # Nobody reads meanwhile, so the limits of the server that was backed up need not be known.
        "hot_standby": "off",
    } | ({"recovery_target_time": at.isoformat()} if at is not None else {})


def _check_log(backup: Backup) -> None:
    """Refuse a log with a gap: recovery would end before it, and say nothing."""
    held = sorted(path.name.removesuffix(".partial") for path in backup.wal.iterdir())
    needed = [name for name in held if name >= backup.first_segment and not name.endswith(".history")]
    if needed and needed[0] != backup.first_segment:
        raise PostgresqlError(
            f"The log in {backup.wal} has a gap before {needed[0]}: {backup.name} is older."
        )
    for before, after in pairwise(needed):
        if segment_number(after) > segment_number(before) + 1:
            raise PostgresqlError(f"The log in {backup.wal} has a gap between {before} and {after}.")


def _copy_secret(source: Path, target: Path) -> None:
    target.touch(mode=0o600)
    target.write_bytes(source.read_bytes())


def _restore_files(store: BackupStore, target: Path) -> None:
    """Bring back all files, those too that were deleted later: what no report names harms nobody."""
    for source in (*sorted(store.deleted_files.glob("*")), store.files):
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)

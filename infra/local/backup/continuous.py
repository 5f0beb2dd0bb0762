"""Receives the write-ahead log of the running system, and makes its backups when they are due."""

from __future__ import annotations

import datetime as dt
import logging
import math
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from infra.local.backup.store import FULL, INCREMENTAL, begin_line, connection_options, line_of
from infra.local.postgresql import PostgresqlError, binaries
from infra.local.postgresql.programs import environment, run
from shared.client.supervision import Work
from shared.platform.concurrency import run_blocking
from shared.platform.db.connection import BoundedConnection
from shared.platform.observability import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from infra.local.backup.store import Backup, BackupStore
    from infra.local.instance_dir import InstanceDirectory
    from infra.local.postgresql import EmbeddedPostgresql

SLOT: Final = "impactx_backup"
LOOK_SECONDS: Final = 5.0
"""Between two looks at what is due, and at new files."""

RETRY_SECONDS: Final = 300.0
"""After a backup that failed."""

STOP_SECONDS: Final = 10.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When backups are made.

    Attributes:
        full_at: The time of day of full ones, in UTC.
        incremental_every: How old the newest may become before an incremental one is made.
        keep: For how long every moment can be recovered.
    """

    full_at: dt.time
    incremental_every: dt.timedelta
    keep: dt.timedelta

    def due(self, backups: Sequence[Backup], now: dt.datetime) -> str | None:
        """Return the kind that is due, or None.

        Args:
            backups: Those of the system's line, the oldest first.
            now: In UTC.
        """
        full = [backup for backup in backups if backup.kind == FULL]
        last_time = dt.datetime.combine(now.date(), self.full_at, dt.UTC)
        if last_time > now:
            last_time -= dt.timedelta(days=1)
        if not full or full[-1].started_at < last_time:
            return FULL
        return INCREMENTAL if now - backups[-1].started_at >= self.incremental_every else None


class ContinuousBackup:
    """Backs up a running system, for as long as it runs.

    Args:
        instance: The system; its database has been started.
        store: Where the backups go.
        schedule: When.
        attachments: The directory of the attached files; None where they are kept elsewhere.
    """

    def __init__(
        self, instance: InstanceDirectory, store: BackupStore, schedule: Schedule, attachments: Path | None
    ) -> None:
        self._instance = instance
        self._store = store
        self._schedule = schedule
        self._attachments = attachments
        self._receiver = Work("receiver of the write-ahead log", self._receive)
        self._scheduler = Work("backup schedule", self._keep_schedule, limit=store.timeout * 4)
        self._retry_at = 0.0

    def start(self) -> None:
        """Begin to receive, then to make backups.

        Raises:
            PostgresqlError: The directory cannot be used.
        """
        self._prepare()
        self._receiver.start()
        self._scheduler.start()

    def stop(self) -> None:
        """Make no more backups. The receiver goes on until the database has stopped, and misses nothing."""
        self._scheduler.stop()
        self._receiver.stop()
        if not self._scheduler.join(STOP_SECONDS):
            logger.warning("a backup is given up, because the system stops")

    def join(self) -> None:
        """Wait for the receiver, after the database has stopped."""
        if not self._receiver.join(STOP_SECONDS):
            logger.warning("the receiver of the write-ahead log did not end")

    def _receive(self) -> None:
        """Run pg_receivewal: each piece of the log is on the disk here as soon as the server has written it."""
        line = self._prepare()
        log = line / "receiver.log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                [
                    binaries() / "pg_receivewal",
                    *connection_options(self._instance.postgresql.port),
                    f"--directory={line / 'wal'}",
                    f"--slot={SLOT}",
                    "--synchronous",
                    "--status-interval=1",
                    "--no-loop",
                ],
                cwd=line,
                env=environment() | {"PGPASSWORD": self._instance.postgresql.password()},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                **self._store.account.identity(),
            )
        ends_by = None
        try:
            while process.poll() is None:
                if self._receiver.stopping.is_set():
                    ends_by = ends_by or time.monotonic() + STOP_SECONDS
                    if time.monotonic() > ends_by:
                        break
                time.sleep(0.1)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(STOP_SECONDS)
        if not self._receiver.stopping.is_set():
            said_last = log.read_text(encoding="utf-8", errors="replace")[-1000:].strip()
            raise PostgresqlError(f"pg_receivewal ended. It said: {said_last}")

    def _keep_schedule(self) -> None:
        while not self._scheduler.stopping.is_set():
            self._scheduler.begin()
            self._mark()
            if self._attachments is not None:
                run_blocking(self._store.copy_files, self._attachments)
            backups = self._store.backups()
            self._show(backups)
            now = dt.datetime.now(dt.UTC)
            own = [backup for backup in backups if backup.path.parent.name == line_of(self._instance)]
            kind = self._schedule.due(own, now)
            if kind is not None and time.monotonic() >= self._retry_at:
                self._make(kind)
            self._scheduler.rest()
            self._scheduler.stopping.wait(LOOK_SECONDS)

    def _make(self, kind: str) -> None:
        """Make a backup; one that fails is logged and counted, and tried again some minutes later."""
        try:
            made = self._store.take(self._instance, kind)
            gone = self._store.prune(self._schedule.keep) if made.kind == FULL else []
        except (PostgresqlError, OSError):
            self._retry_at = time.monotonic() + RETRY_SECONDS
            metrics.backups.labels(kind, "failed").inc()
            logger.exception("the %s backup failed; it is tried again after %.0f s", kind, RETRY_SECONDS)
        else:
            metrics.backups.labels(made.kind, "ok").inc()
            logger.info("made the backup %s, and removed %d", made.path, len(gone))

    def _mark(self) -> None:
        """Commit something, so that every moment lies between two transactions, and see what has been received."""
        with _connection(self._instance.postgresql) as connection:
            connection.execute("SELECT pg_logical_emit_message(true, 'impactx backup', '')")
            row = connection.execute(
                "SELECT extract(epoch FROM clock_timestamp() - coalesce(flush_lag, '0'))::float8"
                " FROM pg_stat_replication WHERE application_name = 'pg_receivewal'"
            ).fetchone()
        if row is not None:
            metrics.backup_recoverable.set(row[0])

    def _show(self, backups: Sequence[Backup]) -> None:
        for backup in backups:
            metrics.backup_finished.labels(backup.kind).set(backup.finished_at.timestamp())
        if self._store.drill_report.exists():
            report = orjson.loads(self._store.drill_report.read_bytes())
            metrics.drill_at.set(report["at"])
            metrics.drill_age.set(math.nan if report["age_seconds"] is None else report["age_seconds"])
            metrics.drill_broken.set(len(report["broken"]))

    def _prepare(self) -> Path:
        """Make the slot that keeps the log until it has been received, and return the directory of the line.

        A receiver that a killed process has left behind is ended. Where the slot is gone or has fallen too far behind,
        or backups were made before anything was received, the log has a gap; a new line begins, with a full backup.
        """
        with _connection(self._instance.postgresql) as connection:
            found = connection.execute(
                "SELECT wal_status = 'lost' FROM pg_replication_slots WHERE slot_name = %s", [SLOT]
            ).fetchone()
            if found is not None:
                _end_receiver(connection)
        line = self._store.prepare(self._instance)
        is_lost = found is not None and bool(found[0])
        if is_lost:
            drop_slot(self._instance.postgresql)
        has_begun = any((line / "wal").iterdir()) or bool(self._store.of_line(line.name))
        if (found is None or is_lost) and has_begun:
            logger.warning("a part of the write-ahead log was not received; a new line of backups begins")
            begin_line(self._instance)
            line = self._store.prepare(self._instance)
        run(
            self._store.account,
            line,
            "pg_receivewal",
            *connection_options(self._instance.postgresql.port),
            f"--slot={SLOT}",
            "--create-slot",
            "--if-not-exists",
            password=self._instance.postgresql.password(),
        )
        return line


def drop_slot(server: EmbeddedPostgresql) -> None:
    """Have the server keep nothing of its log any longer for a receiver."""
    with _connection(server) as connection:
        _end_receiver(connection)
        connection.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s",
            [SLOT],
        )


def _end_receiver(connection: BoundedConnection) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots"
        " WHERE slot_name = %s AND active_pid IS NOT NULL",
        [SLOT],
    )


def _connection(server: EmbeddedPostgresql) -> BoundedConnection:
    return BoundedConnection.connect(server.url(), autocommit=True, connect_timeout=10)

"""The commands for backups of the embedded system: `backup`, `restore` and `restore-drill`."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from infra.local.backup import recovery
from infra.local.backup.continuous import ContinuousBackup, Schedule, drop_slot
from infra.local.backup.store import FULL, INCREMENTAL, BackupStore
from infra.local.instance_dir import InstanceDirectory
from infra.local.postgresql import PostgresqlError
from shared.platform.db.connection import BoundedConnection
from shared.platform.settings import SettingError

if TYPE_CHECKING:
    from infra.local.backup.store import Backup
    from shared.platform.settings import Settings

LATEST: Final = "latest"
EXAMPLE: Final = "2026-11-28T05:30:00Z"

_HISTORY = (
    "SELECT count(*) FROM {schema}.{table} thing WHERE status IS DISTINCT FROM"
    " (SELECT status FROM {schema}.{history} h WHERE h.{key} = thing.id ORDER BY version DESC LIMIT 1)"
    " AND NOT EXISTS (SELECT FROM {schema}.outbox WHERE subject = thing.id)"
)

INVARIANTS: Final = {
    "reports whose status is not the newest of their history": _HISTORY.format(
        schema="reports", table="reports", history="report_status_history", key="report_id"
    ),
    "resources whose status is not the newest of their history": _HISTORY.format(
        schema="resources", table="resources", history="resource_status_history", key="resource_id"
    ),
    "usage changes that do not add up to the next": (
        "SELECT count(*) FROM (SELECT current_usage, usage_change, version,"
        " lag(current_usage) OVER line AS before, lag(version) OVER line AS version_before"
        " FROM resources.resource_usage_changes WINDOW line AS (PARTITION BY resource_id ORDER BY version)) ledger"
        " WHERE version = version_before + 1 AND current_usage <> before + usage_change"
    ),
    "resources whose usage is not that of their last change": (
        "SELECT count(*) FROM resources.resources thing JOIN resources.resource_usage_changes ledger"
        " ON ledger.resource_id = thing.id AND ledger.version = thing.version"
        " WHERE ledger.current_usage <> thing.current_usage"
    ),
    "alerts whose counter is not the number of people reached": (
        "SELECT count(*) FROM alerts.alerts alert WHERE"
        " (SELECT coalesce(sum(targets), 0) FROM alerts.alert_reach WHERE alert_id = alert.id AND position = 0)"
        " <> (SELECT count(*) FROM alerts.alert_targets"
        " WHERE alert_id = alert.id AND reached_by IS NOT NULL)"
    ),
    "events of reports that are ahead of their report": (
        "SELECT count(*) FROM reports.outbox event JOIN reports.reports thing ON thing.id = event.subject"
        " WHERE event.type LIKE 'report_%' AND event.sequence > thing.version"
    ),
    "events of resources that are ahead of their resource": (
        "SELECT count(*) FROM resources.outbox event JOIN resources.resources thing ON thing.id = event.subject"
        " WHERE event.type LIKE 'resource_%' AND event.sequence > thing.version"
    ),
}
"""What holds in every committed state, and the statement that counts what breaks it."""


class Moment(click.ParamType[dt.datetime | None]):
    """A moment with its time zone, or `latest`."""

    name = "time"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.datetime | None:
        """Return the moment, or None for the newest; click calls this."""
        if value == LATEST:
            return None
        try:
            found = dt.datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither `{LATEST}` nor a time such as {EXAMPLE}.", param, ctx)
        if found.tzinfo is None:
            self.fail(f"{value!r} has no time zone; write {EXAMPLE}, with Z for UTC.", param, ctx)
        return found.astimezone(dt.UTC)


@click.command()
@click.option("--incremental", is_flag=True, help="Back up only what has changed since the newest backup.")
@click.pass_obj
def backup(settings: Settings, *, incremental: bool) -> None:
    """Back up the system that `run` is running.

    The database, the secrets and the attached files are written to the directory of IMPACTX_BACKUPS, and verified.
    """
    store = _store(settings)
    made = store.take(InstanceDirectory(settings.home), INCREMENTAL if incremental else FULL)
    files = attachments(settings)
    if files is not None:
        store.copy_files(files)
    click.echo(f"Made and verified the {made.kind} backup {made.path}.")


@click.command()
@click.option(
    "--to",
    "moment",
    type=Moment(),
    required=True,
    help=f"`{LATEST}`, or the moment to go back to, such as {EXAMPLE}.",
)
@click.pass_obj
def restore(settings: Settings, moment: dt.datetime | None) -> None:
    """Restore a system from its backups.

    The backups are in the directory of IMPACTX_BACKUPS. The system is restored into the directory of IMPACTX_HOME,
    which has to be empty or not to exist. Start it with `run` afterwards.
    """
    done = recovery.restore(_store(settings), settings.home, attachments(settings), moment)
    click.echo(
        f"Restored {settings.home} to {done.recovered_to.isoformat()}, from the backup {done.backup.name}."
    )


@click.command("restore-drill")
@click.pass_obj
def restore_drill(settings: Settings) -> None:
    """Restore the newest backup into a scratch server, and check it.

    Nothing of the running system is touched. The result is kept beside the backups, and `run` shows it as metrics.
    """
    store = _store(settings)
    newest = store.newest()
    try:
        recovered_to, broken = _try_out(store, newest)
    except PostgresqlError as error:
        store.record_drill(None, [str(error)])
        raise
    age = store.record_drill(recovered_to, broken)
    click.echo(f"The newest recoverable moment is {recovered_to.isoformat()}, {age:.0f} seconds ago.")
    if broken:
        raise click.ClickException("The restored data is inconsistent: " + "; ".join(broken) + ".")
    click.echo(f"All {len(INVARIANTS)} invariants hold.")


def _try_out(store: BackupStore, newest: Backup) -> tuple[dt.datetime, list[str]]:
    """Return the newest moment that can be restored, and what is wrong then."""
    scratch = newest.path.parent / "drill"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        with recovery.recovered(store, newest, scratch) as server:
            return recovery.recovered_moment(server, newest), broken_invariants(server.url(), store.timeout)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def broken_invariants(url: str, timeout: float) -> list[str]:
    """Return what is wrong in a database, each with how often; each check may take so many seconds."""
    broken = []
    with BoundedConnection.connect(url, connect_timeout=10) as connection:
        connection.answer_seconds = timeout
        for what, statement in INVARIANTS.items():
            row = connection.execute(statement).fetchone()
            if row is not None and row[0]:
                broken.append(f"{row[0]} {what}")
    return broken


def attachments(settings: Settings) -> Path | None:
    """Return the directory of the attached files; None where they are kept on S3, which has versions of its own."""
    if not settings.attachments:
        return settings.home.absolute() / "attachments"
    if "://" not in settings.attachments:
        return Path(settings.attachments).absolute()
    scheme, _, path = settings.attachments.partition("://")
    return Path(path) if scheme == "file" else None


def continuous(settings: Settings, instance: InstanceDirectory) -> ContinuousBackup | None:
    """Return what backs up a system whose database has been started; None where IMPACTX_BACKUPS is not set."""
    if not settings.backups:
        drop_slot(instance.postgresql)
        return None
    schedule = Schedule(
        full_at=settings.backup_full_at,
        incremental_every=dt.timedelta(hours=settings.backup_incremental_hours),
        keep=dt.timedelta(days=settings.backup_keep_days),
    )
    return ContinuousBackup(instance, _store(settings), schedule, attachments(settings))


def _store(settings: Settings) -> BackupStore:
    if not settings.backups:
        raise SettingError("Set IMPACTX_BACKUPS to the directory of the backups.")
    return BackupStore(Path(settings.backups), timeout=settings.backup_timeout)

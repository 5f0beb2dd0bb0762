"""Backups of an embedded system: what is lost, what is refused, and what is thrown away."""

import datetime as dt
import json
import os
import re
import shutil
import subprocess
import time

import psycopg
import pytest

from infra.local.backup.continuous import SLOT, ContinuousBackup, Schedule
from infra.local.backup.recovery import restore
from infra.local.backup.store import FULL, INCREMENTAL, BackupStore, line_of
from infra.local.instance_dir import InstanceDirectory
from infra.local.postgresql import PostgresqlError
from services.cli.backups import INVARIANTS, broken_invariants
from tests.support import reaper
from tests.support.directories import temporary_directory
from tests.support.postgresql import prepare
from tests.support.processes import ROOT
from tests.support.waiting import eventually, patience

DAYS = dt.timedelta(days=30)
SCHEDULE = Schedule(dt.time(2), dt.timedelta(hours=4), DAYS)


class System:
    """An embedded system with nothing but its database, and the place of its backups."""

    def __init__(self, place, home="home"):
        self.place = place
        self.instance = InstanceDirectory(place / home, durable=False)
        self.attachments = self.instance.path / "attachments"
        self.store = BackupStore(place / "backups", timeout=patience(60))
        self.backup = ContinuousBackup(self.instance, self.store, SCHEDULE, self.attachments)

    @property
    def server(self):
        return self.instance.postgresql

    def start(self):
        self.server.start()
        reaper.register_pid(self.server.pid)
        self.instance.administrator_password(_Given())
        return self

    def execute(self, statement, *values):
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            done = connection.execute(statement, values)
            return done.fetchall() if done.description else None

    def numbers(self):
        return [number for (number,) in self.execute("SELECT number FROM numbers ORDER BY number")]

    def now(self):
        [[moment]] = self.execute("SELECT clock_timestamp()")
        return moment

    def restored(self, home, at=None):
        """The system that a restoration makes, started."""
        path = self.place / home
        restore(self.store, path, path / "attachments", at)
        return System(self.place, home).start()

    def close(self):
        self.backup.stop()
        self.server.stop("immediate")
        self.backup.join()


class _Given:
    admin_password = None


@pytest.fixture
def systems():
    """Makes systems on one place; all are ended with the test."""
    place = temporary_directory("backups")
    made = []

    def make(system=None):
        made.append(system or System(place).start())
        return made[-1]

    yield make
    for system in made:
        system.close()


@pytest.fixture
def system(systems):
    made = systems()
    made.execute("CREATE TABLE numbers (number int PRIMARY KEY)")
    return made


def insert(system, *numbers):
    for number in numbers:
        system.execute("INSERT INTO numbers VALUES (%s)", number)


def until_received(system):
    """Waits until the receiver has what is committed now."""
    [[position]] = system.execute("SELECT pg_current_wal_flush_lsn()")
    eventually(
        lambda: system.execute("SELECT 1 FROM pg_stat_replication WHERE flush_lsn >= %s", position),
        timeout=patience(20),
    )


def test_a_system_that_is_killed_under_writes_comes_back_without_a_gap(system, systems):
    system.attachments.mkdir()
    (system.attachments / "photo").write_bytes(b"bytes")
    system.backup.start()
    written = 0
    deadline = time.monotonic() + patience(60)
    while len(system.store.backups()) == 0:
        insert(system, written)
        written += 1
        assert time.monotonic() < deadline, "no backup was made"
    insert(system, *range(written, written + 50))
    until_received(system)
    promised = written + 50
    insert(system, *range(promised, promised + 50))
    system.server.kill()
    system.backup.stop()
    system.backup.join()

    restored = systems(system.restored("elsewhere"))
    numbers = restored.numbers()
    assert numbers == list(range(len(numbers))), "a later one is there without an earlier one"
    assert promised <= len(numbers) <= promised + 50
    assert restored.instance.secrets.read_bytes() == system.instance.secrets.read_bytes()
    assert restored.instance.secrets.stat().st_mode & 0o077 == 0
    assert (restored.attachments / "photo").read_bytes() == b"bytes"


def test_a_system_goes_back_to_a_moment_and_on_from_there(system, systems):
    system.backup.start()
    eventually(system.store.backups, timeout=patience(60))
    insert(system, 1)
    moment = system.now()
    insert(system, 2)
    system.close()
    restored = systems(system.restored("earlier", moment))
    assert restored.numbers() == [1]

    # Its line is another one: what it writes is neither mixed with the old log nor lost.
    restored.backup.start()
    eventually(lambda: len(restored.store.backups()) == 2, timeout=patience(60))
    assert line_of(restored.instance) != line_of(system.instance)
    insert(restored, 3)
    until_received(restored)
    restored.close()
    again = systems(restored.restored("again"))
    assert again.numbers() == [1, 3]
    old = systems(again.restored("old", moment))
    assert old.numbers() == [1]


def test_a_receiver_that_a_killed_process_left_behind_is_replaced(system):
    system.backup.start()
    until_received(system)
    [[before]] = system.execute("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", SLOT)
    # A second process on the same database, as after a kill of the first one.
    second = ContinuousBackup(system.instance, system.store, SCHEDULE, None)
    second.start()
    try:
        eventually(
            lambda: system.execute(
                "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND active_pid <> %s", SLOT, before
            ),
            timeout=patience(20),
        )
    finally:
        second.stop()
        system.close()
        second.join()


def test_an_incremental_backup_stands_on_the_one_before(system, systems):
    insert(system, 1)
    full = system.store.take(system.instance, INCREMENTAL)
    assert full.kind == FULL, "there was nothing to stand on"
    insert(system, 2)
    first = system.store.take(system.instance, INCREMENTAL)
    insert(system, 3)
    second = system.store.take(system.instance, INCREMENTAL)
    assert [first.parent, second.parent] == [full.name, first.name]
    assert systems(system.restored("elsewhere")).numbers() == [1, 2, 3], "without a received log, to its end"


@pytest.mark.parametrize("damaged", [0, 1])
def test_a_damaged_backup_is_refused_by_name(system, damaged):
    backups = [system.store.take(system.instance, kind) for kind in (FULL, INCREMENTAL)]
    path = backups[damaged].path / "data" / "PG_VERSION"
    path.write_text("99\n")
    with pytest.raises(PostgresqlError, match=re.escape(f"{backups[damaged].path} is damaged")):
        restore(system.store, system.place / "elsewhere", None, None)
    assert not (system.place / "elsewhere").exists()
    assert not list(system.place.glob("*.unfinished"))


def test_a_missing_backup_is_refused_by_name(system):
    full = system.store.take(system.instance, FULL)
    system.store.take(system.instance, INCREMENTAL)
    shutil.rmtree(full.path)
    with pytest.raises(PostgresqlError, match=re.escape(f"The backup {full.path} is missing")):
        restore(system.store, system.place / "elsewhere", None, None)


def test_a_gap_in_the_log_is_refused(system):
    system.backup.start()
    eventually(system.store.backups, timeout=patience(60))
    for number in range(3):
        insert(system, number)
        system.execute("SELECT pg_switch_wal()")
    until_received(system)
    system.close()
    [backup] = system.store.backups()
    log = sorted(path for path in backup.wal.iterdir() if path.name > backup.first_segment)
    log[0].unlink()
    with pytest.raises(PostgresqlError, match="has a gap between"):
        restore(system.store, system.place / "elsewhere", None, None)


def test_a_log_that_begins_after_the_backup_is_refused(system):
    system.backup.start()
    eventually(system.store.backups, timeout=patience(60))
    until_received(system)
    system.close()
    [backup] = system.store.backups()
    for path in backup.wal.iterdir():
        path.unlink()
    (backup.wal / f"{backup.first_segment[:8]}{'F' * 16}").touch()
    with pytest.raises(PostgresqlError, match="has a gap before"):
        restore(system.store, system.place / "elsewhere", None, None)


def test_a_backup_from_before_anything_was_received_stays_alone_in_its_line(system, systems):
    alone = system.store.take(system.instance, FULL)
    insert(system, 1)
    system.backup.start()
    eventually(lambda: len(system.store.backups()) == 2, timeout=patience(60))
    assert line_of(system.instance) != alone.path.parent.name
    system.close()
    assert systems(system.restored("elsewhere")).numbers() == [1]


def test_a_log_that_was_not_received_begins_a_new_line(system):
    system.backup.start()
    eventually(system.store.backups, timeout=patience(60))
    before = line_of(system.instance)
    system.close()
    system.server.start()
    system.execute("SELECT pg_drop_replication_slot(%s)", SLOT)
    again = ContinuousBackup(system.instance, system.store, SCHEDULE, None)
    again.start()
    try:
        assert line_of(system.instance) != before
        eventually(lambda: len(system.store.of_line(line_of(system.instance))) == 1, timeout=patience(60))
    finally:
        again.stop()
        system.server.stop("immediate")
        again.join()


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "choose a later moment"),
        (dt.datetime(2100, 1, 1, tzinfo=dt.UTC), "ends before 2100"),
    ],
)
def test_a_moment_that_is_not_there_is_refused(system, at, said):
    system.store.take(system.instance, FULL)
    with pytest.raises(PostgresqlError, match=said):
        restore(system.store, system.place / "elsewhere", None, at)
    assert not (system.place / "elsewhere").exists()


def test_nothing_is_restored_over_a_system(system):
    system.store.take(system.instance, FULL)
    home = system.instance.path
    with pytest.raises(PostgresqlError, match="a system is running in"):
        restore(system.store, home, None, None)
    system.server.stop()
    with pytest.raises(PostgresqlError, match="is not empty"):
        restore(system.store, home, None, None)
    with pytest.raises(PostgresqlError, match="No database is running"):
        system.store.take(system.instance, FULL)


def aged(backup, days):
    """Makes a backup look as if it had been made some days ago."""
    path = backup.path / "backup.json"
    said = json.loads(path.read_text())
    for moment in ("started_at", "finished_at"):
        said[moment] = (dt.datetime.fromisoformat(said[moment]) - dt.timedelta(days=days)).isoformat()
    path.write_text(json.dumps(said))


def test_old_backups_go_when_a_newer_full_one_is_proven(system):
    take = system.store.take
    oldest, on_it = take(system.instance, FULL), take(system.instance, INCREMENTAL)
    needed, newest = take(system.instance, FULL), take(system.instance, FULL)
    for backup, days in ((oldest, 40), (on_it, 39), (needed, 31)):
        aged(backup, days)
    version = needed.path / "data" / "PG_VERSION"
    sound = version.read_bytes()
    version.write_text("99\n")
    with pytest.raises(PostgresqlError, match=re.escape(f"{needed.path} is damaged")):
        system.store.prune(DAYS)
    assert len(system.store.backups()) == 4
    version.write_bytes(sound)
    assert system.store.prune(DAYS) == [oldest.name, on_it.name]
    assert [backup.name for backup in system.store.backups()] == [needed.name, newest.name]
    assert system.store.prune(DAYS) == []


def test_the_log_before_the_oldest_backup_goes_with_it(system):
    system.backup.start()
    eventually(system.store.backups, timeout=patience(60))
    [oldest] = system.store.backups()
    system.execute("SELECT pg_switch_wal()")
    needed = system.store.take(system.instance, FULL)
    until_received(system)
    aged(oldest, 40)
    aged(needed, 31)
    system.store.prune(DAYS)
    assert min(path.name for path in needed.wal.iterdir()).removesuffix(".partial") == needed.first_segment


def test_files_that_are_deleted_can_be_brought_back_for_as_long_as_the_database(system):
    source = system.attachments
    (source / "a").mkdir(parents=True)
    (source / "a" / "kept").write_text("kept")
    (source / "a" / "deleted").write_text("deleted")
    assert system.store.copy_files(source) == 2
    (source / "a" / "deleted").unlink()
    assert system.store.copy_files(source) == 0
    system.store.take(system.instance, FULL)
    files = system.place / "files"
    restore(system.store, system.place / "elsewhere", files, None)
    assert {path.name: path.read_text() for path in files.rglob("*") if path.is_file()} == {
        "kept": "kept",
        "deleted": "deleted",
    }


def test_the_drill_finds_what_breaks_an_invariant(database):
    assert broken_invariants(database.admin_url, 20) == []
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO resources.resource_usage_changes"
            " (id, resource_id, usage_change, current_usage, version)"
            " SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 1, usage, version"
            " FROM (VALUES (1, 2), (5, 3)) AS made (usage, version)"
        )
    assert broken_invariants(database.admin_url, 20) == ["1 usage changes that do not add up to the next"]


def test_the_commands_of_the_page_back_up_a_running_system_and_bring_it_back(systems):
    place = temporary_directory("backups")
    system = systems(System(place).start())
    prepare(system.server, "impactx")
    text = (ROOT / "docs" / "operations.md").read_text()
    section = text.split("## Backups of `make run`\n")[1].split("\n## ")[0]
    backup, drill, back = re.findall(r"^```\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    environment = {"IMPACTX_HOME": str(place / "home"), "IMPACTX_BACKUPS": str(place / "backups")}
    assert "Made and verified the full backup" in said_by(backup, environment)
    said = said_by(drill, environment)
    assert "The newest recoverable moment is" in said
    assert f"All {len(INVARIANTS)} invariants hold." in said
    report = json.loads(system.store.drill_report.read_text())
    assert report["broken"] == []
    assert report["age_seconds"] >= 0
    assert "Restored" in said_by(back, environment | {"RESTORED": str(place / "restored")})
    restored = systems(System(place, "restored").start())
    assert restored.execute("SELECT count(*) FROM reports.reports") == [(0,)]


def said_by(block, environment):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.replace(".impactx-restored", "$RESTORED")],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPYCACHEPREFIX": os.environ["PYTHONPYCACHEPREFIX"]}
        | environment,
        capture_output=True,
        text=True,
        timeout=patience(120),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

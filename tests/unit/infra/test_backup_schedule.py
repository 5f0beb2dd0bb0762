"""When backups are due."""

import datetime as dt
from pathlib import Path

import pytest

from infra.local.backup.continuous import Schedule
from infra.local.backup.store import FULL, INCREMENTAL, Backup, segment_number

SCHEDULE = Schedule(dt.time(2), dt.timedelta(hours=4), dt.timedelta(days=30))


def at(day, hour, minute=0):
    return dt.datetime(2026, 11, day, hour, minute, tzinfo=dt.UTC)


def made(kind, moment):
    return Backup(Path(f"/backups/line/{moment:%d%H}-{kind}"), kind, None, moment, moment, "0" * 24)


@pytest.mark.parametrize(
    ("backups", "now", "due"),
    [
        ([], at(28, 12), FULL),
        ([made(FULL, at(28, 2))], at(28, 5, 59), None),
        ([made(FULL, at(28, 2))], at(28, 6), INCREMENTAL),
        ([made(FULL, at(28, 2)), made(INCREMENTAL, at(28, 6))], at(28, 9, 59), None),
        ([made(FULL, at(28, 2)), made(INCREMENTAL, at(28, 22))], at(29, 1, 59), None),
        ([made(FULL, at(28, 2)), made(INCREMENTAL, at(28, 22))], at(29, 2), FULL),
        ([made(FULL, at(27, 2))], at(28, 1), INCREMENTAL),
        ([made(FULL, at(25, 2))], at(28, 1), FULL),
    ],
)
def test_a_full_backup_is_due_each_day_and_an_incremental_one_between(backups, now, due):
    assert SCHEDULE.due(backups, now) == due


def test_the_files_of_the_log_follow_one_another_over_the_end_of_a_number():
    assert segment_number("0000000100000001000000FF") + 1 == segment_number("000000010000000200000000")

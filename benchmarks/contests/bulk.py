"""Importing many reports, by RPC and by the command, beside a bare INSERT of as many rows."""

from __future__ import annotations

import csv
import itertools
import time
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.contests import samples
from benchmarks.contests.create import HISTORIES
from benchmarks.measure import FLOOR, Result, Scale, Target, contest
from tests.support.directories import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.stage import Stage

ROWS = 500
"""In one call, and in one INSERT of the floor."""

OUTSTANDING = 2
"""As the command has it."""

BY_RPC, BY_COMMAND = "by RPC", "by the command"
COLUMNS = (
    "title",
    "description",
    "longitude",
    "latitude",
    "reported_at",
    "report_type",
    "severity",
    "region",
)
MOST_ROUNDS = 4

INSERT = """
    INSERT INTO reports.reports (user_id, region_id, report_type_id, severity_level_id, title, description, location,
                                 content_digest)
    VALUES {rows}
"""


def run(stage: Stage, scale: Scale) -> Iterator[Result]:
    """The command is timed with its start and its sign-in. The events of an import are waited for, not timed."""
    files = (_file(stage, scale.imported, number) for number in itertools.count())
    yield contest(
        f"Import {scale.imported:,} reports",
        "rows/s",
        min(scale.rounds, MOST_ROUNDS),
        {
            FLOOR: lambda: _bare(stage, scale.imported),
            BY_RPC: lambda: _settled(stage, scale.imported, lambda: _by_rpc(stage, scale.imported)),
            BY_COMMAND: lambda: _settled(stage, scale.imported, lambda: _by_command(stage, next(files))),
        },
        ratios=[(BY_RPC, FLOOR), (BY_COMMAND, FLOOR)],
        targets=[Target(BY_RPC, 5000), Target(BY_COMMAND, 5000)],
    )


def _settled(stage: Stage, imported: int, work: Any) -> float:
    history = HISTORIES["reports"]
    before = stage.value(stage.database, f"SELECT count(*) FROM {history}")
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    stage.wait_for_rows(history, before + imported)
    return imported / seconds


def _by_rpc(stage: Stage, imported: int) -> None:
    numbers = range(imported)
    calls = (
        {"rows": [samples.report(number, stage.ids) for number in numbers[start : start + ROWS]]}
        for start in range(0, imported, ROWS)
    )
    for result in stage.administrator.results("reports.import_reports", calls, outstanding=OUTSTANDING):
        if result["refused"]:
            raise AssertionError(result["refused"][:3])


def _by_command(stage: Stage, file: Path) -> None:
    maps = [part for column in COLUMNS for part in ("--map", f"{column}={column}")]
    stage.command("import", "reports", str(file), *maps, "--state", str(file.parent / "state"))


def _file(stage: Stage, rows: int, number: int) -> Path:
    """A CSV file with reports that no other file has."""
    words = {
        name: stage.value(stage.database, f"SELECT {column} FROM {table} WHERE id = '{stage.ids[key]}'")
        for name, column, table, key in (
            ("report_type", "name", "reports.report_types", "report_type_id"),
            ("severity", "level", "reports.severity_levels", "severity_level_id"),
            ("region", "code", "identity.regions", "region_id"),
        )
    }
    path = temporary_directory("import") / "reports.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(
            {
                "title": f"Bridge {number}.{row} washed away",
                "description": samples.DESCRIPTION,
                "longitude": -72.5,
                "latitude": 18.5,
                "reported_at": "2026-01-12T16:53:00-05:00",
                **words,
            }
            for row in range(rows)
        )
    return path


def _bare(stage: Stage, imported: int) -> float:
    ids = stage.ids_in(stage.floor)
    rows = [
        (*ids.values(), f"Bridge {number} washed away", samples.DESCRIPTION, _location(number), bytes(16))
        for number in range(imported)
    ]
    with stage.connect(stage.floor) as connection:
        began = time.perf_counter()
        for start in range(0, imported, ROWS):
            batch = rows[start : start + ROWS]
            values = ",".join(["(%s, %s, %s, %s, %s, %s, %s, %s)"] * len(batch))
            connection.execute(INSERT.format(rows=values), [value for row in batch for value in row])
        return imported / (time.perf_counter() - began)


def _location(number: int) -> str:
    return orjson.dumps(
        samples.report(number, dict.fromkeys(("region_id", "report_type_id", "severity_level_id"), ""))[
            "location"
        ]
    ).decode()

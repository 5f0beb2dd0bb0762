"""Importing many reports, by RPC and by the command, beside a bare INSERT of as many rows."""

from __future__ import annotations

import csv
import itertools
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import orjson

from benchmarks.cases import samples
from benchmarks.cases.create import HISTORIES
from benchmarks.measure import FLOOR, Result, Scale, Target, contest
from services.cli.importing.run import IN_FLIGHT
from tests.support.directories import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.stage import Stage

ROWS = 500
"""In one call, and in one INSERT of the floor."""

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
MAX_ROUNDS = 4

INSERT = """
    INSERT INTO reports.reports (user_id, region_id, report_type_id, severity_level_id, title, description, location,
                                 content_digest)
    VALUES {rows}
"""


def run(stage: Stage, scale: Scale) -> Iterator[Result]:
    """With as many calls under way as the command has. What the events of an import do is waited for, not timed.

    The rate of the command is the one that it prints, which leaves out its start and its sign-in.
    """
    files = (_file(stage, scale.imported, number) for number in itertools.count())
    yield contest(
        f"Import {scale.imported:,} reports",
        "rows/s",
        min(scale.rounds, MAX_ROUNDS),
        {
            FLOOR: lambda: _bare(stage, scale.imported),
            BY_RPC: lambda: _by_rpc(stage, scale.imported),
            BY_COMMAND: lambda: _by_command(stage, scale.imported, next(files)),
        },
        ratios=[(BY_RPC, FLOOR), (BY_COMMAND, FLOOR)],
        targets=[Target(BY_RPC, 5000), Target(BY_COMMAND, 5000)],
    )


@contextmanager
def _settled(stage: Stage, imported: int) -> Iterator[None]:
    """Waits, after the block, until the history of so many reports more is there."""
    history = HISTORIES["reports"]
    before = stage.value(stage.database, f"SELECT count(*) FROM {history}")
    yield
    stage.wait_for_rows(history, before + imported)


def _by_rpc(stage: Stage, imported: int) -> float:
    numbers = range(imported)
    calls = (
        {"rows": [samples.report(number, stage.ids) for number in numbers[start : start + ROWS]]}
        for start in range(0, imported, ROWS)
    )
    with _settled(stage, imported):
        began = time.perf_counter()
        for result in stage.administrator.results("reports.import_reports", calls, outstanding=IN_FLIGHT):
            if result["refused"]:
                raise AssertionError(result["refused"][:3])
        return imported / (time.perf_counter() - began)


def _by_command(stage: Stage, imported: int, file: Path) -> float:
    maps = [part for column in COLUMNS for part in ("--map", f"{column}={column}")]
    with _settled(stage, imported):
        said = stage.command("import", "reports", str(file), *maps, "--state", str(file.parent / "state"))
        found = re.search(rf"\(([\d,]+) a second\)\nstored +{imported:,}\n", said)
        if found is None:
            raise AssertionError(said)
        return float(found[1].replace(",", ""))


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

"""Changes of status until their history is committed, beside nameko alone and beside a bare UPDATE and INSERT."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

from benchmarks.cases import samples
from benchmarks.cases.create import HISTORIES
from benchmarks.floor import pgbench
from benchmarks.measure import FLOOR, OURS, STOCK, Result, Scale, Target, contest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.stage import Stage

OUTSTANDING = 64

CHANGE_AND_HISTORY = """
    \\set n random(1, {reports})
    WITH changed AS (
        UPDATE reports.reports
        SET status = CASE status WHEN 'confirmed' THEN 'in_progress' ELSE 'confirmed' END, updated_by = '{user_id}'
        WHERE id = ('00000000-0000-7000-8000-' || lpad(to_hex(:n::int), 12, '0'))::uuid
        RETURNING *
    )
    INSERT INTO reports.report_status_history (id, report_id, status, changed_by, changed_at, version)
    SELECT reports.uuid7(), id, status, updated_by, updated_at, version FROM changed;
"""


def run(stage: Stage, scale: Scale) -> Iterator[Result]:
    """With 64 calls outstanding; a turn ends when the last history row of it is committed."""
    numbered = "('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
    source = f"FROM generate_series(1, {scale.writes}) AS n"
    floor_ids = stage.ids_in(stage.floor)
    with stage.connect(stage.floor) as connection:
        connection.execute(samples.insert(floor_ids, source=source, report_id=numbered, number="n"))
    script = CHANGE_AND_HISTORY.format(reports=scale.writes, user_id=floor_ids["user_id"])
    yield contest(
        f"Change a status until its history row is committed, {OUTSTANDING} outstanding",
        "changes/s",
        scale.rounds,
        {
            FLOOR: lambda: pgbench(stage.floor, script, scale.writes),
            STOCK: _changes(stage, scale.writes, "stock", user_id=stage.ids["user_id"]),
            OURS: _changes(stage, scale.writes, "reports"),
        },
        ratios=[(OURS, STOCK), (OURS, FLOOR)],
        targets=[Target(OURS, 2.0, STOCK)],
    )


def _changes(stage: Stage, calls: int, service: str, **more: Any) -> Callable[[], float]:
    """A turn: every report of a set goes on to its next status."""
    creating = [samples.report(number, stage.ids) | more for number in range(calls)]
    created = stage.administrator.results(f"{service}.create_report", creating, outstanding=OUTSTANDING)
    reports = [report["id"] for report in created]
    statuses = itertools.cycle(("confirmed", "in_progress"))
    versions = itertools.count(1)
    history = HISTORIES[service]

    def turn() -> float:
        before = settled()
        status, version = next(statuses), next(versions)
        seen = {} if service == "stock" else {"version": version}
        arguments = [{"report_id": report, "status": status, **seen, **more} for report in reports]
        began = time.perf_counter()
        for changed in stage.administrator.results(
            f"{service}.change_report_status", arguments, outstanding=OUTSTANDING
        ):
            if changed["status"] != status:
                raise AssertionError(changed)
        stage.wait_for_rows(history, before + calls)
        return calls / (time.perf_counter() - began)

    def settled() -> int:
        """The rows of the history once it has one for each version of each report."""
        expected = stage.value(stage.database, f"SELECT sum(version) FROM {service}.reports")
        stage.wait_for_rows(history, expected)
        return int(expected)

    return turn

"""Filing reports, beside nameko alone and beside the bare INSERT into the same tables."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from benchmarks.cases import samples
from benchmarks.floor import pgbench
from benchmarks.measure import FLOOR, OURS, STOCK, Result, Scale, Target, contest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.stage import Stage

OUTSTANDING = 64
HISTORIES = {"stock": "stock.report_status_history", "reports": "reports.report_status_history"}


def run(stage: Stage, scale: Scale) -> Iterator[Result]:
    """With 64 calls outstanding. What follows a create, its history row, is waited for but not timed."""

    def rate(service: str, **more: Any) -> float:
        history = HISTORIES[service]
        before = stage.value(stage.database, f"SELECT count(*) FROM {history}")
        arguments = [samples.report(number, stage.ids) | more for number in range(scale.writes)]
        began = time.perf_counter()
        for created in stage.administrator.results(
            f"{service}.create_report", arguments, outstanding=OUTSTANDING
        ):
            if created["status"] != "pending":
                raise AssertionError(created)
        seconds = time.perf_counter() - began
        stage.wait_for_rows(history, before + scale.writes)
        return scale.writes / seconds

    insert = samples.insert(stage.ids_in(stage.floor), source=";")
    yield contest(
        f"Create a report, {OUTSTANDING} outstanding",
        "reports/s",
        scale.rounds,
        {
            FLOOR: lambda: pgbench(stage.floor, insert, scale.writes),
            STOCK: lambda: rate("stock", user_id=stage.ids["user_id"]),
            OURS: lambda: rate("reports"),
        },
        ratios=[(OURS, STOCK), (OURS, FLOOR)],
        targets=[Target(OURS, 2.0, STOCK)],
    )

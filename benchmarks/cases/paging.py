"""Paging through many reports: the first page beside one far down."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

from benchmarks.cases import samples
from benchmarks.floor import pgbench
from benchmarks.measure import FLOOR, Result, Scale, Target, contest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.stage import Stage

LIMIT = 50
FIRST_PAGE = f"SELECT * FROM reports.reports ORDER BY reported_at DESC, id DESC LIMIT {LIMIT};"


def run(stage: Stage, scale: Scale) -> Iterator[Result]:
    """One call at a time, 50 reports a page. The floor is the bare query of the first page, one at a time too."""
    _fill(stage, scale.reports)
    cursor = _cursor_of_page(stage, scale.pages)

    def rate(**page: Any) -> float:
        arguments = itertools.repeat({"limit": LIMIT, **page}, scale.page_calls)
        began = time.perf_counter()
        for answer in stage.administrator.results("reports.list_reports", arguments, outstanding=1):
            if len(answer["items"]) != LIMIT:
                raise AssertionError(answer)
        return scale.page_calls / (time.perf_counter() - began)

    far = f"page {scale.pages:,}"
    yield contest(
        f"List reports, {scale.reports:,} of them",
        "pages/s",
        scale.rounds,
        {
            FLOOR: lambda: pgbench(stage.database, FIRST_PAGE, scale.page_calls, clients=1),
            "page 1": rate,
            far: lambda: rate(cursor=cursor),
        },
        ratios=[(far, "page 1"), ("page 1", FLOOR)],
        # It may take 1.2 times as long.
        targets=[Target(far, 1 / 1.2, "page 1")],
    )


def _fill(stage: Stage, reports: int) -> None:
    """Inserts the reports without their events, which nobody is to measure here."""
    insert = samples.insert(stage.ids, source=f"FROM generate_series(1, {reports}) AS n", number="n")
    with stage.connect(stage.database) as connection, connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(insert)
    with stage.connect(stage.database) as connection:
        connection.execute("VACUUM ANALYZE reports.reports")


def _cursor_of_page(stage: Stage, number: int) -> str:
    """The cursor that leads to a page, found by going there."""
    cursor = None
    for _ in range(number - 1):
        page = stage.administrator.call("reports.list_reports", limit=LIMIT, cursor=cursor)
        cursor = page["next_cursor"]
    return str(cursor)

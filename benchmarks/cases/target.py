"""Working out whom an alert reaches, beside one bare INSERT; and how soon a confirmed report is told."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

from uuid6 import uuid7

from benchmarks.cases import samples
from benchmarks.measure import FLOOR, OURS, Result, Scale, Target, contest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.stage import Stage
    from tests.support.postgresql import TemporaryDatabase

MAX_ROUNDS = 3
FEW = 1_000
SECONDS = 600.0

ALERT = """
    INSERT INTO alerts.alerts (id, title, message, region_id, issued_by, priority)
    VALUES (%s, 'Storm', 'Stay inside.', %s, '00000000-0000-0000-0000-000000000000', 'high')
"""
TARGETS = """
    INSERT INTO alerts.alert_targets (alert_id, target_type, target_id, reached_by)
    SELECT %s, 'user', user_id::text, 3 FROM alerts.audience_members WHERE is_active AND regions && %s
"""


def run(stage: Stage, scale: Scale) -> Iterator[Result]:
    """A turn is one alert. What it wrote is measured on the database's clock, from the call to the last row."""
    with stage.serving("alerts"):
        regions = _regions(stage, stage.database)
        everybody, few, many = regions[:3]
        _settle(stage, len(regions))
        for region, people in ((everybody, scale.people), (few, FEW), (many, scale.people // 10)):
            _add_people(stage, stage.database, region[1], people)
        floor_region = _regions(stage, stage.floor)[0]
        _add_people(stage, stage.floor, floor_region[1], scale.people)
        yield contest(
            f"Targets of an alert to {scale.people:,} people",
            "people/s",
            min(scale.rounds, MAX_ROUNDS),
            {
                FLOOR: lambda: _bare(stage, floor_region, scale.people),
                OURS: lambda: _issued(stage, everybody[0], scale.people),
            },
            ratios=[(OURS, FLOOR)],
            targets=[Target(OURS, 0.8, FLOOR)],
        )
        for region, people in ((few, FEW), (many, scale.people // 10)):
            first, last = _confirmations(stage, region[0])
            yield contest(
                f"From the call that confirms a report to its alert's targets, {people:,} people",
                "ms",
                min(scale.rounds, MAX_ROUNDS),
                {"the first is committed": first, "the last is committed": last},
                ratios=[],
            )


def _regions(stage: Stage, database: TemporaryDatabase) -> list[tuple[Any, str]]:
    with stage.connect(database) as connection:
        return connection.execute("SELECT id, code FROM identity.regions ORDER BY code").fetchall()


def _settle(stage: Stage, regions: int) -> None:
    """Waits until the alerts know the regions, which identity told when the queue was there to hear it."""
    stage.wait_for_rows("alerts.audience_regions", regions)


def _add_people(stage: Stage, database: TemporaryDatabase, code: str, number: int) -> None:
    with stage.connect(database) as connection:
        connection.execute(
            "INSERT INTO alerts.audience_members (user_id, version, is_active, regions)"
            " SELECT gen_random_uuid(), 1, true, %s::varchar[] FROM generate_series(1, %s)",
            ([code], number),
        )
        connection.execute("VACUUM ANALYZE alerts.audience_members")


def _bare(stage: Stage, region: tuple[Any, str], people: int) -> float:
    alert_id = uuid7()
    with stage.connect(stage.floor) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute(ALERT, (alert_id, region[0]))
        connection.execute("CHECKPOINT")
        began = time.perf_counter()
        made = connection.execute(TARGETS, (alert_id, [region[1]])).rowcount
        seconds = time.perf_counter() - began
    if made != people:
        raise AssertionError(made)
    return people / seconds


def _issued(stage: Stage, region_id: Any, people: int) -> float:
    with stage.connect(stage.database) as connection:
        connection.execute("CHECKPOINT")
    began = stage.value(stage.database, "SELECT clock_timestamp()")
    alert = stage.administrator.call(
        "alerts.issue_alert", region_id=str(region_id), title="Storm", message="Stay inside.", priority="high"
    )
    targeted, finished = _finished(stage, alert["id"])
    if targeted != people:
        raise AssertionError(targeted)
    return people / (finished - began).total_seconds()


def _finished(stage: Stage, alert_id: str) -> tuple[int, Any]:
    deadline = time.monotonic() + SECONDS
    query = "SELECT targeted, finished_at FROM alerts.alert_targeting WHERE alert_id = %s AND finished_at IS NOT NULL"
    with stage.connect(stage.database) as connection:
        while (row := connection.execute(query, (alert_id,)).fetchone()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(alert_id)
            time.sleep(0.01)
    return row[0], row[1]


def _confirmations(stage: Stage, region_id: Any) -> tuple[Callable[[], float], Callable[[], float]]:
    """Two readings of one confirmation: when the first of the targets was committed, and when the last."""
    severity = stage.value(stage.database, "SELECT id::text FROM reports.severity_levels WHERE level = 5")
    numbers = itertools.count()
    lasts: list[float] = []

    def first() -> float:
        report = samples.report(next(numbers), stage.ids)
        filed = stage.administrator.call(
            "reports.create_report", **{**report, "region_id": str(region_id), "severity_level_id": severity}
        )
        began = stage.value(stage.database, "SELECT clock_timestamp()")
        stage.administrator.call(
            "reports.change_report_status",
            report_id=filed["id"],
            version=filed["version"],
            status="confirmed",
        )
        stage.wait_for_rows(f"alerts.alerts WHERE source_id = '{filed['id']}'", 1)
        alert_id = stage.value(
            stage.database, f"SELECT id::text FROM alerts.alerts WHERE source_id = '{filed['id']}'"
        )
        _finished(stage, alert_id)
        committed = _committed(stage, alert_id)
        lasts.append((committed[1] - began).total_seconds() * 1000)
        return float((committed[0] - began).total_seconds() * 1000)

    return first, lasts.pop


def _committed(stage: Stage, alert_id: str) -> tuple[Any, Any]:
    """When the first and the last of an alert's targets were committed, as the server remembers it."""
    query = """
        SELECT min(pg_xact_commit_timestamp(xmin)), max(pg_xact_commit_timestamp(xmin))
        FROM alerts.alert_targets WHERE alert_id = %s
    """
    with stage.connect(stage.database) as connection:
        row = connection.execute(query, (alert_id,)).fetchone()
    if row is None:
        raise AssertionError(alert_id)
    return row[0], row[1]

"""Working out whom an alert reaches, beside one bare INSERT, flat and nested; how soon a confirmed report is told.

And what it costs that alerts in force follow their audience.
"""

from __future__ import annotations

import datetime as dt
import itertools
import time
from typing import TYPE_CHECKING, Any

from uuid6 import uuid7

from benchmarks.cases import samples
from benchmarks.measure import FLOOR, OURS, Result, Scale, Target, contest
from services.alerts import audience
from shared.platform.db.engine import Database
from shared.platform.outbox.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.stage import Stage
    from tests.support.postgresql import TemporaryDatabase

MAX_ROUNDS = 3
FEW = 1_000
SECONDS = 600.0
NESTED_REGIONS = 10_000
OPEN_ALERTS = 1_000
JOINING = 200

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
        tree = _nested_regions(stage, scale.people)
        yield contest(
            f"Targets of an alert to {scale.people:,} people, who follow {NESTED_REGIONS:,} nested regions",
            "people/s",
            min(scale.rounds, MAX_ROUNDS),
            {
                FLOOR: lambda: _bare(stage, floor_region, scale.people),
                OURS: lambda: _issued(stage, tree[0], scale.people),
            },
            ratios=[(OURS, FLOOR)],
            targets=[Target(OURS, 1.0, FLOOR)],
        )
        yield contest(
            "From the call that issues an alert for one of the nested regions to its last target",
            "ms",
            min(scale.rounds, MAX_ROUNDS),
            {
                f"a middle one of {NESTED_REGIONS // 100} regions": lambda: _until_finished(stage, tree[1]),
                "one in which nothing lies": lambda: _until_finished(stage, tree[-1]),
            },
            ratios=[],
        )
        _open_alerts(stage, [tree[-2]], 1)
        yield _joining(stage, scale, f"One account that joins an alert, {_in_force(stage)} in force", 1)
        _open_alerts(stage, tree[NESTED_REGIONS // 2 :], OPEN_ALERTS)
        yield _joining(stage, scale, f"One account that joins an alert, {_in_force(stage):,} in force", 1)


def _nested_regions(stage: Stage, people: int) -> list[Any]:
    """Makes a tree in which each region has ten parts, and people who follow one of its regions each; the ids."""
    ids = [uuid7() for _ in range(NESTED_REGIONS)]
    lineages: list[list[Any]] = []
    for number, region_id in enumerate(ids):
        lineages.append([*(lineages[(number - 1) // 10] if number else []), region_id])
    with stage.connect(stage.database) as connection:
        connection.execute("SET statement_timeout = 0")
        # Past identity, whose events would be as many.
        connection.execute("SET session_replication_role = replica")
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO identity.regions (id, name, code) VALUES (%s, %s, %s)",
                [(region_id, f"Part {number}", f"T{number}") for number, region_id in enumerate(ids)],
            )
            cursor.executemany(
                "INSERT INTO alerts.audience_regions (region_id, version, code, name, parent_id, lineage)"
                " VALUES (%s, 1, %s, %s, %s, %s)",
                [
                    (lineage[-1], f"T{number}", f"Part {number}", lineage[-2] if number else None, lineage)
                    for number, lineage in enumerate(lineages)
                ],
            )
        connection.execute("SET session_replication_role = DEFAULT")
        connection.execute(
            """
            WITH regions AS (
                SELECT substr(r.code, 2)::integer AS number, r.code, array_agg(above.code) AS covers
                FROM alerts.audience_regions r
                JOIN alerts.audience_regions above ON above.region_id = ANY (r.lineage)
                WHERE r.code LIKE 'T%%' GROUP BY r.code
            )
            INSERT INTO alerts.audience_members (user_id, version, is_active, regions, covers)
            SELECT gen_random_uuid(), 1, true, ARRAY[r.code], r.covers
            FROM generate_series(1, %s) AS n JOIN regions r ON r.number = n %% %s
            """,
            (people, NESTED_REGIONS),
        )
        connection.execute("VACUUM ANALYZE alerts.audience_members")
        connection.execute("VACUUM ANALYZE alerts.audience_regions")
    return ids


def _until_finished(stage: Stage, region_id: Any) -> float:
    began = stage.value(stage.database, "SELECT clock_timestamp()")
    alert = stage.administrator.call(
        "alerts.issue_alert", region_id=str(region_id), title="Storm", message="Stay inside.", priority="high"
    )
    return float((_finished(stage, alert["id"])[1] - began).total_seconds() * 1000)


def _open_alerts(stage: Stage, region_ids: list[Any], number: int) -> None:
    """Leaves this many alerts in force, for these regions in turn."""
    with stage.connect(stage.database) as connection:
        connection.execute("SET statement_timeout = 0")
        connection.execute("UPDATE alerts.alerts SET status = 'expired' WHERE status = 'active'")
    for region_id in itertools.islice(itertools.cycle(region_ids), number):
        alert = stage.administrator.call(
            "alerts.issue_alert",
            region_id=str(region_id),
            title="Storm",
            message="Stay inside.",
            priority="low",
        )
    _finished(stage, alert["id"])


def _in_force(stage: Stage) -> int:
    return int(stage.value(stage.database, "SELECT count(*) FROM alerts.alerts WHERE status = 'active'"))


def _joining(stage: Stage, scale: Scale, name: str, joined: int) -> Result:
    """What the transaction takes that stores an account of an event, as the handler's does."""
    region = stage.value(
        stage.database,
        "SELECT r.code FROM alerts.alerts a JOIN alerts.audience_regions r USING (region_id)"
        " WHERE a.status = 'active' ORDER BY a.id DESC LIMIT 1",
    )
    database = Database(stage.database.url("alerts"), pool_size=1)

    def milliseconds() -> float:
        events = [_registered(region) for _ in range(JOINING)]
        began = time.perf_counter()
        for event in events:
            with database.write() as connection:
                audience.record_audience(connection, [event])
        seconds = time.perf_counter() - began
        query = f"SELECT count(*) FROM alerts.alert_targets WHERE target_id = '{events[-1].subject}'"
        if stage.value(stage.database, query) != joined:
            raise AssertionError(query)
        return seconds / JOINING * 1000

    try:
        return contest(name, "ms", min(scale.rounds, MAX_ROUNDS), {OURS: milliseconds}, ratios=[])
    finally:
        database.close()


def _registered(region: str) -> Event:
    user_id = uuid7()
    return Event(
        id=uuid7(),
        type="user_created",
        source="identity",
        subject=user_id,
        sequence=1,
        time=dt.datetime.now(dt.UTC),
        data={
            "user_id": user_id,
            "version": 1,
            "is_active": True,
            "preferences": {"regions": [region]},
            "roles": ["reporter"],
        },
        correlation_id="",
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

"""Reports by region: what nesting costs, beside the same reports in a tree without depth.

The statements run in this process, since the call around them is the same for both. Both databases have the same
regions and as many reports of each area that is asked for: nested, the reports lie in regions far below it; flat, they
lie in the region itself.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from uuid6 import uuid7

from benchmarks.cases import samples
from benchmarks.measure import Result, Scale, Target, contest
from services.reports import reports, statistics
from services.reports.schemas import ListReports, SummariseReports
from shared.domain.permissions import REPORT_READ
from shared.platform.db.engine import Database
from shared.platform.rpc.context import Caller
from shared.platform.schemas import load
from tests.support.postgresql import fresh_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.stage import Stage
    from services.reports.schemas import types
    from tests.support.postgresql import TemporaryDatabase

NESTED, FLAT, UNFILTERED = "nested", "flat", "all, without a filter"
LIMIT = 50
DEPARTMENTS = 20
COUNTRY, TOWN, QUARTER = (UUID(int=0xFFFF0000 + number) for number in range(3))
"""The root, a leaf with a tenth of all reports, and a leaf with a few."""


def run(stage: Stage, scale: Scale) -> Iterator[Result]:
    """Pages and statistics of the root of 10,000 regions, of leaves, and for a caller who is narrowed to one."""
    with _databases(stage, scale) as databases:
        everywhere, in_country = _caller(None), _caller(COUNTRY)
        for what, caller, filters in (
            ("A page of a small region", everywhere, {"region_id": str(QUARTER)}),
            ("A page of a dense region", everywhere, {"region_id": str(TOWN)}),
            ("A page of the root", everywhere, {"region_id": str(COUNTRY)}),
            ("Pending reports in the root", everywhere, {"region_id": str(COUNTRY), "status": "pending"}),
            ("A page for a caller narrowed to a small region", _caller(QUARTER), {}),
            ("A page for a caller narrowed to the root", in_country, {}),
        ):
            yield _contest(
                f"{what}, {scale.reports:,} reports in {scale.regions:,} regions",
                scale.rounds,
                {
                    name: _rate(database, caller, _page, filters, scale.page_calls)
                    for name, database in databases.items()
                },
                FLAT,
            )
        counts = max(scale.page_calls // 15, 2)
        nested = databases[NESTED]
        yield _contest(
            f"Statistics of the root, {scale.reports:,} reports in {scale.regions:,} regions",
            scale.rounds,
            {
                NESTED: _rate(nested, everywhere, _summary, {"region_id": str(COUNTRY)}, counts),
                UNFILTERED: _rate(nested, everywhere, _summary, {}, counts),
            },
            UNFILTERED,
        )


def _contest(name: str, rounds: int, contestants: Mapping[str, Callable[[], float]], to: str) -> Result:
    # It may take 1.2 times as long.
    target = Target(NESTED, 1 / 1.2, to)
    return contest(name, "answers/s", rounds, contestants, ratios=[(NESTED, to)], targets=[target])


def _rate(
    database: Database, caller: Caller, statement: Callable[..., Any], filters: dict[str, Any], calls: int
) -> Callable[[], float]:
    def rate() -> float:
        began = time.perf_counter()
        for _ in range(calls):
            with database.read() as connection:
                statement(connection, caller, filters)
        return calls / (time.perf_counter() - began)

    return rate


def _page(connection: Any, caller: Caller, filters: dict[str, Any]) -> None:
    arguments = cast("types.ListReports", load(ListReports(), {"limit": LIMIT, **filters}))
    reports.list_reports(connection, caller, arguments)


def _summary(connection: Any, caller: Caller, filters: dict[str, Any]) -> None:
    arguments = cast("types.SummariseReports", load(SummariseReports(), filters))
    statistics.summarise_reports(connection, caller, arguments)


def _caller(region_id: UUID | None) -> Caller:
    granted = None if region_id is None else frozenset({region_id})
    return Caller(uuid7(), frozenset(), {REPORT_READ: granted}, token="", correlation_id="")


@contextmanager
def _databases(stage: Stage, scale: Scale) -> Iterator[dict[str, Database]]:
    made = {name: fresh_database(stage.database.server) for name in (NESTED, FLAT)}
    opened: dict[str, Database] = {}
    try:
        for name, empty in made.items():
            _fill(stage, empty, scale, is_nested=name == NESTED)
            opened[name] = Database(empty.url("reports"))
        yield opened
    finally:
        for connected in opened.values():
            connected.close()
        for database in made.values():
            database.drop()


def _fill(stage: Stage, database: TemporaryDatabase, scale: Scale, *, is_nested: bool) -> None:
    """Makes the country, its departments, and below each of them its part of the other regions."""
    leaf = "'00000000-0000-0000-0001-' || lpad(to_hex({n}), 12, '0')"
    department = "'00000000-0000-0000-0002-' || lpad(to_hex({n} % " + str(DEPARTMENTS) + "), 12, '0')"
    elsewhere = f"({leaf.format(n=f'n % {scale.regions}')})::uuid" if is_nested else f"'{COUNTRY}'"
    # Nine of ten reports lie in the country, the tenth in the dense town, and twenty in the quarter.
    place = f"""(CASE WHEN n % 10 = 0 THEN '{TOWN}'
                      WHEN n % {max(scale.reports // 20, 2)} = 1 THEN '{QUARTER}'
                      ELSE {elsewhere} END)::uuid"""
    parents = f"""
        SELECT '{COUNTRY}'::uuid AS id, NULL::uuid AS parent_id, ARRAY['{COUNTRY}'::uuid] AS lineage
        UNION ALL
        SELECT ({department.format(n="n")})::uuid, '{COUNTRY}',
               ARRAY['{COUNTRY}', ({department.format(n="n")})::uuid]
        FROM generate_series(0, {DEPARTMENTS - 1}) AS n
        UNION ALL
        SELECT leaf, department, ARRAY['{COUNTRY}', department, leaf] FROM (
            SELECT ({leaf.format(n="n")})::uuid AS leaf, ({department.format(n="n")})::uuid AS department
            FROM generate_series(0, {scale.regions - 1}) AS n
            UNION ALL
            SELECT id::uuid, ({department.format(n="7")})::uuid
            FROM unnest(ARRAY['{TOWN}', '{QUARTER}']) AS id
        ) AS leaves"""
    lineage = "parent_id, lineage" if is_nested else "NULL, ARRAY[id]"
    ids = _ids(stage, database)
    with stage.connect(database) as connection, connection.transaction():
        # Without the triggers: what the events of so many would cost is not the question here.
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("DELETE FROM reports.regions")
        connection.execute(
            f"INSERT INTO reports.regions (region_id, version, parent_id, lineage)"
            f" SELECT id, 1, {lineage} FROM ({parents}) AS regions"
        )
        insert = samples.insert(
            {**ids, "region_id": str(COUNTRY)},
            source=f"FROM generate_series(1, {scale.reports}) AS n",
            number="n",
        )
        connection.execute(insert.replace(f"'{COUNTRY}'", place, 1))
    with stage.connect(database) as connection:
        connection.execute("VACUUM ANALYZE reports.reports")
        connection.execute("VACUUM ANALYZE reports.regions")


def _ids(stage: Stage, database: TemporaryDatabase) -> dict[str, str]:
    with stage.connect(database) as connection:
        connection.execute("INSERT INTO reports.report_types (name) VALUES ('Flood') ON CONFLICT DO NOTHING")
        connection.execute(
            "INSERT INTO reports.severity_levels (name, level) VALUES ('High', 4) ON CONFLICT DO NOTHING"
        )
    return {
        "user_id": str(UUID(int=0)),
        "report_type_id": stage.value(database, "SELECT min(id::text) FROM reports.report_types"),
        "severity_level_id": stage.value(database, "SELECT min(id::text) FROM reports.severity_levels"),
    }

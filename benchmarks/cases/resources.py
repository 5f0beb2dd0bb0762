"""Taking places of one resource that everybody wants, and finding the nearest among many."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from benchmarks.floor import CLIENTS, pgbench
from benchmarks.measure import FLOOR, OURS, Result, Scale, Target, contest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.stage import Stage

OUTSTANDING = 64
FULL_SCAN = "full scan"
PLACES = [(lon, lat) for lon in range(-170, 180, 20) for lat in range(-60, 70, 20)]


def run(stage: Stage, scale: Scale) -> Iterator[Result]:
    """Usage changes of one resource with 64 outstanding, and the ten nearest one after another."""
    with stage.serving("resources"):
        yield _usage(stage, scale)
        yield _nearest(stage, scale)


def _usage(stage: Stage, scale: Scale) -> Result:
    """One row is locked by each change in turn, so neither more workers nor more processes would help."""
    hot = stage.administrator.call(
        "resources.create_resource", id=str(uuid4()), **_resource(stage), capacity=2 * scale.usage_changes
    )["id"]

    def rate() -> float:
        changes = [
            {"resource_id": hot, "id": str(uuid4()), "usage_change": 1 if number % 2 else -1}
            for number in range(1, scale.usage_changes + 1)
        ]
        # Never below nothing, in whatever order they arrive.
        stage.administrator.call(
            "resources.update_resource_usage", resource_id=hot, id=str(uuid4()), usage_change=OUTSTANDING
        )
        began = time.perf_counter()
        for _ in stage.administrator.results(
            "resources.update_resource_usage", changes, outstanding=OUTSTANDING
        ):
            pass
        seconds = time.perf_counter() - began
        stage.administrator.call(
            "resources.update_resource_usage", resource_id=hot, id=str(uuid4()), usage_change=-OUTSTANDING
        )
        return scale.usage_changes / seconds

    with stage.connect(stage.floor) as connection:
        row = connection.execute(
            _insert(stage.resource_ids_in(stage.floor), "1") + " RETURNING id::text"
        ).fetchone()
    if row is None:
        raise AssertionError("the floor has no resource")
    script = f"SELECT resources.update_resource_usage('{row[0]}', 1);"
    return contest(
        f"Change the usage of one resource, {OUTSTANDING} outstanding ({CLIENTS} clients for the floor)",
        "changes/s",
        scale.rounds,
        {FLOOR: lambda: pgbench(stage.floor, script, scale.usage_changes), OURS: rate},
        ratios=[(OURS, FLOOR)],
    )


def _nearest(stage: Stage, scale: Scale) -> Result:
    """Ours is a whole RPC, the scan is the query alone."""
    with stage.connect(stage.database) as connection:
        # Without the triggers: what the events of so many would cost is not the question here.
        connection.execute("SET session_replication_role = replica")
        connection.execute(_insert(stage.resource_ids_in(stage.database), str(scale.resources)))
        connection.execute("ANALYZE resources.resources")

    def rate() -> float:
        calls = [
            {"lon": PLACES[number % len(PLACES)][0], "lat": PLACES[number % len(PLACES)][1], "limit": 10}
            for number in range(scale.nearest_calls)
        ]
        began = time.perf_counter()
        for found in stage.administrator.results("resources.find_nearest_resources", calls, outstanding=1):
            if len(found["items"]) != calls[0]["limit"]:
                raise AssertionError(found)
        return scale.nearest_calls / (time.perf_counter() - began)

    # An expression that no index holds has to be worked out for every row.
    scan = """
        SELECT id FROM resources.resources WHERE status = 'available'
        ORDER BY extensions.cube_distance(earth, extensions.cube(ARRAY[0::float8, 0, 6371008.8])) + 0 LIMIT 10;
    """
    return contest(
        f"The ten nearest of {scale.resources:,} resources, one after another",
        "answers/s",
        scale.rounds,
        {FULL_SCAN: lambda: pgbench(stage.database, scan, max(scale.nearest_calls // 10, 1), 1), OURS: rate},
        ratios=[(OURS, FULL_SCAN)],
        targets=[Target(OURS, 1.0, FULL_SCAN)],
    )


def _resource(stage: Stage) -> dict[str, Any]:
    return {
        **stage.resource_ids_in(stage.database),
        "name": "The shelter that everybody wants",
        "location": {"type": "Point", "coordinates": [-72.3, 18.5]},
    }


def _insert(ids: Mapping[str, str], count: str) -> str:
    return f"""
        INSERT INTO resources.resources (name, region_id, resource_type_id, location, capacity, updated_by)
        SELECT 'Shelter ' || n, '{ids["region_id"]}', '{ids["resource_type_id"]}',
               jsonb_build_object('type', 'Point', 'coordinates',
                   jsonb_build_array(random() * 358 - 179, random() * 178 - 89)), 1000000000,
               '00000000-0000-0000-0000-000000000000'
        FROM generate_series(1, {count}) AS n"""

"""A hundred thousand reports on one map."""

from __future__ import annotations

import time

from tests.support.waiting import eventually

MANY = 100_000
FEW = 10
SECONDS = 2.0
"""How long a person may have to wait."""


def file_many(system):
    with system.superuser() as connection:
        # Without triggers there are no events, whose sending would be measured as well.
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            """
            INSERT INTO reports.reports
                (user_id, region_id, report_type_id, severity_level_id, title, description, location)
            SELECT (SELECT id FROM identity.users LIMIT 1), %(region)s, %(kind)s, %(level)s,
                'Incident', 'One of many.',
                jsonb_build_object('type', 'Point', 'coordinates',
                    jsonb_build_array(-74.5 + (n %% 317) * 0.009, 18 + (n / 317) * 0.006))
            FROM generate_series(0, %(many)s - 1) AS n
            """,
            {
                "region": system.regions["HT"],
                "kind": system.types["Flood"],
                "level": system.levels[4],
                "many": MANY,
            },
        )
        connection.execute("ANALYZE reports.reports")


def test_a_hundred_thousand_reports_are_there_at_once(page, system):
    file_many(system)
    page.go()
    began = time.monotonic()
    page.sign_in()
    page.says("#shown", "100,000 reports here, by area")
    page.find("#map .mark.cell")
    assert time.monotonic() - began < SECONDS + 1  # typing included
    page.click("#map .mark.cell")
    began = time.monotonic()
    eventually(lambda: len(page.visible("#map .mark.cell")) > FEW, "a nearer map")
    assert time.monotonic() - began < SECONDS
    assert "by area" in page.texts("#shown")[0]

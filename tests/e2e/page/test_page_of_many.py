"""A hundred thousand reports on one map.

What makes it quick is that the page asks for counts by area and never for all of them; how quick it is stands in
docs/performance.md.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.e2e.page.conftest import running
from tests.support.waiting import eventually

MANY = 100_000
FEW = 10
LISTED = 500
"""Reports at most that the page holds at a time, in the list and on the map."""


@pytest.fixture(scope="module")
def system():
    with running() as made:
        yield made


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


def reports_asked_for(page):
    """How many reports the page may have been given at most, by the limits of its requests."""
    asked = [urlsplit(url) for url in page.requests()]
    return sum(int(parse_qs(one.query)["limit"][0]) for one in asked if one.path == "/api/v1/reports")


@pytest.mark.trial
def test_a_hundred_thousand_reports_are_there_at_once(page, system):
    file_many(system)
    page.go()
    page.sign_in()
    page.says("#shown", "100,000 reports here, by area")
    page.find("#map .mark.cell")
    page.click("#map .mark.cell")
    eventually(lambda: len(page.visible("#map .mark.cell")) > FEW, "a nearer map")
    assert "by area" in page.texts("#shown")[0]
    assert 0 < reports_asked_for(page) <= LISTED

"""The reports that are written."""

from __future__ import annotations

from typing import Any

DESCRIPTION = "The bridge behind the market has given way; two families wait on the roof of the school. " * 5
"""About 400 characters, as people write them."""


def report(number: int, ids: dict[str, str]) -> dict[str, Any]:
    """The arguments that create a report."""
    return {
        "title": f"Bridge {number} washed away",
        "description": DESCRIPTION,
        "location": {"type": "Point", "coordinates": [-72.5 + number % 100 / 100, 18.5]},
        "region_id": ids["region_id"],
        "report_type_id": ids["report_type_id"],
        "severity_level_id": ids["severity_level_id"],
    }


def insert(ids: dict[str, str], *, source: str, report_id: str = "reports.uuid7()", number: str = "1") -> str:
    """SQL that inserts reports; ``source`` follows the SELECT, for example ``FROM generate_series(1, 9) AS n``."""
    return f"""
        INSERT INTO reports.reports (id, user_id, region_id, report_type_id, severity_level_id, title, description,
                                     location, reported_at, content_digest)
        SELECT {report_id}, '{ids["user_id"]}', '{ids["region_id"]}', '{ids["report_type_id"]}',
               '{ids["severity_level_id"]}', 'Bridge ' || {number} || ' washed away', '{DESCRIPTION}',
               '{{"type": "Point", "coordinates": [-72.5, 18.5]}}', now() - {number} * interval '1 second',
               '\\x00112233445566778899aabbccddeeff' {source}"""

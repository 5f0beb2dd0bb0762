"""docs/operations.md, "Backup and restore": its commands bring one service back, and tell nobody."""

import os
import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from infra.local.postgresql import binaries
from services.cli import loading
from shared.domain.topology import SERVICES
from shared.platform.db.engine import Database
from shared.platform.settings import Settings
from tests.support.regions import add_regions
from tests.support.waiting import patience

ROOT = Path(__file__).resolve().parents[2]


def commands():
    """The blocks of the section: the dump, the way back, and the copy of the tree of regions."""
    text = (ROOT / "docs" / "operations.md").read_text()
    section = text.split("## Backup and restore\n")[1].split("\n## ")[0]
    return re.findall(r"^```\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


@pytest.fixture
def connection(database):
    """A database with the catalogues, as its superuser."""
    settings = Settings(
        database_urls={}, administration_url="", admin_password="a long enough password", bcrypt_cost=4
    )
    for service in SERVICES:
        db = Database(database.url(service), pool_size=1)
        with db.write() as own:
            loading.seed(service, own, settings)
        db.close()
    add_regions(database.admin_url)
    with psycopg.connect(database.admin_url, autocommit=True) as made:
        yield made


def file_report(connection):
    """A report whose event has been published; its id."""
    [report_id] = connection.execute(
        "INSERT INTO reports.reports"
        " (user_id, region_id, report_type_id, severity_level_id, title, description, location)"
        " SELECT u.id, r.id, t.id, s.id, 'Road blocked', 'A landslide.',"
        ' \'{"type": "Point", "coordinates": [-72.3, 18.5]}\''
        " FROM identity.users u, identity.regions r, reports.report_types t, reports.severity_levels s"
        " ORDER BY u.created_at DESC LIMIT 1 RETURNING id"
    ).fetchone()
    connection.execute("DELETE FROM reports.outbox")
    return report_id


def handle_events(connection, report_id):
    """The history is told where the report is now, as its handler would do it."""
    connection.execute(
        "INSERT INTO reports.report_status_history (id, report_id, status, changed_by, version)"
        " SELECT gen_random_uuid(), id, status, user_id, version FROM reports.reports WHERE id = %s",
        [report_id],
    )


def change_status(connection, report_id, status):
    connection.execute("UPDATE reports.reports SET status = %s WHERE id = %s", [status, report_id])


def test_a_service_comes_back_by_itself(database, connection, tmp_path):
    dump, restore, copy_regions = commands()
    told, on_its_way = file_report(connection), file_report(connection)
    handle_events(connection, told)
    run(dump, database, tmp_path)
    change_status(connection, told, "confirmed")
    connection.execute("DELETE FROM reports.outbox")
    handle_events(connection, told)
    undone = file_report(connection)
    run(restore, database, tmp_path)
    connection.execute("UPDATE reports.regions SET version = 1, lineage = '{}'")
    run(copy_regions, database, tmp_path)

    regions = "SELECT region_id, parent_id, lineage FROM reports.regions ORDER BY 1"
    of_identity = "SELECT id, parent_id, lineage FROM identity.regions ORDER BY 1"
    assert connection.execute(regions).fetchall() == connection.execute(of_identity).fetchall()
    reports = connection.execute("SELECT id, status, version FROM reports.reports").fetchall()
    assert sorted(reports) == sorted((report_id, "pending", 1_000_001) for report_id in (told, on_its_way))
    history = connection.execute("SELECT report_id, status FROM reports.report_status_history").fetchall()
    assert sorted(history) == sorted((report_id, "pending") for report_id in (told, on_its_way))
    assert undone not in {row[0] for row in reports}
    assert connection.execute("SELECT count(*) FROM reports.outbox").fetchone() == (0,), "nobody is told"

    change_status(connection, told, "confirmed")
    event = connection.execute("SELECT type, subject, sequence FROM reports.outbox").fetchall()
    assert event == [("report_status_changed", told, 1_000_002)], "it goes on from there"


def run(block, database, directory):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=directory,
        env=os.environ | {"PATH": f"{binaries()}:{os.environ['PATH']}", "DATABASE_URL": database.admin_url},
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

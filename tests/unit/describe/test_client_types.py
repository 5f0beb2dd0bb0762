"""mypy knows the client's services, methods, arguments and results."""

import subprocess
import sys

import pytest

from services.cli.describe.command import ROOT

RIGHT = """
from datetime import UTC, datetime
from uuid import UUID

from shared.client.types.reports import Report
from shared.client.rpc import RpcClient

client = RpcClient("amqp://")
report: Report = client.reports.create_report(
    report_type_id=UUID(int=1),
    severity_level_id="01978f3d-0c00-7d30-8f33-2a3b4c5d6e7f",
    title="Bridge washed away",
    description="It is gone.",
    location={"type": "Point", "coordinates": [-72.3, 18.5]},
    reported_at=datetime.now(UTC),
)
title: str = report["title"]
client.reports.change_report_status(report_id=report["id"], version=report["version"], status="confirmed")
names = [region["name"] for region in client.identity.list_regions(limit=10)["items"]]
"""

WRONG = {
    "no such service": ("client.reportz.list_reports()", "has no attribute"),
    "no such method": ("client.reports.file_report()", "has no attribute"),
    "no such argument": ("client.reports.list_reports(titel='x')", "Unexpected keyword argument"),
    "an argument is missing": ("client.reports.get_report()", "Missing named argument"),
    "an argument of a wrong type": ("client.reports.list_reports(limit='ten')", "incompatible type"),
    "no such status": ("client.reports.list_reports(status='pendin')", "incompatible type"),
    "no such field of a result": (
        "client.reports.get_report(report_id='x')['titel']",
        'has no key "titel"',
    ),
}
HEAD = "from shared.client.rpc import RpcClient\n\nclient = RpcClient('amqp://')\n"


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """What mypy says of the right program, and of each wrong line."""
    directory = tmp_path_factory.mktemp("typed")
    (directory / "right.py").write_text(RIGHT)
    (directory / "wrong.py").write_text(HEAD + "\n".join(line for line, _ in WRONG.values()) + "\n")
    config = directory / "mypy.ini"
    # Only what an editor would show a user of the client: not what is inside of it.
    config.write_text("[mypy]\nstrict = true\nfollow_imports = silent\nignore_missing_imports = true\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--config-file",
            config,
            directory / "right.py",
            directory / "wrong.py",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout + done.stderr).splitlines()


def test_a_right_program_is_right(complaints):
    assert [line for line in complaints if "right.py" in line] == []


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_found(complaints, name):
    number = HEAD.count("\n") + 1 + list(WRONG).index(name)
    found = [line for line in complaints if f"wrong.py:{number}: error:" in line]
    assert any(WRONG[name][1] in line for line in found), complaints

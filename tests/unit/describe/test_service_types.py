"""mypy knows the arguments and results inside of the services."""

import subprocess
import sys

import pytest

from services.cli.describe.command import ROOT

HEAD = """
from datetime import datetime
from typing import Unpack
from uuid import UUID

from sqlalchemy import Connection

from services.alerts.schemas import types as alerts
from services.reports import comments, reports as concept
from services.reports.schemas import types as reports
from services.reports.service import ReportsService
from shared.platform.rpc.context import Caller


def create_report(**arguments: Unpack[reports.CreateReport]) -> UUID:
    moment: datetime | None = arguments.get("reported_at")
    return arguments["report_type_id"] if moment is None else UUID(int=0)


def get_report(report: reports.Report) -> str:
    changed: datetime = report["updated_at"]
    return f"{report['title']}, {changed.isoformat()}"


def comment(connection: Connection, caller: Caller, given: reports.AddComment) -> str:
    report = concept.get_report(connection, caller, given["report_id"])
    return report["title"] + comments.add_comment(connection, caller, given)["content"]


def first_target(**arguments: Unpack[alerts.DraftAlert]) -> str:
    return arguments["targets"][0].target_id

"""

WRONG = {
    "no such argument": (
        "def f(**arguments: Unpack[reports.CreateReport]) -> str: return arguments['titel']",
        'has no key "titel"',
    ),
    "no such field of a result": (
        "def g(row: reports.Report) -> str: return row['titel']",
        'has no key "titel"',
    ),
    "a field of a wrong type": (
        "def h(row: reports.Report) -> str: return row['updated_at']",
        'got "datetime", expected "str"',
    ),
    "no such field of what a concept function returns": (
        (
            "def i(c: Connection, who: Caller, report: UUID) -> str:"
            " return concept.get_report(c, who, report)['titel']"
        ),
        'has no key "titel"',
    ),
    "no such field of what a concept function takes": (
        (
            "def j(c: Connection, who: Caller, report: UUID) -> reports.Report:"
            " return concept.update_report(c, who, {'report_id': report, 'version': 1, 'titel': 'Flood'})"
        ),
        'Extra key "titel"',
    ),
    "no such argument of a method": (
        (
            "def k(service: ReportsService, who: Caller, report: UUID) -> reports.Report:"
            " return service.update_report(who, report_id=report, version=1, titel='Flood')"
        ),
        'Unexpected keyword argument "titel"',
    ),
    "a result without a field": ("made: reports.ReportType = {'name': 'Flood'}", "Missing keys"),
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """What mypy says of the right functions, and of each wrong line behind them."""
    directory = tmp_path_factory.mktemp("typed")
    program, config = directory / "program.py", directory / "mypy.ini"
    program.write_text(HEAD + "\n".join(line for line, _ in WRONG.values()) + "\n")
    config.write_text("[mypy]\nstrict = true\nfollow_imports = silent\nignore_missing_imports = true\n")
    command = [sys.executable, "-m", "mypy", "--config-file", config, program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).splitlines()


def test_right_functions_are_right(complaints):
    right = range(1, HEAD.count("\n") + 1)
    assert [line for line in complaints for number in right if f"program.py:{number}: error:" in line] == []


@pytest.mark.parametrize("name", WRONG)
def test_a_misspelt_field_is_found(complaints, name):
    number = HEAD.count("\n") + 1 + list(WRONG).index(name)
    found = [line for line in complaints if f"program.py:{number}: error:" in line]
    assert any(WRONG[name][1] in line for line in found), complaints

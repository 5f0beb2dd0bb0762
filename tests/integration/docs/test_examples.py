"""The examples of the documentation do what they say, each as a program of its own."""

import os
import re
import subprocess
import sys

import pytest

from tests.support.processes import ROOT

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
SECONDS = 60

SAYS = {
    "nameko_example": [rf"filed {UUID}: pending", rf"heard of {UUID}: Road blocked, severity [1-5]"],
    "kombu_example": [
        rf"filed {UUID}: pending; again: the same, True",
        r"heard report_status_changed 2: pending > confirmed",
        r"refused: invalid: .*report_id.*",
    ],
}


def test_the_documentation_makes_that_user():
    assert "broker-users --client watch" in (ROOT / "docs" / "operations.md").read_text()


def test_every_example_is_run():
    examples = {path.stem for path in (ROOT / "docs" / "examples").glob("*.py")}
    assert examples == SAYS.keys()


@pytest.mark.parametrize(
    ("name", "user"),
    [
        # the one that docs/operations.md makes, and one of another name
        ("kombu_example", "watch"),
        ("kombu_example", "dispatch"),
        ("nameko_example", "neighbour"),
    ],
)
def test_an_example_runs_as_a_user_of_the_broker_that_the_documentation_makes(name, user, system):
    done = subprocess.run(
        [sys.executable, "-m", f"docs.examples.{name}"],
        cwd=ROOT,
        env=os.environ | system(user),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(SAYS[name])
    for line, expected in zip(lines, SAYS[name], strict=True):
        assert re.fullmatch(expected, line), line

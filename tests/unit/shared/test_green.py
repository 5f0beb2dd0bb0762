"""Every process of ours is cooperative before anything else is imported."""

import subprocess
import sys

import pytest

from tests.support.processes import ROOT
from tests.support.waiting import patience


def python(program):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )


@pytest.mark.parametrize("module", ["services.__main__", "shared.platform.concurrency"])
def test_a_query_lets_the_others_work(module):
    done = python(
        f"import {module}, select, eventlet.green.select, psycopg.waiting as waiting\n"
        "assert waiting.wait is waiting.wait_selector\n"
        "assert select.select is eventlet.green.select.select"
    )
    assert done.returncode == 0, done.stderr


def test_what_comes_too_late_is_refused():
    assert (
        "ImportError: psycopg was imported before shared.platform.concurrency"
        in python("import psycopg, shared.platform.concurrency").stderr
    )

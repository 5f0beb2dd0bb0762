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


PATCH = "from shared.platform import concurrency; concurrency.patch()"


@pytest.mark.parametrize("begin", ["import services.__main__", PATCH])
def test_a_query_lets_the_others_work(begin):
    done = python(
        f"{begin}; import select, eventlet.green.select, psycopg.waiting as waiting\n"
        "assert waiting.wait is waiting.wait_selector\n"
        "assert select.select is eventlet.green.select.select"
    )
    assert done.returncode == 0, done.stderr


def test_what_comes_too_late_is_refused():
    assert (
        "ImportError: psycopg was imported before concurrency.patch()"
        in python(f"import psycopg; {PATCH}").stderr
    )

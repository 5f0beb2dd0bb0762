"""The benchmarks run to their end; what they measure in so short a run means nothing."""

import os
import subprocess
import sys

import orjson
import pytest

from tests.support.processes import ROOT
from tests.support.waiting import patience

pytestmark = pytest.mark.trial


@pytest.fixture(scope="module")
def report(broker, tmp_path_factory):
    path = tmp_path_factory.mktemp("benchmarks") / "benchmarks.json"
    own_broker = {
        "IMPACTX_TEST_AMQP_URI": broker.uri("/"),
        "IMPACTX_TEST_RABBITMQ_API": broker.api_url(),
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--json", path],
        cwd=ROOT,
        env=os.environ | own_broker,
        capture_output=True,
        text=True,
        timeout=patience(180),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return orjson.loads(path.read_bytes())


def test_every_contest_brings_figures(report):
    assert len(report["results"]) >= 6
    for result in report["results"]:
        assert result["rates"]
        for rate in result["rates"].values():
            assert 0 < rate["least"] <= rate["median"] <= rate["greatest"]


def test_ratios_compare_contestants_of_the_same_run(report):
    for result in report["results"]:
        for ratio in result["ratios"]:
            assert {ratio["of"], ratio["to"]} <= result["rates"].keys()


def test_the_machine_is_described_without_its_name(report):
    assert report["machine"].keys() == {"processors", "architecture", "python", "postgresql", "rabbitmq"}
    assert os.uname().nodename not in orjson.dumps(report).decode()

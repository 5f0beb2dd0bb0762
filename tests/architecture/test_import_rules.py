import subprocess
import sys
from pathlib import Path

import pytest

from shared.domain.topology import SERVICES
from tests.support.waiting import patience

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("service", "schemas", "models", "migrations")


def test_the_import_rules_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=patience(120),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service):
    home = ROOT / "services" / service
    missing = [room for room in ROOMS if not (home / f"{room}.py").exists() and not (home / room).is_dir()]
    assert not missing

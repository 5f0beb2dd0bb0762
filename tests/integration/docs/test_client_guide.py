"""The client is a distribution of its own: its wheel in an empty environment does what docs/client.md says."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from shared.client.local import LocalClient
from tests.integration.docs.conftest import EMAIL, PASSWORD
from tests.support.directories import temporary_directory
from tests.support.processes import ROOT, ServiceProcess
from tests.support.regions import create_regions
from tests.support.waiting import patience

ADDRESS = re.compile(r"http://[^/\s]+")
GUIDE = ROOT / "docs" / "client.md"

SAYS = {
    "rpc": "created pending\nnow confirmed 2\nrefused confirmed\n",
    "http": "reports 0\nregion True\n",
    "local": "signed in True\n",
    "events": "event report_created 1 Well polluted\n",
}
NEVER_INSTALLED = ("nameko", "eventlet", "sqlalchemy", "psycopg", "marshmallow", "flask")


def run(*command, **options):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=patience(300), check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python():
    """The interpreter of an environment in which nothing but the wheel and what it needs is installed."""
    directory = temporary_directory("client")
    shutil.copytree(
        ROOT / "shared" / "client", directory / "source", ignore=shutil.ignore_patterns("__pycache__")
    )
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", directory, directory / "source")
    (wheel,) = directory.glob("impactx_client-*.whl")
    run(sys.executable, "-m", "venv", directory / "venv")
    interpreter = directory / "venv" / "bin" / "python"
    run(interpreter, "-m", "pip", "install", "-q", wheel)
    yield interpreter
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def make_run():
    """A system as ``make run`` starts it; gives what a caller on this machine is told."""
    home = temporary_directory("home")
    environment = {
        "IMPACTX_HOME": str(home),
        "IMPACTX_HTTP_PORT": "0",
        "IMPACTX_ADMIN_EMAIL": EMAIL,
        "IMPACTX_ADMIN_PASSWORD": PASSWORD,
        "IMPACTX_BCRYPT_COST": "4",
    }
    log = temporary_directory("client-log") / "run.log"
    with ServiceProcess(["run"], environment=environment, log=log, ready="Ready after") as process:
        with LocalClient(home / "rpc.sock", email=EMAIL, password=PASSWORD) as client:
            create_regions(client)
        yield {
            "IMPACTX_HOME": str(home),
            "IMPACTX_URL": ADDRESS.search(process.output()).group(),
            "IMPACTX_EMAIL": EMAIL,
            "IMPACTX_PASSWORD": PASSWORD,
        }
        process.terminate()


def programs():
    found = re.findall(r"```python (\w+)\n(.*?)```", GUIDE.read_text(), flags=re.DOTALL)
    return dict(found)


def outside(environment):
    """What a program in another place is told: nothing of this checkout."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment


def test_every_program_of_the_guide_is_run():
    assert programs().keys() == SAYS.keys()


def test_the_wheel_brings_nothing_of_the_services_and_is_typed(python):
    code = (
        "import importlib.util, impactx_client, pathlib;"
        f"print([name for name in {NEVER_INSTALLED!r} if importlib.util.find_spec(name)],"
        " (pathlib.Path(impactx_client.__file__).parent / 'py.typed').is_file())"
    )
    assert run(python, "-c", code, cwd=python.parent, env=outside({})) == "[] True\n"


@pytest.mark.parametrize("name", ["rpc", "events"])
def test_a_program_runs_against_rabbitmq(name, python, system):
    said = run(python, "-W", "error", "-c", programs()[name], cwd=python.parent, env=outside(system("watch")))
    assert said == SAYS[name]


@pytest.mark.parametrize("name", ["http", "local"])
def test_a_program_runs_against_make_run(name, python, make_run):
    said = run(python, "-W", "error", "-c", programs()[name], cwd=python.parent, env=outside(make_run))
    assert said == SAYS[name]

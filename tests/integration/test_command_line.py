"""What an operator reads when something is wrong: a sentence, not a traceback."""

import subprocess
import sys

import kombu
import pytest

from infra.embedded.postgresql.ports import free_port
from tests.support.postgresql import shared_server
from tests.support.processes import ROOT

NOBODY = f"127.0.0.1:{free_port()}"


def command(*arguments, home, **environment):
    """Runs a command without the settings of this process; what it said to the person."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "services", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "IMPACTX_HOME": str(home), "IMPACTX_LOG_LEVEL": "CRITICAL"}
        | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("name", ["bootstrap", "migrate", "seed"])
def test_a_database_that_is_away(name, tmp_path):
    said = command(
        name,
        home=tmp_path,
        DATABASE_URL=f"postgresql://admin:secret@{NOBODY}/impactx",
        IMPACTX_ADMIN_PASSWORD="long enough",
    )
    assert "Error: The database cannot be used: connection failed" in said
    assert "secret" not in said


def test_a_database_that_is_none(tmp_path):
    url = shared_server().url(database="nowhere")
    said = command("migrate", home=tmp_path, DATABASE_URL=url)
    assert 'database "nowhere" does not exist' in said


@pytest.mark.parametrize("arguments", [["topology"], ["dead-letters", "list"]])
def test_a_broker_that_is_away(arguments, tmp_path):
    said = command(*arguments, home=tmp_path, AMQP_URI=f"amqp://guest:secret@{NOBODY}//")
    assert "Error: The message broker cannot be used" in said
    assert "secret" not in said


def test_a_broker_that_refuses_the_user(broker, tmp_path):
    stranger = f"amqp://stranger:wrong@{broker.host}:{broker.port}//"
    assert "ACCESS_REFUSED" in command("topology", home=tmp_path, AMQP_URI=stranger)


def test_a_queue_that_was_made_otherwise(virtual_host, tmp_path):
    with kombu.Connection(virtual_host.uri) as connection:
        kombu.Queue("reports.history", durable=True)(connection.channel()).queue_declare()
    said = command("topology", home=tmp_path, AMQP_URI=virtual_host.uri)
    assert "The broker has another queue reports.history" in said


def test_nobody_to_sign_in_as(tmp_path):
    said = command("call", "reports.list_reports", home=tmp_path, AMQP_URI=f"amqp://guest:guest@{NOBODY}//")
    assert "IMPACTX_ADMIN_PASSWORD" in said
    assert "IMPACTX_TOKEN" in said


def test_a_key_that_is_none(virtual_host, tmp_path):
    said = command(
        "serve",
        "identity",
        home=tmp_path,
        AMQP_URI=virtual_host.uri,
        DATABASE_URL=shared_server().url(),
        IMPACTX_JWT_PRIVATE_KEY="not a key",
    )
    assert said == "Error: IMPACTX_JWT_PRIVATE_KEY is not a PEM private key without a passphrase.\n"


def test_a_place_that_runs_already():
    said = command("run", home=shared_server().directory.parent)
    assert "is already run by process" in said

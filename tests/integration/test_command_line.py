"""What an operator reads when something is wrong: a sentence, not a traceback."""

import json
import os
import re
import subprocess
import sys

import kombu
import psycopg
import pytest

from infra.local.postgresql.ports import free_port
from shared.platform.db.migration import migrate
from shared.platform.db.revisions import revisions
from tests.support.directories import temporary_directory
from tests.support.postgresql import TemporaryDatabase, fresh_database, shared_server
from tests.support.processes import ROOT, ServiceProcess
from tests.support.waiting import patience

NOBODY = f"127.0.0.1:{free_port()}"


def command(*arguments, home, **environment):
    """Runs a command without the settings of this process that has to fail; what it said to the person."""
    done = run(*arguments, home=home, **environment)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


def run(*arguments, home, **environment):
    """Runs a command without the settings of this process."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "services", *arguments],
        cwd=ROOT,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPYCACHEPREFIX": os.environ["PYTHONPYCACHEPREFIX"],
            "IMPACTX_HOME": str(home),
            "IMPACTX_LOG_LEVEL": "CRITICAL",
        }
        | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=False,
    )


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


def test_a_key_that_is_none(seeded, virtual_host, tmp_path):
    said = command(
        "serve",
        "identity",
        home=tmp_path,
        AMQP_URI=virtual_host.uri,
        DATABASE_URL=seeded.admin_url,
        IMPACTX_JWT_PRIVATE_KEY="not a key",
    )
    assert (
        said == "Error: IMPACTX_JWT_PRIVATE_KEY must be a private key in PEM format without a passphrase.\n"
    )


@pytest.mark.parametrize(
    ("service", "variable", "value"),
    [
        ("alerts", "IMPACTX_ALERT_SENDER", "with blanks & more"),
        ("alerts", "IMPACTX_ALERT_APPROVAL_PRIORITIES", "critical, urgent"),
        ("gateway", "IMPACTX_TILE_URL", "ftp://tiles.example/{z}"),
    ],
)
def test_a_setting_of_one_service_that_cannot_work(service, variable, value, seeded, virtual_host, tmp_path):
    said = command(
        "serve",
        service,
        home=tmp_path,
        AMQP_URI=virtual_host.uri,
        DATABASE_URL=seeded.admin_url,
        IMPACTX_HTTP_PORT="0",
        IMPACTX_LOG_LEVEL="INFO",
        **{variable: value},
    )
    assert said.startswith(f"Error: {variable} must ")
    assert said.count("\n") == 1


def test_run_says_at_every_start_where_the_password_is(tmp_path):
    home = temporary_directory("password")
    process = ServiceProcess(
        ["run"],
        environment={"IMPACTX_HOME": str(home), "IMPACTX_HTTP_PORT": "0"},
        log=tmp_path / "log",
        ready="Ready after",
    )
    where = f'in {home}/secrets.json, under "administrator"'
    said = []
    for _ in range(2):
        process.start()
        try:
            said.append(re.search(r"^password +(.*)$", process.output(), re.MULTILINE)[1])
        finally:
            process.terminate()
    password = json.loads((home / "secrets.json").read_text())["administrator"]
    assert said == [f"{password}   (not shown again; it is {where})", where]


def test_a_place_that_runs_already():
    said = command("run", home=shared_server().directory.parent)
    assert "is already run by process" in said


@pytest.fixture
def seeded(tmp_path):
    """A database as after `seed`."""
    database = fresh_database()
    execute(
        database, "INSERT INTO identity.regions (id, name, code) VALUES (gen_random_uuid(), 'North', 'N')"
    )
    yield database
    database.drop()


def execute(database, statement):
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        return connection.execute(statement)


def test_an_older_version_leaves_a_newer_schema_as_it_is_and_ends_well(seeded, tmp_path):
    execute(seeded, "UPDATE reports.alembic_version SET version_num = '9001'")
    done = run("migrate", home=tmp_path, DATABASE_URL=seeded.admin_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "reports: at revision 9001, which is newer than this version of ImpactX. Nothing was changed"
        in done.stdout
    )
    assert f"alerts: at revision {revisions('alerts')[-1]}." in done.stdout


def test_going_back_on_data_is_refused_where_nobody_can_be_asked(seeded, tmp_path):
    before = execute(seeded, "SELECT count(*) FROM identity.regions").fetchone()
    said = command("migrate", "--revision", "base", home=tmp_path, DATABASE_URL=seeded.admin_url)
    assert "these tables have rows: identity: " in said
    assert "--yes" in said
    assert execute(seeded, "SELECT count(*) FROM identity.regions").fetchone() == before


def test_going_back_on_data_goes_on_when_it_was_said_ahead(seeded, tmp_path):
    done = run("migrate", "--revision", "base", "--yes", home=tmp_path, DATABASE_URL=seeded.admin_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert "reports: at revision base." in done.stdout


def test_a_revision_that_does_not_exist(seeded, tmp_path):
    said = command("migrate", "--revision", "7777", home=tmp_path, DATABASE_URL=seeded.admin_url)
    assert said.startswith("Error: identity has no revision '7777': it has 0001, ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("names", [["serve", "alerts"], ["seed"]])
def test_a_schema_that_is_too_old(names, seeded, virtual_host, tmp_path):
    migrate(seeded.admin_url, ["alerts"], "-1")
    said = command(
        *names,
        home=tmp_path,
        AMQP_URI=virtual_host.uri,
        DATABASE_URL=seeded.admin_url,
        IMPACTX_ADMIN_PASSWORD="long enough to be one",
    )
    assert "Error: The schema alerts is at revision" in said
    assert said.endswith("run `migrate` first.\n")


@pytest.mark.parametrize("names", [["bootstrap"], ["migrate"], ["seed"], ["serve", "reports"]])
def test_a_database_that_is_not_utf8(names, virtual_host, tmp_path):
    server = shared_server()
    database = TemporaryDatabase(server, "impactx_sql_ascii_commands")
    with psycopg.connect(server.url(database="postgres"), autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {database.name}"
            " TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'"
        )
    try:
        said = command(
            *names,
            home=tmp_path,
            AMQP_URI=virtual_host.uri,
            DATABASE_URL=database.admin_url,
            IMPACTX_ADMIN_PASSWORD="long enough to be one",
        )
    finally:
        database.drop()
    assert f"Error: The database {database.name} has the encoding SQL_ASCII, and ImpactX needs UTF8" in said

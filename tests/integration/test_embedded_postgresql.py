import os
import pwd
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import eventlet
import psycopg
import pytest

from infra.local.postgresql import EmbeddedPostgresql, PostgresqlError, binaries
from infra.local.postgresql.account import Account
from infra.local.postgresql.postmaster import Postmaster
from tests.support.directories import temporary_directory
from tests.support.postgresql import WatchedPostgresql
from tests.support.waiting import ends, patience

ROOT = Path(__file__).resolve().parents[2]
ORDINARY = "nobody"


@pytest.fixture(scope="module")
def running():
    with WatchedPostgresql(temporary_directory("embedded") / "postgresql", durable=False) as server:
        yield server


@pytest.fixture
def directory():
    return temporary_directory("embedded") / "postgresql"


def execute(server, statement):
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(statement)


def query(server, statement):
    with psycopg.connect(server.url(), autocommit=True) as connection:
        return connection.execute(statement).fetchone()


def test_lets_nobody_in_without_the_password(running):
    wrong = running.url().replace(running.password(), "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_keeps_the_password_to_its_owner(running):
    assert (running.directory / "password").stat().st_mode & 0o077 == 0
    assert running.data.stat().st_mode & 0o077 == 0


def test_listens_on_the_loopback_alone_and_has_no_unix_socket(running):
    assert query(
        running, "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
    ) == (
        "127.0.0.1",
        "",
    )


def test_gives_each_role_a_password_of_its_own_that_stays_the_same(running):
    again = EmbeddedPostgresql(running.directory)
    assert again.password("reports_service") == running.password("reports_service")
    assert running.password("reports_service") != running.password("identity_service")
    assert running.password("reports_service") != running.password()


def test_says_who_uses_the_directory(running):
    with pytest.raises(PostgresqlError, match=f"already run by process {os.getpid()}"):
        EmbeddedPostgresql(running.directory).start()
    assert query(running, "SELECT 1") == (1,)


def test_comes_back_on_its_port_with_its_data(directory):
    server = WatchedPostgresql(directory)
    with server:
        port = server.port
        execute(server, "CREATE TABLE kept AS SELECT 7 AS seven")
    with server:
        assert server.port == port
        assert query(server, "SELECT seven FROM kept") == (7,)


def test_starts_soon_once_it_is_initialised(directory):
    with WatchedPostgresql(directory) as server, ends("the restart", 5):
        server.restart()


def test_takes_another_port_when_somebody_has_its_own(directory):
    server = WatchedPostgresql(directory, durable=False)
    with server:
        port = server.port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with server:
            assert server.port != port
            assert query(server, "SELECT 1") == (1,)


@pytest.mark.parametrize("durable", [True, False])
def test_a_commit_survives_the_killing_of_the_server(directory, durable):
    with WatchedPostgresql(directory, durable=durable) as server:
        execute(server, "CREATE TABLE kept (n int)")
        with psycopg.connect(server.url()) as connection:
            connection.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
        server.kill()
        assert (server.data / "postmaster.pid").exists()
        server.start()
        assert query(server, "SELECT count(*) FROM kept") == (1000,)


def test_a_stale_note_with_the_number_of_a_living_process_is_no_server(directory):
    server = WatchedPostgresql(directory, durable=False)
    server.start()
    note = server.data / "postmaster.pid"
    server.kill()
    # the number went to another process of the same account, as it may after the machine was started anew
    identity = {"user": note.stat().st_uid} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "60"], **identity) as other:
        lines = note.read_text().splitlines()
        lines[0] = str(other.pid)
        note.write_text("\n".join(lines) + "\n")
        with server:
            assert query(server, "SELECT 1") == (1,)
        other.kill()


def test_begins_anew_after_an_interrupted_initialisation(directory):
    (directory / "data.unfinished").mkdir(parents=True)
    (directory / "data.unfinished" / "PG_VERSION").write_text("18\n")
    with WatchedPostgresql(directory, durable=False) as server:
        assert query(server, "SELECT 1") == (1,)
    assert not (directory / "data.unfinished").exists()


def test_says_what_the_server_said_when_it_does_not_start(directory):
    with pytest.raises(PostgresqlError, match="no_such_setting"):
        WatchedPostgresql(directory, settings={"no_such_setting": "1"}).start()


def test_other_greenlets_go_on_while_it_starts(directory):
    ticks = []

    def tick():
        while True:
            ticks.append(1)
            eventlet.sleep(0.01)

    ticking = eventlet.spawn(tick)
    try:
        with WatchedPostgresql(directory, durable=False):
            count = len(ticks)
    finally:
        ticking.kill()
    assert count > 10


@pytest.mark.parametrize("green", [True, False], ids=["green", "plain"])
@pytest.mark.parametrize("account", ["ours", "ordinary"])
def test_runs_for_every_account(account, green):
    home = temporary_directory("account")
    identity = None
    if account == "ordinary" and os.geteuid() == 0:
        entry = pwd.getpwnam(ORDINARY)
        identity = (entry.pw_uid, entry.pw_gid)
        Account(*identity, ORDINARY).open_tree(binaries().parent)
        os.chown(home, *identity)
    said = run_in_child(
        f"""
        {"from shared.platform import concurrency; concurrency.patch()" if green else ""}
        import os, sys
        from pathlib import Path
        import psycopg
        from infra.local.postgresql import EmbeddedPostgresql, binaries
        binaries(), psycopg.connect
        import encodings.idna, encodings.ascii
        identity = {identity!r}
        if identity:
            os.setgroups([]), os.setgid(identity[1]), os.setuid(identity[0])
        with EmbeddedPostgresql(Path({str(home)!r}) / "postgresql", durable=False) as server:
            server.restart()
            server.kill()
            server.start()
            with psycopg.connect(server.url()) as connection:
                connection.execute("SELECT 1")
            print("uid", os.stat(f"/proc/{{server.pid}}").st_uid, os.geteuid())
        """
    )
    server_user, our_user = said.split()[-2:]
    assert server_user != "0"
    if our_user != "0":
        assert server_user == our_user


def test_takes_over_the_server_of_a_killed_run(directory):
    said = run_in_child(
        f"""
        import os
        from pathlib import Path
        from infra.local.postgresql import EmbeddedPostgresql
        server = EmbeddedPostgresql(Path({str(directory)!r}), durable=False).start()
        print(server.pid, server.port, flush=True)
        os.kill(os.getpid(), 9)
        """,
        status=-signal.SIGKILL,
    )
    pid, port = (int(word) for word in said.split()[-2:])
    with WatchedPostgresql(directory, durable=False) as server:
        assert (server.pid, server.port) == (pid, port)
        assert query(server, "SELECT 1") == (1,)
    assert not Postmaster(server.data, pid=pid).is_alive()


def run_in_child(code, status=0):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=patience(120),
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout

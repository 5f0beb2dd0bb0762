"""No wait for the database is without an end: a peer that accepts and then says nothing is left after a while."""

import os
import signal
import socket
from contextlib import contextmanager

import eventlet
import psycopg
import pytest
from sqlalchemy import exc, make_url, text

from infra.postgres import bootstrap as bootstrap_module
from infra.postgres.bootstrap import BootstrapError, bootstrap
from shared.client import deadline
from shared.client.errors import Unavailable
from shared.platform.db import engine as engine_module
from shared.platform.db import migration, revisions
from shared.platform.db.connection import BoundedConnection
from shared.platform.db.engine import Database
from shared.platform.db.errors import is_transient
from tests.support.proxy import Proxy

NEW_ROLE = text("INSERT INTO identity.roles (name) VALUES (:name)")
PID = text("SELECT pg_backend_pid()")
ANSWER = 0.5
"""Seconds for which these tests let a connection wait."""

FOR_EVER = 60
"""Seconds after which a test takes a wait for endless."""


@pytest.fixture(autouse=True)
def guarded():
    """A wait without an end fails the test."""
    with eventlet.Timeout(FOR_EVER, AssertionError("it waits for ever")):
        yield


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(BoundedConnection, "answer_seconds", ANSWER)
    monkeypatch.setattr(engine_module, "CONNECT_TIMEOUT", 2)


@pytest.fixture
def proxy(module_database):
    url = make_url(module_database.url("identity"))
    with Proxy(url.port, url.host) as made:
        yield made


@pytest.fixture
def db(module_database, proxy, impatient):
    database = Database(proxy.through(module_database.url("identity")), pool_size=2)
    yield database
    proxy.resume()
    database.close()


@pytest.fixture
def patient(module_database):
    """Without a proxy, and with the usual limits."""
    database = Database(module_database.url("identity"), pool_size=1)
    yield database
    database.close()


def ask(database):
    with database.read() as connection:
        return connection.execute(PID).scalar_one()


def backend_of(database):
    """The server's process behind the pool's one connection."""
    return ask(database)


def fails_for_now(work):
    with pytest.raises(exc.DBAPIError) as failure:
        work()
    assert is_transient(failure.value)
    return failure.value


@contextmanager
def frozen(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def mute():
    """A server that accepts and says nothing; the port alone."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


# --- a peer that accepts and never answers ---


def test_a_server_that_accepts_and_says_nothing_is_given_up(mute, impatient):
    fails_for_now(lambda: ask(Database(f"postgresql://x@127.0.0.1:{mute}/x")))


def test_a_handshake_that_stops_half_way_is_given_up(db, proxy):
    proxy.stall_after(5)
    fails_for_now(lambda: ask(db))
    proxy.resume()
    assert ask(db)


def test_a_statement_whose_answer_never_comes_is_given_up_and_its_connection_closed(db, proxy):
    with db.read() as connection:
        used = connection.connection.driver_connection
    proxy.stall()
    fails_for_now(lambda: ask(db))
    assert used.closed
    proxy.strand()
    assert ask(db)


def test_a_result_that_stops_in_the_middle_is_given_up(db, proxy):
    ask(db)
    proxy.stall_after(1000)
    with db.read() as connection:
        fails_for_now(lambda: connection.execute(text("SELECT repeat('x', 100000)")).scalar_one())
    proxy.resume()
    assert ask(db)


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_the_end_of_a_transaction_that_is_not_answered_is_given_up(db, proxy, ending):
    with db.engine.execution_options(isolation_level="READ COMMITTED").connect() as connection:
        connection.execute(NEW_ROLE, {"name": f"stalled {ending}"})
        proxy.stall(up=False)
        fails_for_now(getattr(connection, ending))
    proxy.resume()
    assert ask(db)


def test_giving_a_connection_back_has_an_end(db, proxy):
    """The pool rolls back what is left open."""
    connection = db.engine.execution_options(isolation_level="READ COMMITTED").connect()
    connection.execute(NEW_ROLE, {"name": "left open"})
    proxy.stall()
    fails_for_now(connection.close)
    proxy.strand()
    assert ask(db)


def test_a_frozen_backend_is_given_up(module_database, impatient):
    database = Database(module_database.url("identity"), pool_size=1)
    with frozen(backend_of(database)):
        fails_for_now(lambda: ask(database))
        assert ask(database), "a new connection leads to a new backend"
    database.close()


def test_the_other_connections_of_the_pool_are_not_trusted_either(db, proxy):
    with db.read() as one, db.read() as other:
        pids = {one.execute(PID).scalar_one(), other.execute(PID).scalar_one()}
    proxy.strand()
    fails_for_now(lambda: ask(db))
    assert ask(db) not in pids


def test_a_migration_gives_up_a_server_that_says_nothing(mute, monkeypatch):
    monkeypatch.setattr(revisions, "CONNECT_TIMEOUT", 2)
    with pytest.raises(Unavailable, match="timeout"):
        migration.migrate(f"postgresql://x@127.0.0.1:{mute}/x")


def test_a_migration_s_statements_have_an_end(module_database, monkeypatch):
    monkeypatch.setattr(migration, "GRACE_SECONDS", ANSWER)
    monkeypatch.setattr(migration, "STATEMENT_TIMEOUT", 0)
    url = make_url(module_database.admin_url)
    with Proxy(url.port, url.host) as proxy:
        admin_url = proxy.through(module_database.admin_url)
        with migration._alone(admin_url) as connection:
            proxy.stall()
            fails_for_now(lambda: connection.execute(text("SELECT 1")))


def test_the_bootstrap_s_statements_have_an_end(module_database, monkeypatch):
    monkeypatch.setattr(bootstrap_module, "GRACE_SECONDS", ANSWER)
    monkeypatch.setattr(bootstrap_module, "STATEMENT_SECONDS", 0)
    url = make_url(module_database.admin_url)
    with Proxy(url.port, url.host) as proxy:
        monkeypatch.setattr(
            bootstrap_module, "_bootstrap", lambda connection, _: stall_and_ask(proxy, connection)
        )
        with pytest.raises(BootstrapError, match="did not answer"):
            bootstrap(proxy.through(module_database.admin_url), {})


def stall_and_ask(proxy, connection):
    proxy.stall()
    connection.execute("SELECT 1")


# --- the deadline of the work in hand ---


def test_a_statement_is_cancelled_at_the_deadline_and_its_connection_stays(patient):
    backend = backend_of(patient)
    with deadline.within(0.2):
        failure = fails_for_now(lambda: sleep(patient))
    assert isinstance(failure.orig, psycopg.errors.QueryCanceled)
    assert ask(patient) == backend


def sleep(database):
    with database.read() as connection:
        connection.execute(text("SELECT pg_sleep(120)"))


def test_nothing_is_sent_once_the_deadline_is_over(patient):
    backend = backend_of(patient)

    def insert():
        with patient.write() as connection:
            connection.execute(NEW_ROLE, {"name": "too late"})

    with deadline.within(0):
        fails_for_now(insert)
    with patient.read() as connection:
        found = connection.execute(text("SELECT count(*) FROM identity.roles WHERE name = 'too late'"))
        assert found.scalar_one() == 0
    assert ask(patient) == backend


def test_a_transaction_whose_statements_are_done_is_committed_although_the_deadline_passes(patient):
    with patient.write() as connection, deadline.within(60):
        connection.execute(NEW_ROLE, {"name": "just in time"})
        deadline.begin(0)
        connection.commit()
    with patient.read() as connection:
        found = connection.execute(text("SELECT count(*) FROM identity.roles WHERE name = 'just in time'"))
        assert found.scalar_one() == 1


def test_a_server_that_does_not_cancel_is_given_up_at_the_deadline(module_database, monkeypatch):
    monkeypatch.setattr("shared.platform.db.connection.CANCEL_SECONDS", ANSWER)
    database = Database(module_database.url("identity"), pool_size=1)
    with frozen(backend_of(database)), deadline.within(0.2):
        fails_for_now(lambda: ask(database))
    assert ask(database)
    database.close()


def test_work_of_other_greenlets_is_not_cut_short(patient):
    with deadline.within(0.1):
        other = eventlet.spawn(deadline.left)
        assert other.wait() == float("inf")

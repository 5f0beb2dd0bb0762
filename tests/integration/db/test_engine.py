"""Connections and transactions, and what becomes of them when the server takes them away."""

import eventlet
import psycopg
import pytest
from sqlalchemy import exc, literal, select, text

from shared.client.errors import Conflict, Invalid
from shared.platform.db.context import trace, with_event_context
from shared.platform.db.engine import Database, database_url
from shared.platform.db.errors import field_errors, is_transient
from tests.support.waiting import ends, eventually

NEW_ROLE = text("INSERT INTO identity.roles (name) VALUES (:name)")
ROLES = text("SELECT count(*) FROM identity.roles WHERE name = :name")


@pytest.fixture
def db(module_database):
    database = Database(module_database.url("identity"), pool_size=2)
    database.calls = []
    database.on_commit = lambda: database.calls.append("woken")
    yield database
    database.close()


def count(db, name):
    with db.read() as connection:
        return connection.execute(ROLES, {"name": name}).scalar_one()


def kill_connections_of(database):
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_urls_of_every_spelling_are_taken(scheme):
    url = database_url(f"{scheme}://me:p%40ss@host:5433/ix?sslmode=require")
    assert (url.drivername, url.password, url.port) == ("postgresql+psycopg", "p@ss", 5433)
    assert url.query == {"sslmode": "require"}


@pytest.mark.parametrize("url", ["", "mysql://me:secret@host/ix", "host/ix"])
def test_what_is_no_url_of_postgresql_is_refused_without_repeating_it(url):
    with pytest.raises(ValueError, match=r"^A database URL begins with postgresql://$"):
        database_url(url)


def test_a_transaction_is_kept_or_undone_as_a_whole(db):
    with db.write() as connection:
        connection.execute(NEW_ROLE, {"name": "kept"})

    def fail():
        with db.write() as connection:
            connection.execute(NEW_ROLE, {"name": "undone"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (count(db, "kept"), count(db, "undone")) == (1, 0)
    assert db.calls == ["woken"]


def test_one_statement_is_its_own_transaction(db):
    with db.autocommit() as connection:
        connection.execute(NEW_ROLE, {"name": "at once"})
        assert count(db, "at once") == 1
    assert db.calls == ["woken"]


def test_nobody_is_woken_for_reads_and_for_the_relay_s_own_transaction(db):
    count(db, "any")
    with db.transaction() as connection:
        connection.execute(select(literal(1)))
    assert db.calls == []


def test_a_transaction_leaves_a_connection_as_it_found_it(db):
    with db.write() as connection:
        connection.execute(select(literal(1)))
    with db.read() as connection:
        driver = connection.connection.driver_connection
        connection.execute(select(literal(1)))
        assert driver.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_the_correlation_id_lasts_for_the_transaction_alone(db):
    setting = text("SELECT current_setting('impactx.correlation_id', true)")
    with db.write() as connection:
        connection.execute(select(literal(1), with_event_context("call-1")))
        assert connection.execute(setting).scalar_one() == "call-1"
        trace(connection, "call-2")
        assert connection.execute(setting).scalar_one() == "call-2"
    with db.read() as connection:
        assert connection.execute(setting).scalar_one() in (None, "")


def test_killed_connections_fail_one_request_and_not_the_next(db, module_database):
    count(db, "any")
    kill_connections_of(module_database)
    with pytest.raises(exc.OperationalError) as failure:
        count(db, "any")
    assert is_transient(failure.value)
    assert count(db, "any") == 0


def test_a_connection_that_has_become_read_only_is_not_used_again(db):
    with db.read() as connection:
        connection.execute(text("SET default_transaction_read_only = on"))
    with pytest.raises(exc.DBAPIError) as failure, db.write() as connection:
        connection.execute(NEW_ROLE, {"name": "to a standby"})
    assert is_transient(failure.value)
    with db.write() as connection:
        connection.execute(NEW_ROLE, {"name": "to the primary"})


def test_plans_that_a_migration_made_stale_fail_one_request_and_not_the_next(module_database):
    database = Database(module_database.admin_url, pool_size=1, prepare_threshold=0)
    query = text("SELECT * FROM stale")
    with database.write() as connection:
        connection.execute(text("CREATE TABLE stale (id int)"))
    with database.read() as connection:
        connection.execute(query)
    with psycopg.connect(module_database.admin_url) as admin:
        admin.execute("ALTER TABLE stale ALTER COLUMN id TYPE bigint")
    with pytest.raises(exc.DBAPIError) as failure, database.read() as connection:
        connection.execute(query)
    assert is_transient(failure.value)
    with database.read() as connection:
        connection.execute(query)
    database.close()


def test_waiting_for_a_connection_has_an_end(db, monkeypatch):
    monkeypatch.setattr(db.engine.pool, "_timeout", 0.1)
    with db.read(), db.read(), pytest.raises(exc.TimeoutError) as failure, db.read():
        pass
    assert is_transient(failure.value)


def test_a_server_that_is_not_there_is_transient():
    with pytest.raises(exc.OperationalError) as failure, Database("postgresql://x@127.0.0.1:1/x").read():
        pass
    assert is_transient(failure.value)


@pytest.mark.parametrize(
    ("statement", "transient"),
    [
        ("SET LOCAL statement_timeout = 50; SELECT pg_sleep(5)", True),
        ("SET LOCAL lock_timeout = 50; LOCK TABLE identity.roles", True),
        ("SELECT 1 / 0", False),
        ("SELECT * FROM identity.nothing", False),
        ("INSERT INTO identity.roles (name) VALUES (NULL)", False),
    ],
)
def test_what_passes_by_itself_is_told_from_what_does_not(module_database, statement, transient):
    database = Database(module_database.admin_url)
    with database.transaction() as holder:
        holder.execute(
            text("LOCK TABLE identity.roles IN ACCESS EXCLUSIVE MODE" if "lock" in statement else "SELECT 1")
        )
        with pytest.raises(exc.DBAPIError) as failure, database.transaction() as connection:
            connection.exec_driver_sql(statement)
    assert is_transient(failure.value) is transient
    database.close()


def test_errors_do_not_show_what_people_wrote(db):
    with pytest.raises(exc.DBAPIError) as failure, db.write() as connection:
        connection.execute(text("SELECT 1 / length(:secret)"), {"secret": ""})
    assert "secret" not in str(failure.value).replace("%(secret)s", "")


WAITING = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 8 AND NOT granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def test_a_query_lets_the_other_greenlets_run(db):
    """One query waits for what another greenlet does only meanwhile; it would wait for ever if it held up the other."""

    def wait_for_the_lock():
        with db.transaction() as connection:
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(8)"))

    with db.read() as holder:
        holder.execute(text("SELECT pg_advisory_lock(8)"))
        waiter = eventlet.spawn(wait_for_the_lock)
        try:
            eventually(lambda: holder.execute(WAITING).scalar_one() == 1, "the other query waits")
        finally:
            holder.execute(text("SELECT pg_advisory_unlock(8)"))
            with ends("the query"):
                waiter.wait()


def test_a_query_that_was_given_up_does_not_spoil_its_connection(db):
    with pytest.raises(TimeoutError), eventlet.Timeout(0.1, TimeoutError()), db.read() as connection:
        connection.execute(text("SELECT pg_sleep(1)"))
    assert [count(db, "any") for _ in range(3)] == [0, 0, 0]


FIELDS = {"roles_name_key": "name", "fk_user_roles_role": "role_id", "severity_levels_level_check": "level"}


def test_violations_name_the_input_at_fault(module_database):
    database = Database(module_database.admin_url)

    def failing(statement):
        with database.write() as connection, field_errors(FIELDS):
            connection.execute(text(statement))

    with database.write() as connection:
        connection.execute(NEW_ROLE, {"name": "twice"})
    with pytest.raises(Conflict, match="This name is taken") as conflict:
        failing("INSERT INTO identity.roles (name) VALUES ('twice')")
    assert list(conflict.value.fields) == ["name"]
    with pytest.raises(Invalid) as invalid:
        failing(
            "INSERT INTO identity.user_roles (user_id, role_id)"
            " SELECT id, gen_random_uuid() FROM identity.users LIMIT 1"
        )
    assert invalid.value.fields == {"role_id": ["No such role."]}
    with pytest.raises(Invalid) as invalid:
        failing("INSERT INTO reports.severity_levels (name, level) VALUES ('x', 6)")
    assert list(invalid.value.fields) == ["level"]
    with pytest.raises(Invalid) as invalid:
        failing("INSERT INTO identity.roles (name) VALUES (NULL)")
    assert list(invalid.value.fields) == ["name"]
    with pytest.raises(exc.IntegrityError):
        failing("INSERT INTO identity.regions (name, code, boundaries) VALUES ('x', 'y', '1')")
    database.close()

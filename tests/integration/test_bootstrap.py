import logging

import psycopg
import pytest
from psycopg import errors

from infra.local.postgresql import EmbeddedPostgresql
from infra.postgres.bootstrap import BootstrapError, bootstrap
from tests.support.directories import temporary_directory
from tests.support.postgresql import WatchedPostgresql

SERVICES = ("identity", "reports", "resources", "alerts")
ADMIN = "hosted_admin"


@pytest.fixture(scope="module")
def server():
    """A server of its own: roles belong to the whole server, and who makes them matters here."""
    with WatchedPostgresql(temporary_directory("bootstrap") / "postgresql", durable=False) as server:
        as_superuser(server, f"CREATE ROLE {ADMIN} LOGIN CREATEROLE PASSWORD '{server.password(ADMIN)}'")
        yield server


@pytest.fixture(scope="module", params=["owner", "guest"])
def prepared(request, server):
    """A database that was bootstrapped twice by an administrator who is no superuser."""
    name = f"hosted_{request.param}"
    if request.param == "owner":
        as_superuser(server, f"CREATE DATABASE {name} OWNER {ADMIN}")
    else:
        as_superuser(server, f"CREATE DATABASE {name}")
        as_superuser(server, f"GRANT CREATE ON DATABASE {name} TO {ADMIN}")
    for _ in range(2):
        bootstrap(server.url(ADMIN, name), {s: server.password(f"{s}_service") for s in SERVICES})
    with psycopg.connect(server.url(ADMIN, name), autocommit=True) as admin:
        # what the migrations do, as they do it
        for service in SERVICES:
            admin.execute(f"SET ROLE {service}_owner")
            admin.execute(
                f"CREATE TABLE {service}.things (id int GENERATED ALWAYS AS IDENTITY, n serial, secret text)"
            )
            admin.execute(f"CREATE FUNCTION {service}.answer() RETURNS int LANGUAGE sql RETURN 42")
            admin.execute("RESET ROLE")
    return Prepared(server, name)


class Prepared:
    def __init__(self, server: EmbeddedPostgresql, name: str):
        self.server, self.name = server, name

    def run(self, role, *statements):
        with psycopg.connect(self.server.url(role, self.name), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchone() if cursor.description else None


def as_superuser(server, statement, database="postgres"):
    with psycopg.connect(server.url(database=database), autocommit=True) as connection:
        return connection.execute(statement)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_and_writes_its_own_schema(prepared, service):
    role = f"{service}_service"
    prepared.run(role, f"INSERT INTO {service}.things (secret) VALUES ('x')")
    prepared.run(role, f"UPDATE {service}.things SET secret = 'y'")
    assert prepared.run(role, f"SELECT secret, {service}.answer() FROM {service}.things") == ("y", 42)
    prepared.run(role, f"DELETE FROM {service}.things")


@pytest.mark.parametrize(
    "statement",
    [
        # the others' schemas
        "SELECT * FROM identity.things",
        "INSERT INTO identity.things (secret) VALUES ('x')",
        "SELECT identity.answer()",
        "SELECT nextval('identity.things_n_seq')",
        "SELECT version_num FROM alerts.alembic_version",
        # data definition, anywhere
        "CREATE TABLE reports.mine (a int)",
        "ALTER TABLE reports.things ADD COLUMN b int",
        "DROP TABLE reports.things",
        "CREATE INDEX ON reports.things (secret)",
        "TRUNCATE reports.things",
        "CREATE TRIGGER t BEFORE INSERT ON reports.things EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE FUNCTION reports.mine() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE TABLE public.mine (a int)",
        "CREATE TABLE extensions.mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE EXTENSION hstore WITH SCHEMA extensions",
        # Alembic's notes
        "UPDATE reports.alembic_version SET version_num = 'x'",
        "INSERT INTO reports.alembic_version VALUES ('x')",
        "DELETE FROM reports.alembic_version",
        # more power
        "SET ROLE reports_owner",
        f"SET ROLE {ADMIN}",
        "GRANT reports_owner TO reports_service",
        "ALTER ROLE identity_service PASSWORD 'x'",
        "CREATE ROLE mine",
    ],
)
def test_a_service_may_not(prepared, statement):
    with pytest.raises(errors.InsufficientPrivilege):
        prepared.run("reports_service", statement)


def test_a_service_may_read_which_revision_its_schema_has(prepared):
    assert prepared.run("reports_service", "SELECT count(*) FROM reports.alembic_version") == (0,)


@pytest.mark.parametrize("service", SERVICES)
def test_the_time_limits_hold_without_the_client_asking(prepared, service):
    settings = prepared.run(
        f"{service}_service",
        "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),"
        " current_setting('idle_in_transaction_session_timeout'), current_setting('timezone'),"
        " current_setting('search_path')",
    )
    assert settings == ("15s", "5s", "30s", "UTC", f"{service}, extensions, pg_temp")


def test_owners_cannot_log_in(prepared):
    with pytest.raises(
        psycopg.OperationalError, match=r"not permitted to log in|password authentication failed"
    ):
        prepared.run("reports_owner", "SELECT 1")


def test_an_owner_cannot_reach_the_other_schemas(prepared):
    with pytest.raises(errors.InsufficientPrivilege):
        prepared.run(ADMIN, "SET ROLE reports_owner", "SELECT * FROM identity.things")


def test_the_cube_extension_is_there_for_the_services(prepared):
    distance = prepared.run(
        "reports_service", "SELECT extensions.cube(1) OPERATOR(extensions.<->) extensions.cube(4)"
    )
    assert distance == (3.0,)


def test_nobody_else_connects_to_a_database_that_the_administrator_owns(server, prepared):
    stranger = f"stranger_of_{prepared.name}"
    as_superuser(server, f"CREATE ROLE {stranger} LOGIN PASSWORD '{server.password(stranger)}'")
    if prepared.name == "hosted_owner":
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            prepared.run(stranger, "SELECT 1")
    else:
        # PostgreSQL lets only its owner close a database; a stranger finds nothing in it that they may see
        assert prepared.run(stranger, "SELECT 1") == (1,)
        with pytest.raises(errors.InsufficientPrivilege):
            prepared.run(stranger, "SELECT * FROM reports.things")


def test_a_new_password_replaces_the_old_one(server, prepared):
    bootstrap(server.url(ADMIN, prepared.name), {"reports": "another"})
    try:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            prepared.run("reports_service", "SELECT 1")
    finally:
        bootstrap(server.url(ADMIN, prepared.name), {"reports": server.password("reports_service")})
    assert prepared.run("reports_service", "SELECT 1") == (1,)


def test_without_a_password_the_present_one_stays(server, prepared):
    bootstrap(server.url(ADMIN, prepared.name), dict.fromkeys(SERVICES))
    assert prepared.run("reports_service", "SELECT 1") == (1,)


def test_passwords_show_up_in_no_log(server, prepared, caplog):
    caplog.set_level(logging.DEBUG)
    as_superuser(server, "ALTER SYSTEM SET log_statement = 'all'")
    as_superuser(server, "SELECT pg_reload_conf()")
    try:
        bootstrap(server.url(ADMIN, prepared.name), {s: server.password(f"{s}_service") for s in SERVICES})
    finally:
        as_superuser(server, "ALTER SYSTEM RESET log_statement")
        as_superuser(server, "SELECT pg_reload_conf()")
    log = server.log.read_text() + caplog.text
    assert "ALTER ROLE" in log
    assert not [service for service in SERVICES if server.password(f"{service}_service") in log]


def test_says_which_right_the_administrator_lacks(server):
    as_superuser(server, f"CREATE ROLE powerless LOGIN PASSWORD '{server.password('powerless')}'")
    as_superuser(server, "CREATE DATABASE foreign_database")
    with pytest.raises(BootstrapError, match="The administrator lacks a right"):
        bootstrap(server.url("powerless", "foreign_database"), {"reports": "x"})


def test_says_when_a_schema_is_somebody_elses(server):
    as_superuser(server, "CREATE DATABASE taken")
    as_superuser(server, "CREATE SCHEMA reports", database="taken")
    with pytest.raises(BootstrapError, match="Schema reports belongs to postgres"):
        bootstrap(server.url(database="taken"), {"reports": "x"})

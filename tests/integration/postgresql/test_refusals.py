"""Each service's role tries every statement that it must not be able to make, made from the catalogue as it is."""

from contextlib import suppress

import psycopg
import pytest
from psycopg import errors

from infra.postgres.roles import owner_role, runtime_role
from shared.domain.topology import SERVICES

RELATIONS = """
    SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = %s ORDER BY relname
"""
WRITABLE_COLUMN = """
    SELECT quote_ident(attname) FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum LIMIT 1
"""
FUNCTIONS = "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = %s::regnamespace ORDER BY 1"
TRIGGERS = """
    SELECT format('%%I ON %%s', tgname, tgrelid::regclass) FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid
    WHERE c.relnamespace = %s::regnamespace AND NOT tgisinternal ORDER BY 1
"""

APPEND_ONLY = {
    "reports": ("report_status_history", "report_attachments"),
    "resources": ("resource_status_history", "resource_usage_changes"),
    "alerts": ("alert_areas", "alert_status_history"),
}

ON_THE_SERVER = (
    # secrets
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT umoptions FROM pg_user_mapping",
    "SELECT * FROM pg_hba_file_rules",
    "SELECT * FROM pg_file_settings",
    # the machine
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/mine'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(1, '/tmp/mine')",
    "SELECT pg_reload_conf()",
    "SELECT pg_switch_wal()",
    "SELECT pg_promote()",
    "SELECT pg_stat_reset()",
    "CHECKPOINT",
    "ALTER SYSTEM SET log_statement = 'all'",
    # what guards the data, and what an administrator sees of us
    "SET session_replication_role = 'replica'",
    "SET log_statement = 'none'",
    "SET track_activities = off",
    "SET zero_damaged_pages = on",
    # things of one's own
    "CREATE DATABASE mine",
    "CREATE ROLE mine",
    "CREATE SCHEMA mine",
    "CREATE TEMPORARY TABLE mine (id int)",
    "CREATE EXTENSION hstore WITH SCHEMA extensions",
    "DROP EXTENSION cube CASCADE",
    "CREATE LANGUAGE mine HANDLER plpgsql_call_handler",
    "CREATE FOREIGN DATA WRAPPER mine",
    "CREATE PUBLICATION mine FOR ALL TABLES",
    "CREATE SUBSCRIPTION mine CONNECTION 'host=127.0.0.1' PUBLICATION mine WITH (connect = false)",
    "CREATE EVENT TRIGGER mine ON ddl_command_start EXECUTE FUNCTION alerts.uuid7()",
)

SHARED_SCHEMAS = ("public", "extensions")


def rows_of(look, other):
    """Reading and writing what belongs to another service."""
    for kind in "rv":
        for name in look(RELATIONS, other, kind):
            table = f"{other}.{name}"
            [column] = look(WRITABLE_COLUMN, table)
            yield f"SELECT FROM {table}"
            yield f"SELECT {column} FROM {table}"
            yield f"COPY (TABLE {table}) TO STDOUT"
            yield f"INSERT INTO {table} DEFAULT VALUES"
            yield f"UPDATE {table} SET {column} = {column}"
            yield f"DELETE FROM {table}"
            yield f"TRUNCATE {table}"
            yield f"LOCK TABLE {table} IN ACCESS SHARE MODE"
    for name in look(RELATIONS, other, "S"):
        yield f"SELECT nextval('{other}.{name}')"
        yield f"SELECT last_value FROM {other}.{name}"
    yield f"SELECT {other}.uuid7()"
    yield f"GRANT USAGE ON SCHEMA {other} TO PUBLIC"


def shape_of(look, schema):
    """Changing what a schema consists of; its own is no exception."""
    for name in look(RELATIONS, schema, "r"):
        table = f"{schema}.{name}"
        yield f"TRUNCATE {table}"
        yield f"DROP TABLE {table} CASCADE"
        yield f"ALTER TABLE {table} ADD COLUMN mine int"
        yield f"ALTER TABLE {table} OWNER TO CURRENT_USER"
        yield f"ALTER TABLE {table} DISABLE TRIGGER USER"
        yield f"ALTER TABLE {table} DISABLE TRIGGER ALL"
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"CREATE POLICY mine ON {table}"
        yield f"CREATE RULE mine AS ON DELETE TO {table} DO INSTEAD NOTHING"
        yield f"CREATE TRIGGER mine BEFORE INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        yield f"CREATE INDEX mine ON {table} ((1))"
        yield f"COMMENT ON TABLE {table} IS 'mine'"
    for name in look(RELATIONS, schema, "v"):
        yield f"DROP VIEW {schema}.{name}"
        yield f"CREATE OR REPLACE VIEW {schema}.{name} AS SELECT 1 AS id"
    for name in look(RELATIONS, schema, "S"):
        yield f"SELECT setval('{schema}.{name}', 1)"
        yield f"ALTER SEQUENCE {schema}.{name} RESTART"
        yield f"DROP SEQUENCE {schema}.{name} CASCADE"
    for function in look(FUNCTIONS, schema):
        yield f"DROP FUNCTION {function} CASCADE"
        yield f"ALTER FUNCTION {function} SECURITY DEFINER"
    for trigger in look(TRIGGERS, schema):
        yield f"DROP TRIGGER {trigger}"
    yield f"UPDATE {schema}.alembic_version SET version_num = 'mine'"
    yield f"DELETE FROM {schema}.alembic_version"


def things_in(schema):
    """Adding to a schema, or taking it."""
    yield f"CREATE TABLE {schema}.mine (id int)"
    yield f"CREATE VIEW {schema}.mine AS SELECT 1 AS id"
    yield f"CREATE SEQUENCE {schema}.mine"
    yield f"CREATE TYPE {schema}.mine AS (id int)"
    yield f"CREATE FUNCTION {schema}.mine() RETURNS int LANGUAGE sql RETURN 1"
    yield f"ALTER SCHEMA {schema} RENAME TO mine"
    yield f"ALTER SCHEMA {schema} OWNER TO CURRENT_USER"
    yield f"DROP SCHEMA {schema} CASCADE"


def others_as(service):
    """Becoming somebody else, or changing them."""
    us = runtime_role(service)
    for role in ("postgres", *(made(other) for other in SERVICES for made in (owner_role, runtime_role))):
        if role == us:
            continue
        yield f"SET ROLE {role}"
        yield f"SET SESSION AUTHORIZATION {role}"
        yield f"GRANT {role} TO {us}"
        yield f"ALTER ROLE {role} PASSWORD 'mine'"
        yield f"ALTER ROLE {role} SET statement_timeout = 0"
        yield f"ALTER ROLE {role} RENAME TO mine"
        yield f"DROP ROLE {role}"
        yield f"REASSIGN OWNED BY {role} TO {us}"
        yield f"DROP OWNED BY {role}"
        yield f"ALTER DEFAULT PRIVILEGES FOR ROLE {role} GRANT ALL ON TABLES TO {us}"


def more_power(service, database):
    """Raising oneself, or the database that one is in."""
    us = runtime_role(service)
    for power in ("SUPERUSER", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS"):
        yield f"ALTER ROLE {us} {power}"
    yield f"ALTER ROLE {us} CONNECTION LIMIT 1000"
    yield f"ALTER ROLE {us} VALID UNTIL 'infinity'"
    yield f"ALTER ROLE ALL IN DATABASE {database} SET statement_timeout = 0"
    yield f"ALTER DATABASE {database} SET statement_timeout = 0"
    yield f"ALTER DATABASE {database} OWNER TO {us}"


def past_changes_of(look, service):
    """Rewriting what is written once."""
    for name in APPEND_ONLY.get(service, ()):
        table = f"{service}.{name}"
        [column] = look(WRITABLE_COLUMN, table)
        yield f"UPDATE {table} SET {column} = {column}"
        yield f"DELETE FROM {table}"
        yield f"SELECT FROM {table} FOR UPDATE"


def let_through(connection, statements):
    """The statements that are not refused, with what came of them; what they changed is undone."""
    found = []
    for statement in statements:
        outcome = _outcome(connection, statement)
        if outcome is not errors.InsufficientPrivilege:
            found.append((statement, outcome))
    return found


def _outcome(connection, statement):
    try:
        with suppress(psycopg.Rollback), connection.transaction():
            connection.execute(statement)
            raise psycopg.Rollback
    except errors.ActiveSqlTransaction:
        return _outcome_alone(connection, statement)
    except psycopg.Error as error:
        return type(error)
    return "done"


def _outcome_alone(connection, statement):
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        return type(error)
    return "done"


@pytest.fixture(params=SERVICES)
def service(request):
    return request.param


@pytest.mark.parametrize("other", SERVICES)
def test_a_service_does_not_get_at_the_rows_of_another(connections, look, service, other):
    if other != service:
        assert let_through(connections[service], rows_of(look, other)) == []


@pytest.mark.parametrize("schema", SERVICES)
def test_a_service_changes_no_schema(connections, look, service, schema):
    attempts = [*shape_of(look, schema), *things_in(schema)]
    assert len(attempts) > 100
    assert let_through(connections[service], attempts) == []


@pytest.mark.parametrize("schema", SHARED_SCHEMAS)
def test_a_service_adds_nothing_to_what_all_share(connections, service, schema):
    assert let_through(connections[service], things_in(schema)) == []


def test_a_service_does_not_rewrite_the_past(connections, look, service):
    assert let_through(connections[service], past_changes_of(look, service)) == []


def test_a_service_becomes_nobody_else(connections, service):
    assert let_through(connections[service], others_as(service)) == []


def test_a_service_raises_neither_itself_nor_its_database(connections, database, service):
    assert let_through(connections[service], more_power(service, database.name)) == []


def test_a_service_does_not_get_at_the_server(connections, service):
    assert let_through(connections[service], ON_THE_SERVER) == []


def test_a_service_does_not_end_the_work_of_another(connections, service):
    others = [connections[other].info.backend_pid for other in SERVICES if other != service]
    attempts = [
        f"SELECT {act}({pid})" for act in ("pg_cancel_backend", "pg_terminate_backend") for pid in others
    ]
    assert let_through(connections[service], attempts) == []


def test_a_service_passes_on_nothing_of_what_it_may(connections, look, service):
    others = ", ".join(runtime_role(other) for other in SERVICES if other != service)
    for name in look(RELATIONS, service, "r"):
        # PostgreSQL only warns: there is nothing that it could pass on.
        connections[service].execute(f"GRANT SELECT ON {service}.{name} TO {others}")
        assert (
            look(
                "SELECT grantee::regrole::text FROM pg_class, aclexplode(relacl) WHERE oid = %s::regclass"
                " AND grantee::regrole::text NOT IN (%s, %s)",
                f"{service}.{name}",
                owner_role(service),
                runtime_role(service),
            )
            == []
        )

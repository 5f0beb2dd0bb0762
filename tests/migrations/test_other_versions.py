"""A schema that is newer or older than the code, revisions that do not exist, and going back on data."""

import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import text

from infra.postgres.bootstrap import bootstrap
from shared.client.errors import Unavailable
from shared.domain.topology import SERVICES
from shared.platform.db.migration import Outcome, configuration, migrate
from shared.platform.db.revisions import SchemaError, require_schema, revisions
from tests.support.postgresql import TemporaryDatabase, empty_database

NEWER = "9001"


def run(database, statement, **values):
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute(statement, values)


def revision_of(connect, database, service):
    with connect(database.admin_url) as connection:
        return connection.execute(
            text(f"SELECT version_num FROM {service}.alembic_version")
        ).scalar_one_or_none()


def as_by_a_newer_version(database, service):
    run(database, f"UPDATE {service}.alembic_version SET version_num = '{NEWER}'")


def test_the_numbers_of_the_files_are_the_revisions_in_their_order(service):
    script = ScriptDirectory.from_config(configuration(service))
    assert [found.revision for found in script.walk_revisions()] == list(reversed(revisions(service)))


@pytest.mark.parametrize("newer", [("reports",), ("identity", "alerts"), SERVICES])
def test_a_schema_that_a_newer_version_made_stays_and_the_others_are_migrated(connect, migrated, newer):
    others = [name for name in SERVICES if name not in newer]
    migrate(migrated.admin_url, [name for name in others if name != "identity"], "-1")
    for name in newer:
        as_by_a_newer_version(migrated, name)

    outcomes = migrate(migrated.admin_url)

    assert outcomes == [
        Outcome(name, NEWER, is_newer=True) if name in newer else Outcome(name, revisions(name)[-1])
        for name in SERVICES
    ]
    assert [revision_of(connect, migrated, name) for name in SERVICES] == [one.revision for one in outcomes]


@pytest.mark.parametrize("revision", ["base", "-1", "0001", "+1"])
def test_what_a_newer_version_made_is_for_that_version_to_undo(connect, migrated, revision):
    as_by_a_newer_version(migrated, "reports")
    with pytest.raises(
        SchemaError, match=f"reports is at revision {NEWER}, which this version does not know"
    ):
        migrate(migrated.admin_url, revision=revision)
    assert revision_of(connect, migrated, "alerts") == revisions("alerts")[-1], "nothing has been changed"


@pytest.mark.parametrize("revision", ["7777", "newest", "", "000", "+", "-0", "1e3", "heads", "0001:0002"])
def test_a_revision_that_does_not_exist_is_refused_before_anything_changes(connect, migrated, revision):
    with pytest.raises(SchemaError, match="has no revision"):
        migrate(migrated.admin_url, revision=revision)
    assert revision_of(connect, migrated, "alerts") == revisions("alerts")[-1]


@pytest.mark.parametrize("revision", ["-99", "+1"])
def test_more_steps_than_there_are_revisions_are_refused(migrated, revision):
    with pytest.raises(SchemaError, match="there is none"):
        migrate(migrated.admin_url, revision=revision)


def test_a_step_forward_goes_one_revision_on(connect, migrated):
    migrate(migrated.admin_url, ["reports"], "0001")
    assert migrate(migrated.admin_url, ["reports"], "+1") == [Outcome("reports", "0002")]
    assert revision_of(connect, migrated, "reports") == "0002"


class Refused(Exception):
    pass


def refusing(asked):
    def confirm(filled):
        asked.append(filled)
        raise Refused

    return confirm


def test_going_back_asks_first_where_a_table_has_rows(connect, migrated):
    run(migrated, "INSERT INTO identity.regions (id, name, code) VALUES (gen_random_uuid(), 'North', 'N')")
    asked = []
    with pytest.raises(Refused):
        migrate(migrated.admin_url, revision="base", confirm=refusing(asked))
    assert [set(filled) for filled in asked] == [{"identity"}]
    assert "regions" in asked[0]["identity"]
    assert [revision_of(connect, migrated, name) for name in SERVICES] == [
        revisions(name)[-1] for name in SERVICES
    ]


def test_going_back_without_rows_and_going_forward_with_rows_ask_nothing(migrated):
    asked = []
    migrate(migrated.admin_url, ["reports"], "base", confirm=refusing(asked))
    migrate(migrated.admin_url, confirm=refusing(asked))
    run(migrated, "INSERT INTO identity.regions (id, name, code) VALUES (gen_random_uuid(), 'North', 'N')")
    migrate(migrated.admin_url, confirm=refusing(asked))
    assert asked == []


def test_a_database_that_was_not_prepared_is_refused_with_what_to_do(postgresql):
    database = empty_database(postgresql)
    try:
        with pytest.raises(SchemaError, match="run `bootstrap` first"):
            migrate(database.admin_url)
    finally:
        database.drop()


class TestServing:
    def test_a_schema_of_this_version_and_a_newer_one_are_served(self, migrated, service):
        require_schema(migrated.url(service), service)
        as_by_a_newer_version(migrated, service)
        require_schema(migrated.url(service), service)

    def test_an_older_schema_is_refused(self, migrated):
        migrate(migrated.admin_url, ["alerts"], "-1")
        found, needed = revisions("alerts")[-2:]
        with pytest.raises(
            SchemaError, match=f"at revision {found}, and this version needs {needed}: run `migrate`"
        ):
            require_schema(migrated.url("alerts"), "alerts")

    def test_an_empty_schema_is_refused(self, migrated):
        migrate(migrated.admin_url, ["alerts"], "base")
        with pytest.raises(SchemaError, match="run `migrate`"):
            require_schema(migrated.url("alerts"), "alerts")

    def test_a_database_that_is_away_is_another_matter(self, migrated):
        with pytest.raises(Unavailable):
            require_schema(migrated.server.url(database="nowhere"), "alerts")


@pytest.fixture(params=["SQL_ASCII", "LATIN1"])
def foreign(request, postgresql):
    """A database that is not UTF-8."""
    database = TemporaryDatabase(postgresql, f"impactx_{request.param.lower()}")
    with psycopg.connect(postgresql.url(database="postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL(
                "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LOCALE_PROVIDER libc LOCALE 'C'"
            ).format(sql.Identifier(database.name), sql.Literal(request.param))
        )
    yield database, request.param
    database.drop()


@pytest.mark.parametrize(
    "use",
    [
        lambda url: bootstrap(url, dict.fromkeys(SERVICES)),
        migrate,
        lambda url: require_schema(url, "reports"),
    ],
    ids=["bootstrap", "migrate", "serve"],
)
def test_a_database_that_is_not_utf8_is_refused(foreign, use):
    database, encoding = foreign
    with pytest.raises(SchemaError, match=f"encoding {encoding}, and ImpactX needs UTF8"):
        use(database.admin_url)

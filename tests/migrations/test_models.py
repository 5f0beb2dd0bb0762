"""The models say exactly what the migrations make."""

from importlib import import_module

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.base import ischema_names

from shared.platform.db import search_ddl
from shared.platform.db.tables import Cube, Point
from tests.migrations.catalog import VIEWS, WHAT_MODELS_DECLARE, read
from tests.support import postgresql as postgresql_support


def tables_of(service):
    return import_module(f"services.{service}.models").tables


def test_alembic_finds_no_difference(looking, service, monkeypatch):
    monkeypatch.setitem(ischema_names, "point", Point)
    monkeypatch.setitem(ischema_names, "extensions.cube", Cube)
    context = MigrationContext.configure(
        looking,
        opts={
            "version_table_schema": service,
            "include_schemas": True,
            "include_name": lambda name, kind, _parents: kind != "schema" or name == service,
            "include_object": lambda item, _name, kind, _reflected, _other: (
                kind != "table" or item.schema == service
            ),
            "compare_type": True,
            "compare_server_default": True,
        },
    )
    assert compare_metadata(context, tables_of(service)) == []


def test_tables_made_from_the_models_are_those_of_the_migrations(connect, looking, postgresql, service):
    """The catalogues show what Alembic does not compare: checks, expressions, the order of the columns."""
    made = postgresql_support.empty_database(postgresql)
    with connect(made.admin_url) as connection:
        connection.execute(text("CREATE SCHEMA extensions"))
        for extension in ("cube", "pg_trgm"):
            connection.execute(text(f"CREATE EXTENSION {extension} SCHEMA extensions"))
        for schema in {service, "identity"}:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
            connection.execute(
                text(f"CREATE FUNCTION {schema}.uuid7() RETURNS uuid LANGUAGE sql RETURN gen_random_uuid()")
            )
        connection.execute(text(search_ddl.grams(service).replace(":", "\\:")))
        connection.execute(
            text(f"CREATE TEXT SEARCH CONFIGURATION {service}.words (COPY = pg_catalog.simple)")
        )
        tables_of(service).create_all(connection)
        from_models = read(connection, service, WHAT_MODELS_DECLARE)
    made.drop()

    from_migrations = read(looking, service, WHAT_MODELS_DECLARE)
    views = {name for name, _ in read(looking, service, {"views": VIEWS})["views"]}
    from_migrations["columns"] = [row for row in from_migrations["columns"] if row[0] not in views]
    assert from_models == from_migrations

"""Every revision can be undone and done again, for all services and for one, and leaves nothing behind."""

import pytest
from sqlalchemy import text

from shared.domain.topology import SERVICES
from shared.platform.db.migration import migrate
from tests.migrations.catalog import EVERYTHING, read

TIED = ("reports", "resources", "alerts")


def snapshot(connect, database):
    with connect(database.admin_url) as connection:
        return {service: read(connection, service, EVERYTHING) for service in SERVICES}


def revision_of(connect, database, service):
    with connect(database.admin_url) as connection:
        return connection.execute(
            text(f"SELECT version_num FROM {service}.alembic_version")
        ).scalar_one_or_none()


def test_undoing_everything_and_doing_it_again_makes_the_same_schemas(connect, migrated):
    before = snapshot(connect, migrated)

    migrate(migrated.admin_url, SERVICES, "base")
    with connect(migrated.admin_url) as connection:
        for service in SERVICES:
            assert not any(read(connection, service, EVERYTHING).values()), service
            assert revision_of(connect, migrated, service) is None

    migrate(migrated.admin_url)
    assert snapshot(connect, migrated) == before


def test_one_service_goes_back_step_by_step_while_the_others_stay(connect, migrated):
    before = snapshot(connect, migrated)

    heads = {service: revision_of(connect, migrated, service) for service in SERVICES}
    for service in TIED:
        for earlier in range(int(heads[service]) - 1, 0, -1):
            migrate(migrated.admin_url, [service], "-1")
            assert revision_of(connect, migrated, service) == f"{earlier:04}"
        migrate(migrated.admin_url, [service], "base")
        assert revision_of(connect, migrated, service) is None
    assert revision_of(connect, migrated, "identity") == heads["identity"]

    migrate(migrated.admin_url)
    assert snapshot(connect, migrated) == before


def test_an_earlier_revision_by_its_number_is_gone_back_to_and_a_later_one_forward(connect, migrated):
    migrate(migrated.admin_url, TIED, "0001")
    assert [revision_of(connect, migrated, service) for service in TIED] == ["0001"] * 3
    migrate(migrated.admin_url, TIED, "0002")
    assert [revision_of(connect, migrated, service) for service in TIED] == ["0002"] * 3


@pytest.mark.parametrize("tied", TIED)
def test_undoing_the_ties_leaves_a_service_that_knows_no_other(connect, migrated, tied):
    migrate(migrated.admin_url, [tied], "0001")
    with connect(migrated.admin_url) as connection:
        found = read(connection, tied, EVERYTHING)
    assert found["views"] == []
    assert not [definition for *_, definition in found["constraints"] if "identity." in definition]


def test_migrating_again_changes_nothing(connect, migrated):
    before = snapshot(connect, migrated)
    migrate(migrated.admin_url)
    assert snapshot(connect, migrated) == before


def test_everything_belongs_to_the_owner_of_its_schema(connect, migrated):
    with connect(migrated.admin_url) as connection:
        strangers = connection.execute(
            text(
                "SELECT relnamespace::regnamespace::text || '.' || relname FROM pg_class"
                " WHERE relnamespace::regnamespace::text = ANY (:services)"
                " AND relowner::regrole::text <> relnamespace::regnamespace::text || '_owner'"
                " UNION ALL SELECT proname FROM pg_proc"
                " WHERE pronamespace::regnamespace::text = ANY (:services)"
                " AND proowner::regrole::text <> pronamespace::regnamespace::text || '_owner'"
            ),
            {"services": list(SERVICES)},
        ).all()
    assert strangers == []

"""A service's own role reads and writes its own rows as it needs to; of others it sees what its view shows.

That it cannot do anything else is tried in `tests/integration/postgresql`.
"""

from contextlib import ExitStack

import pytest
from sqlalchemy import exc, text

from shared.domain.topology import SERVICES
from tests.migrations.conftest import connected

NEVER = {
    "identity": {"DELETE": {"regions", "roles", "users"}, "UPDATE": {"role_permissions", "user_roles"}},
    "reports": {
        "DELETE": {
            "report_attachments",
            "report_comments",
            "report_status_history",
            "report_types",
            "reports",
            "severity_levels",
        },
        "UPDATE": {"report_attachments", "report_status_history"},
    },
    "resources": {
        "DELETE": {"resource_status_history", "resource_types", "resource_usage_changes", "resources"},
        "UPDATE": {"resource_status_history", "resource_usage_changes"},
    },
    "alerts": {
        "DELETE": {
            "alert_areas",
            "alert_reach",
            "alert_rules",
            "alert_status_history",
            "alert_targeting",
            "alerts",
            "audience_members",
            "audience_regions",
            "ending_statuses",
            "private_alert_reads",
            "source_facts",
        },
        "UPDATE": {"alert_areas", "alert_status_history", "private_alert_reads"},
    },
}
"""What a service does not do with its own tables."""

VIEWS = {"reports": "active_reports", "resources": "available_resources", "alerts": "recent_alerts"}


@pytest.fixture(scope="module")
def connections(untouched):
    with ExitStack() as stack:
        yield {service: stack.enter_context(connected(untouched.url(service))) for service in SERVICES}


@pytest.mark.parametrize("service", SERVICES)
def test_own_tables_are_readable_and_writable_as_the_service_needs(connections, looking, service):
    tables = looking.execute(
        text("SELECT tablename FROM pg_tables WHERE schemaname = :s AND tablename <> 'alembic_version'"),
        {"s": service},
    ).scalars()
    for table in tables:
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            is_allowed = (
                connections[service]
                .execute(
                    text("SELECT has_table_privilege(:table, :privilege)"),
                    {"table": f"{service}.{table}", "privilege": privilege},
                )
                .scalar_one()
            )
            assert is_allowed is (table not in NEVER[service].get(privilege, ())), (table, privilege)


@pytest.mark.parametrize(("service", "view"), list(VIEWS.items()))
def test_the_view_shows_names_of_identity_to_who_may_not_read_identity(connections, service, view):
    connections[service].execute(text(f"SELECT * FROM {service}.{view}")).all()
    with pytest.raises(exc.ProgrammingError, match="permission denied"):
        connections[service].execute(text("SELECT id FROM identity.users"))


@pytest.mark.parametrize("service", SERVICES)
def test_no_role_reaches_another_schema(connections, looking, service):
    for other in set(SERVICES) - {service}:
        assert (
            not connections[service]
            .execute(
                text(
                    "SELECT has_schema_privilege(:other, 'USAGE') OR has_schema_privilege(:other, 'CREATE')"
                ),
                {"other": other},
            )
            .scalar_one()
        )


@pytest.mark.parametrize("service", SERVICES)
def test_no_role_changes_a_schema(connections, service):
    for statement in (
        f"CREATE TABLE {service}.mine (id int)",
        f"ALTER TABLE {service}.outbox ADD COLUMN mine int",
        f"DROP TABLE {service}.outbox",
        f"UPDATE {service}.alembic_version SET version_num = 'mine'",
    ):
        with pytest.raises(exc.ProgrammingError, match=r"permission denied|must be owner"):
            connections[service].execute(text(statement))


def test_owners_see_no_more_of_identity_than_they_need(looking):
    for service in VIEWS:
        seen = looking.execute(
            text(
                "SELECT c.relname || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
                " WHERE c.relnamespace = 'identity'::regnamespace AND a.attnum > 0 AND c.relkind = 'r'"
                " AND has_column_privilege(CAST(:owner AS text), c.oid, a.attnum, 'SELECT')"
            ),
            {"owner": f"{service}_owner"},
        ).scalars()
        assert set(seen) == {
            "users.id",
            "users.first_name",
            "users.last_name",
            "regions.id",
            "regions.name",
            "regions.code",
            "regions.version",
            "regions.parent_id",
            "regions.lineage",
        }

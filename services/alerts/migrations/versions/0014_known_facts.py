"""Copies the facts of the reports and resources that were there before, as far as alerts may read them.

They are from before the rules followed facts: nobody is alerted of them until something of them changes. Where reports
or resources are in another database, nothing is copied: there the next event of each brings its facts, and until then
its open alerts stay as they are and people can cancel them.

Revision ID: 0014
Revises: 0013
"""

from shared.platform.db import ddl

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# A closed report stays closed.
REPORTS = """
    INSERT INTO alerts.source_facts (
        source_id, kind, version, status, severity_level, type_id, region_id, title
    )
    SELECT r.id, 'report', r.version, r.status, s.level, r.report_type_id, r.region_id, r.title
    FROM reports.reports r JOIN reports.severity_levels s ON s.id = r.severity_level_id
    WHERE r.status <> 'closed'
    ON CONFLICT DO NOTHING
"""
RESOURCES = """
    INSERT INTO alerts.source_facts (source_id, kind, version, status, type_id, region_id, title)
    SELECT id, 'resource', version, status, resource_type_id, region_id, name
    FROM resources.resources
    ON CONFLICT DO NOTHING
"""


def upgrade():
    ddl.execute(
        where_readable("reports.reports", "severity_level_id", REPORTS),
        where_readable("resources.resources", "resource_type_id", RESOURCES),
    )


def downgrade():
    pass


def where_readable(table, column, statement):
    """Return the statement for where this database has the table, and its owner lets us read it."""
    schema = table.partition(".")[0]
    return f"""
    DO $do$
    BEGIN
        IF EXISTS (SELECT FROM pg_namespace WHERE nspname = '{schema}')
            AND has_schema_privilege('{schema}', 'USAGE')
        THEN
            IF to_regclass('{table}') IS NOT NULL
                AND has_column_privilege('{table}', '{column}', 'SELECT')
            THEN
                {statement};
            END IF;
        END IF;
    END
    $do$
    """

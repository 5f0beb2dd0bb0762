"""Adds the source and the key by which an import recognises its records again.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

from shared.platform.db import ddl

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade():
    ddl.execute(
        """
        ALTER TABLE reports.reports
            ADD COLUMN IF NOT EXISTS import_source varchar(100),
            ADD COLUMN IF NOT EXISTS import_key varchar(200)
        """
    )
    # Without a lock that writers would wait for; what an interrupted attempt left behind is removed first.
    with op.get_context().autocommit_block():
        ddl.execute(
            "DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_import",
            """
            CREATE UNIQUE INDEX CONCURRENTLY idx_reports_import
                ON reports.reports (import_source, import_key) WHERE import_key IS NOT NULL
            """,
        )


def downgrade():
    ddl.execute(
        "DROP INDEX reports.idx_reports_import",
        "ALTER TABLE reports.reports DROP COLUMN import_source, DROP COLUMN import_key",
    )

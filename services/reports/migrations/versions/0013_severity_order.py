"""Makes the index of the lists that are sorted by severity.

Outside of a transaction, so that others read and write meanwhile; it can be run again where it broke off.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

from shared.platform.db import ddl

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade():
    with op.get_context().autocommit_block():
        ddl.execute(
            # An attempt that broke off has left one that is no use.
            "DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_severity_recent",
            """
            CREATE INDEX CONCURRENTLY idx_reports_severity_recent
                ON reports.reports (severity_level_id, reported_at DESC, id DESC)
            """,
        )


def downgrade():
    with op.get_context().autocommit_block():
        ddl.execute("DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_severity_recent")

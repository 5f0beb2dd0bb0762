"""Makes the index by which the duplicates of a report are found.

Outside of a transaction, so that others read and write meanwhile; it can be run again where it broke off.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

from shared.platform.db import ddl

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade():
    with op.get_context().autocommit_block():
        ddl.execute(
            # An attempt that broke off has left one that is no use.
            "DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_duplicates",
            """
            CREATE INDEX CONCURRENTLY idx_reports_duplicates
                ON reports.reports (duplicate_of, reported_at DESC, id DESC)
                WHERE duplicate_of IS NOT NULL
            """,
        )


def downgrade():
    with op.get_context().autocommit_block():
        ddl.execute("DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_duplicates")

"""Checks the constraints of 0005 on the rows that are there, and makes the index of the reports under review.

Outside of a transaction, so that others read and write meanwhile; it can be run again where it broke off.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

from shared.platform.db import ddl

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade():
    with op.get_context().autocommit_block():
        ddl.execute(
            "ALTER TABLE reports.reports VALIDATE CONSTRAINT reports_review_reasons_check",
            "ALTER TABLE reports.reports VALIDATE CONSTRAINT reports_location_check",
            # An attempt that broke off has left one that is no use.
            "DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_review",
            """
            CREATE INDEX CONCURRENTLY idx_reports_review ON reports.reports (updated_at, id)
                WHERE review_reasons <> '{}'
            """,
        )


def downgrade():
    with op.get_context().autocommit_block():
        ddl.execute("DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_review")

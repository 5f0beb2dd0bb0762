"""Makes the index by which the bytes are counted that an account has attached within a day.

Outside of a transaction, so that others read and write meanwhile; it can be run again where it broke off.

Revision ID: 0011
Revises: 0010
"""

from alembic import op

from shared.platform.db import ddl

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade():
    with op.get_context().autocommit_block():
        ddl.execute(
            # An attempt that broke off has left one that is no use.
            "DROP INDEX CONCURRENTLY IF EXISTS reports.idx_report_attachments_account",
            """
            CREATE INDEX CONCURRENTLY idx_report_attachments_account
                ON reports.report_attachments (uploaded_by, uploaded_at) INCLUDE (file_size)
            """,
        )


def downgrade():
    with op.get_context().autocommit_block():
        ddl.execute("DROP INDEX CONCURRENTLY IF EXISTS reports.idx_report_attachments_account")

"""The index of the pairs of characters that are searched since 0009, and the words of the reports that are there.

Outside of a transaction, so that others read and write meanwhile; it can be run again where it broke off.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

from shared.platform.db import ddl, search_ddl

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WORDS = "(SELECT word AS lexeme FROM ts_stat('SELECT search FROM reports.reports'))"


def upgrade():
    with op.get_context().autocommit_block():
        ddl.execute(
            # An attempt that broke off has left one that is no use.
            "DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_grams",
            """
            CREATE INDEX CONCURRENTLY idx_reports_grams ON reports.reports
                USING gin (reports.grams(title, description))
            """,
            search_ddl.new_words("reports", WORDS),
        )


def downgrade():
    with op.get_context().autocommit_block():
        ddl.execute("DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_grams")

"""The index of what is searched since 0009, and the words of the reports that are there.

Outside of a transaction, so that others read and write meanwhile; it can be run again where it broke off.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

from shared.db import ddl, search_ddl

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WORDS = "(SELECT word AS lexeme FROM ts_stat('SELECT search FROM reports.reports'))"


def upgrade():
    with op.get_context().autocommit_block():
        ddl.execute(
            # An attempt that broke off has left one that is no use.
            "DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_searched",
            """
            CREATE INDEX CONCURRENTLY idx_reports_searched ON reports.reports
                USING gin ((search || reports.grams(title, description)))
            """,
            search_ddl.new_words("reports", WORDS),
            "DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_search",
        )


def downgrade():
    with op.get_context().autocommit_block():
        ddl.execute(
            "DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_search",
            "CREATE INDEX CONCURRENTLY idx_reports_search ON reports.reports USING gin (search)",
            "DROP INDEX CONCURRENTLY IF EXISTS reports.idx_reports_searched",
        )

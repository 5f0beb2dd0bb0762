"""Search inside words, in scripts without blanks, and with a typing error: its functions, and the words themselves.

Revision ID: 0009
Revises: 0008
"""

from shared.platform.db import ddl, search_ddl

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade():
    ddl.execute(
        search_ddl.grams("reports"),
        *search_ddl.words_table("reports"),
        search_ddl.near_words("reports"),
        *search_ddl.keeping_words("reports", "reports", "n.search", ("title", "description")),
    )


def downgrade():
    ddl.execute(
        "DROP TRIGGER keep_search_words ON reports.reports",
        "DROP TRIGGER keep_changed_search_words ON reports.reports",
        """
        DROP FUNCTION
            reports.keep_search_words(),
            reports.keep_changed_search_words(),
            reports.near_words(text),
            reports.grams(text, text)
        """,
        "DROP TABLE reports.search_words",
    )

"""Search by the words of names, inside them, in scripts without blanks, and with a typing error.

Revision ID: 0006
Revises: 0005
"""

from shared.platform.db import ddl, search_ddl

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

VECTOR = "to_tsvector('resources.words', n.name)"
WORDS = f"(SELECT found.lexeme FROM resources.resources n CROSS JOIN LATERAL unnest({VECTOR}) AS found)"


def upgrade():
    ddl.execute(
        *search_ddl.configuration("resources"),
        search_ddl.grams("resources"),
        *search_ddl.words_table("resources"),
        search_ddl.near_words("resources"),
        *search_ddl.keeping_words("resources", "resources", VECTOR, ("name",)),
        search_ddl.new_words("resources", WORDS),
    )


def downgrade():
    ddl.execute(
        "DROP TRIGGER keep_search_words ON resources.resources",
        "DROP TRIGGER keep_changed_search_words ON resources.resources",
        """
        DROP FUNCTION
            resources.keep_search_words(),
            resources.keep_changed_search_words(),
            resources.near_words(text),
            resources.grams(text, text)
        """,
        "DROP TABLE resources.search_words",
        "DROP TEXT SEARCH CONFIGURATION resources.words",
    )

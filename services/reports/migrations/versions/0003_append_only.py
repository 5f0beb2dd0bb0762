"""Takes from the service what it never does, so that nobody who speaks as it can do it either.

Nothing of reports is ever deleted, and history and attachments are never changed.

Revision ID: 0003
Revises: 0002
"""

from shared.platform.db import ddl

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# by what is taken away
TABLES = {
    "DELETE": ("report_comments", "report_types", "reports", "severity_levels"),
    "UPDATE, DELETE": ("report_attachments", "report_status_history"),
}


def upgrade():
    ddl.take("reports", TABLES)


def downgrade():
    ddl.give_back("reports", TABLES)

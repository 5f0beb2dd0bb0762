"""Takes from the service what it never does, so that nobody who speaks as it can do it either.

Nothing of resources is ever deleted, and history and ledger are never changed.

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
    "DELETE": ("resource_types", "resources"),
    "UPDATE, DELETE": ("resource_status_history", "resource_usage_changes"),
}


def upgrade():
    ddl.take("resources", TABLES)


def downgrade():
    ddl.give_back("resources", TABLES)

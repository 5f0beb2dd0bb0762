"""Takes from the service what it never does, so that nobody who speaks as it can do it either.

Accounts, roles and regions are never deleted, and what a role holds or a person has is added and removed alone.

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
    "DELETE": ("regions", "roles", "users"),
    "UPDATE": ("role_permissions", "user_roles"),
}


def upgrade():
    ddl.take("identity", TABLES)


def downgrade():
    ddl.give_back("identity", TABLES)

"""Adds the language that an account prefers to the copy of identity's accounts.

Accounts that were there before have none until their next event, or until the audience is rebuilt.

Revision ID: 0007
Revises: 0006
"""

from shared.platform.db import ddl

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade():
    ddl.execute("ALTER TABLE alerts.audience_members ADD COLUMN language varchar(35)")


def downgrade():
    ddl.execute("ALTER TABLE alerts.audience_members DROP COLUMN language")

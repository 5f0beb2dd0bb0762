"""Lets coordinators approve alerts of others.

Who sees the reach of alerts decides about them. Systems issue alerts too, and approve none: an approval is a person's.

Revision ID: 0012
Revises: 0011
"""

from services.identity.migrations import new_permissions
from shared.platform.db import ddl

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade():
    ddl.execute(*new_permissions.grant("alert:approve", ["alert:read_reach"]))


def downgrade():
    ddl.execute(*new_permissions.withdraw("alert:approve"))

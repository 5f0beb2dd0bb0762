"""Gives staff the permissions to read what everybody with a reading permission could read before.

Who works on reports or issues alerts is staff, and reads alerts for groups; who edits resources knows the contact
persons. Reporters and viewers lose both. Nobody but administrators gets `alert:read_private`.

Revision ID: 0010
Revises: 0009
"""

from services.identity.migrations import new_permissions
from shared.platform.db import ddl

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade():
    ddl.execute(
        *new_permissions.grant(
            "alert:read_restricted", ["report:change_status", "alert:issue", "alert:draft"]
        ),
        *new_permissions.grant("resource:read_contacts", ["resource:update", "resource:create"]),
    )


def downgrade():
    ddl.execute(
        *new_permissions.withdraw("resource:read_contacts"),
        *new_permissions.withdraw("alert:read_restricted"),
        *new_permissions.withdraw("alert:read_private"),
    )

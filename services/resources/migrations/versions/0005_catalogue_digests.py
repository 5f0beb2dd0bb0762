"""A repeated create of a catalogue entry is told by the digest of its content, as everywhere else.

Revision ID: 0005
Revises: 0004
"""

from shared.platform.db import ddl

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade():
    ddl.execute("ALTER TABLE resources.resource_types ADD COLUMN content_digest bytea")


def downgrade():
    ddl.execute("ALTER TABLE resources.resource_types DROP COLUMN content_digest")

"""A repeated create of a catalogue entry is told by the digest of its content, as everywhere else.

Revision ID: 0008
Revises: 0007
"""

from shared.platform.db import ddl

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("report_types", "severity_levels")


def upgrade():
    ddl.execute(*(f"ALTER TABLE reports.{table} ADD COLUMN content_digest bytea" for table in TABLES))


def downgrade():
    ddl.execute(*(f"ALTER TABLE reports.{table} DROP COLUMN content_digest" for table in TABLES))

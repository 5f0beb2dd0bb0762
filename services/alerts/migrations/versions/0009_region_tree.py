"""Which of identity's regions lies in which, beside what alerts know of them.

It begins with the tree as it is. From then on events of identity keep it up to date.

Revision ID: 0009
Revises: 0008
"""

from shared.platform.db import ddl

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade():
    # The former version, which may still run, inserts regions without a lineage.
    ddl.execute(
        """
        ALTER TABLE alerts.audience_regions
            ADD COLUMN parent_id uuid,
            ADD COLUMN lineage uuid[] NOT NULL DEFAULT '{}'
        """,
        """
        COMMENT ON COLUMN alerts.audience_regions.lineage IS
            'The ids from the root of the tree to the region itself, as far as they are known.'
        """,
        "CREATE INDEX idx_audience_regions_lineage ON alerts.audience_regions USING gin (lineage)",
        """
        UPDATE alerts.audience_regions a SET parent_id = r.parent_id, lineage = r.lineage
        FROM identity.regions r WHERE r.id = a.region_id
        """,
    )


def downgrade():
    ddl.execute(
        "DROP INDEX alerts.idx_audience_regions_lineage",
        "ALTER TABLE alerts.audience_regions DROP COLUMN lineage, DROP COLUMN parent_id",
    )

"""A copy of identity's regions, as far as it must be known which of them lies in which.

It begins with the regions as they are. From then on events of identity keep it up to date.

Revision ID: 0014
Revises: 0013
"""

from shared.platform.db import ddl

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade():
    ddl.execute(
        """
        CREATE TABLE reports.regions (
            region_id uuid PRIMARY KEY,
            version integer NOT NULL,
            parent_id uuid,
            lineage uuid[] NOT NULL DEFAULT '{}',
            updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
        )
        """,
        """
        COMMENT ON TABLE reports.regions IS
            'identity''s regions, as far as it must be known what lies in which.'
        """,
        """
        COMMENT ON COLUMN reports.regions.lineage IS
            'The ids from the root of the tree to the region itself, as far as they are known.'
        """,
        "CREATE INDEX idx_regions_lineage ON reports.regions USING gin (lineage)",
        """
        INSERT INTO reports.regions (region_id, version, parent_id, lineage)
        SELECT id, version, parent_id, lineage FROM identity.regions
        """,
    )


def downgrade():
    ddl.execute("DROP TABLE reports.regions")

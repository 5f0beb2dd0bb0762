"""Lets the migrations of the other services copy the tree of the regions.

Revision ID: 0009
Revises: 0008
"""

from shared.platform.db import ddl

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OTHERS = "reports_owner, resources_owner, alerts_owner"


def upgrade():
    ddl.execute(f"GRANT SELECT (version, parent_id, lineage) ON identity.regions TO {OTHERS}")


def downgrade():
    ddl.execute(f"REVOKE SELECT (version, parent_id, lineage) ON identity.regions FROM {OTHERS}")

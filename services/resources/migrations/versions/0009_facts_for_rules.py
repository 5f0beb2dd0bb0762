"""What alerts may read of resources when it is migrated: the facts that alert rules read.

It copies them once, so that it knows the resources of before its first events about them. Afterwards events bring
them. Undoing it leaves a service that can move to a database of its own.

Revision ID: 0009
Revises: 0008
"""

from shared.platform.db import ddl

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

RESOURCES = "SELECT (id, version, status, resource_type_id, region_id, name) ON resources.resources"


def upgrade():
    ddl.execute(
        "GRANT USAGE ON SCHEMA resources TO alerts_owner",
        f"GRANT {RESOURCES} TO alerts_owner",
    )


def downgrade():
    ddl.execute(
        f"REVOKE {RESOURCES} FROM alerts_owner",
        "REVOKE USAGE ON SCHEMA resources FROM alerts_owner",
    )

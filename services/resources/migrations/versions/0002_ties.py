"""What ties resources to identity: foreign keys, and the view that shows names of regions.

Undoing it leaves a service that can move to a database of its own.

Revision ID: 0002
Revises: 0001
"""

from shared.platform.db import ddl

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# (table, constraint, column, foreign table)
KEYS = (
    ("resources", "fk_resources_region", "region_id", "regions"),
    ("resources", "fk_resources_created_by", "created_by", "users"),
    ("resources", "fk_resources_updated_by", "updated_by", "users"),
    ("resource_status_history", "fk_resource_status_history_changed_by", "changed_by", "users"),
    ("resource_usage_changes", "fk_resource_usage_changes_changed_by", "changed_by", "users"),
)

# Unlike the seed's it shows resources without a limit too.
AVAILABLE_RESOURCES = """
    CREATE VIEW resources.available_resources AS
    SELECT
        res.id,
        res.name,
        res.description,
        rt.name AS resource_type,
        reg.name AS region_name,
        res.capacity,
        res.current_usage,
        res.capacity - COALESCE(res.current_usage, 0) AS available_capacity,
        res.location
    FROM resources.resources res
    JOIN resources.resource_types rt ON res.resource_type_id = rt.id
    JOIN identity.regions reg ON res.region_id = reg.id
    WHERE res.status = 'available'
        AND (res.capacity IS NULL OR res.capacity > COALESCE(res.current_usage, 0))
"""


def upgrade():
    ddl.execute(
        *(
            f"ALTER TABLE resources.{table} ADD CONSTRAINT {constraint}"
            f" FOREIGN KEY ({column}) REFERENCES identity.{foreign} (id)"
            for table, constraint, column, foreign in KEYS
        ),
        AVAILABLE_RESOURCES,
    )


def downgrade():
    ddl.execute(
        "DROP VIEW resources.available_resources",
        *(f"ALTER TABLE resources.{table} DROP CONSTRAINT {constraint}" for table, constraint, _, _ in KEYS),
    )

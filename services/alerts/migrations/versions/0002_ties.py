"""What ties alerts to identity: foreign keys, and the view that shows names of regions and people.

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
    ("alerts", "fk_alerts_region", "region_id", "regions"),
    ("alerts", "fk_alerts_issued_by", "issued_by", "users"),
    ("alerts", "fk_alerts_updated_by", "updated_by", "users"),
    ("alert_rules", "fk_alert_rules_region", "region_id", "regions"),
    ("alert_rules", "fk_alert_rules_updated_by", "updated_by", "users"),
)

# Unlike the seed's it shows alerts that never expire too.
RECENT_ALERTS = """
    CREATE VIEW alerts.recent_alerts AS
    SELECT
        a.id,
        a.title,
        a.message,
        a.priority,
        reg.name AS region_name,
        u.first_name || ' ' || u.last_name AS issuer_name,
        a.issued_at,
        a.expires_at
    FROM alerts.alerts a
    JOIN identity.regions reg ON a.region_id = reg.id
    JOIN identity.users u ON a.issued_by = u.id
    WHERE a.status = 'active' AND (a.expires_at IS NULL OR a.expires_at > CURRENT_TIMESTAMP)
    ORDER BY a.issued_at DESC
"""


def upgrade():
    ddl.execute(
        *(
            f"ALTER TABLE alerts.{table} ADD CONSTRAINT {constraint}"
            f" FOREIGN KEY ({column}) REFERENCES identity.{foreign} (id)"
            for table, constraint, column, foreign in KEYS
        ),
        RECENT_ALERTS,
    )


def downgrade():
    ddl.execute(
        "DROP VIEW alerts.recent_alerts",
        *(f"ALTER TABLE alerts.{table} DROP CONSTRAINT {constraint}" for table, constraint, _, _ in KEYS),
    )

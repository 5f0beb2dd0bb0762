"""Takes from the service what it never does, so that nobody who speaks as it can do it either.

Alerts, their rules and their audience are never deleted, and the regions of issued alerts are never changed.

Revision ID: 0003
Revises: 0002
"""

from shared.platform.db import ddl

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# by what is taken away
TABLES = {
    "DELETE": (
        "alert_reach",
        "alert_rules",
        "alert_targeting",
        "alerts",
        "audience_members",
        "audience_regions",
        "ending_statuses",
    ),
    "UPDATE, DELETE": ("alert_areas",),
}


def upgrade():
    ddl.take("alerts", TABLES)


def downgrade():
    ddl.give_back("alerts", TABLES)

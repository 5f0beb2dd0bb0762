"""What ties reports to identity: foreign keys, and the view that shows names of regions and people.

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
    ("reports", "fk_reports_user", "user_id", "users"),
    ("reports", "fk_reports_region", "region_id", "regions"),
    ("reports", "fk_reports_updated_by", "updated_by", "users"),
    ("report_comments", "fk_report_comments_user", "user_id", "users"),
    ("report_attachments", "fk_report_attachments_uploaded_by", "uploaded_by", "users"),
    ("report_status_history", "fk_report_status_history_changed_by", "changed_by", "users"),
)

ACTIVE_REPORTS = """
    CREATE VIEW reports.active_reports AS
    SELECT
        r.id,
        r.title,
        r.description,
        rt.name AS report_type,
        sl.name AS severity_level,
        sl.color_code AS severity_color,
        reg.name AS region_name,
        r.location,
        r.reported_at,
        u.first_name || ' ' || u.last_name AS reporter_name
    FROM reports.reports r
    JOIN reports.report_types rt ON r.report_type_id = rt.id
    JOIN reports.severity_levels sl ON r.severity_level_id = sl.id
    JOIN identity.regions reg ON r.region_id = reg.id
    JOIN identity.users u ON r.user_id = u.id
    WHERE r.status IN ('pending', 'confirmed', 'in_progress')
"""


def upgrade():
    ddl.execute(
        *(
            f"ALTER TABLE reports.{table} ADD CONSTRAINT {constraint}"
            f" FOREIGN KEY ({column}) REFERENCES identity.{foreign} (id)"
            for table, constraint, column, foreign in KEYS
        ),
        ACTIVE_REPORTS,
    )


def downgrade():
    ddl.execute(
        "DROP VIEW reports.active_reports",
        *(f"ALTER TABLE reports.{table} DROP CONSTRAINT {constraint}" for table, constraint, _, _ in KEYS),
    )

"""What alerts may read of reports when it is migrated: the facts that alert rules read.

It copies them once, so that it knows the reports of before its first events about them. Afterwards events bring them.
Undoing it leaves a service that can move to a database of its own.

Revision ID: 0015
Revises: 0014
"""

from shared.platform.db import ddl

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

REPORTS = (
    "SELECT (id, version, status, severity_level_id, report_type_id, region_id, title) ON reports.reports"
)
SEVERITY_LEVELS = "SELECT (id, level) ON reports.severity_levels"


def upgrade():
    ddl.execute(
        "GRANT USAGE ON SCHEMA reports TO alerts_owner",
        f"GRANT {REPORTS} TO alerts_owner",
        f"GRANT {SEVERITY_LEVELS} TO alerts_owner",
    )


def downgrade():
    ddl.execute(
        f"REVOKE {SEVERITY_LEVELS} FROM alerts_owner",
        f"REVOKE {REPORTS} FROM alerts_owner",
        "REVOKE USAGE ON SCHEMA reports FROM alerts_owner",
    )

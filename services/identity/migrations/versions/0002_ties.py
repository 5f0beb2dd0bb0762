"""What the other services may use of identity: keys to refer to, and the few columns their views show.

Revision ID: 0002
Revises: 0001
"""

from shared.platform.db import ddl

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OTHERS = "reports_owner, resources_owner, alerts_owner"


def upgrade():
    ddl.execute(
        f"GRANT USAGE ON SCHEMA identity TO {OTHERS}",
        f"GRANT REFERENCES (id), SELECT (id, first_name, last_name) ON identity.users TO {OTHERS}",
        f"GRANT REFERENCES (id), SELECT (id, name, code) ON identity.regions TO {OTHERS}",
    )


def downgrade():
    ddl.execute(
        f"REVOKE REFERENCES (id), SELECT (id, name, code) ON identity.regions FROM {OTHERS}",
        f"REVOKE REFERENCES (id), SELECT (id, first_name, last_name) ON identity.users FROM {OTHERS}",
        f"REVOKE USAGE ON SCHEMA identity FROM {OTHERS}",
    )

"""Adds the status `pending_approval`, and the action of rules that issues into it.

What a pending alert says can still be changed, as with a draft: nobody was told yet. It is issued when it becomes
active. The previous version of the service knows the new status too little to show it to those who may read drafts
alone; it makes no alert that has it.

Revision ID: 0008
Revises: 0007
"""

from shared.platform.db import ddl

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CONTENT = (
    "id, title, message, region_id, issued_by, issued_at, expires_at, priority, category, event, urgency, severity,"
    ' certainty, msg_type, "references", instruction, language, translations, sender, area_version, cap_status,'
    " onset_at, area"
)

OPEN = (
    "CREATE INDEX idx_alerts_open_by_rule ON alerts.alerts (source_id, rule_id) WHERE status IN ({statuses})"
)

# A constraint that allows more needs no look at the rows that are there, but without one it counts as not validated.
CHOICES = """
    ALTER TABLE alerts.{table}
        DROP CONSTRAINT {table}_{column}_check,
        ADD CONSTRAINT {table}_{column}_check CHECK ({column} IN ({words}))
"""


def upgrade():
    ddl.execute(
        CHOICES.format(
            table="alerts",
            column="status",
            words="'draft', 'pending_approval', 'active', 'superseded', 'cancelled', 'expired'",
        ),
        CHOICES.format(table="alert_rules", column="action", words="'issue', 'draft', 'request_approval'"),
        "DROP INDEX alerts.idx_alerts_open_by_rule",
        OPEN.format(statuses="'draft', 'pending_approval', 'active'"),
        guard("'draft', 'pending_approval'"),
    )


def downgrade():
    # What waits for an approval is a draft again, and what a rule would have put before somebody it drafts.
    ddl.execute(
        "UPDATE alerts.alerts SET status = 'draft' WHERE status = 'pending_approval'",
        "UPDATE alerts.alert_rules SET action = 'draft' WHERE action = 'request_approval'",
        guard("'draft'"),
        "DROP INDEX alerts.idx_alerts_open_by_rule",
        OPEN.format(statuses="'draft', 'active'"),
        CHOICES.format(
            table="alerts",
            column="status",
            words="'draft', 'active', 'superseded', 'cancelled', 'expired'",
        ),
        CHOICES.format(table="alert_rules", column="action", words="'issue', 'draft'"),
    )


def guard(unissued):
    new, old = (", ".join(f"{row}.{name}" for name in CONTENT.split(", ")) for row in ("NEW", "OLD"))
    return f"""
    CREATE OR REPLACE FUNCTION alerts.guard_issued_alert() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF OLD.status NOT IN ({unissued}) THEN
                IF NEW.status IN ({unissued}) OR ({new})
                    IS DISTINCT FROM ({old})
                THEN
                    RAISE EXCEPTION 'alert % was issued: it cannot be changed, only updated by another', OLD.id
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'alerts_issued_check';
                END IF;
                RETURN NEW;
            END IF;
        END IF;
        IF NEW.status = 'active' THEN
            WITH now_known AS (
                SELECT region_id, version, code, name, boundaries
                FROM alerts.audience_regions WHERE region_id = NEW.region_id
            ), kept AS (
                INSERT INTO alerts.alert_areas (region_id, version, code, name, boundaries)
                SELECT region_id, version, code, name, boundaries FROM now_known
                ON CONFLICT DO NOTHING
            )
            SELECT version INTO NEW.area_version FROM now_known;
        END IF;
        RETURN NEW;
    END
    $$
    """

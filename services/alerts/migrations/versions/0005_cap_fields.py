"""Adds what CAP says beside the rest: whether an alert is an exercise or a test, its onset, and a narrower area.

They are content: an issued alert's cannot be changed. Events say whether an alert is actual.

Revision ID: 0005
Revises: 0004
"""

from shared.platform.db import ddl

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CONTENT = (
    "id, title, message, region_id, issued_by, issued_at, expires_at, priority, category, event, urgency, severity,"
    ' certainty, msg_type, "references", instruction, language, translations, sender, area_version'
)
CONTENT_NOW = f"{CONTENT}, cap_status, onset_at, area"

FACTS = """
            'alert_id', n.id,
            'version', n.version,
            'title', n.title,
            'region_id', n.region_id,
            'priority', n.priority,
            'status', n.status,
            'msg_type', n.msg_type,
            'references', to_jsonb(n."references"),
            'issued_by', n.issued_by,
            'issued_at', n.issued_at,
            'expires_at', n.expires_at"""
FACTS_NOW = f"""{FACTS},
            'cap_status', n.cap_status"""


def upgrade():
    ddl.execute(
        """
        ALTER TABLE alerts.alerts
            ADD COLUMN cap_status varchar(20) NOT NULL DEFAULT 'Actual'
                CONSTRAINT alerts_cap_status_check CHECK (cap_status IN ('Actual', 'Exercise', 'Test')),
            ADD COLUMN onset_at timestamptz,
            ADD COLUMN area jsonb CONSTRAINT alerts_area_check CHECK (jsonb_typeof(area) = 'object')
        """,
        guard(CONTENT_NOW),
        *events(FACTS_NOW),
    )


def downgrade():
    ddl.execute(
        guard(CONTENT),
        *events(FACTS),
        "ALTER TABLE alerts.alerts DROP COLUMN cap_status, DROP COLUMN onset_at, DROP COLUMN area",
    )


def guard(content):
    new, old = (", ".join(f"{row}.{name}" for name in content.split(", ")) for row in ("NEW", "OLD"))
    return f"""
    CREATE OR REPLACE FUNCTION alerts.guard_issued_alert() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF OLD.status <> 'draft' THEN
                IF NEW.status = 'draft' OR ({new})
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


def events(facts):
    return (
        f"""
    CREATE OR REPLACE FUNCTION alerts.record_alert_issued() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_issued', n.id, n.version, jsonb_build_object({facts})
        FROM new_rows n
        WHERE n.status = 'active';
        RETURN NULL;
    END
    $$
    """,
        f"""
    CREATE OR REPLACE FUNCTION alerts.record_alert_status_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_status_changed', n.id, n.version, jsonb_build_object({facts},
            'previous_status', o.status,
            'superseded_by', n.superseded_by,
            'cancelled_by', n.cancelled_by,
            'notes', n.status_notes,
            'changed_by', COALESCE(n.updated_by, '00000000-0000-0000-0000-000000000000'),
            'changed_at', n.updated_at
        )
        FROM new_rows n JOIN old_rows o USING (id)
        WHERE n.status <> o.status;

        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_issued', n.id, n.version, jsonb_build_object({facts})
        FROM new_rows n JOIN old_rows o USING (id)
        WHERE n.status = 'active' AND o.status = 'draft';
        RETURN NULL;
    END
    $$
    """,
    )

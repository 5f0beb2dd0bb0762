"""Adds who decided what about an alert: who asked for its approval, who approved it, and every status that it entered.

The history is written by a trigger and not from events, because nobody is told of a draft. Of the alerts that exist it
says what their rows say: the draft that they are or the issue of those that were issued, and how they ended. Who
drafted an alert that was issued was not kept.

``source_type`` says whether the source of an alert is a report or a resource. The previous version does not fill it, so
the database does.

Revision ID: 0013
Revises: 0012
"""

from shared.platform.db import ddl

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

STATUSES = "'draft', 'pending_approval', 'active', 'superseded', 'cancelled', 'expired'"
SYSTEM = "'00000000-0000-0000-0000-000000000000'"

HISTORY = (
    f"""
    CREATE TABLE alerts.alert_status_history (
        id uuid NOT NULL DEFAULT alerts.uuid7() CONSTRAINT alert_status_history_pkey PRIMARY KEY,
        alert_id uuid NOT NULL CONSTRAINT fk_alert_status_history_alert REFERENCES alerts.alerts (id),
        status varchar(50) NOT NULL
            CONSTRAINT alert_status_history_status_check CHECK (status IN ({STATUSES})),
        changed_by uuid NOT NULL
            CONSTRAINT fk_alert_status_history_changed_by REFERENCES identity.users (id),
        notes text,
        changed_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        version integer NOT NULL DEFAULT 0,
        CONSTRAINT alert_status_history_alert_id_version_key UNIQUE (alert_id, version)
    )
    """,
    """
    COMMENT ON TABLE alerts.alert_status_history IS
        'Every status an alert entered, written by a trigger: version is the alert''s.'
    """,
    "CREATE INDEX idx_alert_status_history_alert ON alerts.alert_status_history (alert_id)",
    "CREATE INDEX idx_alert_status_history_changed_at ON alerts.alert_status_history (changed_at)",
    # An issued alert changes once more, when it ends, so it was issued at the version before. A Cancel message is
    # cancelled from the beginning.
    """
    INSERT INTO alerts.alert_status_history (alert_id, status, changed_by, notes, changed_at, version)
    SELECT id, 'active', issued_by, NULL, issued_at, version - 1
    FROM alerts.alerts
    WHERE version > 1 AND msg_type <> 'Cancel'
        AND (status IN ('superseded', 'expired') OR (status = 'cancelled' AND area_version IS NOT NULL))
    UNION ALL
    SELECT id, status, COALESCE(updated_by, issued_by), status_notes,
        CASE status WHEN 'draft' THEN created_at WHEN 'active' THEN issued_at ELSE updated_at END, version
    FROM alerts.alerts
    """,
    # The column of a status change that nobody answers for is null, as of a program that writes to the database.
    f"""
    CREATE FUNCTION alerts.record_alert_status() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO alerts.alert_status_history (alert_id, status, changed_by, notes, changed_at, version)
            SELECT id, status, COALESCE(updated_by, issued_by), status_notes, updated_at, version FROM new_rows;
        ELSE
            INSERT INTO alerts.alert_status_history (alert_id, status, changed_by, notes, changed_at, version)
            SELECT n.id, n.status, COALESCE(n.updated_by, {SYSTEM}), n.status_notes, n.updated_at, n.version
            FROM new_rows n JOIN old_rows o USING (id)
            WHERE n.status <> o.status;
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER alert_first_status_trigger AFTER INSERT ON alerts.alerts
        REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION alerts.record_alert_status()
    """,
    """
    CREATE TRIGGER alert_next_status_trigger AFTER UPDATE ON alerts.alerts
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION alerts.record_alert_status()
    """,
)

PEOPLE = (
    """
    ALTER TABLE alerts.alerts
        ADD COLUMN approval_requested_by uuid,
        ADD COLUMN approval_requested_at timestamptz,
        ADD COLUMN approved_by uuid,
        ADD COLUMN approved_at timestamptz,
        ADD COLUMN edited_by uuid,
        ADD COLUMN source_type varchar(20)
            CONSTRAINT alerts_source_type_check CHECK (source_type IN ('report', 'resource'))
    """,
    *(
        f"ALTER TABLE alerts.alerts ADD CONSTRAINT fk_alerts_{column}"
        f" FOREIGN KEY ({column}) REFERENCES identity.users (id)"
        for column in ("approval_requested_by", "approved_by", "edited_by")
    ),
)

SOURCES = (
    # Nothing is told anew, so neither versions nor events.
    "ALTER TABLE alerts.alerts DISABLE TRIGGER USER",
    """
    UPDATE alerts.alerts a SET source_type = split_part(r.source_event, '_', 1)
    FROM alerts.alert_rules r
    WHERE r.id = a.rule_id AND a.source_id IS NOT NULL AND split_part(r.source_event, '_', 1) IN ('report', 'resource')
    """,
    "ALTER TABLE alerts.alerts ENABLE TRIGGER USER",
    """
    CREATE FUNCTION alerts.set_source_type() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        SELECT split_part(source_event, '_', 1) INTO NEW.source_type
        FROM alerts.alert_rules WHERE id = NEW.rule_id;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER alert_source_type_trigger BEFORE INSERT ON alerts.alerts
        FOR EACH ROW WHEN (NEW.source_id IS NOT NULL AND NEW.source_type IS NULL)
        EXECUTE FUNCTION alerts.set_source_type()
    """,
    "CREATE INDEX idx_alerts_source ON alerts.alerts (source_id, issued_at DESC, id DESC) WHERE source_id IS NOT NULL",
)

APPEND_ONLY = {"UPDATE, DELETE": ("alert_status_history",)}


def upgrade():
    ddl.execute(*PEOPLE, *SOURCES, *HISTORY)
    ddl.take("alerts", APPEND_ONLY)


def downgrade():
    ddl.execute(
        "DROP TRIGGER alert_first_status_trigger ON alerts.alerts",
        "DROP TRIGGER alert_next_status_trigger ON alerts.alerts",
        "DROP TRIGGER alert_source_type_trigger ON alerts.alerts",
        "DROP FUNCTION alerts.record_alert_status()",
        "DROP FUNCTION alerts.set_source_type()",
        "DROP TABLE alerts.alert_status_history",
        "DROP INDEX alerts.idx_alerts_source",
        """
        ALTER TABLE alerts.alerts
            DROP COLUMN approval_requested_by, DROP COLUMN approval_requested_at, DROP COLUMN approved_by,
            DROP COLUMN approved_at, DROP COLUMN edited_by, DROP COLUMN source_type
        """,
    )

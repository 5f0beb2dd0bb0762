"""Adds the class of an alert: public, restricted to groups, or private to accounts.

The column holds what the declared targets say. Writers that do not know the column, such as the previous version,
leave it at the narrowest class until targeting begins. A Cancel message has the class of the alert that it cancels,
whoever writes it. Each alert that exists gets the class it was issued as; its version stays as it is, because nothing
is told anew. Events carry the class.

Revision ID: 0006
Revises: 0005
"""

from shared.platform.db import ddl

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

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
            'expires_at', n.expires_at,
            'cap_status', n.cap_status"""
FACTS_NOW = f"""{FACTS},
            'audience_class', n.audience_class"""

CLASS = "'audience_class', a.audience_class"

# Rows of people that were reached are not declared; those of other writers have neither a position nor were reached.
EXISTING = """
    UPDATE alerts.alerts a SET audience_class = found.audience_class
    FROM (
        SELECT s.id, CASE
            WHEN count(t.id) = 0 OR bool_or(t.target_type = 'region') THEN 'public'
            WHEN bool_or(t.target_type = 'group') THEN 'restricted'
            ELSE 'private'
        END AS audience_class
        FROM (
            SELECT id, CASE msg_type WHEN 'Cancel' THEN "references"[cardinality("references")] ELSE id END AS subject
            FROM alerts.alerts
        ) AS s
        LEFT JOIN alerts.alert_targets t
            ON t.alert_id = s.subject AND (t.position IS NOT NULL OR t.reached_by IS NULL)
        GROUP BY s.id
    ) AS found
    WHERE a.id = found.id
"""


def upgrade():
    ddl.execute(
        """
        ALTER TABLE alerts.alerts
            ADD COLUMN audience_class varchar(20) NOT NULL DEFAULT 'private'
                CONSTRAINT alerts_audience_class_check CHECK (audience_class IN ('public', 'restricted', 'private'))
        """,
        "ALTER TABLE alerts.alerts DISABLE TRIGGER USER",
        EXISTING,
        "ALTER TABLE alerts.alerts ENABLE TRIGGER USER",
        """
        CREATE FUNCTION alerts.set_class_of_cancel_message() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            SELECT audience_class INTO NEW.audience_class
            FROM alerts.alerts WHERE id = NEW."references"[cardinality(NEW."references")];
            NEW.audience_class = COALESCE(NEW.audience_class, 'private');
            RETURN NEW;
        END
        $$
        """,
        """
        CREATE TRIGGER alert_class_of_cancel_trigger BEFORE INSERT ON alerts.alerts
            FOR EACH ROW WHEN (NEW.msg_type = 'Cancel') EXECUTE FUNCTION alerts.set_class_of_cancel_message()
        """,
        *events(FACTS_NOW),
        targeted(", audience_class", f", {CLASS}"),
        read(", audience_class", f", {CLASS}"),
    )


def downgrade():
    ddl.execute(
        *events(FACTS),
        targeted("", ""),
        read("", ""),
        "DROP TRIGGER alert_class_of_cancel_trigger ON alerts.alerts",
        "DROP FUNCTION alerts.set_class_of_cancel_message()",
        "ALTER TABLE alerts.alerts DROP COLUMN audience_class",
    )


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
        WHERE n.status = 'active' AND o.status IN ('draft', 'pending_approval');
        RETURN NULL;
    END
    $$
    """,
    )


def targeted(column, fact):
    return f"""
    CREATE OR REPLACE FUNCTION alerts.record_alert_targeted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        WITH finished AS (
            SELECT n.* FROM new_rows n JOIN old_rows o USING (alert_id)
            WHERE n.finished_at IS NOT NULL AND o.finished_at IS NULL
        ), of_alerts AS (
            SELECT id, version, region_id, issued_at{column} FROM alerts.alerts
            WHERE id = ANY (ARRAY(SELECT alert_id FROM finished)) ORDER BY id FOR SHARE
        )
        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_targeted', a.id, a.version, jsonb_build_object(
            'alert_id', a.id,
            'version', a.version,
            'region_id', a.region_id,
            'targets', n.targeted,
            'issued_at', a.issued_at,
            'targeted_at', n.finished_at{fact}
        )
        FROM finished n JOIN of_alerts a ON a.id = n.alert_id;
        RETURN NULL;
    END
    $$
    """


def read(column, fact):
    return f"""
    CREATE OR REPLACE FUNCTION alerts.record_alert_read() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM new_rows WHERE is_read) THEN
            RETURN NULL;
        END IF;
        WITH noted AS (
            SELECT c.alert_id, c.shard, c.position, r.reads
            FROM alerts.alert_reach c
            JOIN (
                SELECT n.alert_id, hashtext(n.target_id) & 15 AS shard, p.position, count(*) AS reads
                FROM new_rows n
                JOIN old_rows o USING (id)
                CROSS JOIN generate_series(0, 62) AS p (position)
                WHERE n.is_read AND NOT o.is_read AND (n.reached_by >> p.position) & 1 = 1
                GROUP BY 1, 2, 3
            ) AS r USING (alert_id, shard, position)
            ORDER BY c.alert_id, c.shard, c.position
            FOR UPDATE OF c
        )
        UPDATE alerts.alert_reach c SET reads = c.reads + noted.reads
        FROM noted
        WHERE (c.alert_id, c.shard, c.position) = (noted.alert_id, noted.shard, noted.position);

        WITH marked AS (
            SELECT n.* FROM new_rows n JOIN old_rows o USING (id)
            WHERE n.is_read AND NOT o.is_read AND n.reached_by IS NOT NULL
        ), of_alerts AS (
            SELECT id, version, region_id{column} FROM alerts.alerts
            WHERE id = ANY (ARRAY(SELECT alert_id FROM marked)) ORDER BY id FOR SHARE
        )
        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_read', a.id, a.version, jsonb_build_object(
            'alert_id', a.id,
            'version', a.version,
            'region_id', a.region_id,
            'user_id', n.target_id,
            'read_at', n.read_at{fact}
        )
        FROM marked n JOIN of_alerts a ON a.id = n.alert_id;
        RETURN NULL;
    END
    $$
    """

"""Whom events of alerts name, who wrote an alert, and who has read private alerts of others.

Events of alerts that are not public name the groups and accounts that the alerts are for, by which the live stream
knows whom it may tell. Alerts that exist name nobody, so it tells of them less than they were told.

The record of readings is append-only for the service.

Revision ID: 0011
Revises: 0010
"""

from shared.platform.db import ddl

revision = "0011"
down_revision = "0010"
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
            'cap_status', n.cap_status,
            'audience_class', n.audience_class"""
FACTS_NOW = f"""{FACTS},
            'audience_groups', to_jsonb(n.audience_groups),
            'audience_accounts', to_jsonb(n.audience_accounts)"""
IS_QUIET = "'is_quiet', n.is_quiet"
COLUMNS = ", audience_class"
COLUMNS_NOW = f"{COLUMNS}, audience_groups, audience_accounts"
OF_ALERT = ", 'audience_class', a.audience_class"
OF_ALERT_NOW = (
    f"{OF_ALERT}, 'audience_groups', to_jsonb(a.audience_groups),"
    " 'audience_accounts', to_jsonb(a.audience_accounts)"
)

READS = (
    """
    CREATE TABLE alerts.private_alert_reads (
        id uuid NOT NULL DEFAULT alerts.uuid7() CONSTRAINT private_alert_reads_pkey PRIMARY KEY,
        alert_id uuid NOT NULL CONSTRAINT fk_private_alert_reads_alert REFERENCES alerts.alerts (id),
        user_id uuid NOT NULL,
        way varchar(20) NOT NULL CONSTRAINT private_alert_reads_way_check
            CHECK (way IN ('get', 'list', 'recent', 'cap', 'reach', 'targets', 'change')),
        correlation_id varchar(255) NOT NULL,
        read_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
    )
    """,
    """
    COMMENT ON TABLE alerts.private_alert_reads IS
        'Who read private alerts that were neither their own nor for them, by a permission. Append-only.'
    """,
    "CREATE INDEX idx_private_alert_reads_recent ON alerts.private_alert_reads (read_at DESC, id DESC)",
    "CREATE INDEX idx_private_alert_reads_alert ON alerts.private_alert_reads (alert_id)",
    "CREATE INDEX idx_private_alert_reads_user ON alerts.private_alert_reads (user_id)",
)


def upgrade():
    ddl.execute(
        """
        ALTER TABLE alerts.alerts
            ADD COLUMN author_id uuid,
            ADD COLUMN audience_groups varchar(100)[] NOT NULL DEFAULT '{}',
            ADD COLUMN audience_accounts uuid[] NOT NULL DEFAULT '{}'
        """,
        *READS,
        issued(FACTS_NOW),
        status_change(FACTS_NOW),
        targeted(COLUMNS_NOW, OF_ALERT_NOW),
        read(COLUMNS_NOW, OF_ALERT_NOW),
    )
    ddl.take("alerts", {"UPDATE, DELETE": ("private_alert_reads",)})


def downgrade():
    ddl.execute(
        issued(FACTS),
        status_change(FACTS),
        targeted(COLUMNS, OF_ALERT),
        read(COLUMNS, OF_ALERT),
        "DROP TABLE alerts.private_alert_reads",
        """
        ALTER TABLE alerts.alerts
            DROP COLUMN author_id, DROP COLUMN audience_groups, DROP COLUMN audience_accounts
        """,
    )


def issued(facts):
    return f"""
    CREATE OR REPLACE FUNCTION alerts.record_alert_issued() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_issued', n.id, n.version, jsonb_build_object({facts}, {IS_QUIET})
        FROM new_rows n
        WHERE n.status = 'active';
        RETURN NULL;
    END
    $$
    """


def status_change(facts):
    return f"""
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
    """


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

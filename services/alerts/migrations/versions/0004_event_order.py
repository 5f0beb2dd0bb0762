"""Events of readers and of targeting never have a version that is lower than one sent before.

They carry the version of their alert. It is read from a row that is locked until they are stored, so that nobody
raises it meanwhile and is quicker with the event of that. Readers share the lock: they wait for somebody who changes
the alert, and not for each other.

Revision ID: 0004
Revises: 0003
"""

from shared.platform.db import ddl

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def targeted(lock):
    return f"""
    CREATE OR REPLACE FUNCTION alerts.record_alert_targeted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        WITH finished AS (
            SELECT n.* FROM new_rows n JOIN old_rows o USING (alert_id)
            WHERE n.finished_at IS NOT NULL AND o.finished_at IS NULL
        ), of_alerts AS (
            SELECT id, version, region_id, issued_at FROM alerts.alerts
            WHERE id = ANY (ARRAY(SELECT alert_id FROM finished)) ORDER BY id {lock}
        )
        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_targeted', a.id, a.version, jsonb_build_object(
            'alert_id', a.id,
            'version', a.version,
            'region_id', a.region_id,
            'targets', n.targeted,
            'issued_at', a.issued_at,
            'targeted_at', n.finished_at
        )
        FROM finished n JOIN of_alerts a ON a.id = n.alert_id;
        RETURN NULL;
    END
    $$
    """


def read(lock):
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
            SELECT id, version, region_id FROM alerts.alerts
            WHERE id = ANY (ARRAY(SELECT alert_id FROM marked)) ORDER BY id {lock}
        )
        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_read', a.id, a.version, jsonb_build_object(
            'alert_id', a.id,
            'version', a.version,
            'region_id', a.region_id,
            'user_id', n.target_id,
            'read_at', n.read_at
        )
        FROM marked n JOIN of_alerts a ON a.id = n.alert_id;
        RETURN NULL;
    END
    $$
    """


def upgrade():
    ddl.execute(targeted("FOR SHARE"), read("FOR SHARE"))


def downgrade():
    ddl.execute(targeted(""), read(""))

"""Lets accounts join and leave alerts in force, and regions of the audience nest.

What the regions of an account cover is filled when the first region gets a parent: until then nothing contains another
region. `alert_targeted` is emitted again whenever more accounts have been reached.

Revision ID: 0012
Revises: 0011
"""

from shared.platform.db import ddl

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = (
    """
    ALTER TABLE alerts.audience_members ADD COLUMN covers varchar(50)[] NOT NULL DEFAULT '{}'
    """,
    """
    COMMENT ON COLUMN alerts.audience_members.covers IS
        'The codes of the regions that were chosen, as far as they are known, and of all that contain them.'
    """,
    "CREATE INDEX idx_audience_members_covers ON alerts.audience_members USING gin (covers)",
    "ALTER TABLE alerts.alert_targets ADD COLUMN left_at timestamptz",
    """
    COMMENT ON COLUMN alerts.alert_targets.left_at IS
        'Of a person who was reached: since when the alert in force is no longer for them; else NULL.'
    """,
    """
    CREATE TABLE alerts.open_paths (
        kind varchar(10) NOT NULL
            CONSTRAINT open_paths_kind_check CHECK (kind IN ('follows', 'covers', 'holds', 'is')),
        key varchar(255) NOT NULL,
        alert_id uuid NOT NULL CONSTRAINT fk_open_paths_alert REFERENCES alerts.alerts (id),
        position smallint NOT NULL,
        role varchar(100),
        CONSTRAINT open_paths_pkey PRIMARY KEY (kind, key, alert_id, position)
    )
    """,
    """
    COMMENT ON TABLE alerts.open_paths IS
        'The ways to belong to an alert in force, by what an account must have: a region, a role, its id.'
    """,
    "CREATE INDEX idx_open_paths_alert ON alerts.open_paths (alert_id)",
    """
    CREATE TABLE alerts.audience_moves (
        id uuid NOT NULL DEFAULT alerts.uuid7() CONSTRAINT audience_moves_pkey PRIMARY KEY,
        moved varchar(50)[] NOT NULL,
        above varchar(50)[] NOT NULL,
        done_to uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
        created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
    )
    """,
    """
    COMMENT ON TABLE alerts.audience_moves IS
        'Regions that moved or became known, until every account that it concerns was looked at.'
    """,
    """
    COMMENT ON COLUMN alerts.audience_moves.moved IS
        'Codes of the regions: it concerns those who follow one of them, or a region that lies in one.'
    """,
    """
    COMMENT ON COLUMN alerts.audience_moves.above IS
        'Codes of regions whose followers the alerts in force below are for, now or before.'
    """,
)

# As the regions are now: none contains another. A region that is not known goes by its id.
PATHS = """
    WITH declared AS (
        SELECT
            t.alert_id,
            t.position,
            t.target_type,
            t.target_id,
            CASE t.target_type
                WHEN 'region' THEN coalesce(r.code, t.target_id)
                WHEN 'group' THEN nullif(split_part(t.target_id, ':', 2), '')
            END AS code,
            CASE WHEN t.target_type = 'group' THEN split_part(t.target_id, ':', 1) END AS role
        FROM alerts.alert_targets t
        JOIN alerts.alerts a ON a.id = t.alert_id AND a.status = 'active'
        JOIN alerts.alert_targeting g ON g.alert_id = t.alert_id
        LEFT JOIN alerts.audience_regions r ON t.target_type = 'region' AND r.region_id::text = t.target_id
        WHERE t.position IS NOT NULL
    )
    INSERT INTO alerts.open_paths (alert_id, position, kind, key, role)
    SELECT alert_id, 0, 'is', target_id, NULL FROM declared WHERE target_type = 'user'
    UNION ALL
    SELECT alert_id, position, 'holds', role, NULL FROM declared WHERE target_type = 'group' AND code IS NULL
    UNION ALL
    SELECT alert_id, position, kind, key, role
    FROM declared
    CROSS JOIN LATERAL (VALUES ('covers', code), ('follows', code), ('follows', '*')) AS ways (kind, key)
    WHERE code IS NOT NULL
    UNION ALL
    SELECT alert_id, position, 'follows', '', role FROM declared WHERE target_type = 'group' AND code IS NOT NULL
"""

# Whoever ends an alert, nobody joins it after that.
CLOSING = (
    """
    CREATE FUNCTION alerts.close_paths() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        DELETE FROM alerts.open_paths WHERE alert_id = NEW.id;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER alert_close_paths_trigger AFTER UPDATE OF status ON alerts.alerts
        FOR EACH ROW WHEN (OLD.status = 'active' AND NEW.status <> 'active')
        EXECUTE FUNCTION alerts.close_paths()
    """,
)


def upgrade():
    ddl.execute(
        *TABLES,
        PATHS,
        *CLOSING,
        targeted("n.finished_at IS NOT NULL AND (o.finished_at IS NULL OR n.targeted > o.targeted)"),
    )


def downgrade():
    ddl.execute(
        targeted("n.finished_at IS NOT NULL AND o.finished_at IS NULL"),
        "DROP TRIGGER alert_close_paths_trigger ON alerts.alerts",
        "DROP FUNCTION alerts.close_paths()",
        "DROP TABLE alerts.open_paths, alerts.audience_moves",
        "ALTER TABLE alerts.alert_targets DROP COLUMN left_at",
        "ALTER TABLE alerts.audience_members DROP COLUMN covers",
    )


def targeted(condition):
    return f"""
    CREATE OR REPLACE FUNCTION alerts.record_alert_targeted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        WITH finished AS (
            SELECT n.* FROM new_rows n JOIN old_rows o USING (alert_id)
            WHERE {condition}
        ), of_alerts AS (
            SELECT id, version, region_id, issued_at, audience_class, audience_groups, audience_accounts
            FROM alerts.alerts
            WHERE id = ANY (ARRAY(SELECT alert_id FROM finished)) ORDER BY id FOR SHARE
        )
        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_targeted', a.id, a.version, jsonb_build_object(
            'alert_id', a.id,
            'version', a.version,
            'region_id', a.region_id,
            'targets', n.targeted,
            'issued_at', a.issued_at,
            'targeted_at', n.finished_at,
            'audience_class', a.audience_class,
            'audience_groups', to_jsonb(a.audience_groups),
            'audience_accounts', to_jsonb(a.audience_accounts)
        )
        FROM finished n JOIN of_alerts a ON a.id = n.alert_id;
        RETURN NULL;
    END
    $$
    """

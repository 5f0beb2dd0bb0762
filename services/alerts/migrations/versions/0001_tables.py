"""The tables of alerts, and the triggers that emit their events.

Revision ID: 0001
Revises:
"""

from shared.platform.db import ddl

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    ddl.execute(
        ddl.uuid7("alerts"),
        ddl.update_updated_at_column("alerts"),
        *ddl.outbox("alerts"),
        *RULES,
        *AUDIENCE,
        *ALERTS,
        *TARGETS,
        *GUARD,
        *ddl.status_notes("alerts", "alerts", "alert"),
        ddl.update_trigger("alerts", "alerts"),
        ddl.update_trigger("alerts", "alert_rules"),
        *EVENTS,
        *TARGET_EVENTS,
    )


def downgrade():
    ddl.execute(
        """
        DROP TABLE
            alerts.alert_reach,
            alerts.alert_targeting,
            alerts.alert_targets,
            alerts.alerts,
            alerts.alert_areas,
            alerts.audience_regions,
            alerts.audience_members,
            alerts.ending_statuses,
            alerts.alert_rules,
            alerts.outbox
        """,
        """
        DROP FUNCTION
            alerts.record_alert_issued(),
            alerts.record_alert_status_change(),
            alerts.record_alert_targeted(),
            alerts.record_alert_read(),
            alerts.guard_issued_alert(),
            alerts.mark_status_notes_given(),
            alerts.drop_stale_status_notes(),
            alerts.update_updated_at_column(),
            alerts.uuid7()
        """,
    )


PRIORITIES = "'critical', 'high', 'medium', 'low'"
STATUSES = "'draft', 'active', 'superseded', 'cancelled', 'expired'"
TARGET_TYPES = "'user', 'group', 'region'"

# The vocabularies of the Common Alerting Protocol 1.2 (OASIS), 3.2.1 and 3.2.2.
CATEGORIES = (
    "'Geo', 'Met', 'Safety', 'Security', 'Rescue', 'Fire', 'Health', 'Env', 'Transport', 'Infra', "
    "'CBRNE', 'Other'"
)
URGENCIES = "'Immediate', 'Expected', 'Future', 'Past', 'Unknown'"
SEVERITIES = "'Extreme', 'Severe', 'Moderate', 'Minor', 'Unknown'"
CERTAINTIES = "'Observed', 'Likely', 'Possible', 'Unlikely', 'Unknown'"
MESSAGE_TYPES = "'Alert', 'Update', 'Cancel'"

RULES = (
    f"""
    CREATE TABLE alerts.alert_rules (
        id uuid NOT NULL DEFAULT alerts.uuid7() CONSTRAINT alert_rules_pkey PRIMARY KEY,
        name varchar(100) NOT NULL CONSTRAINT alert_rules_name_key UNIQUE,
        description text,
        is_active boolean NOT NULL DEFAULT true,
        source_event varchar(100) NOT NULL,
        status_entered varchar(50) NOT NULL,
        minimum_severity_level integer CONSTRAINT alert_rules_minimum_severity_level_check
            CHECK (minimum_severity_level BETWEEN 1 AND 5),
        maximum_severity_level integer CONSTRAINT alert_rules_maximum_severity_level_check
            CHECK (maximum_severity_level BETWEEN 1 AND 5),
        type_id uuid,
        region_id uuid,
        priority varchar(50) NOT NULL
            CONSTRAINT alert_rules_priority_check CHECK (priority IN ({PRIORITIES})),
        title_template varchar(255) NOT NULL,
        message_template text NOT NULL,
        target_type varchar(50) NOT NULL
            CONSTRAINT alert_rules_target_type_check CHECK (target_type IN ({TARGET_TYPES})),
        target_id varchar(255),
        lifetime_seconds integer CONSTRAINT alert_rules_lifetime_seconds_check CHECK (lifetime_seconds > 0),
        action varchar(20) NOT NULL DEFAULT 'issue'
            CONSTRAINT alert_rules_action_check CHECK (action IN ('issue', 'draft')),
        cancelled_by_statuses varchar(50)[] NOT NULL DEFAULT '{{}}',
        created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        version integer NOT NULL DEFAULT 1,
        updated_by uuid,
        content_digest bytea
    )
    """,
    """
    COMMENT ON TABLE alerts.alert_rules IS
        'Which change of a status issues which alert; without a target_id the region of the event is meant.'
    """,
    # Which statuses end an alert is the rules' business; a status that none of them names is not kept.
    """
    CREATE TABLE alerts.ending_statuses (
        source_id uuid NOT NULL,
        status varchar(50) NOT NULL,
        version integer NOT NULL,
        CONSTRAINT ending_statuses_pkey PRIMARY KEY (source_id, status)
    )
    """,
    """
    COMMENT ON TABLE alerts.ending_statuses IS
        'The newest version at which a report or resource entered a status that ends its alerts.'
    """,
)

ALERTS = (
    f"""
    CREATE TABLE alerts.alerts (
        id uuid NOT NULL DEFAULT alerts.uuid7() CONSTRAINT alerts_pkey PRIMARY KEY,
        title varchar(255) NOT NULL,
        message text NOT NULL,
        region_id uuid NOT NULL,
        issued_by uuid NOT NULL,
        issued_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        expires_at timestamptz,
        priority varchar(50) NOT NULL CONSTRAINT alerts_priority_check CHECK (priority IN ({PRIORITIES})),
        status varchar(50) NOT NULL DEFAULT 'active'
            CONSTRAINT alerts_status_check CHECK (status IN ({STATUSES})),
        created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        version integer NOT NULL DEFAULT 1,
        updated_by uuid,
        status_notes text,
        content_digest bytea,
        category varchar(20) CONSTRAINT alerts_category_check CHECK (category IN ({CATEGORIES})),
        event varchar(255),
        urgency varchar(20) CONSTRAINT alerts_urgency_check CHECK (urgency IN ({URGENCIES})),
        severity varchar(20) CONSTRAINT alerts_severity_check CHECK (severity IN ({SEVERITIES})),
        certainty varchar(20) CONSTRAINT alerts_certainty_check CHECK (certainty IN ({CERTAINTIES})),
        msg_type varchar(20) NOT NULL DEFAULT 'Alert'
            CONSTRAINT alerts_msg_type_check CHECK (msg_type IN ({MESSAGE_TYPES})),
        "references" uuid[] NOT NULL DEFAULT '{{}}',
        instruction text,
        language varchar(35) NOT NULL DEFAULT 'en-US',
        translations jsonb NOT NULL DEFAULT '[]',
        superseded_by uuid CONSTRAINT fk_alerts_superseded_by REFERENCES alerts.alerts (id),
        cancelled_by uuid CONSTRAINT fk_alerts_cancelled_by REFERENCES alerts.alerts (id),
        rule_id uuid CONSTRAINT fk_alerts_rule REFERENCES alerts.alert_rules (id),
        source_id uuid,
        source_version integer,
        sender varchar(255),
        area_version integer,
        CONSTRAINT fk_alerts_area FOREIGN KEY (region_id, area_version)
            REFERENCES alerts.alert_areas (region_id, version)
    )
    """,
    "COMMENT ON TABLE alerts.alerts IS 'What people in a region are told, with the fields of CAP 1.2.'",
    "CREATE INDEX idx_alerts_region ON alerts.alerts (region_id)",
    "CREATE INDEX idx_alerts_issued_by ON alerts.alerts (issued_by)",
    "CREATE INDEX idx_alerts_priority ON alerts.alerts (priority)",
    "CREATE INDEX idx_alerts_status ON alerts.alerts (status)",
    "CREATE INDEX idx_alerts_issued_at ON alerts.alerts (issued_at)",
    "CREATE INDEX idx_alerts_recent ON alerts.alerts (issued_at DESC, id DESC)",
    "CREATE INDEX idx_alerts_region_recent ON alerts.alerts (region_id, issued_at DESC, id DESC)",
    "CREATE INDEX idx_alerts_changed ON alerts.alerts (updated_at, id)",
    "CREATE INDEX idx_alerts_current ON alerts.alerts (issued_at DESC, id DESC) WHERE status = 'active'",
    "CREATE INDEX idx_alerts_expires_at ON alerts.alerts (expires_at) WHERE status = 'active'",
    # One alert for each rule, thing and version of it, ever; what updates or cancels it names the same.
    """
    CREATE UNIQUE INDEX idx_alerts_by_rule ON alerts.alerts (rule_id, source_id, source_version)
        WHERE msg_type = 'Alert'
    """,
    """
    CREATE INDEX idx_alerts_open_by_rule ON alerts.alerts (source_id, rule_id)
        WHERE status IN ('draft', 'active')
    """,
)

TARGETS = (
    f"""
    CREATE TABLE alerts.alert_targets (
        id uuid NOT NULL DEFAULT alerts.uuid7() CONSTRAINT alert_targets_pkey PRIMARY KEY,
        alert_id uuid NOT NULL CONSTRAINT fk_alert_targets_alert REFERENCES alerts.alerts (id),
        target_type varchar(50) NOT NULL
            CONSTRAINT alert_targets_target_type_check CHECK (target_type IN ({TARGET_TYPES})),
        target_id varchar(255) NOT NULL,
        is_read boolean NOT NULL DEFAULT false,
        read_at timestamptz,
        position smallint,
        reached_by bigint,
        CONSTRAINT alert_targets_alert_id_target_type_target_id_key UNIQUE (alert_id, target_type, target_id)
    )
    """,
    """
    COMMENT ON TABLE alerts.alert_targets IS
        'Whom an alert is for: as its author declared it, and one row for every person that this reached.'
    """,
    """
    COMMENT ON COLUMN alerts.alert_targets.position IS
        'Of a declared target: its number among them from 1, groups and regions first.'
    """,
    """
    COMMENT ON COLUMN alerts.alert_targets.reached_by IS
        'Of a person who was reached: bit 0, and the bit of each position through which; else NULL.'
    """,
    """
    CREATE INDEX idx_alert_targets_declared ON alerts.alert_targets (alert_id, position)
        WHERE position IS NOT NULL
    """,
    # What somebody's device asks for: unread first, then the newest.
    """
    CREATE INDEX idx_alert_targets_mine ON alerts.alert_targets (target_id, (CAST(NOT is_read AS integer)), id)
        WHERE reached_by IS NOT NULL
    """,
    """
    CREATE TABLE alerts.alert_targeting (
        alert_id uuid NOT NULL CONSTRAINT alert_targeting_pkey PRIMARY KEY
            CONSTRAINT fk_alert_targeting_alert REFERENCES alerts.alerts (id),
        reached_to uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
        targeted integer NOT NULL DEFAULT 0,
        started_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        finished_at timestamptz
    )
    """,
    """
    COMMENT ON TABLE alerts.alert_targeting IS
        'How far the expansion of an alert''s targets is: everybody up to this person has got a row.'
    """,
    # It is updated all the time, and no index needs to know of that.
    """
    CREATE TABLE alerts.alert_reach (
        alert_id uuid NOT NULL CONSTRAINT fk_alert_reach_alert REFERENCES alerts.alerts (id),
        position smallint NOT NULL,
        shard smallint NOT NULL,
        targets integer NOT NULL DEFAULT 0,
        reads integer NOT NULL DEFAULT 0,
        CONSTRAINT alert_reach_pkey PRIMARY KEY (alert_id, shard, position)
    ) WITH (fillfactor = 50)
    """,
    """
    COMMENT ON TABLE alerts.alert_reach IS
        'Counters of who was reached and has read, by declared target (0 is everybody), in shards to be added up.'
    """,
)

AUDIENCE = (
    """
    CREATE TABLE alerts.audience_members (
        user_id uuid NOT NULL CONSTRAINT audience_members_pkey PRIMARY KEY,
        version integer NOT NULL,
        is_active boolean NOT NULL,
        regions varchar(50)[] NOT NULL DEFAULT '{}',
        roles varchar(100)[] NOT NULL DEFAULT '{}',
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
    )
    """,
    """
    COMMENT ON TABLE alerts.audience_members IS
        'identity''s accounts as far as targeting needs them; regions are codes, * is all, roles are names.'
    """,
    "CREATE INDEX idx_audience_members_regions ON alerts.audience_members USING gin (regions)",
    "CREATE INDEX idx_audience_members_roles ON alerts.audience_members USING gin (roles)",
    """
    CREATE TABLE alerts.audience_regions (
        region_id uuid NOT NULL CONSTRAINT audience_regions_pkey PRIMARY KEY,
        version integer NOT NULL,
        code varchar(50) NOT NULL CONSTRAINT audience_regions_code_key UNIQUE,
        name varchar(255) NOT NULL,
        boundaries jsonb,
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
    )
    """,
    "COMMENT ON TABLE alerts.audience_regions IS 'identity''s regions, as they are now.'",
    """
    CREATE TABLE alerts.alert_areas (
        region_id uuid NOT NULL,
        version integer NOT NULL,
        code varchar(50) NOT NULL,
        name varchar(255) NOT NULL,
        boundaries jsonb,
        CONSTRAINT alert_areas_pkey PRIMARY KEY (region_id, version)
    )
    """,
    "COMMENT ON TABLE alerts.alert_areas IS 'The regions as they were when alerts were issued for them.'",
)

# What the public was told stays what it was told, whoever writes; and where it holds is kept at that moment, so
# that a region that is redrawn later does not move the alert.
CONTENT = (
    "id, title, message, region_id, issued_by, issued_at, expires_at, priority, category, event, urgency, severity,"
    ' certainty, msg_type, "references", instruction, language, translations, sender, area_version'
)


def content_of(row):
    return ", ".join(f"{row}.{name}" for name in CONTENT.split(", "))


GUARD = (
    f"""
    CREATE FUNCTION alerts.guard_issued_alert() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF OLD.status <> 'draft' THEN
                IF NEW.status = 'draft' OR ({content_of("NEW")})
                    IS DISTINCT FROM ({content_of("OLD")})
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
    """,
    """
    CREATE TRIGGER alert_guard_trigger BEFORE INSERT OR UPDATE ON alerts.alerts
        FOR EACH ROW EXECUTE FUNCTION alerts.guard_issued_alert()
    """,
)

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

# An alert is issued when it is active for the first time, whether it was a draft before or not.
EVENTS = (
    f"""
    CREATE FUNCTION alerts.record_alert_issued() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_issued', n.id, n.version, jsonb_build_object({FACTS})
        FROM new_rows n
        WHERE n.status = 'active';
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER alert_issued_trigger AFTER INSERT ON alerts.alerts
        REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION alerts.record_alert_issued()
    """,
    f"""
    CREATE FUNCTION alerts.record_alert_status_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_status_changed', n.id, n.version, jsonb_build_object({FACTS},
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
        SELECT 'alert_issued', n.id, n.version, jsonb_build_object({FACTS})
        FROM new_rows n JOIN old_rows o USING (id)
        WHERE n.status = 'active' AND o.status = 'draft';
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER alert_status_change_trigger AFTER UPDATE ON alerts.alerts
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION alerts.record_alert_status_change()
    """,
)

# Reads are counted where they happen, so that no path can mark one without counting it. The shard is chosen by the
# person; the counters are locked in one order, so that two readers wait for and do not lock out each other.
TARGET_EVENTS = (
    """
    CREATE FUNCTION alerts.record_alert_targeted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_targeted', a.id, a.version, jsonb_build_object(
            'alert_id', a.id,
            'version', a.version,
            'region_id', a.region_id,
            'targets', n.targeted,
            'issued_at', a.issued_at,
            'targeted_at', n.finished_at
        )
        FROM new_rows n
        JOIN old_rows o USING (alert_id)
        JOIN alerts.alerts a ON a.id = n.alert_id
        WHERE n.finished_at IS NOT NULL AND o.finished_at IS NULL;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER alert_targeted_trigger AFTER UPDATE ON alerts.alert_targeting
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION alerts.record_alert_targeted()
    """,
    """
    CREATE FUNCTION alerts.record_alert_read() RETURNS trigger LANGUAGE plpgsql AS $$
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

        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_read', a.id, a.version, jsonb_build_object(
            'alert_id', a.id,
            'version', a.version,
            'region_id', a.region_id,
            'user_id', n.target_id,
            'read_at', n.read_at
        )
        FROM new_rows n
        JOIN old_rows o USING (id)
        JOIN alerts.alerts a ON a.id = n.alert_id
        WHERE n.is_read AND NOT o.is_read AND n.reached_by IS NOT NULL;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER alert_read_trigger AFTER UPDATE ON alerts.alert_targets
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION alerts.record_alert_read()
    """,
)

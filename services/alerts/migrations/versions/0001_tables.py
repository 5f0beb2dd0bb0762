"""The tables of alerts, and the triggers that emit their events.

Revision ID: 0001
Revises:
"""

from shared.db import ddl

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
        *ALERTS,
        *AUDIENCE,
        *ddl.status_notes("alerts", "alerts", "alert"),
        ddl.update_trigger("alerts", "alerts"),
        ddl.update_trigger("alerts", "alert_rules"),
        *EVENTS,
    )


def downgrade():
    ddl.execute(
        """
        DROP TABLE
            alerts.inbox,
            alerts.audience_regions,
            alerts.audience_members,
            alerts.alert_targets,
            alerts.alerts,
            alerts.alert_rules,
            alerts.outbox
        """,
        """
        DROP FUNCTION
            alerts.record_alert_issued(),
            alerts.record_alert_status_change(),
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
        superseded_by uuid CONSTRAINT fk_alerts_superseded_by REFERENCES alerts.alerts (id),
        rule_id uuid CONSTRAINT fk_alerts_rule REFERENCES alerts.alert_rules (id),
        source_id uuid,
        source_version integer,
        CONSTRAINT alerts_rule_id_source_id_source_version_key UNIQUE (rule_id, source_id, source_version)
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
    "CREATE INDEX idx_alerts_expires_at ON alerts.alerts (expires_at) WHERE status = 'active'",
    f"""
    CREATE TABLE alerts.alert_targets (
        id uuid NOT NULL DEFAULT alerts.uuid7() CONSTRAINT alert_targets_pkey PRIMARY KEY,
        alert_id uuid NOT NULL CONSTRAINT fk_alert_targets_alert REFERENCES alerts.alerts (id),
        target_type varchar(50) NOT NULL
            CONSTRAINT alert_targets_target_type_check CHECK (target_type IN ({TARGET_TYPES})),
        target_id varchar(255) NOT NULL,
        is_read boolean NOT NULL DEFAULT false,
        read_at timestamptz,
        CONSTRAINT alert_targets_alert_id_target_type_target_id_key UNIQUE (alert_id, target_type, target_id)
    )
    """,
    """
    COMMENT ON TABLE alerts.alert_targets IS
        'Whom an alert is for: as its author declared it, and one row for every person that this reached.'
    """,
    "CREATE INDEX idx_alert_targets_target ON alerts.alert_targets (target_id, target_type)",
)

AUDIENCE = (
    """
    CREATE TABLE alerts.audience_members (
        user_id uuid NOT NULL CONSTRAINT audience_members_pkey PRIMARY KEY,
        version integer NOT NULL,
        is_active boolean NOT NULL,
        all_regions boolean NOT NULL DEFAULT false,
        regions varchar(50)[] NOT NULL DEFAULT '{}',
        roles varchar(100)[] NOT NULL DEFAULT '{}',
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
    )
    """,
    """
    COMMENT ON TABLE alerts.audience_members IS
        'identity''s accounts as far as targeting needs them; regions are codes, roles are names.'
    """,
    "CREATE INDEX idx_audience_members_regions ON alerts.audience_members USING gin (regions)",
    "CREATE INDEX idx_audience_members_roles ON alerts.audience_members USING gin (roles)",
    """
    CREATE TABLE alerts.audience_regions (
        region_id uuid NOT NULL CONSTRAINT audience_regions_pkey PRIMARY KEY,
        version integer NOT NULL,
        code varchar(50) NOT NULL CONSTRAINT audience_regions_code_key UNIQUE,
        name varchar(255) NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
    )
    """,
    "COMMENT ON TABLE alerts.audience_regions IS 'identity''s regions: the code behind an id.'",
    """
    CREATE TABLE alerts.inbox (
        consumer varchar(100) NOT NULL,
        event_id uuid NOT NULL,
        received_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        CONSTRAINT inbox_pkey PRIMARY KEY (consumer, event_id)
    )
    """,
    """
    COMMENT ON TABLE alerts.inbox IS
        'Events whose effect is committed, for consumers whose effect has no key of its own.'
    """,
    "CREATE INDEX idx_inbox_received_at ON alerts.inbox (received_at)",
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

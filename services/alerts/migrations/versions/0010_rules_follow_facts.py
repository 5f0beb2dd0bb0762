"""Rules follow facts: a copy of the facts that they read, what they told, and one open alert for each rule and source.

A rule also has a language, translations and a template of the instruction. An update that changes words alone is quiet.

Alerts that the former release left open beside a newer one of the same rule and source are cancelled, with the message
that CAP requires. For those that stay open, and for those that a person has cancelled or that have expired, it is noted
that their rule has made its alert: it makes no other before it has stopped holding.

The shipped rules that nobody has changed get their new texts, and those about resources end with the status that they
are about. They are recognised by everything that they contain.

Revision ID: 0010
Revises: 0009
"""

import json

from shared.platform.db import ddl

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

OPEN = "'draft', 'pending_approval', 'active'"

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
            'is_quiet', n.is_quiet"""

TABLES = (
    """
    CREATE TABLE alerts.source_facts (
        source_id uuid NOT NULL CONSTRAINT source_facts_pkey PRIMARY KEY,
        kind varchar(20) NOT NULL CONSTRAINT source_facts_kind_check CHECK (kind IN ('report', 'resource')),
        version integer NOT NULL,
        status varchar(50) NOT NULL,
        severity_level integer,
        type_id uuid NOT NULL,
        region_id uuid NOT NULL,
        title text NOT NULL,
        changed_at timestamptz,
        entered_version integer,
        entered_status varchar(50),
        previous_status varchar(50),
        notes text,
        evaluate_at timestamptz,
        waits_for_region boolean NOT NULL DEFAULT false
    )
    """,
    """
    COMMENT ON TABLE alerts.source_facts IS
        'The reports and resources as they are, as far as alert rules read them.'
    """,
    "CREATE INDEX idx_source_facts_region ON alerts.source_facts (region_id)",
    "CREATE INDEX idx_source_facts_due ON alerts.source_facts (evaluate_at) WHERE evaluate_at IS NOT NULL",
    """
    CREATE TABLE alerts.rule_standings (
        source_id uuid NOT NULL,
        rule_id uuid NOT NULL,
        told jsonb,
        updated_at timestamptz,
        CONSTRAINT rule_standings_pkey PRIMARY KEY (source_id, rule_id)
    )
    """,
    """
    COMMENT ON TABLE alerts.rule_standings IS
        'The rules that have made their alert since they began to hold, and what they told last.'
    """,
    "CREATE INDEX idx_rule_standings_rule ON alerts.rule_standings (rule_id)",
    """
    ALTER TABLE alerts.alert_rules
        ADD COLUMN language varchar(35) NOT NULL DEFAULT 'en',
        ADD COLUMN translations jsonb NOT NULL DEFAULT '[]',
        ADD COLUMN instruction_template text,
        ADD COLUMN applies_from timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
    """,
    # What was so before the rule was changed last issued nothing, and an event on its way now may.
    "ALTER TABLE alerts.alert_rules DISABLE TRIGGER USER",
    "UPDATE alerts.alert_rules SET applies_from = updated_at",
    "ALTER TABLE alerts.alert_rules ENABLE TRIGGER USER",
    "ALTER TABLE alerts.alerts ADD COLUMN is_quiet boolean NOT NULL DEFAULT false",
)

COPIED = (
    "title, region_id, priority, category, event, severity, certainty, language, cap_status, area, area_version,"
    " rule_id, source_id, source_version, sender"
)

ONE_OPEN_ALERT = (
    f"""
    CREATE TABLE alerts.older_alerts AS
        SELECT id, alerts.uuid7() AS message_id
        FROM (
            SELECT id, row_number() OVER (
                PARTITION BY rule_id, source_id ORDER BY issued_at DESC, id DESC
            ) AS place
            FROM alerts.alerts
            WHERE rule_id IS NOT NULL AND source_id IS NOT NULL AND status IN ({OPEN})
        ) AS numbered
        WHERE place > 1
    """,
    f"""
    INSERT INTO alerts.alerts (id, message, urgency, expires_at, status, msg_type, "references", issued_by, {COPIED})
        SELECT o.message_id, a.title || ': a newer alert is in force.', 'Past',
            CASE WHEN a.expires_at > CURRENT_TIMESTAMP THEN a.expires_at END, 'cancelled', 'Cancel',
            a."references" || a.id, '00000000-0000-0000-0000-000000000000',
            {", ".join(f"a.{name}" for name in COPIED.split(", "))}
        FROM alerts.older_alerts o JOIN alerts.alerts a USING (id)
        WHERE a.status = 'active'
    """,
    """
    UPDATE alerts.alerts a
        SET status = 'cancelled',
            status_notes = 'A newer alert of the same rule is in force.',
            updated_by = '00000000-0000-0000-0000-000000000000',
            cancelled_by = m.id
        FROM alerts.older_alerts o LEFT JOIN alerts.alerts m ON m.id = o.message_id
        WHERE a.id = o.id
    """,
    "DROP TABLE alerts.older_alerts",
    f"""
    ALTER TABLE alerts.alerts ADD CONSTRAINT alerts_open_by_rule_excl
        EXCLUDE USING btree (source_id WITH =, rule_id WITH =) WHERE (status IN ({OPEN}))
        DEFERRABLE INITIALLY DEFERRED
    """,
    "DROP INDEX alerts.idx_alerts_open_by_rule",
)

STANDINGS = f"""
    INSERT INTO alerts.rule_standings (source_id, rule_id)
    SELECT source_id, rule_id
    FROM (
        SELECT DISTINCT ON (source_id, rule_id) source_id, rule_id, status, updated_by
        FROM alerts.alerts
        WHERE rule_id IS NOT NULL AND source_id IS NOT NULL AND msg_type <> 'Cancel'
        ORDER BY source_id, rule_id, issued_at DESC, id DESC
    ) AS newest
    WHERE status IN ({OPEN}, 'expired')
        OR status = 'cancelled' AND updated_by <> '00000000-0000-0000-0000-000000000000'
"""

REPORT: dict[str, object] = {
    "source_event": "report_status_changed",
    "status_entered": "confirmed",
    "type_id": None,
    "region_id": None,
    "target_type": "region",
    "target_id": None,
    "lifetime_seconds": None,
    "action": "issue",
    "is_active": True,
    "title_template": "{title}",
    "message_template": "Confirmed in {region}: {title} (severity {severity_level} of 5). {notes}",
    "cancelled_by_statuses": ["resolved", "rejected", "duplicate"],
}
RESOURCE: dict[str, object] = {
    "source_event": "resource_status_changed",
    "minimum_severity_level": None,
    "maximum_severity_level": None,
    "type_id": None,
    "region_id": None,
    "priority": "medium",
    "target_type": "group",
    "target_id": "coordinator:{region_code}",
    "lifetime_seconds": 86_400,
    "action": "issue",
    "is_active": True,
    "title_template": "{title} is {status}",
    "message_template": "{title} in {region} was {previous_status} and is {status} now. {notes}",
    "cancelled_by_statuses": [],
}
REPORT_MESSAGE = "Confirmed in {region}: {title} (severity {severity_level} of 5)."
RESOURCE_MESSAGE = "{title} in {region} was {previous_status} and is {status} now."
UNTIL = "alerts the coordinators of its region, until it is something else, for a day at most."

# What each shipped rule was, and what of it changes.
SHIPPED = (
    (
        {
            **REPORT,
            "name": "Catastrophic report confirmed",
            "description": "A confirmed report of severity 5 alerts its region, until it is resolved or withdrawn.",
            "minimum_severity_level": 5,
            "maximum_severity_level": 5,
            "priority": "critical",
        },
        {"message_template": REPORT_MESSAGE},
    ),
    (
        {
            **REPORT,
            "name": "Severe report confirmed",
            "description": "A confirmed report of severity 4 alerts its region, until it is resolved or withdrawn.",
            "minimum_severity_level": 4,
            "maximum_severity_level": 4,
            "priority": "high",
        },
        {"message_template": REPORT_MESSAGE},
    ),
    (
        {
            **RESOURCE,
            "name": "Resource unavailable",
            "description": "A resource that becomes unavailable alerts the coordinators of its region, for a day.",
            "status_entered": "unavailable",
        },
        {
            "description": f"A resource that is unavailable {UNTIL}",
            "message_template": RESOURCE_MESSAGE,
            "cancelled_by_statuses": ["available", "limited", "out_of_service", "closed"],
        },
    ),
    (
        {
            **RESOURCE,
            "name": "Resource out of service",
            "description": "A resource that goes out of service alerts the coordinators of its region, for a day.",
            "status_entered": "out_of_service",
        },
        {
            "description": f"A resource that is out of service {UNTIL}",
            "message_template": RESOURCE_MESSAGE,
            "cancelled_by_statuses": ["available", "limited", "unavailable", "closed"],
        },
    ),
)


def upgrade():
    ddl.execute(
        *TABLES,
        *ONE_OPEN_ALERT,
        STANDINGS,
        issued(FACTS_NOW),
        *(changed(before, changes) for before, changes in SHIPPED),
        "REVOKE DELETE ON alerts.source_facts FROM alerts_service",
    )


def downgrade():
    ddl.execute(
        *(
            changed({**before, **changes}, {name: before[name] for name in changes})
            for before, changes in SHIPPED
        ),
        f"CREATE INDEX idx_alerts_open_by_rule ON alerts.alerts (source_id, rule_id) WHERE status IN ({OPEN})",
        issued(FACTS),
        "ALTER TABLE alerts.alerts DROP CONSTRAINT alerts_open_by_rule_excl",
        "ALTER TABLE alerts.alerts DROP COLUMN is_quiet",
        """
        ALTER TABLE alerts.alert_rules
            DROP COLUMN language, DROP COLUMN translations, DROP COLUMN instruction_template,
            DROP COLUMN applies_from
        """,
        "DROP TABLE alerts.rule_standings, alerts.source_facts",
    )


def issued(facts):
    return f"""
    CREATE OR REPLACE FUNCTION alerts.record_alert_issued() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO alerts.outbox (type, subject, sequence, data)
        SELECT 'alert_issued', n.id, n.version, jsonb_build_object({facts})
        FROM new_rows n
        WHERE n.status = 'active';
        RETURN NULL;
    END
    $$
    """


def changed(before, changes):
    """Return the statement that changes a rule that is what it was when it was shipped."""
    same = " AND ".join(f"{name} IS NOT DISTINCT FROM {literal(value)}" for name, value in before.items())
    new = ", ".join(f"{name} = {literal(value)}" for name, value in changes.items())
    return f"UPDATE alerts.alert_rules SET {new} WHERE {same}"


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"CAST(ARRAY[{', '.join(map(literal, value))}] AS varchar(50)[])"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return json.dumps(value)

"""The tables of the schema ``alerts``."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from shared.db.tables import (
    content_digest,
    identifier,
    metadata,
    moment,
    optional_moment,
    outbox_table,
    reference,
    version,
)

SCHEMA: Final = "alerts"

PRIORITIES: Final = "'critical', 'high', 'medium', 'low'"
STATUSES: Final = "'draft', 'active', 'superseded', 'cancelled', 'expired'"
TARGET_TYPES: Final = "'user', 'group', 'region'"

# The vocabularies of the Common Alerting Protocol 1.2 (OASIS), 3.2.1 and 3.2.2.
CATEGORIES: Final = (
    "'Geo', 'Met', 'Safety', 'Security', 'Rescue', 'Fire', 'Health', 'Env', 'Transport', 'Infra', "
    "'CBRNE', 'Other'"
)
URGENCIES: Final = "'Immediate', 'Expected', 'Future', 'Past', 'Unknown'"
SEVERITIES: Final = "'Extreme', 'Severe', 'Moderate', 'Minor', 'Unknown'"
CERTAINTIES: Final = "'Observed', 'Likely', 'Possible', 'Unlikely', 'Unknown'"
MESSAGE_TYPES: Final = "'Alert', 'Update', 'Cancel'"

tables = metadata(SCHEMA)

# --- ties to identity: what 0002_ties.py makes -----------------------------------------------------------------

Table("users", tables, Column("id", Uuid, primary_key=True), schema="identity")
Table("regions", tables, Column("id", Uuid, primary_key=True), schema="identity")

# --- own tables ------------------------------------------------------------------------------------------------

alert_rules = Table(
    "alert_rules",
    tables,
    identifier(SCHEMA),
    Column("name", String(100), nullable=False),
    Column("description", Text),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("source_event", String(100), nullable=False),
    Column("status_entered", String(50), nullable=False),
    Column("minimum_severity_level", Integer),
    Column("maximum_severity_level", Integer),
    Column("type_id", Uuid),
    reference("region_id", "identity.regions.id", "fk_alert_rules_region", nullable=True),
    Column("priority", String(50), nullable=False),
    Column("title_template", String(255), nullable=False),
    Column("message_template", Text, nullable=False),
    Column("target_type", String(50), nullable=False),
    Column("target_id", String(255)),
    Column("lifetime_seconds", Integer),
    Column("action", String(20), nullable=False, server_default=text("'issue'")),
    Column("cancelled_by_statuses", ARRAY(String(50)), nullable=False, server_default=text("'{}'")),
    moment("created_at"),
    moment("updated_at"),
    version(),
    reference("updated_by", "identity.users.id", "fk_alert_rules_updated_by", nullable=True),
    content_digest(),
    UniqueConstraint("name"),
    CheckConstraint("minimum_severity_level BETWEEN 1 AND 5", name="minimum_severity_level"),
    CheckConstraint("maximum_severity_level BETWEEN 1 AND 5", name="maximum_severity_level"),
    CheckConstraint(f"priority IN ({PRIORITIES})", name="priority"),
    CheckConstraint(f"target_type IN ({TARGET_TYPES})", name="target_type"),
    CheckConstraint("lifetime_seconds > 0", name="lifetime_seconds"),
    CheckConstraint("action IN ('issue', 'draft')", name="action"),
    comment="Which change of a status issues which alert; without a target_id the region of the event is meant.",
)

alerts = Table(
    "alerts",
    tables,
    identifier(SCHEMA),
    Column("title", String(255), nullable=False),
    Column("message", Text, nullable=False),
    reference("region_id", "identity.regions.id", "fk_alerts_region"),
    reference("issued_by", "identity.users.id", "fk_alerts_issued_by"),
    moment("issued_at"),
    optional_moment("expires_at"),
    Column("priority", String(50), nullable=False),
    Column("status", String(50), nullable=False, server_default=text("'active'")),
    moment("created_at"),
    moment("updated_at"),
    version(),
    reference("updated_by", "identity.users.id", "fk_alerts_updated_by", nullable=True),
    Column("status_notes", Text),
    content_digest(),
    Column("category", String(20)),
    Column("event", String(255)),
    Column("urgency", String(20)),
    Column("severity", String(20)),
    Column("certainty", String(20)),
    Column("msg_type", String(20), nullable=False, server_default=text("'Alert'")),
    Column("references", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    Column("instruction", Text),
    Column("language", String(35), nullable=False, server_default=text("'en-US'")),
    reference("superseded_by", "alerts.alerts.id", "fk_alerts_superseded_by", nullable=True),
    reference("rule_id", "alerts.alert_rules.id", "fk_alerts_rule", nullable=True),
    Column("source_id", Uuid),
    Column("source_version", Integer),
    UniqueConstraint("rule_id", "source_id", "source_version"),
    CheckConstraint(f"priority IN ({PRIORITIES})", name="priority"),
    CheckConstraint(f"status IN ({STATUSES})", name="status"),
    CheckConstraint(f"category IN ({CATEGORIES})", name="category"),
    CheckConstraint(f"urgency IN ({URGENCIES})", name="urgency"),
    CheckConstraint(f"severity IN ({SEVERITIES})", name="severity"),
    CheckConstraint(f"certainty IN ({CERTAINTIES})", name="certainty"),
    CheckConstraint(f"msg_type IN ({MESSAGE_TYPES})", name="msg_type"),
    comment="What people in a region are told, with the fields of CAP 1.2.",
)
Index("idx_alerts_region", alerts.c.region_id)
Index("idx_alerts_issued_by", alerts.c.issued_by)
Index("idx_alerts_priority", alerts.c.priority)
Index("idx_alerts_status", alerts.c.status)
Index("idx_alerts_issued_at", alerts.c.issued_at)
Index("idx_alerts_recent", alerts.c.issued_at.desc(), alerts.c.id.desc())
Index("idx_alerts_region_recent", alerts.c.region_id, alerts.c.issued_at.desc(), alerts.c.id.desc())
Index("idx_alerts_changed", alerts.c.updated_at, alerts.c.id)
# What expires next.
Index("idx_alerts_expires_at", alerts.c.expires_at, postgresql_where=text("status = 'active'"))

alert_targets = Table(
    "alert_targets",
    tables,
    identifier(SCHEMA),
    reference("alert_id", "alerts.alerts.id", "fk_alert_targets_alert"),
    Column("target_type", String(50), nullable=False),
    Column("target_id", String(255), nullable=False),
    Column("is_read", Boolean, nullable=False, server_default=text("false")),
    optional_moment("read_at"),
    UniqueConstraint("alert_id", "target_type", "target_id"),
    CheckConstraint(f"target_type IN ({TARGET_TYPES})", name="target_type"),
    comment="Whom an alert is for: as its author declared it, and one row for every person that this reached.",
)
Index("idx_alert_targets_target", alert_targets.c.target_id, alert_targets.c.target_type)

audience_members = Table(
    "audience_members",
    tables,
    Column("user_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("all_regions", Boolean, nullable=False, server_default=text("false")),
    Column("regions", ARRAY(String(50)), nullable=False, server_default=text("'{}'")),
    Column("roles", ARRAY(String(100)), nullable=False, server_default=text("'{}'")),
    moment("updated_at"),
    comment="identity's accounts as far as targeting needs them; regions are codes, roles are names.",
)
Index("idx_audience_members_regions", audience_members.c.regions, postgresql_using="gin")
Index("idx_audience_members_roles", audience_members.c.roles, postgresql_using="gin")

audience_regions = Table(
    "audience_regions",
    tables,
    Column("region_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("code", String(50), nullable=False),
    Column("name", String(255), nullable=False),
    moment("updated_at"),
    UniqueConstraint("code"),
    comment="identity's regions: the code behind an id.",
)

inbox = Table(
    "inbox",
    tables,
    Column("consumer", String(100), primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=text("CURRENT_TIMESTAMP")),
    comment="Events whose effect is committed, for consumers whose effect has no key of its own.",
)
Index("idx_inbox_received_at", inbox.c.received_at)

outbox = outbox_table(tables)

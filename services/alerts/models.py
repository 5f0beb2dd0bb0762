"""The tables of the schema ``alerts``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    cast,
    not_,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint

from services.alerts import matching, policy
from shared.domain.alerts import AUDIENCE_CLASSES, OPEN, PRIVATE, STATUS
from shared.domain.region_tree import RegionTree, tree_columns
from shared.domain.status_changes import status_history_table
from shared.platform.db.tables import (
    content_digest,
    identifier,
    metadata,
    moment,
    optional_moment,
    outbox_table,
    reference,
    version,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA: Final = "alerts"

tables = metadata(SCHEMA)

# Foreign keys to identity are made by 0002_ties.py.
Table("users", tables, Column("id", Uuid, primary_key=True), schema="identity")
Table("regions", tables, Column("id", Uuid, primary_key=True), schema="identity")

outbox = outbox_table(tables)


def _choice(name: str, words: Iterable[str]) -> CheckConstraint:
    """Return the constraint that a column holds one of the words."""
    return CheckConstraint(f"{name} IN ({', '.join(map(repr, words))})", name=name)


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
    Column("language", String(35), nullable=False, server_default=text("'en'")),
    Column("translations", JSONB, nullable=False, server_default=text("'[]'")),
    Column("instruction_template", Text),
    moment("applies_from"),
    UniqueConstraint("name"),
    CheckConstraint("minimum_severity_level BETWEEN 1 AND 5", name="minimum_severity_level"),
    CheckConstraint("maximum_severity_level BETWEEN 1 AND 5", name="maximum_severity_level"),
    _choice("priority", policy.PRIORITIES),
    _choice("target_type", policy.TARGET_TYPES),
    CheckConstraint("lifetime_seconds > 0", name="lifetime_seconds"),
    _choice("action", matching.ACTIONS),
    comment="Which change of a status issues which alert; without a target_id the region of the event is meant.",
)

ending_statuses = Table(
    "ending_statuses",
    tables,
    Column("source_id", Uuid, primary_key=True),
    Column("status", String(50), primary_key=True),
    Column("version", Integer, nullable=False),
    comment="The newest version at which a report or resource entered a status that ends its alerts.",
)
"""Written by the former release only. It can be dropped when that does not run any more."""

source_facts = Table(
    "source_facts",
    tables,
    Column("source_id", Uuid, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", String(50), nullable=False),
    Column("severity_level", Integer),
    Column("type_id", Uuid, nullable=False),
    Column("region_id", Uuid, nullable=False),
    Column("title", Text, nullable=False),
    optional_moment("changed_at"),
    Column("entered_version", Integer),
    Column("entered_status", String(50)),
    Column("previous_status", String(50)),
    Column("notes", Text),
    optional_moment("evaluate_at"),
    Column("waits_for_region", Boolean, nullable=False, server_default=text("false")),
    _choice("kind", matching.KINDS),
    comment="The reports and resources as they are, as far as alert rules read them.",
)
Index("idx_source_facts_region", source_facts.c.region_id)
# What has to be looked at next.
Index(
    "idx_source_facts_due",
    source_facts.c.evaluate_at,
    postgresql_where=text("evaluate_at IS NOT NULL"),
)

rule_standings = Table(
    "rule_standings",
    tables,
    Column("source_id", Uuid, primary_key=True),
    Column("rule_id", Uuid, primary_key=True),
    Column("told", JSONB(none_as_null=True)),
    optional_moment("updated_at"),
    comment="The rules that have made their alert since they began to hold, and what they told last.",
)
Index("idx_rule_standings_rule", rule_standings.c.rule_id)

alert_areas = Table(
    "alert_areas",
    tables,
    Column("region_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("code", String(50), nullable=False),
    Column("name", String(255), nullable=False),
    Column("boundaries", JSONB),
    comment="The regions as they were when alerts were issued for them.",
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
    Column("translations", JSONB, nullable=False, server_default=text("'[]'")),
    reference("superseded_by", "alerts.alerts.id", "fk_alerts_superseded_by", nullable=True),
    reference("cancelled_by", "alerts.alerts.id", "fk_alerts_cancelled_by", nullable=True),
    reference("rule_id", "alerts.alert_rules.id", "fk_alerts_rule", nullable=True),
    Column("source_id", Uuid),
    Column("source_version", Integer),
    Column("sender", String(255)),
    Column("area_version", Integer),
    Column("cap_status", String(20), nullable=False, server_default=text("'Actual'")),
    optional_moment("onset_at"),
    Column("area", JSONB(none_as_null=True)),
    Column("audience_class", String(20), nullable=False, server_default=text(f"'{PRIVATE}'")),
    Column("is_quiet", Boolean, nullable=False, server_default=text("false")),
    Column("author_id", Uuid),
    Column("audience_groups", ARRAY(String(100)), nullable=False, server_default=text("'{}'")),
    Column("audience_accounts", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    reference("approval_requested_by", "identity.users.id", "fk_alerts_approval_requested_by", nullable=True),
    optional_moment("approval_requested_at"),
    reference("approved_by", "identity.users.id", "fk_alerts_approved_by", nullable=True),
    optional_moment("approved_at"),
    reference("edited_by", "identity.users.id", "fk_alerts_edited_by", nullable=True),
    Column("source_type", String(20)),
    ForeignKeyConstraint(
        ["region_id", "area_version"],
        ["alerts.alert_areas.region_id", "alerts.alert_areas.version"],
        name="fk_alerts_area",
    ),
    _choice("priority", policy.PRIORITIES),
    CheckConstraint(STATUS.check_constraint(), name="status"),
    _choice("category", policy.CATEGORIES),
    _choice("urgency", policy.URGENCIES),
    _choice("severity", policy.SEVERITIES),
    _choice("certainty", policy.CERTAINTIES),
    _choice("msg_type", policy.MESSAGE_TYPES),
    _choice("cap_status", policy.CAP_STATUSES),
    _choice("audience_class", AUDIENCE_CLASSES),
    _choice("source_type", matching.SOURCE_TYPES),
    CheckConstraint("jsonb_typeof(area) = 'object'", name="area"),
    # An update is inserted before what it replaces ends; the commit looks at both.
    ExcludeConstraint(
        ("source_id", "="),
        ("rule_id", "="),
        name="alerts_open_by_rule_excl",
        using="btree",
        where=text(f"status IN ({', '.join(map(repr, OPEN))})"),
        deferrable=True,
        initially="DEFERRED",
    ),
    comment="What people in a region are told, with the fields of CAP 1.2.",
)
Index("idx_alerts_region", alerts.c.region_id)
Index(
    "idx_alerts_source",
    alerts.c.source_id,
    alerts.c.issued_at.desc(),
    alerts.c.id.desc(),
    postgresql_where=text("source_id IS NOT NULL"),
)
Index("idx_alerts_issued_by", alerts.c.issued_by)
Index("idx_alerts_priority", alerts.c.priority)
Index("idx_alerts_status", alerts.c.status)
Index("idx_alerts_issued_at", alerts.c.issued_at)
Index("idx_alerts_recent", alerts.c.issued_at.desc(), alerts.c.id.desc())
Index("idx_alerts_region_recent", alerts.c.region_id, alerts.c.issued_at.desc(), alerts.c.id.desc())
Index("idx_alerts_changed", alerts.c.updated_at, alerts.c.id)
Index(
    "idx_alerts_current",
    alerts.c.issued_at.desc(),
    alerts.c.id.desc(),
    postgresql_where=text("status = 'active'"),
)
# What expires next.
Index("idx_alerts_expires_at", alerts.c.expires_at, postgresql_where=text("status = 'active'"))
Index(
    "idx_alerts_by_rule",
    alerts.c.rule_id,
    alerts.c.source_id,
    alerts.c.source_version,
    unique=True,
    postgresql_where=text("msg_type = 'Alert'"),
)

alert_status_history = status_history_table(
    alerts, STATUS, comment="Every status an alert entered, written by a trigger: version is the alert's."
)

SHARDS: Final = 16
"""Rows that each counter of reads is spread over, so that many accounts can read at the same time."""

alert_targets = Table(
    "alert_targets",
    tables,
    identifier(SCHEMA),
    reference("alert_id", "alerts.alerts.id", "fk_alert_targets_alert"),
    Column("target_type", String(50), nullable=False),
    Column("target_id", String(255), nullable=False),
    Column("is_read", Boolean, nullable=False, server_default=text("false")),
    optional_moment("read_at"),
    Column(
        "position",
        SmallInteger,
        comment="Of a declared target: its number among them from 1, groups and regions first.",
    ),
    Column(
        "reached_by",
        BigInteger,
        comment="Of a person who was reached: bit 0, and the bit of each position through which; else NULL.",
    ),
    Column(
        "left_at",
        DateTime(timezone=True),
        comment="Of a person who was reached: since when the alert in force is no longer for them; else NULL.",
    ),
    UniqueConstraint("alert_id", "target_type", "target_id"),
    _choice("target_type", policy.TARGET_TYPES),
    comment="Whom an alert is for: as its author declared it, and one row for every person that this reached.",
)

unread = cast(not_(alert_targets.c.is_read), Integer).label("unread")
"""1 for unread targets, 0 for read ones: a descending order begins with the unread ones."""

Index(
    "idx_alert_targets_declared",
    alert_targets.c.alert_id,
    alert_targets.c.position,
    postgresql_where=text("position IS NOT NULL"),
)
Index(
    "idx_alert_targets_mine",
    alert_targets.c.target_id,
    unread.element,
    alert_targets.c.id,
    postgresql_where=text("reached_by IS NOT NULL"),
)

alert_targeting = Table(
    "alert_targeting",
    tables,
    reference("alert_id", "alerts.alerts.id", "fk_alert_targeting_alert"),
    Column("reached_to", Uuid, nullable=False, server_default=text("'00000000-0000-0000-0000-000000000000'")),
    Column("targeted", Integer, nullable=False, server_default=text("0")),
    moment("started_at"),
    optional_moment("finished_at"),
    PrimaryKeyConstraint("alert_id"),
    comment="How far the expansion of an alert's targets is: everybody up to this person has got a row.",
)

alert_reach = Table(
    "alert_reach",
    tables,
    reference("alert_id", "alerts.alerts.id", "fk_alert_reach_alert"),
    Column("position", SmallInteger, nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("targets", Integer, nullable=False, server_default=text("0")),
    Column("reads", Integer, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("alert_id", "shard", "position"),
    comment="Counters of who was reached and has read, by declared target (0 is everybody), in shards to be added up.",
)

private_alert_reads = Table(
    "private_alert_reads",
    tables,
    identifier(SCHEMA),
    reference("alert_id", "alerts.alerts.id", "fk_private_alert_reads_alert"),
    Column("user_id", Uuid, nullable=False),
    Column("way", String(20), nullable=False),
    Column("correlation_id", String(255), nullable=False),
    moment("read_at"),
    _choice("way", policy.WAYS),
    comment="Who read private alerts that were neither their own nor for them, by a permission. Append-only.",
)
Index("idx_private_alert_reads_recent", private_alert_reads.c.read_at.desc(), private_alert_reads.c.id.desc())
Index("idx_private_alert_reads_alert", private_alert_reads.c.alert_id)
Index("idx_private_alert_reads_user", private_alert_reads.c.user_id)

ALL_REGIONS: Final = "*"
"""The entry among an account's regions that stands for all of them. No region has this code."""

NO_REGION: Final = ""
"""What accounts follow that follow no region in particular. No region has this code."""

FOLLOWS: Final = "follows"
COVERS: Final = "covers"
HOLDS: Final = "holds"
IS: Final = "is"

open_paths = Table(
    "open_paths",
    tables,
    Column("kind", String(10), nullable=False),
    Column("key", String(255), nullable=False),
    reference("alert_id", "alerts.alerts.id", "fk_open_paths_alert"),
    Column("position", SmallInteger, nullable=False),
    Column("role", String(100)),
    PrimaryKeyConstraint("kind", "key", "alert_id", "position"),
    _choice("kind", (FOLLOWS, COVERS, HOLDS, IS)),
    comment="The ways to belong to an alert in force, by what an account must have: a region, a role, its id.",
)
Index("idx_open_paths_alert", open_paths.c.alert_id)

audience_members = Table(
    "audience_members",
    tables,
    Column("user_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("regions", ARRAY(String(50)), nullable=False, server_default=text("'{}'")),
    Column("roles", ARRAY(String(100)), nullable=False, server_default=text("'{}'")),
    moment("updated_at"),
    Column("language", String(35)),
    Column(
        "covers",
        ARRAY(String(50)),
        nullable=False,
        server_default=text("'{}'"),
        comment="The codes of the regions that were chosen, as far as they are known, and of all that contain them.",
    ),
    comment="identity's accounts as far as targeting needs them; regions are codes, * is all, roles are names.",
)
Index("idx_audience_members_covers", audience_members.c.covers, postgresql_using="gin")
Index("idx_audience_members_regions", audience_members.c.regions, postgresql_using="gin")
Index("idx_audience_members_roles", audience_members.c.roles, postgresql_using="gin")

audience_regions = Table(
    "audience_regions",
    tables,
    Column("region_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("code", String(50), nullable=False),
    Column("name", String(255), nullable=False),
    Column("boundaries", JSONB),
    moment("updated_at"),
    *tree_columns("idx_audience_regions_lineage"),
    UniqueConstraint("code"),
    comment="identity's regions, as they are now.",
)
REGIONS: Final = RegionTree(audience_regions)

audience_moves = Table(
    "audience_moves",
    tables,
    identifier(SCHEMA),
    Column(
        "moved",
        ARRAY(String(50)),
        nullable=False,
        comment="Codes of the regions: it concerns those who follow one of them, or a region that lies in one.",
    ),
    Column(
        "above",
        ARRAY(String(50)),
        nullable=False,
        comment="Codes of regions whose followers the alerts in force below are for, now or before.",
    ),
    Column("done_to", Uuid, nullable=False, server_default=text("'00000000-0000-0000-0000-000000000000'")),
    moment("created_at"),
    comment="Regions that moved or became known, until every account that it concerns was looked at.",
)

"""Whom an alert is for, how far that was worked out, and who has read it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    cast,
    not_,
    text,
)

from services.alerts.models.schema import SCHEMA, TARGET_TYPES, tables
from shared.platform.db.tables import identifier, moment, optional_moment, reference

SHARDS: Final = 16
"""Rows that a counter of reads is spread over, so that many people may read at the same time."""

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
    UniqueConstraint("alert_id", "target_type", "target_id"),
    CheckConstraint(f"target_type IN ({TARGET_TYPES})", name="target_type"),
    comment="Whom an alert is for: as its author declared it, and one row for every person that this reached.",
)

unread = cast(not_(alert_targets.c.is_read), Integer).label("unread")
"""1 for what is unread, else 0: an order with all its parts descending begins with what is unread."""

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

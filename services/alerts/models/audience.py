"""Who there is to be told: a projection of identity's accounts and regions, kept by its events."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ARRAY, Boolean, Column, Index, Integer, String, Table, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from services.alerts.models.schema import tables
from shared.platform.db.tables import moment

ALL_REGIONS: Final = "*"
"""Stands among somebody's regions for every one; no region has this code."""

audience_members = Table(
    "audience_members",
    tables,
    Column("user_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("regions", ARRAY(String(50)), nullable=False, server_default=text("'{}'")),
    Column("roles", ARRAY(String(100)), nullable=False, server_default=text("'{}'")),
    moment("updated_at"),
    comment="identity's accounts as far as targeting needs them; regions are codes, * is all, roles are names.",
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
    Column("boundaries", JSONB),
    moment("updated_at"),
    UniqueConstraint("code"),
    comment="identity's regions, as they are now.",
)

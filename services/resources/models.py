"""The tables of the schema ``resources``."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.domain.geography import earth_column, point_column
from shared.domain.region_tree import RegionTree, regions_table
from shared.domain.resources import STATUS
from shared.domain.status_changes import status_history_table
from shared.platform.db.tables import (
    content_digest,
    identifier,
    import_identity,
    metadata,
    moment,
    outbox_table,
    reference,
    search_words_table,
    version,
)

SCHEMA: Final = "resources"

tables = metadata(SCHEMA)

# --- foreign keys into identity, made by 0002_ties.py ----------------------------------------------------------

Table("users", tables, Column("id", Uuid, primary_key=True), schema="identity")
Table("regions", tables, Column("id", Uuid, primary_key=True), schema="identity")

# --- own tables ------------------------------------------------------------------------------------------------

resource_types = Table(
    "resource_types",
    tables,
    identifier(SCHEMA),
    Column("name", String(100), nullable=False),
    Column("description", Text),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    content_digest(),
    UniqueConstraint("name"),
    comment="What help there can be.",
)

resources = Table(
    "resources",
    tables,
    identifier(SCHEMA),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    reference("region_id", "identity.regions.id", "fk_resources_region"),
    reference("resource_type_id", "resources.resource_types.id", "fk_resources_type"),
    Column("contact_person", String(255)),
    Column("contact_phone", String(20)),
    Column("contact_email", String(255)),
    Column("location", JSONB, nullable=False),
    Column("capacity", Integer),
    Column("current_usage", Integer, server_default=text("0")),
    Column("status", String(50), nullable=False, server_default=text("'available'")),
    moment("created_at"),
    moment("updated_at"),
    version(),
    reference("created_by", "identity.users.id", "fk_resources_created_by", nullable=True),
    reference("updated_by", "identity.users.id", "fk_resources_updated_by", nullable=True),
    Column("status_notes", Text),
    content_digest(),
    point_column(),
    earth_column(),
    *import_identity(),
    CheckConstraint(STATUS.check_constraint(), name="status"),
    CheckConstraint("point IS NOT NULL", name="location"),
    CheckConstraint("capacity >= 0", name="capacity"),
    CheckConstraint("current_usage >= 0 AND current_usage <= capacity", name="current_usage"),
    comment="Shelters, hospitals, vehicles, stock; a capacity of NULL is unlimited.",
)

WORDS: Final[ColumnElement[Any]] = func.to_tsvector(
    literal_column("'resources.words'::regconfig"), resources.c.name
)
PAIRS: Final[ColumnElement[Any]] = func.resources.grams(resources.c.name, "")
"""What a search searches: the words of a name, and the pairs of characters of scripts without spaces."""

Index("idx_resources_region", resources.c.region_id)
Index("idx_resources_type", resources.c.resource_type_id)
Index("idx_resources_status", resources.c.status)
Index("idx_resources_recent", resources.c.created_at.desc(), resources.c.id.desc())
Index("idx_resources_name", resources.c.name, resources.c.id)
Index("idx_resources_changed", resources.c.updated_at, resources.c.id)
Index(
    "idx_resources_import",
    resources.c.import_source,
    resources.c.import_key,
    unique=True,
    postgresql_where=resources.c.import_key.is_not(None),
)
Index("idx_resources_point", resources.c.point, postgresql_using="gist")
Index("idx_resources_earth", resources.c.earth, postgresql_using="gist")

resource_status_history = status_history_table(resources, STATUS)

resource_usage_changes = Table(
    "resource_usage_changes",
    tables,
    identifier(SCHEMA),
    reference("resource_id", "resources.resources.id", "fk_resource_usage_changes_resource"),
    Column("usage_change", Integer, nullable=False),
    Column("current_usage", Integer, nullable=False),
    Column("capacity", Integer),
    Column("version", Integer, nullable=False),
    reference("changed_by", "identity.users.id", "fk_resource_usage_changes_changed_by", nullable=True),
    moment("changed_at"),
    comment="Usage changes that were made by RPC: id is the caller's, so that a repeated one counts once.",
)
Index(
    "idx_resource_usage_changes_resource",
    resource_usage_changes.c.resource_id,
    resource_usage_changes.c.changed_at,
)

regions = regions_table(tables)
REGIONS: Final = RegionTree(regions)

search_words = search_words_table(tables)
outbox = outbox_table(tables)

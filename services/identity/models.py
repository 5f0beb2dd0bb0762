"""The tables of the schema ``identity``."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.domain.identity import UNKNOWN_REGION_ID
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

SCHEMA: Final = "identity"

tables = metadata(SCHEMA)

roles = Table(
    "roles",
    tables,
    identifier(SCHEMA),
    Column("name", String(100), nullable=False),
    Column("description", Text),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    moment("created_at"),
    moment("updated_at"),
    version(),
    content_digest(),
    UniqueConstraint("name"),
    comment="Named sets of permissions.",
)

role_permissions = Table(
    "role_permissions",
    tables,
    Column("role_id", Uuid, ForeignKey(roles.c.id, name="fk_role_permissions_role"), primary_key=True),
    Column("permission", String(100), primary_key=True),
    moment("granted_at"),
    comment="What a role allows: thing:verb, or thing:verb:REGION-CODE for one region.",
)

users = Table(
    "users",
    tables,
    identifier(SCHEMA),
    Column("email", String(255), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("first_name", String(100), nullable=False),
    Column("last_name", String(100), nullable=False),
    Column("phone", String(20)),
    reference("role_id", "identity.roles.id", "fk_users_role", nullable=True),
    moment("created_at"),
    moment("updated_at"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("preferences", JSONB(none_as_null=True)),
    version(),
    moment("password_changed_at"),
    content_digest(),
    UniqueConstraint("email"),
    CheckConstraint("jsonb_typeof(preferences) = 'object'", name="preferences"),
    comment="Accounts of people and of other systems; the one with the nil id stands for ImpactX itself.",
)
Index("idx_users_email", users.c.email)
Index("idx_users_role", users.c.role_id)
Index("idx_users_email_lower", func.lower(users.c.email), unique=True)
Index("idx_users_recent", users.c.created_at.desc(), users.c.id.desc())

user_roles = Table(
    "user_roles",
    tables,
    Column("user_id", Uuid, ForeignKey(users.c.id, name="fk_user_roles_user"), primary_key=True),
    Column("role_id", Uuid, ForeignKey(roles.c.id, name="fk_user_roles_role"), primary_key=True),
    moment("assigned_at"),
    reference("assigned_by", "identity.users.id", "fk_user_roles_assigned_by", nullable=True),
    comment="Who holds which role.",
)
Index("idx_user_roles_role", user_roles.c.role_id)

regions = Table(
    "regions",
    tables,
    identifier(SCHEMA),
    Column("name", String(255), nullable=False),
    Column("code", String(50), nullable=False),
    Column("description", Text),
    Column("boundaries", JSONB(none_as_null=True)),
    moment("created_at"),
    moment("updated_at"),
    version(),
    content_digest(),
    reference("parent_id", "identity.regions.id", "fk_regions_parent", nullable=True),
    Column("parent_is_declared", Boolean, nullable=False, server_default=text("false")),
    Column("lineage", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    UniqueConstraint("code"),
    CheckConstraint("jsonb_typeof(boundaries) = 'object'", name="boundaries"),
    CheckConstraint(
        f"parent_id <> '{UNKNOWN_REGION_ID}'::uuid AND (id <> '{UNKNOWN_REGION_ID}'::uuid OR parent_id IS NULL)",
        name="parent",
    ),
    comment="Areas of responsibility; boundaries are GeoJSON in longitude and latitude.",
)
Index("idx_regions_parent", regions.c.parent_id)
Index("idx_regions_lineage", regions.c.lineage, postgresql_using="gin")

region_outlines = Table(
    "region_outlines",
    tables,
    Column("region_id", Uuid, ForeignKey(regions.c.id, name="fk_region_outlines_region"), primary_key=True),
    Column("detail", String(20), primary_key=True),
    Column("boundaries", JSONB(none_as_null=True)),
    Column("bytes", Integer, nullable=False),
    Column("bbox", ARRAY(Double)),
    CheckConstraint("detail IN ('overview', 'medium', 'fine', 'full')", name="detail"),
    comment="Boundaries with fewer positions, by detail, and the size of the full ones, which are in regions.",
)

refresh_tokens = Table(
    "refresh_tokens",
    tables,
    identifier(SCHEMA),
    reference("user_id", "identity.users.id", "fk_refresh_tokens_user"),
    Column("family_id", Uuid, nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    moment("issued_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    optional_moment("used_at"),
    optional_moment("revoked_at"),
    Column("address", String(100)),
    UniqueConstraint("token_hash"),
    comment="SHA-256 of the refresh tokens given out; using one twice revokes its family.",
)
Index("idx_refresh_tokens_user", refresh_tokens.c.user_id)
Index("idx_refresh_tokens_family", refresh_tokens.c.family_id)
Index("idx_refresh_tokens_expires_at", refresh_tokens.c.expires_at)

revocations = Table(
    "revocations",
    tables,
    Column("scope", String(20), primary_key=True),
    Column("subject_id", Uuid, primary_key=True),
    reference("user_id", "identity.users.id", "fk_revocations_user", nullable=True),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("reason", String(40), nullable=False),
    Column("revoked_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    CheckConstraint("scope IN ('account', 'session', 'role')", name="scope"),
    comment="Which access tokens are refused: those of an account or role below a version, or those of a session.",
)
Index("idx_revocations_recent", revocations.c.revoked_at.desc(), revocations.c.subject_id.desc())

login_throttle = Table(
    "login_throttle",
    tables,
    Column("key", String(300), primary_key=True),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    moment("window_started_at"),
    moment("last_failed_at"),
    optional_moment("blocked_until"),
    Column("guesses", ARRAY(LargeBinary), nullable=False, server_default=text("'{}'")),
    comment="Failed sign-ins by account and client, by account and by address; registrations by address.",
)
Index("idx_login_throttle_last_failed_at", login_throttle.c.last_failed_at)

email_look_alikes = Table(
    "email_look_alikes",
    tables,
    Column("user_id", Uuid, ForeignKey(users.c.id, name="fk_email_look_alikes_user"), primary_key=True),
    Column("skeleton", LargeBinary, nullable=False),
    Column("is_ascii", Boolean, nullable=False),
    comment="SHA-256 of what the e-mail address of an account looks like.",
)
Index("idx_email_look_alikes_skeleton", email_look_alikes.c.skeleton)

sign_in_addresses = Table(
    "sign_in_addresses",
    tables,
    Column("user_id", Uuid, ForeignKey(users.c.id, name="fk_sign_in_addresses_user"), primary_key=True),
    Column("address", String(100), primary_key=True),
    moment("last_used_at"),
    comment="From which network addresses the owner of an account has signed in lately.",
)
Index("idx_sign_in_addresses_last_used_at", sign_in_addresses.c.last_used_at)

outbox = outbox_table(tables)

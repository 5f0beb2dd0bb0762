"""The tables of the schema ``reports``."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Computed,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from shared.domain.geography import point_column
from shared.domain.region_tree import RegionTree, regions_table
from shared.domain.reports import STATUS
from shared.domain.status_changes import status_history_table
from shared.platform.db.tables import (
    content_digest,
    identifier,
    import_identity,
    metadata,
    moment,
    optional_moment,
    outbox_table,
    reference,
    search_words_table,
    version,
)

SCHEMA: Final = "reports"

SEARCH_CONFIGURATION: Final = "reports.words"
"""The text search configuration of ``reports.search``: words as they are, without case and accents.

Reports are in French, Creole and English, often in one sentence, so that no stemming is used. A query must use the
same configuration, as `shared.platform.db.search` does.
"""

# A report without coordinates has an address, by which a coordinator can find them.
_ADDRESSED: Final = "NOT location ? 'coordinates' AND COALESCE(btrim(location ->> 'address'), '') <> ''"
_REVIEW_REASONS: Final = (
    "'type_inactive', 'clock_ahead', 'clock_past', 'outside_regions', 'no_region', 'no_coordinates'"
)

tables = metadata(SCHEMA)

# --- the tables of identity that foreign keys refer to, which 0002_ties.py makes -------------------------------

Table("users", tables, Column("id", Uuid, primary_key=True), schema="identity")
Table("regions", tables, Column("id", Uuid, primary_key=True), schema="identity")

# --- own tables ------------------------------------------------------------------------------------------------

report_types = Table(
    "report_types",
    tables,
    identifier(SCHEMA),
    Column("name", String(100), nullable=False),
    Column("description", Text),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    content_digest(),
    UniqueConstraint("name"),
    comment="What can happen.",
)

severity_levels = Table(
    "severity_levels",
    tables,
    identifier(SCHEMA),
    Column("name", String(50), nullable=False),
    Column("description", Text),
    Column("level", Integer, nullable=False),
    Column("color_code", String(7)),
    content_digest(),
    UniqueConstraint("name"),
    CheckConstraint("level BETWEEN 1 AND 5", name="level"),
    CheckConstraint("color_code ~ '^#[0-9A-Fa-f]{6}$'", name="color_code"),
    comment="How bad it is, 1 (low) to 5 (catastrophic).",
)

reports = Table(
    "reports",
    tables,
    identifier(SCHEMA),
    reference("user_id", "identity.users.id", "fk_reports_user"),
    reference("region_id", "identity.regions.id", "fk_reports_region"),
    reference("report_type_id", "reports.report_types.id", "fk_reports_type"),
    reference("severity_level_id", "reports.severity_levels.id", "fk_reports_severity"),
    Column("title", String(255), nullable=False),
    Column("description", Text, nullable=False),
    Column("location", JSONB, nullable=False),
    Column("status", String(50), nullable=False, server_default=text("'pending'")),
    moment("reported_at"),
    optional_moment("resolved_at"),
    moment("created_at"),
    moment("updated_at"),
    version(),
    reference("updated_by", "identity.users.id", "fk_reports_updated_by", nullable=True),
    Column("status_notes", Text),
    reference("duplicate_of", "reports.reports.id", "fk_reports_duplicate_of", nullable=True),
    content_digest(),
    point_column(),
    Column(
        "search",
        TSVECTOR,
        Computed(
            "setweight(to_tsvector('reports.words', title), 'A')"
            " || setweight(to_tsvector('reports.words', description), 'B')",
            persisted=True,
        ),
    ),
    *import_identity(),
    Column("review_reasons", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    CheckConstraint(STATUS.check_constraint(), name="status"),
    CheckConstraint(f"point IS NOT NULL OR {_ADDRESSED}", name="location"),
    CheckConstraint(f"review_reasons <@ ARRAY[{_REVIEW_REASONS}]", name="review_reasons"),
    comment="Incidents as people in the field filed them.",
)
Index("idx_reports_user", reports.c.user_id)
Index("idx_reports_region", reports.c.region_id)
Index("idx_reports_type", reports.c.report_type_id)
Index("idx_reports_severity", reports.c.severity_level_id)
Index("idx_reports_status", reports.c.status)
Index("idx_reports_reported_at", reports.c.reported_at)
# The orders of the lists, whole and by the two filters that most of them have.
Index("idx_reports_recent", reports.c.reported_at.desc(), reports.c.id.desc())
Index("idx_reports_region_recent", reports.c.region_id, reports.c.reported_at.desc(), reports.c.id.desc())
Index("idx_reports_status_recent", reports.c.status, reports.c.reported_at.desc(), reports.c.id.desc())
Index(
    "idx_reports_duplicates",
    reports.c.duplicate_of,
    reports.c.reported_at.desc(),
    reports.c.id.desc(),
    postgresql_where=reports.c.duplicate_of.is_not(None),
)
Index(
    "idx_reports_severity_recent",
    reports.c.severity_level_id,
    reports.c.reported_at.desc(),
    reports.c.id.desc(),
)
Index("idx_reports_changed", reports.c.updated_at, reports.c.id)
Index(
    "idx_reports_import",
    reports.c.import_source,
    reports.c.import_key,
    unique=True,
    postgresql_where=reports.c.import_key.is_not(None),
)
UNDER_REVIEW: Final = reports.c.review_reasons != text("'{}'")
"""Whether a report is marked for review."""

Index("idx_reports_review", reports.c.updated_at, reports.c.id, postgresql_where=UNDER_REVIEW)
Index("idx_reports_point", reports.c.point, postgresql_using="gist")

Index("idx_reports_search", reports.c.search, postgresql_using="gin")

PAIRS: Final[ColumnElement[Any]] = func.reports.grams(reports.c.title, reports.c.description)
"""The pairs of characters of scripts without blanks, which a search uses beside the words."""

Index("idx_reports_grams", PAIRS, postgresql_using="gin")

report_comments = Table(
    "report_comments",
    tables,
    identifier(SCHEMA),
    reference("report_id", "reports.reports.id", "fk_report_comments_report"),
    reference("user_id", "identity.users.id", "fk_report_comments_user"),
    Column("content", Text, nullable=False),
    moment("created_at"),
    moment("updated_at"),
    version(),
    content_digest(),
    comment="What people say about a report.",
)
Index(
    "idx_report_comments_report",
    report_comments.c.report_id,
    report_comments.c.created_at,
    report_comments.c.id,
)

report_attachments = Table(
    "report_attachments",
    tables,
    identifier(SCHEMA),
    reference("report_id", "reports.reports.id", "fk_report_attachments_report"),
    Column("file_name", String(255), nullable=False),
    Column("file_path", String(500), nullable=False),
    Column("mime_type", String(100), nullable=False),
    Column("file_size", Integer, nullable=False),
    moment("uploaded_at"),
    reference("uploaded_by", "identity.users.id", "fk_report_attachments_uploaded_by", nullable=True),
    Column("sha256", String(64)),
    content_digest(),
    CheckConstraint("file_size >= 0", name="file_size"),
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
    comment="Files that belong to a report; file_path is relative to the root of the store.",
)
Index(
    "idx_report_attachments_account",
    report_attachments.c.uploaded_by,
    report_attachments.c.uploaded_at,
    postgresql_include=["file_size"],
)
Index(
    "idx_report_attachments_report",
    report_attachments.c.report_id,
    report_attachments.c.uploaded_at,
    report_attachments.c.id,
)

report_status_history = status_history_table(reports, STATUS)
regions = regions_table(tables)
REGIONS: Final = RegionTree(regions)

search_words = search_words_table(tables)
outbox = outbox_table(tables)

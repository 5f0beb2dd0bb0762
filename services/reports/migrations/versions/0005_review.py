"""Reports that are taken although something about them is doubtful, and marked for review.

A location may be an address alone. ``review_reasons`` say what is doubtful, and events tell of them.

Revision ID: 0005
Revises: 0004
"""

from shared.platform.db import ddl

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

REASONS = "'type_inactive', 'clock_ahead', 'clock_past', 'outside_regions', 'no_region', 'no_coordinates'"
LOCATED = "point IS NOT NULL"
ADDRESSED = "NOT location ? 'coordinates' AND COALESCE(btrim(location ->> 'address'), '') <> ''"


def created(more):
    return f"""
    CREATE OR REPLACE FUNCTION reports.record_report_created() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO reports.outbox (type, subject, sequence, data)
        SELECT 'report_created', n.id, n.version, jsonb_build_object(
            'report_id', n.id,
            'status', n.status,
            'version', n.version,
            'changed_by', COALESCE(n.updated_by, n.user_id),
            'notes', n.status_notes,
            'changed_at', n.created_at,
            'region_id', n.region_id,
            'report_type_id', n.report_type_id,
            'severity_level_id', n.severity_level_id,
            'severity_level', s.level,
            'title', n.title,
            'user_id', n.user_id{more.fact}
        )
        FROM new_rows n JOIN reports.severity_levels s ON s.id = n.severity_level_id;
        RETURN NULL;
    END
    $$
    """


def changed(more):
    return f"""
    CREATE OR REPLACE FUNCTION reports.record_report_status_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO reports.outbox (type, subject, sequence, data)
        SELECT 'report_status_changed', n.id, n.version, jsonb_build_object(
            'report_id', n.id,
            'status', n.status,
            'previous_status', o.status,
            'version', n.version,
            'changed_by', COALESCE(n.updated_by, '00000000-0000-0000-0000-000000000000'),
            'notes', n.status_notes,
            'changed_at', n.updated_at,
            'region_id', n.region_id,
            'report_type_id', n.report_type_id,
            'severity_level_id', n.severity_level_id,
            'severity_level', s.level,
            'title', n.title,
            'user_id', n.user_id{more.fact}
        )
        FROM new_rows n
        JOIN old_rows o USING (id)
        JOIN reports.severity_levels s ON s.id = n.severity_level_id
        WHERE n.status <> o.status;

        INSERT INTO reports.outbox (type, subject, sequence, data)
        SELECT 'report_updated', n.id, n.version, jsonb_build_object(
            'report_id', n.id,
            'status', n.status,
            'version', n.version,
            'changed_by', COALESCE(n.updated_by, '00000000-0000-0000-0000-000000000000'),
            'changed_at', n.updated_at,
            'changed', to_jsonb(c.changed),
            'region_id', n.region_id,
            'report_type_id', n.report_type_id,
            'severity_level_id', n.severity_level_id,
            'severity_level', s.level,
            'title', n.title,
            'user_id', n.user_id{more.fact}
        )
        FROM new_rows n
        JOIN old_rows o USING (id)
        JOIN reports.severity_levels s ON s.id = n.severity_level_id
        CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
            CASE WHEN n.user_id <> o.user_id THEN 'user_id' END,
            CASE WHEN n.region_id <> o.region_id THEN 'region_id' END,
            CASE WHEN n.report_type_id <> o.report_type_id THEN 'report_type_id' END,
            CASE WHEN n.severity_level_id <> o.severity_level_id THEN 'severity_level_id' END,
            CASE WHEN n.title <> o.title THEN 'title' END,
            CASE WHEN n.description <> o.description THEN 'description' END,
            CASE WHEN n.location <> o.location THEN 'location' END,
            CASE WHEN n.reported_at <> o.reported_at THEN 'reported_at' END,
            CASE WHEN n.status = o.status AND n.resolved_at IS DISTINCT FROM o.resolved_at
                THEN 'resolved_at' END,
            CASE WHEN n.status = o.status AND n.duplicate_of IS DISTINCT FROM o.duplicate_of
                THEN 'duplicate_of' END{more.change}
        ], NULL)) AS c (changed)
        WHERE cardinality(c.changed) > 0;
        RETURN NULL;
    END
    $$
    """


class Before:
    """What revision 0001 made."""

    fact = ""
    change = ""


class WithReasons:
    """With the reasons for a review."""

    fact = ",\n            'review_reasons', to_jsonb(n.review_reasons)"
    change = ",\n            CASE WHEN n.review_reasons <> o.review_reasons THEN 'review_reasons' END"


def upgrade():
    # The default is a constant, so no row is written; the next revision checks the rows that are there.
    ddl.execute(
        "ALTER TABLE reports.reports ADD COLUMN review_reasons text[] NOT NULL DEFAULT '{}'",
        f"""
        ALTER TABLE reports.reports
            ADD CONSTRAINT reports_review_reasons_check CHECK (review_reasons <@ ARRAY[{REASONS}]) NOT VALID,
            DROP CONSTRAINT reports_location_check,
            ADD CONSTRAINT reports_location_check CHECK ({LOCATED} OR {ADDRESSED}) NOT VALID
        """,
        created(WithReasons),
        changed(WithReasons),
    )


def downgrade():
    # Reports without coordinates stay, and new ones are refused as before.
    ddl.execute(
        created(Before),
        changed(Before),
        "ALTER TABLE reports.reports DROP COLUMN review_reasons",
        f"""
        ALTER TABLE reports.reports
            DROP CONSTRAINT reports_location_check,
            ADD CONSTRAINT reports_location_check CHECK ({LOCATED}) NOT VALID
        """,
    )

"""The tables of reports, the triggers that emit their events, and resolve_report().

Revision ID: 0001
Revises:
"""

from shared.platform.db import ddl

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    ddl.execute(
        ddl.uuid7("reports"),
        ddl.update_updated_at_column("reports"),
        *ddl.outbox("reports"),
        *CATALOGUES,
        *REPORTS,
        *PARTS,
        *ddl.status_notes("reports", "reports", "report"),
        *STATUS_CHANGES,
        ddl.update_trigger("reports", "reports"),
        ddl.update_trigger("reports", "report_comments"),
        *REPORT_EVENTS,
        *PART_EVENTS,
        RESOLVE_REPORT,
    )


def downgrade():
    ddl.execute(
        """
        DROP TABLE
            reports.report_status_history,
            reports.report_attachments,
            reports.report_comments,
            reports.reports,
            reports.severity_levels,
            reports.report_types,
            reports.outbox
        """,
        """
        DROP FUNCTION
            reports.resolve_report(uuid, uuid, text),
            reports.record_report_attachment_added(),
            reports.record_report_comment_added(),
            reports.record_report_created(),
            reports.record_report_status_change(),
            reports.mark_status_notes_given(),
            reports.drop_stale_status_notes(),
            reports.keep_resolution(),
            reports.update_updated_at_column(),
            reports.uuid7()
        """,
        "DROP TEXT SEARCH CONFIGURATION reports.words",
    )


CATALOGUES = (
    """
    CREATE TABLE reports.report_types (
        id uuid NOT NULL DEFAULT reports.uuid7() CONSTRAINT report_types_pkey PRIMARY KEY,
        name varchar(100) NOT NULL CONSTRAINT report_types_name_key UNIQUE,
        description text,
        is_active boolean NOT NULL DEFAULT true
    )
    """,
    "COMMENT ON TABLE reports.report_types IS 'What can happen.'",
    """
    CREATE TABLE reports.severity_levels (
        id uuid NOT NULL DEFAULT reports.uuid7() CONSTRAINT severity_levels_pkey PRIMARY KEY,
        name varchar(50) NOT NULL CONSTRAINT severity_levels_name_key UNIQUE,
        description text,
        level integer NOT NULL CONSTRAINT severity_levels_level_check CHECK (level BETWEEN 1 AND 5),
        color_code varchar(7)
            CONSTRAINT severity_levels_color_code_check CHECK (color_code ~ '^#[0-9A-Fa-f]{6}$')
    )
    """,
    "COMMENT ON TABLE reports.severity_levels IS 'How bad it is, 1 (low) to 5 (catastrophic).'",
)

STATUSES = "'pending', 'confirmed', 'in_progress', 'resolved', 'closed', 'rejected', 'duplicate'"

# They find nothing, rather than fail, in what is no GeoJSON Point in range; the check on `location` refuses that.
LONGITUDE = 'strict $ ? (@.type == "Point").coordinates[0] ? (@ >= -180 && @ <= 180)'
LATITUDE = "strict $.coordinates ? (@.size() == 2 || @.size() == 3)[1] ? (@ >= -90 && @ <= 90)"

REPORTS = (
    # Words without case and accents, in no language's particular form: reports mix French, Creole and English.
    "CREATE TEXT SEARCH CONFIGURATION reports.words (COPY = pg_catalog.simple)",
    """
    ALTER TEXT SEARCH CONFIGURATION reports.words
        ALTER MAPPING FOR word, hword, hword_part WITH extensions.unaccent, pg_catalog.simple
    """,
    f"""
    CREATE TABLE reports.reports (
        id uuid NOT NULL DEFAULT reports.uuid7() CONSTRAINT reports_pkey PRIMARY KEY,
        user_id uuid NOT NULL,
        region_id uuid NOT NULL,
        report_type_id uuid NOT NULL CONSTRAINT fk_reports_type REFERENCES reports.report_types (id),
        severity_level_id uuid NOT NULL
            CONSTRAINT fk_reports_severity REFERENCES reports.severity_levels (id),
        title varchar(255) NOT NULL,
        description text NOT NULL,
        location jsonb NOT NULL,
        status varchar(50) NOT NULL DEFAULT 'pending'
            CONSTRAINT reports_status_check CHECK (status IN ({STATUSES})),
        reported_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        resolved_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        version integer NOT NULL DEFAULT 1,
        updated_by uuid,
        status_notes text,
        duplicate_of uuid CONSTRAINT fk_reports_duplicate_of REFERENCES reports.reports (id),
        content_digest bytea,
        point point GENERATED ALWAYS AS (
            point(
                (jsonb_path_query_first(location, '{LONGITUDE}', '{{}}', true))::float8,
                (jsonb_path_query_first(location, '{LATITUDE}', '{{}}', true))::float8
            )
        ) STORED,
        search tsvector GENERATED ALWAYS AS (
            setweight(to_tsvector('reports.words', title), 'A')
            || setweight(to_tsvector('reports.words', description), 'B')
        ) STORED,
        CONSTRAINT reports_location_check CHECK (point IS NOT NULL)
    )
    """,
    "COMMENT ON TABLE reports.reports IS 'Incidents as people in the field filed them.'",
    "CREATE INDEX idx_reports_user ON reports.reports (user_id)",
    "CREATE INDEX idx_reports_region ON reports.reports (region_id)",
    "CREATE INDEX idx_reports_type ON reports.reports (report_type_id)",
    "CREATE INDEX idx_reports_severity ON reports.reports (severity_level_id)",
    "CREATE INDEX idx_reports_status ON reports.reports (status)",
    "CREATE INDEX idx_reports_reported_at ON reports.reports (reported_at)",
    "CREATE INDEX idx_reports_recent ON reports.reports (reported_at DESC, id DESC)",
    "CREATE INDEX idx_reports_region_recent ON reports.reports (region_id, reported_at DESC, id DESC)",
    "CREATE INDEX idx_reports_status_recent ON reports.reports (status, reported_at DESC, id DESC)",
    "CREATE INDEX idx_reports_changed ON reports.reports (updated_at, id)",
    "CREATE INDEX idx_reports_point ON reports.reports USING gist (point)",
    "CREATE INDEX idx_reports_search ON reports.reports USING gin (search)",
)

PARTS = (
    """
    CREATE TABLE reports.report_comments (
        id uuid NOT NULL DEFAULT reports.uuid7() CONSTRAINT report_comments_pkey PRIMARY KEY,
        report_id uuid NOT NULL CONSTRAINT fk_report_comments_report REFERENCES reports.reports (id),
        user_id uuid NOT NULL,
        content text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        version integer NOT NULL DEFAULT 1,
        content_digest bytea
    )
    """,
    "COMMENT ON TABLE reports.report_comments IS 'What people say about a report.'",
    "CREATE INDEX idx_report_comments_report ON reports.report_comments (report_id, created_at, id)",
    """
    CREATE TABLE reports.report_attachments (
        id uuid NOT NULL DEFAULT reports.uuid7() CONSTRAINT report_attachments_pkey PRIMARY KEY,
        report_id uuid NOT NULL CONSTRAINT fk_report_attachments_report REFERENCES reports.reports (id),
        file_name varchar(255) NOT NULL,
        file_path varchar(500) NOT NULL,
        mime_type varchar(100) NOT NULL,
        file_size integer NOT NULL CONSTRAINT report_attachments_file_size_check CHECK (file_size >= 0),
        uploaded_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        uploaded_by uuid,
        sha256 varchar(64) CONSTRAINT report_attachments_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$'),
        content_digest bytea
    )
    """,
    """
    COMMENT ON TABLE reports.report_attachments IS
        'Files that belong to a report; file_path is relative to the root of the store.'
    """,
    "CREATE INDEX idx_report_attachments_report ON reports.report_attachments (report_id, uploaded_at, id)",
    # Version 0 is a row that was written by hand and by no event.
    f"""
    CREATE TABLE reports.report_status_history (
        id uuid NOT NULL DEFAULT reports.uuid7() CONSTRAINT report_status_history_pkey PRIMARY KEY,
        report_id uuid NOT NULL CONSTRAINT fk_report_status_history_report REFERENCES reports.reports (id),
        status varchar(50) NOT NULL
            CONSTRAINT report_status_history_status_check CHECK (status IN ({STATUSES})),
        changed_by uuid NOT NULL,
        notes text,
        changed_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        version integer NOT NULL DEFAULT 0,
        CONSTRAINT report_status_history_report_id_version_key UNIQUE (report_id, version)
    )
    """,
    """
    COMMENT ON TABLE reports.report_status_history IS
        'Every status a report entered, written from its events: id is the event''s, version the report''s.'
    """,
    "CREATE INDEX idx_report_status_history_report ON reports.report_status_history (report_id)",
    "CREATE INDEX idx_report_status_history_changed_at ON reports.report_status_history (changed_at)",
)

# Whoever changes a status, the service or somebody in psql, leaves the row consistent.
STATUS_CHANGES = (
    """
    CREATE FUNCTION reports.keep_resolution() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.status = 'resolved' AND NEW.resolved_at IS NOT DISTINCT FROM OLD.resolved_at THEN
            NEW.resolved_at = CURRENT_TIMESTAMP;
        ELSIF NEW.status NOT IN ('resolved', 'closed') THEN
            NEW.resolved_at = NULL;
        END IF;
        IF NEW.status <> 'duplicate' THEN
            NEW.duplicate_of = NULL;
        END IF;
        RETURN NEW;
    END
    $$
    """,
    """
    CREATE TRIGGER report_status_change_3_resolution BEFORE UPDATE ON reports.reports
        FOR EACH ROW
        WHEN (NEW.status <> OLD.status)
        EXECUTE FUNCTION reports.keep_resolution()
    """,
)

# The history is written from these events, so a status never changes without its history, and never has it twice.
# A change in which nobody is named was ImpactX's own: the account with the nil id.
REPORT_EVENTS = (
    """
    CREATE FUNCTION reports.record_report_created() RETURNS trigger LANGUAGE plpgsql AS $$
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
            'user_id', n.user_id
        )
        FROM new_rows n JOIN reports.severity_levels s ON s.id = n.severity_level_id;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER report_created_trigger AFTER INSERT ON reports.reports
        REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION reports.record_report_created()
    """,
    """
    CREATE FUNCTION reports.record_report_status_change() RETURNS trigger LANGUAGE plpgsql AS $$
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
            'user_id', n.user_id
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
            'user_id', n.user_id
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
                THEN 'duplicate_of' END
        ], NULL)) AS c (changed)
        WHERE cardinality(c.changed) > 0;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER report_status_change_trigger AFTER UPDATE ON reports.reports
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION reports.record_report_status_change()
    """,
)

PART_EVENTS = (
    """
    CREATE FUNCTION reports.record_report_comment_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO reports.outbox (type, subject, sequence, data)
        SELECT 'report_comment_added', r.id, r.version, jsonb_build_object(
            'report_id', r.id,
            'version', r.version,
            'region_id', r.region_id,
            'comment_id', n.id,
            'user_id', n.user_id,
            'content', n.content,
            'created_at', n.created_at
        )
        FROM new_rows n JOIN reports.reports r ON r.id = n.report_id;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER report_comment_added_trigger AFTER INSERT ON reports.report_comments
        REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION reports.record_report_comment_added()
    """,
    """
    CREATE FUNCTION reports.record_report_attachment_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO reports.outbox (type, subject, sequence, data)
        SELECT 'report_attachment_added', r.id, r.version, jsonb_build_object(
            'report_id', r.id,
            'version', r.version,
            'region_id', r.region_id,
            'attachment_id', n.id,
            'uploaded_by', COALESCE(n.uploaded_by, '00000000-0000-0000-0000-000000000000'),
            'file_name', n.file_name,
            'mime_type', n.mime_type,
            'file_size', n.file_size,
            'uploaded_at', n.uploaded_at
        )
        FROM new_rows n JOIN reports.reports r ON r.id = n.report_id;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER report_attachment_added_trigger AFTER INSERT ON reports.report_attachments
        REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION reports.record_report_attachment_added()
    """,
)

# The operators' way to resolve: from every active status, so from pending too, which the service does not allow.
# The seed's own wrote the history here and by the trigger; the trigger's event alone is what is left.
RESOLVE_REPORT = """
    CREATE FUNCTION reports.resolve_report(
        report_id uuid,
        resolver_id uuid,
        resolution_notes text DEFAULT NULL
    ) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        found_status text;
    BEGIN
        SELECT r.status INTO found_status FROM reports.reports r
        WHERE r.id = resolve_report.report_id FOR NO KEY UPDATE;

        IF found_status IS NULL THEN
            RAISE EXCEPTION 'there is no report %', report_id USING ERRCODE = 'no_data_found';
        ELSIF found_status IN ('pending', 'confirmed', 'in_progress') THEN
            UPDATE reports.reports r
            SET status = 'resolved', updated_by = resolver_id, status_notes = resolution_notes
            WHERE r.id = resolve_report.report_id;
        ELSIF found_status <> 'resolved' THEN
            RAISE EXCEPTION 'a report that is % cannot be resolved', found_status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'reports_status_check';
        END IF;
    END
    $$
"""

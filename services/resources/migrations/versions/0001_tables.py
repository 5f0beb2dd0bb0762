"""The tables of resources, the triggers that emit their events, and update_resource_usage().

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
        ddl.uuid7("resources"),
        ddl.update_updated_at_column("resources"),
        *ddl.outbox("resources"),
        *RESOURCES,
        *PARTS,
        *ddl.status_notes("resources", "resources", "resource"),
        ddl.update_trigger("resources", "resources"),
        *EVENTS,
        UPDATE_RESOURCE_USAGE,
    )


def downgrade():
    ddl.execute(
        """
        DROP TABLE
            resources.resource_usage_changes,
            resources.resource_status_history,
            resources.resources,
            resources.resource_types,
            resources.outbox
        """,
        """
        DROP FUNCTION
            resources.update_resource_usage(uuid, integer),
            resources.record_resource_created(),
            resources.record_resource_status_change(),
            resources.mark_status_notes_given(),
            resources.drop_stale_status_notes(),
            resources.update_updated_at_column(),
            resources.uuid7()
        """,
    )


STATUSES = "'available', 'limited', 'unavailable', 'out_of_service', 'closed'"

# They find nothing, rather than fail, in what is no GeoJSON Point in range; the check on `location` refuses that.
LONGITUDE_PATH = 'strict $ ? (@.type == "Point").coordinates[0] ? (@ >= -180 && @ <= 180)'
LATITUDE_PATH = "strict $.coordinates ? (@.size() == 2 || @.size() == 3)[1] ? (@ >= -90 && @ <= 90)"
LONGITUDE = f"(jsonb_path_query_first(location, '{LONGITUDE_PATH}', '{{}}', true))::float8"
LATITUDE = f"(jsonb_path_query_first(location, '{LATITUDE_PATH}', '{{}}', true))::float8"

RESOURCES = (
    """
    CREATE TABLE resources.resource_types (
        id uuid NOT NULL DEFAULT resources.uuid7() CONSTRAINT resource_types_pkey PRIMARY KEY,
        name varchar(100) NOT NULL CONSTRAINT resource_types_name_key UNIQUE,
        description text,
        is_active boolean NOT NULL DEFAULT true
    )
    """,
    "COMMENT ON TABLE resources.resource_types IS 'What help there can be.'",
    # earth is the place on a sphere of the Earth's mean radius, in metres from its centre.
    f"""
    CREATE TABLE resources.resources (
        id uuid NOT NULL DEFAULT resources.uuid7() CONSTRAINT resources_pkey PRIMARY KEY,
        name varchar(255) NOT NULL,
        description text,
        region_id uuid NOT NULL,
        resource_type_id uuid NOT NULL
            CONSTRAINT fk_resources_type REFERENCES resources.resource_types (id),
        contact_person varchar(255),
        contact_phone varchar(20),
        contact_email varchar(255),
        location jsonb NOT NULL,
        capacity integer CONSTRAINT resources_capacity_check CHECK (capacity >= 0),
        current_usage integer DEFAULT 0,
        status varchar(50) NOT NULL DEFAULT 'available'
            CONSTRAINT resources_status_check CHECK (status IN ({STATUSES})),
        created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        version integer NOT NULL DEFAULT 1,
        created_by uuid,
        updated_by uuid,
        status_notes text,
        content_digest bytea,
        point point GENERATED ALWAYS AS (point({LONGITUDE}, {LATITUDE})) STORED,
        earth extensions.cube GENERATED ALWAYS AS (
            extensions.cube(ARRAY[
                6371008.8 * cosd({LATITUDE}) * cosd({LONGITUDE}),
                6371008.8 * cosd({LATITUDE}) * sind({LONGITUDE}),
                6371008.8 * sind({LATITUDE})
            ])
        ) STORED,
        CONSTRAINT resources_location_check CHECK (point IS NOT NULL),
        CONSTRAINT resources_current_usage_check CHECK (current_usage >= 0 AND current_usage <= capacity)
    )
    """,
    """
    COMMENT ON TABLE resources.resources IS
        'Shelters, hospitals, vehicles, stock; a capacity of NULL is unlimited.'
    """,
    "CREATE INDEX idx_resources_region ON resources.resources (region_id)",
    "CREATE INDEX idx_resources_type ON resources.resources (resource_type_id)",
    "CREATE INDEX idx_resources_status ON resources.resources (status)",
    "CREATE INDEX idx_resources_recent ON resources.resources (created_at DESC, id DESC)",
    "CREATE INDEX idx_resources_changed ON resources.resources (updated_at, id)",
    "CREATE INDEX idx_resources_point ON resources.resources USING gist (point)",
    "CREATE INDEX idx_resources_earth ON resources.resources USING gist (earth)",
)

PARTS = (
    # Version 0 is a row that was written by hand and by no event.
    f"""
    CREATE TABLE resources.resource_status_history (
        id uuid NOT NULL DEFAULT resources.uuid7() CONSTRAINT resource_status_history_pkey PRIMARY KEY,
        resource_id uuid NOT NULL
            CONSTRAINT fk_resource_status_history_resource REFERENCES resources.resources (id),
        status varchar(50) NOT NULL
            CONSTRAINT resource_status_history_status_check CHECK (status IN ({STATUSES})),
        changed_by uuid NOT NULL,
        notes text,
        changed_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        version integer NOT NULL DEFAULT 0,
        CONSTRAINT resource_status_history_resource_id_version_key UNIQUE (resource_id, version)
    )
    """,
    """
    COMMENT ON TABLE resources.resource_status_history IS
        'Every status a resource entered, written from its events: id is the event''s, version the resource''s.'
    """,
    "CREATE INDEX idx_resource_status_history_resource ON resources.resource_status_history (resource_id)",
    "CREATE INDEX idx_resource_status_history_changed_at ON resources.resource_status_history (changed_at)",
    """
    CREATE TABLE resources.resource_usage_changes (
        id uuid NOT NULL DEFAULT resources.uuid7() CONSTRAINT resource_usage_changes_pkey PRIMARY KEY,
        resource_id uuid NOT NULL
            CONSTRAINT fk_resource_usage_changes_resource REFERENCES resources.resources (id),
        usage_change integer NOT NULL,
        current_usage integer NOT NULL,
        capacity integer,
        version integer NOT NULL,
        changed_by uuid,
        changed_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
    )
    """,
    """
    COMMENT ON TABLE resources.resource_usage_changes IS
        'Usage changes that were made by RPC: id is the caller''s, so that a repeated one counts once.'
    """,
    """
    CREATE INDEX idx_resource_usage_changes_resource
        ON resources.resource_usage_changes (resource_id, changed_at)
    """,
)

# The history is written from these events, so a status never changes without its history, and never has it twice.
# A change in which nobody is named was ImpactX's own: the account with the nil id. Nobody's name, number or address
# leaves in an event.
FACTS = """
            'resource_id', n.id,
            'version', n.version,
            'region_id', n.region_id,
            'resource_type_id', n.resource_type_id,
            'name', n.name,
            'status', n.status,
            'capacity', n.capacity,
            'current_usage', COALESCE(n.current_usage, 0)"""

CHANGED = """
            'changed_by', COALESCE(n.updated_by, '00000000-0000-0000-0000-000000000000'),
            'changed_at', n.updated_at"""

EVENTS = (
    f"""
    CREATE FUNCTION resources.record_resource_created() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO resources.outbox (type, subject, sequence, data)
        SELECT 'resource_created', n.id, n.version, jsonb_build_object({FACTS},
            'notes', n.status_notes,
            'changed_by', COALESCE(n.updated_by, n.created_by, '00000000-0000-0000-0000-000000000000'),
            'changed_at', n.created_at
        )
        FROM new_rows n;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER resource_created_trigger AFTER INSERT ON resources.resources
        REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION resources.record_resource_created()
    """,
    f"""
    CREATE FUNCTION resources.record_resource_status_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO resources.outbox (type, subject, sequence, data)
        SELECT 'resource_status_changed', n.id, n.version, jsonb_build_object({FACTS},{CHANGED},
            'previous_status', o.status,
            'notes', n.status_notes
        )
        FROM new_rows n JOIN old_rows o USING (id)
        WHERE n.status <> o.status;

        INSERT INTO resources.outbox (type, subject, sequence, data)
        SELECT 'resource_usage_changed', n.id, n.version, jsonb_build_object({FACTS},{CHANGED},
            'usage_change', COALESCE(n.current_usage, 0) - COALESCE(o.current_usage, 0)
        )
        FROM new_rows n JOIN old_rows o USING (id)
        WHERE COALESCE(n.current_usage, 0) <> COALESCE(o.current_usage, 0);

        INSERT INTO resources.outbox (type, subject, sequence, data)
        SELECT 'resource_updated', n.id, n.version, jsonb_build_object({FACTS},{CHANGED},
            'changed', to_jsonb(c.changed)
        )
        FROM new_rows n JOIN old_rows o USING (id)
        CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
            CASE WHEN n.name <> o.name THEN 'name' END,
            CASE WHEN n.description IS DISTINCT FROM o.description THEN 'description' END,
            CASE WHEN n.region_id <> o.region_id THEN 'region_id' END,
            CASE WHEN n.resource_type_id <> o.resource_type_id THEN 'resource_type_id' END,
            CASE WHEN n.contact_person IS DISTINCT FROM o.contact_person THEN 'contact_person' END,
            CASE WHEN n.contact_phone IS DISTINCT FROM o.contact_phone THEN 'contact_phone' END,
            CASE WHEN n.contact_email IS DISTINCT FROM o.contact_email THEN 'contact_email' END,
            CASE WHEN n.location <> o.location THEN 'location' END,
            CASE WHEN n.capacity IS DISTINCT FROM o.capacity THEN 'capacity' END
        ], NULL)) AS c (changed)
        WHERE cardinality(c.changed) > 0;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER resource_status_change_trigger AFTER UPDATE ON resources.resources
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION resources.record_resource_status_change()
    """,
)

# The operators' way to change a usage. It does not know who calls it, so nobody is named.
UPDATE_RESOURCE_USAGE = """
    CREATE FUNCTION resources.update_resource_usage(
        resource_id uuid,
        usage_change integer
    ) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        present resources.resources;
    BEGIN
        UPDATE resources.resources r
        SET current_usage = COALESCE(r.current_usage, 0) + usage_change, updated_by = NULL
        WHERE r.id = update_resource_usage.resource_id
            AND COALESCE(r.current_usage, 0)::bigint + usage_change >= 0
            AND (r.capacity IS NULL OR COALESCE(r.current_usage, 0)::bigint + usage_change <= r.capacity);

        IF NOT FOUND THEN
            SELECT * INTO present FROM resources.resources r WHERE r.id = update_resource_usage.resource_id;
            IF present.id IS NULL THEN
                RAISE EXCEPTION 'there is no resource %', resource_id USING ERRCODE = 'no_data_found';
            END IF;
            RAISE EXCEPTION 'the usage cannot change by %: % of % are in use',
                usage_change, COALESCE(present.current_usage, 0), COALESCE(present.capacity::text, 'unlimited')
                USING ERRCODE = 'check_violation', CONSTRAINT = 'resources_current_usage_check';
        END IF;
    END
    $$
"""

"""The tables of identity, and the triggers that emit their events.

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
        ddl.uuid7("identity"),
        ddl.update_updated_at_column("identity"),
        *ddl.outbox("identity"),
        *ROLES,
        *USERS,
        *REGIONS,
        *SESSIONS,
        *(ddl.update_trigger("identity", table) for table in ("users", "regions", "roles")),
        *USER_EVENTS,
        *ROLE_EVENTS,
        *REGION_EVENTS,
        SYSTEM_USER,
    )


def downgrade():
    ddl.execute(
        """
        DROP TABLE
            identity.login_throttle,
            identity.refresh_tokens,
            identity.regions,
            identity.user_roles,
            identity.users,
            identity.role_permissions,
            identity.roles,
            identity.outbox
        """,
        """
        DROP FUNCTION
            identity.record_region_created(),
            identity.record_region_updated(),
            identity.record_role_updated(),
            identity.record_role_granted(),
            identity.record_role_revoked(),
            identity.record_user_created(),
            identity.record_user_updated(),
            identity.user_facts(uuid),
            identity.update_updated_at_column(),
            identity.uuid7()
        """,
    )


ROLES = (
    """
    CREATE TABLE identity.roles (
        id uuid NOT NULL DEFAULT identity.uuid7() CONSTRAINT roles_pkey PRIMARY KEY,
        name varchar(100) NOT NULL CONSTRAINT roles_name_key UNIQUE,
        description text,
        is_active boolean NOT NULL DEFAULT true,
        created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        version integer NOT NULL DEFAULT 1,
        content_digest bytea
    )
    """,
    "COMMENT ON TABLE identity.roles IS 'Named sets of permissions.'",
    """
    CREATE TABLE identity.role_permissions (
        role_id uuid NOT NULL CONSTRAINT fk_role_permissions_role REFERENCES identity.roles (id),
        permission varchar(100) NOT NULL,
        granted_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        CONSTRAINT role_permissions_pkey PRIMARY KEY (role_id, permission)
    )
    """,
    """
    COMMENT ON TABLE identity.role_permissions IS
        'What a role allows: thing:verb, or thing:verb:REGION-CODE for one region.'
    """,
)

USERS = (
    """
    CREATE TABLE identity.users (
        id uuid NOT NULL DEFAULT identity.uuid7() CONSTRAINT users_pkey PRIMARY KEY,
        email varchar(255) NOT NULL CONSTRAINT users_email_key UNIQUE,
        password_hash varchar(255) NOT NULL,
        first_name varchar(100) NOT NULL,
        last_name varchar(100) NOT NULL,
        phone varchar(20),
        role_id uuid CONSTRAINT fk_users_role REFERENCES identity.roles (id),
        created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        is_active boolean NOT NULL DEFAULT true,
        preferences jsonb CONSTRAINT users_preferences_check CHECK (jsonb_typeof(preferences) = 'object'),
        version integer NOT NULL DEFAULT 1,
        password_changed_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        content_digest bytea
    )
    """,
    """
    COMMENT ON TABLE identity.users IS
        'Accounts of people and of other systems; the one with the nil id stands for ImpactX itself.'
    """,
    "CREATE INDEX idx_users_email ON identity.users (email)",
    "CREATE INDEX idx_users_role ON identity.users (role_id)",
    "CREATE UNIQUE INDEX idx_users_email_lower ON identity.users (lower(email))",
    "CREATE INDEX idx_users_recent ON identity.users (created_at DESC, id DESC)",
    """
    CREATE TABLE identity.user_roles (
        user_id uuid NOT NULL CONSTRAINT fk_user_roles_user REFERENCES identity.users (id),
        role_id uuid NOT NULL CONSTRAINT fk_user_roles_role REFERENCES identity.roles (id),
        assigned_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        assigned_by uuid CONSTRAINT fk_user_roles_assigned_by REFERENCES identity.users (id),
        CONSTRAINT user_roles_pkey PRIMARY KEY (user_id, role_id)
    )
    """,
    "COMMENT ON TABLE identity.user_roles IS 'Who holds which role.'",
    "CREATE INDEX idx_user_roles_role ON identity.user_roles (role_id)",
)

REGIONS = (
    """
    CREATE TABLE identity.regions (
        id uuid NOT NULL DEFAULT identity.uuid7() CONSTRAINT regions_pkey PRIMARY KEY,
        name varchar(255) NOT NULL,
        code varchar(50) NOT NULL CONSTRAINT regions_code_key UNIQUE,
        description text,
        boundaries jsonb CONSTRAINT regions_boundaries_check CHECK (jsonb_typeof(boundaries) = 'object'),
        created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        version integer NOT NULL DEFAULT 1,
        content_digest bytea
    )
    """,
    """
    COMMENT ON TABLE identity.regions IS
        'Areas of responsibility; boundaries are GeoJSON in longitude and latitude.'
    """,
)

SESSIONS = (
    """
    CREATE TABLE identity.refresh_tokens (
        id uuid NOT NULL DEFAULT identity.uuid7() CONSTRAINT refresh_tokens_pkey PRIMARY KEY,
        user_id uuid NOT NULL CONSTRAINT fk_refresh_tokens_user REFERENCES identity.users (id),
        family_id uuid NOT NULL,
        token_hash bytea NOT NULL CONSTRAINT refresh_tokens_token_hash_key UNIQUE,
        issued_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        expires_at timestamptz NOT NULL,
        used_at timestamptz,
        revoked_at timestamptz,
        address varchar(100)
    )
    """,
    """
    COMMENT ON TABLE identity.refresh_tokens IS
        'SHA-256 of the refresh tokens given out; using one twice revokes its family.'
    """,
    "CREATE INDEX idx_refresh_tokens_user ON identity.refresh_tokens (user_id)",
    "CREATE INDEX idx_refresh_tokens_family ON identity.refresh_tokens (family_id)",
    "CREATE INDEX idx_refresh_tokens_expires_at ON identity.refresh_tokens (expires_at)",
    """
    CREATE TABLE identity.login_throttle (
        key varchar(300) NOT NULL CONSTRAINT login_throttle_pkey PRIMARY KEY,
        failures integer NOT NULL DEFAULT 0,
        window_started_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        last_failed_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        blocked_until timestamptz
    )
    """,
    "COMMENT ON TABLE identity.login_throttle IS 'Failed sign-ins by account and by address.'",
    "CREATE INDEX idx_login_throttle_last_failed_at ON identity.login_throttle (last_failed_at)",
)

# What every event about an account says: no name, address or hash, only what listeners decide by.
USER_EVENTS = (
    """
    CREATE FUNCTION identity.user_facts(of_user uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
        SELECT jsonb_build_object(
            'user_id', u.id,
            'version', u.version,
            'is_active', u.is_active,
            'preferences', CASE WHEN u.preferences IS NOT NULL THEN jsonb_build_object(
                'regions', COALESCE(u.preferences -> 'regions', '[]'),
                'all_regions', COALESCE(u.preferences -> 'all_regions', 'false')
            ) END,
            'roles', (
                SELECT COALESCE(jsonb_agg(r.name ORDER BY r.name), '[]')
                FROM identity.roles r
                WHERE r.is_active AND (
                    r.id = u.role_id
                    OR r.id IN (SELECT h.role_id FROM identity.user_roles h WHERE h.user_id = u.id)
                )
            )
        )
        FROM identity.users u WHERE u.id = of_user
    $$
    """,
    """
    CREATE FUNCTION identity.record_user_created() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO identity.outbox (type, subject, sequence, data)
        SELECT 'user_created', n.id, n.version,
            identity.user_facts(n.id) || jsonb_build_object('created_at', n.created_at)
        FROM new_rows n;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER user_created_trigger AFTER INSERT ON identity.users
        REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION identity.record_user_created()
    """,
    # The password is not among what counts as a change, so its change is no event.
    """
    CREATE FUNCTION identity.record_user_updated() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO identity.outbox (type, subject, sequence, data)
        SELECT 'user_deactivated', n.id, n.version,
            identity.user_facts(n.id) || jsonb_build_object('changed_at', n.updated_at)
        FROM new_rows n JOIN old_rows o USING (id)
        WHERE o.is_active AND NOT n.is_active;

        INSERT INTO identity.outbox (type, subject, sequence, data)
        SELECT 'user_updated', n.id, n.version,
            identity.user_facts(n.id)
            || jsonb_build_object('changed', to_jsonb(c.changed), 'changed_at', n.updated_at)
        FROM new_rows n JOIN old_rows o USING (id)
        CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
            CASE WHEN n.email <> o.email THEN 'email' END,
            CASE WHEN n.first_name <> o.first_name THEN 'first_name' END,
            CASE WHEN n.last_name <> o.last_name THEN 'last_name' END,
            CASE WHEN n.phone IS DISTINCT FROM o.phone THEN 'phone' END,
            CASE WHEN n.role_id IS DISTINCT FROM o.role_id THEN 'role_id' END,
            CASE WHEN n.is_active AND NOT o.is_active THEN 'is_active' END,
            CASE WHEN n.preferences IS DISTINCT FROM o.preferences THEN 'preferences' END
        ], NULL)) AS c (changed)
        WHERE cardinality(c.changed) > 0;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER user_updated_trigger AFTER UPDATE ON identity.users
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION identity.record_user_updated()
    """,
)

# A role that comes or goes raises the version of the account, so that the events of an account have one order.
ROLE_EVENTS = (
    """
    CREATE FUNCTION identity.record_role_granted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE identity.users SET updated_at = updated_at WHERE id IN (SELECT user_id FROM new_rows);
        INSERT INTO identity.outbox (type, subject, sequence, data)
        SELECT 'role_granted', u.id, u.version,
            identity.user_facts(u.id) || jsonb_build_object(
                'role_id', r.id,
                'role', r.name,
                'assigned_by', n.assigned_by,
                'assigned_at', n.assigned_at
            )
        FROM new_rows n
        JOIN identity.users u ON u.id = n.user_id
        JOIN identity.roles r ON r.id = n.role_id;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER role_granted_trigger AFTER INSERT ON identity.user_roles
        REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION identity.record_role_granted()
    """,
    """
    CREATE FUNCTION identity.record_role_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE identity.users SET updated_at = updated_at WHERE id IN (SELECT user_id FROM old_rows);
        INSERT INTO identity.outbox (type, subject, sequence, data)
        SELECT 'role_revoked', u.id, u.version,
            identity.user_facts(u.id) || jsonb_build_object(
                'role_id', r.id,
                'role', r.name,
                'revoked_at', u.updated_at
            )
        FROM old_rows o
        JOIN identity.users u ON u.id = o.user_id
        JOIN identity.roles r ON r.id = o.role_id;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER role_revoked_trigger AFTER DELETE ON identity.user_roles
        REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION identity.record_role_revoked()
    """,
    # Who holds a role that is switched off or renamed belongs to another group from then on.
    """
    CREATE FUNCTION identity.record_role_updated() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        holders uuid[];
    BEGIN
        SELECT array_agg(DISTINCT held.user_id) INTO holders
        FROM new_rows n JOIN old_rows o USING (id)
        CROSS JOIN LATERAL (
            SELECT h.user_id FROM identity.user_roles h WHERE h.role_id = n.id
            UNION SELECT u.id FROM identity.users u WHERE u.role_id = n.id
        ) AS held
        WHERE (n.name, n.is_active) IS DISTINCT FROM (o.name, o.is_active);

        IF holders IS NOT NULL THEN
            UPDATE identity.users SET updated_at = updated_at WHERE id = ANY (holders);
            INSERT INTO identity.outbox (type, subject, sequence, data)
            SELECT 'user_updated', u.id, u.version,
                identity.user_facts(u.id)
                || jsonb_build_object('changed', jsonb_build_array('roles'), 'changed_at', u.updated_at)
            FROM identity.users u WHERE u.id = ANY (holders);
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER role_updated_trigger AFTER UPDATE ON identity.roles
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION identity.record_role_updated()
    """,
)

# Whoever follows regions needs all of each in every event: with only a part they could not skip an event that a newer
# one has overtaken. Boundaries can be large, a megabyte at the 20,000 positions that are let in.
REGION_EVENTS = (
    """
    CREATE FUNCTION identity.record_region_created() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO identity.outbox (type, subject, sequence, data)
        SELECT 'region_created', n.id, n.version, jsonb_build_object(
            'region_id', n.id,
            'version', n.version,
            'code', n.code,
            'name', n.name,
            'boundaries', n.boundaries,
            'created_at', n.created_at
        )
        FROM new_rows n;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER region_created_trigger AFTER INSERT ON identity.regions
        REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION identity.record_region_created()
    """,
    """
    CREATE FUNCTION identity.record_region_updated() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO identity.outbox (type, subject, sequence, data)
        SELECT 'region_updated', n.id, n.version, jsonb_build_object(
            'region_id', n.id,
            'version', n.version,
            'code', n.code,
            'name', n.name,
            'boundaries', n.boundaries,
            'changed', to_jsonb(c.changed),
            'changed_at', n.updated_at
        )
        FROM new_rows n JOIN old_rows o USING (id)
        CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
            CASE WHEN n.name <> o.name THEN 'name' END,
            CASE WHEN n.code <> o.code THEN 'code' END,
            CASE WHEN n.description IS DISTINCT FROM o.description THEN 'description' END,
            CASE WHEN n.boundaries IS DISTINCT FROM o.boundaries THEN 'boundaries' END
        ], NULL)) AS c (changed)
        WHERE cardinality(c.changed) > 0;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER region_updated_trigger AFTER UPDATE ON identity.regions
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION identity.record_region_updated()
    """,
)

# No hash begins with an exclamation mark: nobody signs in as this account.
SYSTEM_USER = """
    INSERT INTO identity.users (id, email, password_hash, first_name, last_name, is_active)
    VALUES (
        '00000000-0000-0000-0000-000000000000', 'system@impactx.invalid', '!', 'ImpactX', 'System', false
    )
"""

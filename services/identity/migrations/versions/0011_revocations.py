"""Keeps which access tokens are refused before they expire, and emits an event for each such decision.

A row says that the tokens of an account, of a session or with a role are refused that were signed before. Triggers
write it where an account is deactivated or gets another password, where a role is revoked, deactivated or loses a
permission: whoever changes these rows, tokens that were signed before are refused. The service writes it where it
closes sessions.

Revision ID: 0011
Revises: 0010
"""

from shared.platform.db import ddl

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = (
    """
    CREATE TABLE identity.revocations (
        scope varchar(20) NOT NULL
            CONSTRAINT revocations_scope_check CHECK (scope IN ('account', 'session', 'role')),
        subject_id uuid NOT NULL,
        user_id uuid CONSTRAINT fk_revocations_user REFERENCES identity.users (id),
        version integer NOT NULL DEFAULT 1,
        reason varchar(40) NOT NULL,
        revoked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT revocations_pkey PRIMARY KEY (scope, subject_id)
    )
    """,
    """
    COMMENT ON TABLE identity.revocations IS
        'Which access tokens are refused: those of an account or role below a version, or those of a session.'
    """,
    "CREATE INDEX idx_revocations_recent ON identity.revocations (revoked_at DESC, subject_id DESC)",
)

# The newest of each subject is enough, as it covers those before.
REVOKE_ACCESS = """
    CREATE FUNCTION identity.revoke_access(
        of_scope varchar, of_subject uuid, of_user uuid, below integer, because varchar
    ) RETURNS void LANGUAGE sql AS $$
        INSERT INTO identity.revocations AS present (scope, subject_id, user_id, version, reason)
        VALUES (of_scope, of_subject, of_user, below, because)
        ON CONFLICT (scope, subject_id) DO UPDATE
        SET version = excluded.version, reason = excluded.reason, revoked_at = clock_timestamp()
        WHERE present.version < excluded.version
    $$
"""

EVENT = (
    """
    CREATE FUNCTION identity.record_access_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO identity.outbox (type, subject, sequence, data)
        VALUES ('access_revoked', NEW.subject_id, NEW.version, jsonb_build_object(
            'scope', NEW.scope,
            'subject_id', NEW.subject_id,
            'version', NEW.version,
            'user_id', NEW.user_id,
            'role', CASE WHEN NEW.scope = 'role' THEN (SELECT name FROM identity.roles WHERE id = NEW.subject_id) END,
            'reason', NEW.reason,
            'revoked_at', NEW.revoked_at
        ));
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER access_revoked_trigger AFTER INSERT OR UPDATE ON identity.revocations
        FOR EACH ROW EXECUTE FUNCTION identity.record_access_revoked()
    """,
)

# Triggers of one kind fire in the order of their names. That of user_roles comes after role_revoked_trigger, which
# raises the version of the account; that of roles, which is for each row, before role_updated_trigger, which writes an
# event for each of perhaps many holders.
CAUSES = (
    """
    CREATE FUNCTION identity.revoke_account_access() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM identity.revoke_access(
            'account', NEW.id, NEW.id, NEW.version,
            CASE WHEN NEW.is_active THEN 'password_changed' ELSE 'deactivated' END
        );
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER account_revoked_trigger AFTER UPDATE ON identity.users
        FOR EACH ROW
        WHEN ((OLD.is_active AND NOT NEW.is_active) OR OLD.password_changed_at <> NEW.password_changed_at)
        EXECUTE FUNCTION identity.revoke_account_access()
    """,
    """
    CREATE FUNCTION identity.revoke_membership_access() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM identity.revoke_access('account', u.id, u.id, u.version, 'role_revoked')
        FROM identity.users u WHERE u.id IN (SELECT user_id FROM old_rows);
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER role_revoked_trigger_access AFTER DELETE ON identity.user_roles
        REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION identity.revoke_membership_access()
    """,
    """
    CREATE FUNCTION identity.revoke_role_access() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM identity.revoke_access('role', NEW.id, NULL, NEW.version, 'permissions_changed');
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER role_access_trigger AFTER UPDATE ON identity.roles
        FOR EACH ROW
        WHEN (OLD.is_active AND NOT NEW.is_active)
        EXECUTE FUNCTION identity.revoke_role_access()
    """,
    """
    CREATE FUNCTION identity.revoke_permission_access() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE identity.roles SET updated_at = updated_at WHERE id IN (SELECT role_id FROM old_rows);
        PERFORM identity.revoke_access('role', r.id, NULL, r.version, 'permissions_changed')
        FROM identity.roles r WHERE r.id IN (SELECT role_id FROM old_rows);
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER permission_access_trigger AFTER DELETE ON identity.role_permissions
        REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION identity.revoke_permission_access()
    """,
)


def upgrade():
    ddl.execute(*TABLE, REVOKE_ACCESS, *EVENT, *CAUSES)


def downgrade():
    ddl.execute(
        "DROP TRIGGER permission_access_trigger ON identity.role_permissions",
        "DROP TRIGGER role_access_trigger ON identity.roles",
        "DROP TRIGGER role_revoked_trigger_access ON identity.user_roles",
        "DROP TRIGGER account_revoked_trigger ON identity.users",
        "DROP TABLE identity.revocations",
        """
        DROP FUNCTION
            identity.revoke_permission_access(),
            identity.revoke_role_access(),
            identity.revoke_membership_access(),
            identity.revoke_account_access(),
            identity.record_access_revoked(),
            identity.revoke_access(varchar, uuid, uuid, integer, varchar)
        """,
    )

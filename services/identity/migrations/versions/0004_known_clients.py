"""Sign-ins are counted by account and client: which wrong passwords came lately, and which addresses are known.

Revision ID: 0004
Revises: 0003
"""

from shared.platform.db import ddl

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COMMENT = "COMMENT ON TABLE identity.login_throttle IS "


def upgrade():
    ddl.execute(
        "ALTER TABLE identity.login_throttle ADD COLUMN guesses bytea[] NOT NULL DEFAULT '{}'",
        COMMENT
        + "'Failed sign-ins by account and client, by account and by address; registrations by address.'",
        """
        CREATE TABLE identity.sign_in_addresses (
            user_id uuid NOT NULL CONSTRAINT fk_sign_in_addresses_user REFERENCES identity.users (id),
            address varchar(100) NOT NULL,
            last_used_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
            CONSTRAINT sign_in_addresses_pkey PRIMARY KEY (user_id, address)
        )
        """,
        """
        COMMENT ON TABLE identity.sign_in_addresses IS
            'From which network addresses the owner of an account has signed in lately.'
        """,
        "CREATE INDEX idx_sign_in_addresses_last_used_at ON identity.sign_in_addresses (last_used_at)",
        # Whoever is signed in now is known from where they are.
        """
        INSERT INTO identity.sign_in_addresses (user_id, address, last_used_at)
        SELECT user_id, address, max(issued_at) FROM identity.refresh_tokens
        WHERE address IS NOT NULL AND expires_at > now() GROUP BY user_id, address
        """,
    )


def downgrade():
    ddl.execute(
        "DROP TABLE identity.sign_in_addresses",
        COMMENT + "'Failed sign-ins by account and by address.'",
        "ALTER TABLE identity.login_throttle DROP COLUMN guesses",
    )

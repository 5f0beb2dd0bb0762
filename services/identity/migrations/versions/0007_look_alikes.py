"""Keeps what e-mail addresses look like, so that nobody registers one that looks like somebody else's.

The addresses that are there are filled in where they are ASCII; one with other letters follows when it is changed.

Revision ID: 0007
Revises: 0006
"""

from shared.platform.db import ddl

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# What look_alikes.skeleton makes of ASCII; a test compares them.
SKELETON = "replace(replace(translate(email, '01|`', 'Oll'''), 'm', 'rn'), '%', U&'\\00BA/\\2080')"


def upgrade():
    ddl.execute(
        """
        CREATE TABLE identity.email_look_alikes (
            user_id uuid NOT NULL CONSTRAINT email_look_alikes_pkey PRIMARY KEY
                CONSTRAINT fk_email_look_alikes_user REFERENCES identity.users (id),
            skeleton bytea NOT NULL,
            is_ascii boolean NOT NULL
        )
        """,
        "COMMENT ON TABLE identity.email_look_alikes IS 'SHA-256 of what the e-mail address of an account looks like.'",
        "CREATE INDEX idx_email_look_alikes_skeleton ON identity.email_look_alikes (skeleton)",
        f"""
        INSERT INTO identity.email_look_alikes (user_id, skeleton, is_ascii)
        SELECT id, sha256(convert_to({SKELETON}, 'UTF8')), true FROM identity.users
        WHERE octet_length(email) = char_length(email) AND email NOT LIKE '%xn--%'
        """,
    )


def downgrade():
    ddl.execute("DROP TABLE identity.email_look_alikes")

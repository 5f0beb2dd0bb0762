"""Makes the index of the lists that are sorted by name.

Outside of a transaction, so that others read and write meanwhile; it can be run again where it broke off.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

from shared.platform.db import ddl

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade():
    with op.get_context().autocommit_block():
        ddl.execute(
            # An attempt that broke off has left one that is no use.
            "DROP INDEX CONCURRENTLY IF EXISTS resources.idx_resources_name",
            "CREATE INDEX CONCURRENTLY idx_resources_name ON resources.resources (name, id)",
        )


def downgrade():
    with op.get_context().autocommit_block():
        ddl.execute("DROP INDEX CONCURRENTLY IF EXISTS resources.idx_resources_name")

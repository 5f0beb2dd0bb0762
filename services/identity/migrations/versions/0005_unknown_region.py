"""The reserved region, in which a report stands of which no region is known.

A report must name a region, and people in the field report from places that lie in none, or without saying where they
are. The region has no boundaries, so no place is ever found in it.

Revision ID: 0005
Revises: 0004
"""

from shared.platform.db import ddl

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

REGION_ID = "00000000-0000-0000-0000-000000000001"

# An installation may have a region with that code already.
UNKNOWN_REGION = f"""
    INSERT INTO identity.regions (id, code, name, description)
    SELECT
        '{REGION_ID}',
        CASE WHEN EXISTS (SELECT FROM identity.regions WHERE code = 'UNKNOWN') THEN 'UNKNOWN-REGION' ELSE 'UNKNOWN' END,
        'Unknown region',
        'Reserved for reports whose region is not known yet. It has no boundaries.'
    ON CONFLICT (id) DO NOTHING
"""

# Reports that stand in it keep it there; the earlier version takes it for a region like any other.
FORGET_UNKNOWN_REGION = f"""
    DO $$
    BEGIN
        DELETE FROM identity.regions WHERE id = '{REGION_ID}';
    EXCEPTION WHEN foreign_key_violation THEN
        RAISE NOTICE 'the reserved region stays, because reports stand in it';
    END
    $$
"""


def upgrade():
    ddl.execute(UNKNOWN_REGION)


def downgrade():
    ddl.execute(FORGET_UNKNOWN_REGION)

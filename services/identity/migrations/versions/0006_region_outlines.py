"""Adds the outlines of regions: boundaries with fewer positions, made once when the boundaries change.

They are made by the service. A trigger removes those of boundaries that have changed, whoever changed them, so that
nobody is shown an outline of former boundaries; the service makes the missing ones when it is asked for them.

Revision ID: 0006
Revises: 0005
"""

from shared.platform.db import ddl

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade():
    ddl.execute(
        """
        CREATE TABLE identity.region_outlines (
            region_id uuid NOT NULL CONSTRAINT fk_region_outlines_region REFERENCES identity.regions (id),
            detail varchar(20) NOT NULL
                CONSTRAINT region_outlines_detail_check CHECK (detail IN ('overview', 'medium', 'fine', 'full')),
            boundaries jsonb,
            bytes integer NOT NULL,
            bbox double precision[],
            CONSTRAINT region_outlines_pkey PRIMARY KEY (region_id, detail)
        )
        """,
        """
        COMMENT ON TABLE identity.region_outlines IS
            'Boundaries with fewer positions, by detail, and the size of the full ones, which are in regions.'
        """,
        """
        CREATE FUNCTION identity.remove_stale_outlines() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM identity.region_outlines
            WHERE region_id IN (
                SELECT n.id FROM new_rows n JOIN old_rows o USING (id)
                WHERE n.boundaries IS DISTINCT FROM o.boundaries
            );
            RETURN NULL;
        END
        $$
        """,
        """
        CREATE TRIGGER region_outlines_trigger AFTER UPDATE ON identity.regions
            REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION identity.remove_stale_outlines()
        """,
    )


def downgrade():
    ddl.execute(
        "DROP TRIGGER region_outlines_trigger ON identity.regions",
        "DROP FUNCTION identity.remove_stale_outlines()",
        "DROP TABLE identity.region_outlines",
    )

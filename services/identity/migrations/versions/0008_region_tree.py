"""Regions nest: each has a parent or none, and the way from the root to it.

The lineage is derived from the parents by a trigger, whoever writes a region: the previous version, which knows
nothing of parents, makes roots. A trigger also refuses a cycle, and lets one transaction at a time change the tree, so
that two moves which are harmless by themselves do not make a cycle together. A region whose lineage alone changes,
because one above it was moved, keeps its version: nothing that its events tell has changed.

Revision ID: 0008
Revises: 0007
"""

from shared.platform.db import ddl

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

RESERVED = "'00000000-0000-0000-0000-000000000001'"

COLUMNS = (
    """
    ALTER TABLE identity.regions
        ADD COLUMN parent_id uuid CONSTRAINT fk_regions_parent REFERENCES identity.regions (id),
        ADD COLUMN parent_is_declared boolean NOT NULL DEFAULT false,
        ADD COLUMN lineage uuid[] NOT NULL DEFAULT '{}'
    """,
    f"""
    ALTER TABLE identity.regions ADD CONSTRAINT regions_parent_check
        CHECK (parent_id <> {RESERVED}::uuid AND (id <> {RESERVED}::uuid OR parent_id IS NULL))
    """,
    # The triggers would take this for a change of each region.
    "ALTER TABLE identity.regions DISABLE TRIGGER USER",
    "UPDATE identity.regions SET lineage = ARRAY[id]",
    "ALTER TABLE identity.regions ENABLE TRIGGER USER",
    "CREATE INDEX idx_regions_parent ON identity.regions (parent_id)",
    "CREATE INDEX idx_regions_lineage ON identity.regions USING gin (lineage)",
)

TREE = (
    # Before the rows are locked: who holds a row and waits for the tree would be waited for by its holder.
    """
    CREATE FUNCTION identity.lock_region_tree() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('impactx.region_tree', 0));
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER region_tree_lock BEFORE INSERT OR UPDATE OF parent_id ON identity.regions
        FOR EACH STATEMENT EXECUTE FUNCTION identity.lock_region_tree()
    """,
    """
    CREATE FUNCTION identity.derive_lineages(changed uuid[]) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (
            WITH RECURSIVE above (start, id) AS (
                SELECT r.id, r.parent_id FROM identity.regions r WHERE r.id = ANY (changed)
                UNION
                SELECT a.start, r.parent_id FROM above a JOIN identity.regions r ON r.id = a.id
            )
            SELECT FROM above WHERE id = start
        ) THEN
            RAISE EXCEPTION 'a region cannot lie in itself or in a region below it'
                USING ERRCODE = 'check_violation', SCHEMA = 'identity', TABLE = 'regions',
                    CONSTRAINT = 'regions_no_cycle';
        END IF;

        WITH RECURSIVE above (start, parent_id, lineage) AS (
            SELECT r.id, r.parent_id, ARRAY[r.id] FROM identity.regions r WHERE r.id = ANY (changed)
            UNION ALL
            SELECT a.start, r.parent_id, r.id || a.lineage FROM above a JOIN identity.regions r ON r.id = a.parent_id
        ), below (id, lineage) AS (
            SELECT a.start, a.lineage FROM above a WHERE a.parent_id IS NULL
            UNION
            SELECT r.id, b.lineage || r.id FROM below b JOIN identity.regions r ON r.parent_id = b.id
        )
        UPDATE identity.regions r SET lineage = b.lineage
        FROM below b WHERE r.id = b.id AND r.lineage <> b.lineage;
    END
    $$
    """,
    """
    CREATE FUNCTION identity.derive_lineages_of_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM identity.derive_lineages(ARRAY(SELECT id FROM new_rows));
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER region_tree_insert AFTER INSERT ON identity.regions
        REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION identity.derive_lineages_of_inserted()
    """,
    """
    CREATE FUNCTION identity.derive_lineages_of_updated() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        moved uuid[] := ARRAY(
            SELECT n.id FROM new_rows n JOIN old_rows o USING (id) WHERE n.parent_id IS DISTINCT FROM o.parent_id
        );
    BEGIN
        IF cardinality(moved) > 0 THEN
            PERFORM identity.derive_lineages(moved);
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER region_tree_update AFTER UPDATE ON identity.regions
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION identity.derive_lineages_of_updated()
    """,
    "DROP TRIGGER update_regions_updated_at ON identity.regions",
    """
    CREATE TRIGGER update_regions_updated_at BEFORE UPDATE ON identity.regions
        FOR EACH ROW
        WHEN (
            NEW.lineage = OLD.lineage
            OR (NEW.code, NEW.name, NEW.description, NEW.boundaries, NEW.parent_id, NEW.parent_is_declared)
                IS DISTINCT FROM
                (OLD.code, OLD.name, OLD.description, OLD.boundaries, OLD.parent_id, OLD.parent_is_declared)
        )
        EXECUTE FUNCTION identity.update_updated_at_column()
    """,
)


def created(parent):
    """The trigger function of that name; ``parent`` is what it says of the parent."""
    return f"""
        CREATE OR REPLACE FUNCTION identity.record_region_created() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO identity.outbox (type, subject, sequence, data)
            SELECT 'region_created', n.id, n.version, jsonb_build_object(
                'region_id', n.id,
                'version', n.version,
                'code', n.code,
                'name', n.name,
                'boundaries', n.boundaries,
                {parent}
                'created_at', n.created_at
            )
            FROM new_rows n;
            RETURN NULL;
        END
        $$
    """


def updated(parent, changes, version_differs):
    """The trigger function of that name; boundaries can be large, so the versions are compared first."""
    return f"""
        CREATE OR REPLACE FUNCTION identity.record_region_updated() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO identity.outbox (type, subject, sequence, data)
            SELECT 'region_updated', n.id, n.version, jsonb_build_object(
                'region_id', n.id,
                'version', n.version,
                'code', n.code,
                'name', n.name,
                'boundaries', n.boundaries,
                {parent}
                'changed', to_jsonb(c.changed),
                'changed_at', n.updated_at
            )
            FROM new_rows n JOIN old_rows o USING (id)
            CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
                CASE WHEN n.name <> o.name THEN 'name' END,
                CASE WHEN n.code <> o.code THEN 'code' END,
                CASE WHEN n.description IS DISTINCT FROM o.description THEN 'description' END,
                {changes}
                CASE WHEN n.boundaries IS DISTINCT FROM o.boundaries THEN 'boundaries' END
            ], NULL)) AS c (changed)
            WHERE {version_differs} cardinality(c.changed) > 0;
            RETURN NULL;
        END
        $$
    """


def stale(version_differs):
    """The trigger function that removes the outlines of former boundaries."""
    return f"""
        CREATE OR REPLACE FUNCTION identity.remove_stale_outlines() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM identity.region_outlines
            WHERE region_id IN (
                SELECT n.id FROM new_rows n JOIN old_rows o USING (id)
                WHERE {version_differs} n.boundaries IS DISTINCT FROM o.boundaries
            );
            RETURN NULL;
        END
        $$
    """


PARENT = "'parent_id', n.parent_id,"
CHANGES = """
    CASE WHEN n.parent_id IS DISTINCT FROM o.parent_id THEN 'parent_id' END,
    CASE WHEN n.parent_is_declared <> o.parent_is_declared THEN 'parent_is_declared' END,
"""
VERSION_DIFFERS = "n.version <> o.version AND"


def upgrade():
    ddl.execute(
        *COLUMNS, *TREE, created(PARENT), updated(PARENT, CHANGES, VERSION_DIFFERS), stale(VERSION_DIFFERS)
    )


def downgrade():
    ddl.execute(
        created(""),
        updated("", "", ""),
        stale(""),
        "DROP TRIGGER update_regions_updated_at ON identity.regions",
        ddl.update_trigger("identity", "regions"),
        "DROP TRIGGER region_tree_update ON identity.regions",
        "DROP TRIGGER region_tree_insert ON identity.regions",
        "DROP TRIGGER region_tree_lock ON identity.regions",
        """
        DROP FUNCTION identity.derive_lineages_of_updated(), identity.derive_lineages_of_inserted(),
            identity.derive_lineages(uuid[]), identity.lock_region_tree()
        """,
        "ALTER TABLE identity.regions DROP COLUMN lineage, DROP COLUMN parent_is_declared, DROP COLUMN parent_id",
    )

"""Reads what a schema consists of from PostgreSQL's catalogues, in a form that can be compared."""

from sqlalchemy import text

COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        pg_get_expr(d.adbin, d.adrelid), a.attgenerated::text, a.attidentity::text
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = CAST(:schema AS regnamespace) AND c.relkind IN ('r', 'v')
        AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'alembic_version'
    ORDER BY c.relname, a.attnum
"""

# PostgreSQL 18 lists NOT NULL here as well, where older ones have it with the column alone.
CONSTRAINTS = """
    SELECT c.relname, k.conname, pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE k.connamespace = CAST(:schema AS regnamespace) AND c.relname <> 'alembic_version'
        AND k.contype <> 'n'
    ORDER BY c.relname, k.conname
"""

INDEXES = """
    SELECT tablename, indexname, indexdef FROM pg_indexes
    WHERE schemaname = :schema AND tablename <> 'alembic_version'
    ORDER BY tablename, indexname
"""

COMMENTS = """
    SELECT c.relname, obj_description(c.oid, 'pg_class') FROM pg_class c
    WHERE c.relnamespace = CAST(:schema AS regnamespace) AND c.relkind = 'r' AND c.relname <> 'alembic_version'
    ORDER BY c.relname
"""

TRIGGERS = """
    SELECT c.relname, t.tgname, pg_get_triggerdef(t.oid)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = CAST(:schema AS regnamespace) AND NOT t.tgisinternal
    ORDER BY c.relname, t.tgname
"""

FUNCTIONS = """
    SELECT p.proname, pg_get_function_arguments(p.oid), p.prorettype::regtype::text, p.prosrc
    FROM pg_proc p WHERE p.pronamespace = CAST(:schema AS regnamespace)
    ORDER BY p.proname
"""

VIEWS = """
    SELECT c.relname, pg_get_viewdef(c.oid) FROM pg_class c
    WHERE c.relnamespace = CAST(:schema AS regnamespace) AND c.relkind = 'v'
    ORDER BY c.relname
"""

SEARCHES = """
    SELECT cfgname FROM pg_ts_config WHERE cfgnamespace = CAST(:schema AS regnamespace) ORDER BY cfgname
"""

GRANTS = """
    SELECT c.relname, NULL AS column, c.relacl::text
    FROM pg_class c
    WHERE c.relnamespace = CAST(:schema AS regnamespace) AND c.relkind IN ('r', 'v', 'S')
        AND c.relname <> 'alembic_version'
    UNION ALL
    SELECT c.relname, a.attname, a.attacl::text
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = CAST(:schema AS regnamespace) AND a.attacl IS NOT NULL
    ORDER BY 1, 2
"""

WHAT_MODELS_DECLARE = {
    "columns": COLUMNS,
    "constraints": CONSTRAINTS,
    "indexes": INDEXES,
    "comments": COMMENTS,
}

EVERYTHING = WHAT_MODELS_DECLARE | {
    "triggers": TRIGGERS,
    "functions": FUNCTIONS,
    "views": VIEWS,
    "searches": SEARCHES,
    "grants": GRANTS,
}


def read(connection, schema, queries):
    """The rows of each of the queries, by its name."""
    return {
        name: [tuple(row) for row in connection.execute(text(query), {"schema": schema})]
        for name, query in queries.items()
    }

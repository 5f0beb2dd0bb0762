"""SQL that the first revisions of every service share.

Frozen: revisions that have been released call these functions, and what they ran must stay what they run. A
change is a new function beside the old one and a new revision that applies it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import op

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def execute(*statements: str) -> None:
    """Runs the statements one after another; a colon in them is a colon, never a parameter."""
    for statement in statements:
        op.execute(statement.replace(":", r"\:"))


def take(service: str, tables: Mapping[str, Sequence[str]]) -> None:
    """Takes privileges on tables of a service from its role; ``tables`` are by what is taken, ``UPDATE, DELETE``."""
    for privileges, names in tables.items():
        execute(f"REVOKE {privileges} ON {_qualified(service, names)} FROM {service}_service")


def give_back(service: str, tables: Mapping[str, Sequence[str]]) -> None:
    """Undoes `take`."""
    for privileges, names in tables.items():
        execute(f"GRANT {privileges} ON {_qualified(service, names)} TO {service}_service")


def _qualified(schema: str, tables: Sequence[str]) -> str:
    return ", ".join(f"{schema}.{table}" for table in tables)


def uuid7(schema: str) -> str:
    """The function ``uuid7()``: a UUIDv7 (RFC 9562), which PostgreSQL has had as its own only since 18."""
    # A random UUIDv4 with 48 bits of milliseconds in front, and two bits that make its 4 a 7.
    moment = "int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)"
    stamped = f"overlay(uuid_send(gen_random_uuid()) PLACING substring({moment} FROM 3) FROM 1 FOR 6)"
    value = f"encode(set_bit(set_bit({stamped}, 52, 1), 53, 1), 'hex')::uuid"
    return f"CREATE FUNCTION {schema}.uuid7() RETURNS uuid LANGUAGE sql PARALLEL SAFE AS $$ SELECT {value} $$"


def update_updated_at_column(schema: str) -> str:
    """The trigger function of that name: every update sets ``updated_at`` and raises ``version``.

    ``updated_at`` is the start of the transaction, but never before the update it follows: transactions do not
    commit in the order in which they began.
    """
    return f"""
        CREATE FUNCTION {schema}.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.updated_at = GREATEST(CURRENT_TIMESTAMP, OLD.updated_at);
            NEW.version = OLD.version + 1;
            RETURN NEW;
        END
        $$
    """


def update_trigger(schema: str, table: str) -> str:
    """The trigger of a table that keeps ``updated_at`` and ``version``."""
    return f"""
        CREATE TRIGGER update_{table}_updated_at BEFORE UPDATE ON {schema}.{table}
            FOR EACH ROW EXECUTE FUNCTION {schema}.update_updated_at_column()
    """


def status_notes(schema: str, table: str, thing: str) -> tuple[str, ...]:
    """The triggers that keep ``status_notes`` to the change of status that they were written for.

    A statement that does not mention the column must not repeat the last notes in the history, and one that says
    the same words again must not lose them. Only a trigger on the column knows which it is; it tells the next
    one by the version, which ``update_<table>_updated_at``, the last in the order of names, sets in any case.
    """
    return (
        f"""
        CREATE FUNCTION {schema}.mark_status_notes_given() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.version = 0;
            RETURN NEW;
        END
        $$
        """,
        f"""
        CREATE TRIGGER {thing}_status_change_1_notes BEFORE UPDATE OF status_notes ON {schema}.{table}
            FOR EACH ROW
            WHEN (NEW.status <> OLD.status AND NEW.status_notes = OLD.status_notes)
            EXECUTE FUNCTION {schema}.mark_status_notes_given()
        """,
        f"""
        CREATE FUNCTION {schema}.drop_stale_status_notes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.status_notes = NULL;
            RETURN NEW;
        END
        $$
        """,
        f"""
        CREATE TRIGGER {thing}_status_change_2_stale BEFORE UPDATE ON {schema}.{table}
            FOR EACH ROW
            WHEN (NEW.status <> OLD.status AND NEW.status_notes = OLD.status_notes AND NEW.version <> 0)
            EXECUTE FUNCTION {schema}.drop_stale_status_notes()
        """,
    )


def outbox(schema: str) -> tuple[str, ...]:
    """The table ``outbox``, vacuumed by how much was deleted from it and not by how large it is.

    It is nearly empty and changes all the time: without vacuum the relay would wade through dead rows.
    """
    return (
        f"""
        CREATE TABLE {schema}.outbox (
            seq bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT outbox_pkey PRIMARY KEY,
            id uuid NOT NULL DEFAULT {schema}.uuid7(),
            type varchar(100) NOT NULL,
            subject uuid NOT NULL,
            sequence integer NOT NULL,
            data jsonb NOT NULL,
            occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            correlation_id text DEFAULT NULLIF(current_setting('impactx.correlation_id', true), ''),
            traceparent text DEFAULT NULLIF(current_setting('impactx.traceparent', true), ''),
            parked_at timestamptz,
            error text
        ) WITH (
            autovacuum_vacuum_scale_factor = 0,
            autovacuum_vacuum_threshold = 1000,
            autovacuum_vacuum_insert_scale_factor = 0,
            autovacuum_vacuum_insert_threshold = 10000,
            autovacuum_analyze_scale_factor = 0,
            autovacuum_analyze_threshold = 10000,
            autovacuum_vacuum_cost_delay = 0,
            fillfactor = 100
        )
        """,
        f"""
        COMMENT ON TABLE {schema}.outbox IS
            'Events committed here and not yet published; the relay deletes what the broker confirmed.'
        """,
        # The rows that are parked are few and looked for with every batch.
        f"CREATE INDEX idx_outbox_parked ON {schema}.outbox (subject, seq) WHERE parked_at IS NOT NULL",
    )

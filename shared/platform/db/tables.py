"""The parts that the tables of every service are made of.

Models are SQLAlchemy Core `Table` objects in one `MetaData` a schema. Constraints and indexes carry the names
that PostgreSQL or the specification gives them: errors name the input at fault by them (`field_errors`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Dialect

SYSTEM_USER_ID = UUID(int=0)
"""The account that stands for ImpactX itself: nobody signs in with it, identity's first migration makes it.

It is named where a person must be but none is known: a status changed in psql, an alert issued by a rule.
"""

NAMES = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}


def metadata(schema: str) -> MetaData:
    """The metadata of a service's own schema."""
    return MetaData(schema=schema, naming_convention=NAMES)


def identifier(schema: str) -> Column[UUID]:
    """The primary key ``id``: a UUIDv7, made by the caller or else by the database."""
    return Column("id", Uuid, primary_key=True, server_default=text(f"{schema}.uuid7()"))


def reference(name: str, target: str, constraint: str, *, nullable: bool = False) -> Column[UUID]:
    """A foreign key column; ``target`` is ``schema.table.column``."""
    return Column(name, Uuid, ForeignKey(target, name=constraint), nullable=nullable)


def moment(name: str) -> Column[Any]:
    """A time that a row always has; now, unless it is given."""
    return Column(name, DateTime(timezone=True), nullable=False, server_default=text("CURRENT_TIMESTAMP"))


def optional_moment(name: str) -> Column[Any]:
    """A time that a row may have."""
    return Column(name, DateTime(timezone=True))


def version() -> Column[int]:
    """Counts the row's updates from 1; a trigger raises it, it is the row's ETag and its events' sequence."""
    return Column("version", Integer, nullable=False, server_default=text("1"))


def content_digest() -> Column[bytes]:
    """Of the arguments that created the row, so that a repeated create is told from another one."""
    return Column("content_digest", LargeBinary)


def import_identity() -> tuple[Column[Any], Column[Any]]:
    """The source that a row was imported from and its key there; both are NULL where it was not imported."""
    return Column("import_source", String(100)), Column("import_key", String(200))


def search_words_table(tables: MetaData) -> Table:
    """The words that were written, among which a search finds those that resemble what is searched."""
    words = Table(
        "search_words",
        tables,
        Column("word", String(64), nullable=False),
        comment="Words that were written, for a search to find those that are nearly or in part what is searched.",
    )
    Index("idx_search_words_word", words.c.word)
    Index(
        "idx_search_words_trigrams",
        words.c.word,
        postgresql_using="gin",
        postgresql_ops={"word": "extensions.gin_trgm_ops"},
    )
    return words


def outbox_table(tables: MetaData) -> Table:
    """The events that this schema has committed and the relay has not yet published, in their order."""
    schema = tables.schema
    return Table(
        "outbox",
        tables,
        Column("seq", BigInteger, Identity(always=True), primary_key=True),
        Column("id", Uuid, nullable=False, server_default=text(f"{schema}.uuid7()")),
        Column("type", String(100), nullable=False),
        Column("subject", Uuid, nullable=False),
        Column("sequence", Integer, nullable=False),
        Column("data", JSONB, nullable=False),
        Column(
            "occurred_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")
        ),
        Column(
            "correlation_id",
            Text,
            # As PostgreSQL writes it: Alembic compares defaults by their text, or else by their value, NULL here.
            server_default=text("NULLIF(current_setting('impactx.correlation_id'::text, true), ''::text)"),
        ),
        Column(
            "traceparent",
            Text,
            server_default=text("NULLIF(current_setting('impactx.traceparent'::text, true), ''::text)"),
        ),
        Column("parked_at", DateTime(timezone=True)),
        Column("error", Text),
        Index("idx_outbox_parked", "subject", "seq", postgresql_where=text("parked_at IS NOT NULL")),
        comment="Events committed here and not yet published; the relay deletes what the broker confirmed.",
    )


class Point(UserDefinedType[tuple[float, float]]):
    """PostgreSQL's ``point``, as (longitude, latitude) in degrees."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in DDL."""
        return "point"

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[str | None], tuple[float, float] | None]:
        """Reads PostgreSQL's text form ``(x,y)``."""
        del dialect, coltype

        def process(value: str | None) -> tuple[float, float] | None:
            if value is None:
                return None
            longitude, _, latitude = value.strip("()").partition(",")
            return float(longitude), float(latitude)

        return process


class Cube(UserDefinedType[str]):
    """A point in space of the extension ``cube``: metres from the centre of the Earth."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in DDL."""
        return "extensions.cube"

"""The schema itself, its outbox, the words that its columns may hold, and what it knows of identity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Table, Uuid

from services.alerts import rules
from shared.platform.db.tables import metadata, outbox_table

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA: Final = "alerts"


def listed(words: Iterable[str]) -> str:
    """The words as they stand in a check constraint."""
    return ", ".join(f"'{word}'" for word in words)


PRIORITIES: Final = listed(rules.PRIORITIES)
STATUSES: Final = listed(rules.STATUSES)
TARGET_TYPES: Final = listed(rules.TARGET_TYPES)
CATEGORIES: Final = listed(rules.CATEGORIES)
URGENCIES: Final = listed(rules.URGENCIES)
SEVERITIES: Final = listed(rules.SEVERITIES)
CERTAINTIES: Final = listed(rules.CERTAINTIES)
CAP_STATUSES: Final = listed(rules.CAP_STATUSES)
MESSAGE_TYPES: Final = listed(rules.MESSAGE_TYPES)

tables = metadata(SCHEMA)

# Ties to identity: what 0002_ties.py makes.
Table("users", tables, Column("id", Uuid, primary_key=True), schema="identity")
Table("regions", tables, Column("id", Uuid, primary_key=True), schema="identity")

outbox = outbox_table(tables)

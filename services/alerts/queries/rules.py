"""Reads of the rules that issue alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from services.alerts.models import alert_rules
from shared.client.errors import NotFound
from shared.platform.db import paging

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

RULE_COLUMNS: Final = tuple(column for column in alert_rules.c if column.key != "content_digest")
_ORDER: Final[paging.Order] = ((alert_rules.c.name, "asc"), (alert_rules.c.id, "asc"))


def get_alert_rule(connection: Connection, rule_id: UUID) -> RowMapping:
    """One rule.

    Raises:
        NotFound: There is none.
    """
    statement = select(*RULE_COLUMNS).where(alert_rules.c.id == rule_id)
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such rule.")
    return row


def list_alert_rules(
    connection: Connection,
    *,
    cursor: str | None,
    limit: int,
    is_active: bool | None,
    source_event: str | None,
) -> dict[str, Any]:
    """A page of the rules by name."""
    statement = select(*RULE_COLUMNS)
    if is_active is not None:
        statement = statement.where(alert_rules.c.is_active.is_(is_active))
    if source_event is not None:
        statement = statement.where(alert_rules.c.source_event == source_event)
    rows = connection.execute(paging.keyset(statement, _ORDER, cursor, limit)).all()
    return paging.page(rows, limit, _ORDER)

"""Reading alerts: what the people do whom they reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import func, not_, select, update

from services.alerts.models import alert_targets
from services.alerts.queries.visibility import to
from shared.client.errors import NotFound
from shared.platform.db.context import with_event_context

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller

_READING: Final = (alert_targets.c.alert_id, alert_targets.c.is_read, alert_targets.c.read_at)


def mark_alert_read(connection: Connection, caller: Caller, alert_id: UUID) -> RowMapping:
    """Notes that the caller has read an alert; once is enough, and a repeat answers as the first.

    It is one statement, for `Database.autocommit`. The database counts the read and emits `alert_read`.

    Args:
        connection: In autocommit.
        caller: Somebody whom the alert reached.
        alert_id: The alert.

    Raises:
        NotFound: There is no such alert, or it has not reached the caller.

    Emits:
        alert_read.
    """
    mine = (alert_targets.c.alert_id == alert_id, to(caller))
    row = (
        connection.execute(
            update(alert_targets)
            .where(*mine, not_(alert_targets.c.is_read))
            .values(is_read=True, read_at=func.current_timestamp())
            .returning(*_READING, with_event_context(caller))
        )
        .mappings()
        .one_or_none()
    )
    row = row or connection.execute(select(*_READING).where(*mine)).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such alert to you.")
    return row

"""Receipts: the alerts that reached an account, and whether it has read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import func, not_, select, update

from services.alerts.alerts import COLUMNS
from services.alerts.languages import language_of, text_in
from services.alerts.models import alert_targets, alerts, unread
from services.alerts.visibility import received_by
from shared.client.errors import NotFound
from shared.platform.db import paging
from shared.platform.db.context import with_event_context

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from services.alerts.schemas import types
    from shared.platform.rpc.context import Caller

_READING: Final = (alert_targets.c.alert_id, alert_targets.c.is_read, alert_targets.c.read_at)

_TARGET_ID = alert_targets.c.id.label("received")
_MINE: Final[paging.Order] = ((unread, "desc"), (_TARGET_ID, "desc"))


def mark_alert_read(connection: Connection, caller: Caller, alert_id: UUID) -> types.Reading:
    """Record that the caller has read an alert. A repeat changes nothing and returns the first time.

    The database counts the read and emits `alert_read`.

    Args:
        connection: In autocommit.
        caller: The account that the alert reached.
        alert_id: The id of the alert.

    Raises:
        NotFound: The alert does not exist, or has not reached the caller.
    """
    mine = (alert_targets.c.alert_id == alert_id, received_by(caller))
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
        raise NotFound("Alert not found among the alerts that reached you.")
    return cast("types.Reading", row)


def list_my_alerts(
    connection: Connection, caller: Caller, filters: types.ListMyAlerts
) -> types.PageOfMyAlert:
    """Return a page of the alerts that reached the caller, unread ones first, then the newest.

    It reads the caller's own rows in the order of their index, so the cost does not depend on the number of alerts or
    accounts. Alerts that have ended are included, with their status. Each has its ``text`` in the caller's language.
    """
    statement = (
        select(*COLUMNS, alert_targets.c.is_read, alert_targets.c.read_at, unread, _TARGET_ID)
        .join_from(alert_targets, alerts, alerts.c.id == alert_targets.c.alert_id)
        .where(received_by(caller))
    )
    if filters["unread_only"]:
        statement = statement.where(not_(alert_targets.c.is_read))
    page = paging.fetch_page(connection, statement, _MINE, filters)
    language = filters["language"] or language_of(connection, caller.user_id)
    items = [{**item, "text": text_in(item, language)} for item in page["items"]]
    return cast("types.PageOfMyAlert", {**page, "items": items})

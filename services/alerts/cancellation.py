"""Ending alerts: by somebody, by a rule, and by themselves when their time is over."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select, update
from uuid6 import uuid7

from services.alerts.alerts import CONTENT, add, change, check_version, locked
from services.alerts.models import alerts
from services.alerts.policy import ACTIVE, CANCEL, CANCELLED, DRAFT, EXPIRED, PAST, check_move
from shared.domain.permissions import ALERT_CANCEL
from shared.platform.db.tables import SYSTEM_USER_ID

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller

EXPIRED_AT_ONCE: Final = 500


def cancel_alert(
    connection: Connection, caller: Caller, sender: str, alert_id: UUID, version: int, notes: str | None
) -> RowMapping:
    """Calls an alert off: an active one with a message of CAP's type Cancel, a draft without.

    The message is an alert of its own, `cancelled` from the beginning, which references the one that it calls off and
    everything that this had replaced. Nobody is targeted anew: who got the alert sees its status.

    Args:
        connection: In a transaction.
        caller: Needs ``alert:cancel`` in the alert's region.
        sender: Names us in CAP.
        alert_id: The alert.
        version: The version that the caller saw.
        notes: Why; it is the text of the message too.

    Returns:
        The alert as it is now, with ``cancelled_by``; also when this was done before.

    Raises:
        NotFound: There is no such alert, or the caller may not see it.
        Forbidden: The caller may not cancel it.
        Conflict: It is over already, or was changed meanwhile.

    Emits:
        alert_status_changed.
    """
    row = locked(connection, caller, alert_id, ALERT_CANCEL)
    if check_version(caller, row, version, {"status": CANCELLED, "status_notes": notes}):
        return row
    check_move(row["status"], CANCELLED)
    return call_off(connection, caller, sender, row, caller.user_id, notes)


def call_off(
    connection: Connection,
    caller: Caller | str,
    sender: str,
    row: RowMapping,
    user_id: UUID,
    notes: str | None,
) -> RowMapping:
    """Cancels a draft or an active alert, which the transaction has locked, and writes the Cancel of the latter."""
    ended = {"status": CANCELLED, "status_notes": notes, "updated_by": user_id}
    if row["status"] == DRAFT:
        return change(connection, caller, row["id"], ended)
    message_id = uuid7()
    add(
        connection,
        caller,
        {
            **{name: row[name] for name in CONTENT},
            "id": message_id,
            "message": notes or f"{row['title']}: this alert is cancelled.",
            "instruction": None,
            "translations": [],
            "urgency": PAST,
            # It is told for as long as the alert would have held.
            "expires_at": _still_to_come(row["expires_at"]),
            "onset_at": None,
            "status": CANCELLED,
            "msg_type": CANCEL,
            "references": [*row["references"], row["id"]],
            "issued_by": user_id,
            "sender": sender,
            **{name: row[name] for name in ("rule_id", "source_id", "source_version", "area_version")},
        },
    )
    return change(connection, caller, row["id"], {**ended, "cancelled_by": message_id})


def _still_to_come(moment: dt.datetime | None) -> dt.datetime | None:
    return moment if moment is not None and moment > dt.datetime.now(dt.UTC) else None


def expire_alerts(connection: Connection, limit: int = EXPIRED_AT_ONCE) -> int:
    """Ends the active alerts whose time is over. Any number of processes may do it at the same time.

    The database emits `alert_status_changed` for each.

    Args:
        connection: Its one statement is the transaction.
        limit: Alerts at most.

    Returns:
        How many it ended; under the limit there are no more that nobody else is ending.
    """
    due = (
        select(alerts.c.id)
        .where(alerts.c.status == ACTIVE, alerts.c.expires_at <= func.current_timestamp())
        .order_by(alerts.c.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
        .prefix_with("MATERIALIZED")
    )
    statement = (
        update(alerts)
        .where(alerts.c.id == due.c.id)
        .values(status=EXPIRED, status_notes=None, updated_by=SYSTEM_USER_ID)
    )
    return connection.execute(statement).rowcount

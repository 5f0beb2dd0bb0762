"""Ending alerts: cancelled by a caller or by a rule, or expired."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select, update
from uuid6 import uuid7

from services.alerts import templates
from services.alerts.alerts import OF_SOURCE, StoredAlert, change_alert, content_of, insert_alert, lock_alert
from services.alerts.models import alerts
from services.alerts.policy import CANCEL, PAST
from shared.domain.alerts import ACTIVE, CANCELLED, EXPIRED, STATUS, UNISSUED
from shared.domain.permissions import ALERT_CANCEL
from shared.platform.db.tables import SYSTEM_USER_ID
from shared.platform.db.writes import check_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from services.alerts.schemas import types
    from shared.platform.rpc.context import Caller

EXPIRY_BATCH: Final = 500
"""The maximal number of alerts that one statement expires."""


def cancel_alert(
    connection: Connection, caller: Caller, sender: str, alert_id: UUID, version: int, notes: str | None
) -> types.Alert:
    """Cancel an alert: an active one with a Cancel message of CAP, one that was never issued without.

    The message is an alert of its own, with the status ``cancelled`` from the beginning. It references the alert that
    it cancels and all those that this one replaced. It reaches nobody anew: the accounts that the alert reached see
    the alert's status.

    Args:
        connection: In a transaction.
        caller: The caller, who needs ``alert:cancel`` in the region of the alert.
        sender: The sender in CAP.
        alert_id: The id of the alert.
        version: The version that the caller saw.
        notes: The reason, which is also the text of the message.

    Returns:
        The alert as it is now, with ``cancelled_by``. A repeat returns the same alert.

    Raises:
        NotFound: The alert does not exist, or the caller may not see it.
        Forbidden: The caller may not cancel it.
        Conflict: The alert has ended already, or was changed meanwhile.
    """
    row = lock_alert(connection, caller, alert_id, ALERT_CANCEL)
    if check_version(caller, row, version, {"status": CANCELLED, "status_notes": notes}, thing="alert"):
        return row
    STATUS.check_move(row["status"], CANCELLED)
    return cancel_locked(connection, caller, sender, row, caller.user_id, notes)


def cancel_locked(
    connection: Connection,
    caller: Caller | str,
    sender: str,
    row: StoredAlert,
    user_id: UUID,
    notes: str | None,
    *,
    translations: Sequence[Mapping[str, str]] = (),
) -> StoredAlert:
    """Cancel an open alert that the transaction has locked, and write the Cancel message of an active one.

    Args:
        connection: In a transaction.
        caller: The caller, or the correlation id, that the events carry.
        sender: The sender in CAP.
        row: The locked alert.
        user_id: The id of the account that cancels it.
        notes: The reason, which is also the text of the message.
        translations: The message in other languages.

    Returns:
        The alert as it is now.
    """
    ended: dict[str, object] = {"status": CANCELLED, "status_notes": notes, "updated_by": user_id}
    if row["status"] in UNISSUED:
        return change_alert(connection, caller, row, ended)
    if notes is None:
        # Nobody has said why: it is told in the languages of the alert.
        translations = [_ending_of(one) for one in row["translations"]]
    message, _ = insert_alert(
        connection,
        caller,
        {
            **content_of(row),
            "id": uuid7(),
            "message": notes or _ending_of(row)["message"],
            "instruction": None,
            "translations": list(translations),
            "urgency": PAST,
            # The message is listed for as long as the alert would have been in force.
            "expires_at": _if_in_future(row["expires_at"]),
            "onset_at": None,
            "status": CANCELLED,
            "msg_type": CANCEL,
            "references": [*row["references"], row["id"]],
            "issued_by": user_id,
            "sender": sender,
            **{name: row[name] for name in OF_SOURCE},
            "area_version": row["area_version"],
        },
    )
    return change_alert(connection, caller, row, {**ended, "cancelled_by": message["id"]})


def _ending_of(texts: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of an alert or of a translation of it, with a message that says that it is over."""
    language, title = texts["language"], texts["title"]
    return {
        "language": language,
        "title": title,
        "message": templates.ending(language, "facts", {"title": title}),
    }


def _if_in_future(time: dt.datetime | None) -> dt.datetime | None:
    return time if time is not None and time > dt.datetime.now(dt.UTC) else None


def expire_alerts(connection: Connection, limit: int = EXPIRY_BATCH) -> int:
    """End the active alerts that have expired. Any number of processes may do it at the same time.

    The database emits `alert_status_changed` for each alert.

    Args:
        connection: In autocommit.
        limit: The maximal number of alerts.

    Returns:
        The number of alerts that it ended. Fewer than the limit means that no more are left for this process.
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

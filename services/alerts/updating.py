"""Changing what an alert says: a draft in place, an issued alert by an update that replaces it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, cast

from sqlalchemy import select

from services.alerts.alerts import (
    BACK_TO_DRAFT,
    CONTENT,
    StoredAlert,
    change_alert,
    content_of,
    lock_alert,
    replace_alert,
)
from services.alerts.areas import check_area_in_region
from services.alerts.declared_targets import check_targets, declared, redeclare
from services.alerts.languages import check_once
from services.alerts.models import alerts
from services.alerts.policy import (
    audience_of,
    cap_fields,
    check_cap_status,
    check_expiry,
    check_issued_alone,
    check_onset,
    updated_content,
)
from shared.client.errors import NotFound
from shared.domain.alerts import PENDING_APPROVAL, STATUS, SUPERSEDED, UNISSUED
from shared.domain.permissions import ALERT_DRAFT, ALERT_ISSUE
from shared.platform.db.writes import check_version, content_digest, stale

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from services.alerts.schemas import types
    from shared.platform.rpc.context import Caller


def update_alert(
    connection: Connection,
    caller: Caller,
    sender: str,
    changes: types.UpdateAlert,
    *,
    approval_priorities: Collection[str] = (),
) -> types.Alert:
    """Change a draft; of an active alert, issue an update that references and supersedes it at the same moment.

    What is omitted stays as it is, and so do the targets of an update. An alert that waits for approval becomes a draft
    again, so that nobody approves what they have not seen.

    Args:
        connection: In a transaction.
        caller: The caller, who needs ``alert:draft`` in the region of a draft, ``alert:issue`` in that of an active
            alert.
        sender: The sender in CAP.
        changes: The id, the version that the caller saw, the new content and targets, and the reason.
        approval_priorities: The priorities that nobody may issue alone.

    Returns:
        The draft as it is now, or the update. A repeat of the same change returns the same alert.

    Raises:
        NotFound: The alert does not exist, or the caller may not see it.
        Forbidden: The caller may not change the alert, or not for these targets, or the update needs an approval.
        Invalid: One of the targets does not exist, or the alert would have expired.
        Conflict: The alert has ended, or was changed meanwhile.
    """
    status = connection.scalar(select(alerts.c.status).where(alerts.c.id == changes["alert_id"]))
    if status is None:
        raise NotFound("Alert not found.")
    if status in UNISSUED:
        return _edit(connection, caller, changes)
    return _supersede(connection, caller, sender, changes, approval_priorities)


def _edit(connection: Connection, caller: Caller, changes: types.UpdateAlert) -> StoredAlert:
    alert_id, version = changes["alert_id"], changes["version"]
    row = lock_alert(connection, caller, alert_id, ALERT_DRAFT)
    values = {**content_of(changes), **_reason(changes)}
    targets = changes.get("targets")
    same_targets = targets is None or targets == declared(connection, alert_id)
    if check_version(caller, row, version, values, thing="alert"):
        if same_targets:
            return row
        raise stale("alert", row)
    if row["status"] not in UNISSUED:
        raise stale("alert", row)
    check_onset(changes.get("onset_at", row["onset_at"]), changes.get("expires_at", row["expires_at"]))
    check_area_in_region(connection, changes.get("area"), row["region_id"])
    check_once(changes.get("language", row["language"]), changes.get("translations", row["translations"]))
    if targets is not None:
        check_targets(connection, caller, ALERT_DRAFT, targets, row["region_id"])
        redeclare(connection, alert_id, targets)
        values.update(audience_of(targets))
    values["edited_by"] = caller.user_id
    if row["status"] == PENDING_APPROVAL:
        values |= BACK_TO_DRAFT
    return change_alert(connection, caller, row, values)


def _reason(changes: types.UpdateAlert) -> dict[str, object]:
    return {"status_notes": changes["notes"]} if "notes" in changes else {}


def _supersede(
    connection: Connection,
    caller: Caller,
    sender: str,
    changes: types.UpdateAlert,
    approval_priorities: Collection[str],
) -> StoredAlert:
    alert_id, version = changes["alert_id"], changes["version"]
    old = lock_alert(connection, caller, alert_id, ALERT_ISSUE)
    said = {name: value for name, value in changes.items() if name not in {"alert_id", "version"}}
    digest = content_digest({**said, "updates": alert_id, "author": caller.user_id})
    if old["version"] != version:
        return _superseded_before(connection, old, version, digest)
    STATUS.check_move(old["status"], SUPERSEDED)
    content = updated_content(old, content_of(changes), CONTENT)
    check_issued_alone(content["priority"], approval_priorities)
    check_cap_status(old["cap_status"], changes.get("cap_status", old["cap_status"]))
    check_expiry(content["expires_at"], dt.datetime.now(dt.UTC))
    check_onset(content["onset_at"], content["expires_at"])
    check_area_in_region(connection, changes.get("area"), old["region_id"])
    check_once(content["language"], content["translations"])
    targets = changes.get("targets")
    if targets is not None:
        check_targets(connection, caller, ALERT_ISSUE, targets, old["region_id"])
    return replace_alert(
        connection,
        caller,
        old,
        {
            **content,
            **cap_fields(content),
            "issued_by": caller.user_id,
            "content_digest": digest,
            "sender": sender,
            **_reason(changes),
        },
        targets or declared(connection, alert_id),
    )


def _superseded_before(connection: Connection, old: StoredAlert, version: int, digest: bytes) -> StoredAlert:
    """Return the update that this very change issued before.

    Raises:
        Conflict: Another change was made meanwhile.
    """
    if old["version"] == version + 1 and old["superseded_by"] is not None:
        statement = select(alerts).where(alerts.c.id == old["superseded_by"])
        new = cast("StoredAlert", connection.execute(statement).mappings().one())
        if new["content_digest"] == digest:
            return new
    raise stale("alert", old)

"""Changing what an alert says: a draft itself, an issued one by another that takes its place."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from uuid6 import uuid7

from services.alerts.alerts import COLUMNS, CONTENT, add, change, check_version, digest_of, locked
from services.alerts.areas import check_area_in_region
from services.alerts.declared_targets import check_targets, declare, declared, redeclare
from services.alerts.models import alerts
from services.alerts.policy import (
    ACTIVE,
    DRAFT,
    SUPERSEDED,
    UPDATE,
    check_cap_status,
    check_expiry,
    check_move,
    check_onset,
    completed,
    succeeding,
)
from shared.client.errors import NotFound
from shared.domain.permissions import ALERT_DRAFT, ALERT_ISSUE
from shared.platform.db.writes import id_taken, stale

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller


def update_alert(
    connection: Connection,
    caller: Caller,
    sender: str,
    alert_id: UUID,
    version: int,
    changes: Mapping[str, Any],
) -> RowMapping:
    """Changes a draft; of an active alert makes an update, which references and supersedes it in the same moment.

    Args:
        connection: In a transaction.
        caller: Needs ``alert:draft`` in the region of a draft, ``alert:issue`` in that of an active alert.
        sender: Names us in CAP.
        alert_id: The alert.
        version: The version that the caller saw.
        changes: As `schemas.UpdateAlert` loads them, without the two; an update is for the same targets as before
            unless others are given.

    Returns:
        The draft as it is now, or the new alert; also when this very change was made before.

    Raises:
        NotFound: There is no such alert, or the caller may not see it.
        Forbidden: The caller may not change it, or not for these targets.
        Invalid: One of the targets is not there, or it would be over already.
        Conflict: The alert is over, or was changed meanwhile.

    Emits:
        alert_issued and alert_status_changed for an update; nothing for a draft.
    """
    found = connection.scalar(select(alerts.c.status).where(alerts.c.id == alert_id))
    if found is None:
        raise NotFound("There is no such alert.")
    if found == DRAFT:
        return _edit(connection, caller, alert_id, version, changes)
    return _supersede(connection, caller, sender, alert_id, version, changes)


def _edit(
    connection: Connection, caller: Caller, alert_id: UUID, version: int, changes: Mapping[str, Any]
) -> RowMapping:
    row = locked(connection, caller, alert_id, ALERT_DRAFT)
    values = {name: changes[name] for name in CONTENT if name in changes}
    targets = changes.get("targets")
    same_targets = targets is None or targets == declared(connection, alert_id)
    if check_version(caller, row, version, values):
        if same_targets:
            return row
        raise stale("alert", row)
    if row["status"] != DRAFT:
        raise stale("alert", row)
    now = {**row, **values}
    check_onset(now["onset_at"], now["expires_at"])
    check_area_in_region(connection, values.get("area"), row["region_id"])
    if targets is not None:
        check_targets(connection, caller, ALERT_DRAFT, targets, row["region_id"])
        redeclare(connection, alert_id, targets)
    return change(connection, caller, alert_id, {**values, "updated_by": caller.user_id})


def _supersede(
    connection: Connection,
    caller: Caller,
    sender: str,
    alert_id: UUID,
    version: int,
    changes: Mapping[str, Any],
) -> RowMapping:
    old = locked(connection, caller, alert_id, ALERT_ISSUE)
    digest = digest_of(caller, {**changes, "updates": alert_id})
    if old["version"] != version:
        return _superseded_before(connection, old, version, digest)
    check_move(old["status"], SUPERSEDED)
    content = succeeding(dict(old), {name: changes[name] for name in CONTENT if name in changes}, CONTENT)
    check_cap_status(dict(old), changes)
    check_expiry(content["expires_at"], dt.datetime.now(dt.UTC))
    check_onset(content["onset_at"], content["expires_at"])
    check_area_in_region(connection, changes.get("area"), old["region_id"])
    targets = changes.get("targets")
    if targets is not None:
        check_targets(connection, caller, ALERT_ISSUE, targets, old["region_id"])
    new_id = uuid7()
    row = add(
        connection,
        caller,
        {
            **content,
            **completed(content),
            "id": new_id,
            "status": ACTIVE,
            "msg_type": UPDATE,
            "references": [*old["references"], alert_id],
            "issued_by": caller.user_id,
            "content_digest": digest,
            "sender": sender,
            # What the rule made stays the rule's to cancel, however often somebody has put it into better words.
            **{name: old[name] for name in ("rule_id", "source_id", "source_version")},
        },
    )
    if row is None:
        raise id_taken("alert")
    declare(connection, new_id, targets or declared(connection, alert_id))
    ended = {"status": SUPERSEDED, "superseded_by": new_id, "updated_by": caller.user_id}
    change(connection, caller, alert_id, ended)
    return row


def _superseded_before(connection: Connection, old: RowMapping, version: int, digest: bytes) -> RowMapping:
    if old["version"] == version + 1 and old["superseded_by"] is not None:
        made = (
            connection.execute(
                select(*COLUMNS, alerts.c.content_digest).where(alerts.c.id == old["superseded_by"])
            )
            .mappings()
            .one()
        )
        if made["content_digest"] == digest:
            return made
    raise stale("alert", old)

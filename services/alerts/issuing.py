"""Drafting and issuing alerts."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from sqlalchemy import func
from uuid6 import uuid7

from services.alerts.alerts import (
    CONTENT,
    add,
    change,
    check_area,
    check_version,
    digest_of,
    locked,
    made_before,
)
from services.alerts.areas import check_area_in_region
from services.alerts.declared_targets import check_targets, declare, declared, region_target
from services.alerts.policy import ACTIVE, DRAFT, check_expiry, check_move, check_onset, completed
from shared.domain.permissions import ALERT_DRAFT, ALERT_ISSUE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller


def draft_alert(connection: Connection, caller: Caller, arguments: Mapping[str, Any]) -> RowMapping:
    """Writes an alert that nobody is told yet.

    Args:
        connection: In a transaction.
        caller: Becomes its author; needs ``alert:draft`` in the region, and where the targets are.
        arguments: As `schemas.DraftAlert` loads them.

    Returns:
        The alert; the one that is there already when the caller drafted it before, with the same id and arguments.

    Raises:
        Forbidden: The caller may not draft alerts there.
        Invalid: There is no such region, or one of the targets is not there.
        Conflict: The id belongs to another alert.
    """
    return _write(connection, caller, arguments, ALERT_DRAFT, {"status": DRAFT})


def issue_alert(
    connection: Connection, caller: Caller, sender: str, arguments: Mapping[str, Any]
) -> RowMapping:
    """Issues an alert: a draft as it is, or a whole new one. From now on nobody can change what it says.

    The database keeps the region as it is at this moment, and emits `alert_issued`, from which the people are told.

    Args:
        connection: In a transaction.
        caller: Becomes the issuer; needs ``alert:issue`` in the region, and where the targets are.
        sender: Names us in CAP.
        arguments: As `schemas.IssueAlert` loads them.

    Returns:
        The alert as it is now; also when this was done before.

    Raises:
        NotFound: There is no such draft, or the caller may not see it.
        Forbidden: The caller may not issue alerts there.
        Invalid: There is no such region, one of the targets is not there, or it would be over already.
        Conflict: It is no draft any more or was changed meanwhile, or the id belongs to another alert.
        Unavailable: The region was made this very moment; try again.

    Emits:
        alert_issued, and alert_status_changed if it was a draft.
    """
    if "alert_id" in arguments:
        return _issue_draft(connection, caller, sender, arguments["alert_id"], arguments["version"])
    filled = {"status": ACTIVE, "sender": sender, **completed(arguments)}
    return _write(connection, caller, arguments, ALERT_ISSUE, filled)


def _issue_draft(
    connection: Connection, caller: Caller, sender: str, alert_id: UUID, version: int
) -> RowMapping:
    row = locked(connection, caller, alert_id, ALERT_ISSUE)
    if check_version(caller, row, version, {"status": ACTIVE}):
        return row
    check_move(row["status"], ACTIVE)
    check_expiry(row["expires_at"], dt.datetime.now(dt.UTC))
    targets = declared(connection, alert_id)
    check_targets(connection, caller, ALERT_ISSUE, targets, row["region_id"])
    values = {
        **completed(dict(row)),
        "status": ACTIVE,
        "issued_at": func.current_timestamp(),
        "issued_by": caller.user_id,
        "updated_by": caller.user_id,
        "sender": sender,
    }
    issued = change(connection, caller, alert_id, values)
    check_area(issued)
    return issued


def _write(
    connection: Connection,
    caller: Caller,
    arguments: Mapping[str, Any],
    permission: str,
    filled: Mapping[str, Any],
) -> RowMapping:
    region_id = arguments["region_id"]
    caller.require(permission, region_id)
    targets = arguments.get("targets") or region_target(region_id)
    check_targets(connection, caller, permission, targets, region_id)
    check_onset(arguments.get("onset_at"), arguments.get("expires_at"))
    check_area_in_region(connection, arguments.get("area"), region_id)
    alert_id, digest = arguments.get("id") or uuid7(), digest_of(caller, arguments)
    said = {name: arguments[name] for name in CONTENT if name in arguments}
    values = {**said, **filled, "id": alert_id, "issued_by": caller.user_id, "content_digest": digest}
    row = add(connection, caller, values)
    if row is None:
        return made_before(connection, alert_id, digest)
    if row["status"] == ACTIVE:
        # Not before: a repeat may come when the alert that it made is over.
        check_expiry(row["expires_at"], dt.datetime.now(dt.UTC))
    declare(connection, alert_id, targets)
    return row

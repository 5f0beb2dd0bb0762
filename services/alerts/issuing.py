"""Drafting, issuing and approving alerts."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, cast

from sqlalchemy import func, select
from uuid6 import uuid7

from services.alerts.alerts import (
    BACK_TO_DRAFT,
    OF_SOURCE,
    StoredAlert,
    change_alert,
    check_area,
    content_of,
    get_alert,
    insert_alert,
    lock_alert,
    lock_replaced,
)
from services.alerts.areas import check_area_in_region
from services.alerts.declared_targets import check_targets, declared, region_target
from services.alerts.languages import written_in
from services.alerts.models import REGIONS, alerts
from services.alerts.policy import (
    UPDATE,
    cap_fields,
    check_approver,
    check_cap_status,
    check_expiry,
    check_issued_alone,
    check_onset,
)
from shared.client.errors import Conflict, Invalid, NotFound
from shared.domain.alerts import ACTIVE, DRAFT, PENDING_APPROVAL, STATUS, SUPERSEDED, UNISSUED
from shared.domain.permissions import ALERT_APPROVE, ALERT_DRAFT, ALERT_ISSUE
from shared.platform.db.writes import check_version, content_digest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from services.alerts.policy import Target
    from services.alerts.schemas import types
    from shared.platform.rpc.context import Caller


def draft_alert(connection: Connection, caller: Caller, arguments: types.DraftAlert) -> types.Alert:
    """Create a draft, which reaches nobody before it is issued.

    Args:
        connection: In a transaction.
        caller: The author, who needs ``alert:draft`` in the region and for the targets.
        arguments: The content and the targets, and with ``updates`` the alert that it is to replace.

    Returns:
        The draft. A repeat with the same id and arguments returns the first one.

    Raises:
        Forbidden: The caller may not draft alerts for this region or these targets.
        Invalid: The region, one of the targets or the alert to replace does not exist, or that is of another region.
        Conflict: The id belongs to another alert, or the alert to replace is not active.
    """
    updates = arguments.get("updates")
    if updates is None:
        return _create(connection, caller, ALERT_DRAFT, arguments, {"status": DRAFT})
    try:
        old = get_alert(connection, caller, updates)
    except NotFound:
        raise Invalid(fields={"updates": ["No such alert."]}) from None
    if old["region_id"] != arguments["region_id"]:
        raise Invalid(fields={"region_id": ["Must be the region of the alert that is updated."]})
    kept = {"targets": declared(connection, updates), "cap_status": old["cap_status"]}
    given = cast("types.DraftAlert", {**kept, **arguments})
    check_cap_status(old["cap_status"], given["cap_status"])
    fixed = {"status": DRAFT, "msg_type": UPDATE, "references": [*old["references"], updates]}
    return _create(connection, caller, ALERT_DRAFT, given, fixed, updated=old)


def issue_alert(
    connection: Connection,
    caller: Caller,
    sender: str,
    arguments: types.IssueAlert,
    *,
    approval_priorities: Collection[str] = (),
) -> types.Alert:
    """Issue an alert, either a draft as it is or a new one. What an issued alert says never changes.

    The database keeps the region as it is now, and emits `alert_issued`, which starts the targeting.

    Args:
        connection: In a transaction.
        caller: The issuer, who needs ``alert:issue`` in the region and for the targets.
        sender: The sender in CAP.
        arguments: The draft and its version, or the content and the targets.
        approval_priorities: The priorities that nobody may issue alone.

    Returns:
        The alert as it is now. A repeat returns the same alert.

    Raises:
        NotFound: The draft does not exist, or the caller may not see it.
        Forbidden: The caller may not issue alerts for this region or these targets, or the alert needs an approval.
        Invalid: The region or one of the targets does not exist, or the alert would have expired.
        Conflict: The draft was issued, cancelled or changed meanwhile, it waits for approval, the alert that it updates
            has ended, or the id belongs to another alert.
        Unavailable: The region was created a moment ago; try again.
    """
    if "alert_id" not in arguments:
        check_issued_alone(arguments["priority"], approval_priorities)
        fixed = {"status": ACTIVE, "sender": sender, **cap_fields(arguments)}
        return _create(connection, caller, ALERT_ISSUE, arguments, fixed)
    row, updated = _lock_unissued(connection, caller, arguments["alert_id"], ALERT_ISSUE)
    if check_version(caller, row, arguments["version"], {"status": ACTIVE}, thing="alert"):
        return row
    if row["status"] == PENDING_APPROVAL:
        raise Conflict("This alert waits for approval. Approve it or return it.", status=row["status"])
    STATUS.check_move(row["status"], ACTIVE)
    check_issued_alone(row["priority"], approval_priorities)
    return _issue(connection, caller, ALERT_ISSUE, row, updated, {"sender": sender})


def request_approval(connection: Connection, caller: Caller, alert_id: UUID, version: int) -> types.Alert:
    """Put a draft before another person for approval.

    Args:
        connection: In a transaction.
        caller: The caller, who needs ``alert:draft`` in the region of the draft.
        alert_id: The id of the draft.
        version: The version that the caller saw.

    Returns:
        The alert, which waits for approval. A repeat returns the same alert.

    Raises:
        NotFound: The draft does not exist, or the caller may not see it.
        Forbidden: The caller may not draft alerts in this region.
        Invalid: The alert would have expired.
        Conflict: It is no draft any more, or was changed meanwhile.
    """
    row = lock_alert(connection, caller, alert_id, ALERT_DRAFT)
    if check_version(caller, row, version, {"status": PENDING_APPROVAL}, thing="alert"):
        return row
    STATUS.check_move(row["status"], PENDING_APPROVAL)
    check_expiry(row["expires_at"], dt.datetime.now(dt.UTC))
    values = {
        "status": PENDING_APPROVAL,
        "approval_requested_by": caller.user_id,
        "approval_requested_at": func.current_timestamp(),
    }
    return change_alert(connection, caller, row, values)


def approve_alert(
    connection: Connection, caller: Caller, sender: str, alert_id: UUID, version: int
) -> types.Alert:
    """Approve an alert that waits for it, which issues the alert in the name of the caller.

    Args:
        connection: In a transaction.
        caller: The caller, who needs ``alert:approve`` in the region and for the targets, and is neither the author nor
            who edited the alert last nor who requested the approval. Anybody with the permission approves the alert of
            a rule.
        sender: The sender in CAP.
        alert_id: The id of the alert.
        version: The version that the caller saw.

    Returns:
        The issued alert. A repeat returns the same alert.

    Raises:
        NotFound: The alert does not exist, or the caller may not see it.
        Forbidden: The caller may not approve alerts for this region or these targets, or not this one.
        Invalid: One of the targets does not exist, or the alert would have expired.
        Conflict: The alert does not wait for approval, was changed meanwhile, or updates an alert that has ended.
        Unavailable: The region was created a moment ago; try again.
    """
    row, updated = _lock_unissued(connection, caller, alert_id, ALERT_APPROVE)
    if check_version(caller, row, version, {"status": ACTIVE, "approved_by": caller.user_id}, thing="alert"):
        return row
    _check_pending(row)
    check_approver(row, caller.user_id)
    values = {"sender": sender, "approved_by": caller.user_id, "approved_at": func.current_timestamp()}
    return _issue(connection, caller, ALERT_APPROVE, row, updated, values)


def return_alert(
    connection: Connection, caller: Caller, alert_id: UUID, version: int, notes: str | None
) -> types.Alert:
    """Turn an alert that waits for approval back into a draft.

    Args:
        connection: In a transaction.
        caller: The caller, who needs ``alert:approve`` or, to withdraw the request, ``alert:draft`` in the region.
        alert_id: The id of the alert.
        version: The version that the caller saw.
        notes: What is wrong with it.

    Returns:
        The draft. A repeat returns the same draft.

    Raises:
        NotFound: The alert does not exist, or the caller may not see it.
        Forbidden: The caller may neither approve nor draft alerts in this region.
        Conflict: The alert does not wait for approval, or was changed meanwhile.
    """
    row = lock_alert(connection, caller, alert_id, ALERT_APPROVE, ALERT_DRAFT)
    if check_version(caller, row, version, {"status": DRAFT, "status_notes": notes}, thing="alert"):
        return row
    _check_pending(row)
    return change_alert(connection, caller, row, {**BACK_TO_DRAFT, "status_notes": notes})


def _check_pending(row: StoredAlert) -> None:
    if row["status"] != PENDING_APPROVAL:
        raise Conflict(f"This alert does not wait for approval: it is {row['status']}.", status=row["status"])


def _lock_unissued(
    connection: Connection, caller: Caller, alert_id: UUID, permission: str
) -> tuple[StoredAlert, StoredAlert | None]:
    """Lock an alert that is to be issued, and before it the alert that it updates, as everybody does."""
    updated_id = connection.scalar(
        select(alerts.c.references[func.cardinality(alerts.c.references)]).where(
            alerts.c.id == alert_id, alerts.c.msg_type == UPDATE, alerts.c.status.in_(UNISSUED)
        )
    )
    updated = None if updated_id is None else lock_replaced(connection, updated_id)
    return lock_alert(connection, caller, alert_id, permission), updated


def _issue(
    connection: Connection,
    caller: Caller,
    permission: str,
    row: StoredAlert,
    updated: StoredAlert | None,
    values: Mapping[str, object],
) -> StoredAlert:
    """Issue a draft, or an alert that waits for approval, and supersede the alert that it updates."""
    check_issuable(connection, caller, permission, row)
    issued: dict[str, object] = {
        **cap_fields(row),
        "status": ACTIVE,
        "issued_at": func.current_timestamp(),
        "issued_by": caller.user_id,
        **values,
    }
    if updated is not None:
        _check_updatable(updated["status"])
        # The update of an alert that a rule issued still follows the report or resource.
        issued |= {name: updated[name] for name in OF_SOURCE}
    new = change_alert(connection, caller, row, issued)
    check_area(new)
    if updated is not None:
        change_alert(
            connection,
            caller,
            updated,
            {"status": SUPERSEDED, "superseded_by": new["id"], "status_notes": None},
        )
    return new


def check_issuable(connection: Connection, caller: Caller, permission: str, row: types.Alert) -> None:
    """Refuse to issue a draft that would have expired, and one whose targets are beyond the caller's permission.

    Raises:
        Forbidden: The caller does not hold the permission for the targets.
        Invalid: A target does not exist, or the alert would have expired.
    """
    check_expiry(row["expires_at"], dt.datetime.now(dt.UTC))
    check_targets(connection, caller, permission, declared(connection, row["id"]), row["region_id"])


def _check_updatable(status: str) -> None:
    if status != ACTIVE:
        raise Conflict(
            f"The alert that this one updates is {status}; only an active one can be updated.", status=status
        )


def check_replaces(connection: Connection, draft: types.Alert) -> None:
    """Refuse to issue a draft that updates an alert which has ended.

    Raises:
        Conflict: That alert has ended.
    """
    if draft["msg_type"] == UPDATE:
        replaced = select(alerts.c.status).where(alerts.c.id == draft["references"][-1])
        _check_updatable(connection.execute(replaced).scalar_one())


def checked_targets(
    connection: Connection,
    caller: Caller,
    permission: str,
    arguments: types.DraftAlert | types.IssueAlert | types.PreviewAlert,
) -> Sequence[Target]:
    """Check a new alert, and return its targets: the people of its region if none are declared.

    Raises:
        Forbidden: The caller does not hold the permission in the region, or not for the targets.
        Invalid: The region or one of the targets does not exist, or the content contradicts itself.
    """
    region_id = arguments["region_id"]
    REGIONS.require(connection, caller, permission, region_id)
    targets = arguments.get("targets") or region_target(region_id)
    check_targets(connection, caller, permission, targets, region_id)
    check_onset(arguments.get("onset_at"), arguments.get("expires_at"))
    check_area_in_region(connection, arguments.get("area"), region_id)
    return targets


def _create(
    connection: Connection,
    caller: Caller,
    permission: str,
    arguments: types.DraftAlert | types.IssueAlert,
    fixed: Mapping[str, object],
    *,
    updated: types.Alert | None = None,
) -> StoredAlert:
    targets = checked_targets(connection, caller, permission, arguments)
    values = {
        **content_of(arguments),
        "language": written_in(connection, caller, arguments),
        **fixed,
        "id": arguments.get("id") or uuid7(),
        "issued_by": caller.user_id,
        "author_id": caller.user_id,
        # The author is in the digest, because another account may issue the draft.
        "content_digest": content_digest({**arguments, "author": caller.user_id}),
    }
    row, is_new = insert_alert(connection, caller, values, targets)
    # Not before: the alert may have expired, and the one that it updates have ended, when a create is repeated.
    if is_new and updated is not None:
        _check_updatable(updated["status"])
    if is_new and row["status"] == ACTIVE:
        check_expiry(row["expires_at"], dt.datetime.now(dt.UTC))
    return row

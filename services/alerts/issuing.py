"""Drafting and issuing alerts."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import func
from uuid6 import uuid7

from services.alerts.alerts import (
    StoredAlert,
    change_alert,
    check_area,
    content_of,
    insert_alert,
    lock_alert,
)
from services.alerts.areas import check_area_in_region
from services.alerts.declared_targets import check_targets, declared, region_target
from services.alerts.languages import language_of
from services.alerts.models import REGIONS
from services.alerts.policy import cap_fields, check_expiry, check_onset
from shared.client.errors import Conflict
from shared.domain.alerts import ACTIVE, DRAFT, PENDING_APPROVAL, STATUS
from shared.domain.permissions import ALERT_DRAFT, ALERT_ISSUE
from shared.platform.db.writes import check_version, content_digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection

    from services.alerts.schemas import types
    from shared.platform.rpc.context import Caller


def draft_alert(connection: Connection, caller: Caller, arguments: types.DraftAlert) -> types.Alert:
    """Create a draft, which reaches nobody before it is issued.

    Args:
        connection: In a transaction.
        caller: The author, who needs ``alert:draft`` in the region and for the targets.
        arguments: The content and the targets.

    Returns:
        The draft. A repeat with the same id and arguments returns the first one.

    Raises:
        Forbidden: The caller may not draft alerts for this region or these targets.
        Invalid: The region or one of the targets does not exist.
        Conflict: The id belongs to another alert.
    """
    return _create(connection, caller, ALERT_DRAFT, arguments, {"status": DRAFT})


def issue_alert(
    connection: Connection, caller: Caller, sender: str, arguments: types.IssueAlert
) -> types.Alert:
    """Issue an alert, either a draft as it is or a new one. What an issued alert says never changes.

    The database keeps the region as it is now, and emits `alert_issued`, which starts the targeting.

    Args:
        connection: In a transaction.
        caller: The issuer, who needs ``alert:issue`` in the region and for the targets.
        sender: The sender in CAP.
        arguments: The draft and its version, or the content and the targets.

    Returns:
        The alert as it is now. A repeat returns the same alert.

    Raises:
        NotFound: The draft does not exist, or the caller may not see it.
        Forbidden: The caller may not issue alerts for this region or these targets.
        Invalid: The region or one of the targets does not exist, or the alert would have expired.
        Conflict: The draft was issued, cancelled or changed meanwhile, or the id belongs to another alert.
        Unavailable: The region was created a moment ago; try again.
    """
    if "alert_id" in arguments:
        return _issue_draft(connection, caller, sender, arguments["alert_id"], arguments["version"])
    fixed = {"status": ACTIVE, "sender": sender, **cap_fields(arguments)}
    return _create(connection, caller, ALERT_ISSUE, arguments, fixed)


def _issue_draft(
    connection: Connection, caller: Caller, sender: str, alert_id: UUID, version: int
) -> StoredAlert:
    row = lock_alert(connection, caller, alert_id, ALERT_ISSUE)
    if check_version(caller, row, version, {"status": ACTIVE}, thing="alert"):
        return row
    if row["status"] == PENDING_APPROVAL:
        raise Conflict("This alert is waiting for approval.", status=row["status"])
    STATUS.check_move(row["status"], ACTIVE)
    check_expiry(row["expires_at"], dt.datetime.now(dt.UTC))
    check_targets(connection, caller, ALERT_ISSUE, declared(connection, alert_id), row["region_id"])
    values = {
        **cap_fields(row),
        "status": ACTIVE,
        "issued_at": func.current_timestamp(),
        "issued_by": caller.user_id,
        "sender": sender,
    }
    issued = change_alert(connection, caller, row, values)
    check_area(issued)
    return issued


def _create(
    connection: Connection,
    caller: Caller,
    permission: str,
    arguments: types.DraftAlert | types.IssueAlert,
    fixed: Mapping[str, object],
) -> StoredAlert:
    region_id = arguments["region_id"]
    REGIONS.require(connection, caller, permission, region_id)
    targets = arguments.get("targets") or region_target(region_id)
    check_targets(connection, caller, permission, targets, region_id)
    check_onset(arguments.get("onset_at"), arguments.get("expires_at"))
    check_area_in_region(connection, arguments.get("area"), region_id)
    language = language_of(connection, caller.user_id)
    values = {
        # Authors write in their own language more often than in that of the column's default.
        **({"language": language} if language is not None and "language" not in arguments else {}),
        **content_of(arguments),
        **fixed,
        "id": arguments.get("id") or uuid7(),
        "issued_by": caller.user_id,
        "author_id": caller.user_id,
        # The author is in the digest, because another account may issue the draft.
        "content_digest": content_digest({**arguments, "author": caller.user_id}),
    }
    row, is_new = insert_alert(connection, caller, values, targets)
    if is_new and row["status"] == ACTIVE:
        # Not before: the alert may have expired when a create is repeated.
        check_expiry(row["expires_at"], dt.datetime.now(dt.UTC))
    return row

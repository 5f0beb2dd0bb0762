"""What several services must agree on about alerts: their statuses and their events."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from shared.domain.status import StatusMachine
from shared.platform.outbox.contract import Contract, EventData
from shared.platform.schemas import Identifier, Timestamp

SOURCE: Final = "alerts"

DRAFT: Final = "draft"
PENDING_APPROVAL: Final = "pending_approval"
ACTIVE: Final = "active"
SUPERSEDED: Final = "superseded"
CANCELLED: Final = "cancelled"
EXPIRED: Final = "expired"

UNISSUED: Final = (DRAFT, PENDING_APPROVAL)
"""The statuses of alerts that nobody was told yet: what they say can be changed, and few may read them."""

OPEN: Final = (*UNISSUED, ACTIVE)
"""The statuses of alerts that have not ended."""

STATUS: Final = StatusMachine(
    "alert",
    {
        DRAFT: (PENDING_APPROVAL, ACTIVE, CANCELLED),
        PENDING_APPROVAL: (DRAFT, ACTIVE, CANCELLED),
        ACTIVE: (SUPERSEDED, CANCELLED, EXPIRED),
        SUPERSEDED: (),
        CANCELLED: (),
        EXPIRED: (),
    },
)

PUBLIC: Final = "public"
RESTRICTED: Final = "restricted"
PRIVATE: Final = "private"
AUDIENCE_CLASSES: Final = (PUBLIC, RESTRICTED, PRIVATE)
"""For whom an alert is, the widest first: everybody, groups, or single accounts (the scope of CAP 1.2, 3.2.1)."""


class _OfAlert(EventData):
    """An event about an alert.

    ``audience_class`` says for whom the alert is: ``public``, ``restricted`` to groups, or ``private`` to accounts.
    Events of earlier releases lack it and count as private. Of an alert that is not public, ``audience_groups`` are the
    roles that it is for, and ``audience_accounts`` the accounts. Groups that are narrowed to a region are not named,
    nor are accounts if there are more than a hundred.
    """

    audience_class = fields.String(load_default=PRIVATE)
    audience_groups = fields.List(fields.String(), load_default=list)
    audience_accounts = fields.List(Identifier(), load_default=list)


class _Alert(_OfAlert):
    """The facts that every event about an alert carries.

    ``version`` is the version of the alert after the event. ``references`` are the ids of the alerts that it replaces
    or cancels, the oldest first. ``cap_status`` is ``Actual``, or ``Exercise`` or ``Test`` for an alert that is not
    meant in earnest; events of earlier releases lack it.
    """

    alert_id = Identifier(required=True)
    version = fields.Integer(required=True, strict=True)
    title = fields.String(required=True)
    region_id = Identifier(required=True)
    priority = fields.String(required=True)
    status = fields.String(required=True)
    msg_type = fields.String(required=True)
    references = fields.List(Identifier(), required=True)
    issued_by = Identifier(required=True)
    issued_at = Timestamp(required=True)
    expires_at = Timestamp(required=True, allow_none=True)
    cap_status = fields.String(load_default="Actual")


class AlertIssued(_Alert):
    """An alert became active, whether it was a draft before or not.

    ``is_quiet`` is true of an update that changes words alone and that nobody has to be notified of; events of earlier
    releases lack it.
    """

    is_quiet = fields.Boolean(load_default=False)


class AlertStatusChanged(_Alert):
    """The status of an alert changed from ``previous_status`` to ``status``.

    ``superseded_by`` is the id of the alert that replaces it, ``cancelled_by`` that of the message that cancels it.
    ``notes`` is the reason that was given.
    """

    previous_status = fields.String(required=True)
    superseded_by = Identifier(required=True, allow_none=True)
    cancelled_by = Identifier(required=True, allow_none=True)
    notes = fields.String(required=True, allow_none=True)
    changed_by = Identifier(required=True)
    changed_at = Timestamp(required=True)


class AlertTargeted(_OfAlert):
    """An alert has reached every account that it is for.

    ``targets`` is the number of accounts that it has reached, and ``targeted_at`` when the first of these events was
    emitted. Another follows whenever accounts join while the alert is in force. Accounts that have left stay counted.
    """

    alert_id = Identifier(required=True)
    version = fields.Integer(required=True, strict=True)
    region_id = Identifier(required=True)
    targets = fields.Integer(required=True, strict=True)
    issued_at = Timestamp(required=True)
    targeted_at = Timestamp(required=True)


class AlertRead(_OfAlert):
    """An account read an alert for the first time; ``version`` is the version that the alert had then."""

    alert_id = Identifier(required=True)
    version = fields.Integer(required=True, strict=True)
    region_id = Identifier(required=True)
    user_id = Identifier(required=True)
    read_at = Timestamp(required=True)


EVENTS: Final = (
    Contract(SOURCE, "alert_issued", AlertIssued),
    Contract(SOURCE, "alert_status_changed", AlertStatusChanged),
    Contract(SOURCE, "alert_targeted", AlertTargeted),
    Contract(SOURCE, "alert_read", AlertRead),
)

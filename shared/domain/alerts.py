"""The events that the alerts service emits."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from shared.platform.outbox.contract import Contract, EventData
from shared.platform.schemas import Identifier, Timestamp

SOURCE: Final = "alerts"


class _Alert(EventData):
    """What every event about an alert says.

    ``version`` is the version of the alert which the event made; ``references`` are the alerts that it replaces.
    ``cap_status`` is ``Actual``, or ``Exercise`` or ``Test`` of what is not meant; events of before lack it.
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
    """An alert became active for the first time, whether it was a draft before or not."""


class AlertStatusChanged(_Alert):
    """An alert moved from ``previous_status`` to ``status``.

    ``superseded_by`` is the alert that replaces it, ``cancelled_by`` the message that calls it off.
    """

    previous_status = fields.String(required=True)
    superseded_by = Identifier(required=True, allow_none=True)
    cancelled_by = Identifier(required=True, allow_none=True)
    notes = fields.String(required=True, allow_none=True)
    changed_by = Identifier(required=True)
    changed_at = Timestamp(required=True)


class AlertTargeted(EventData):
    """Everybody whom an alert is for has got it; ``targets`` is how many they are."""

    alert_id = Identifier(required=True)
    version = fields.Integer(required=True, strict=True)
    region_id = Identifier(required=True)
    targets = fields.Integer(required=True, strict=True)
    issued_at = Timestamp(required=True)
    targeted_at = Timestamp(required=True)


class AlertRead(EventData):
    """Somebody read an alert, for the first time; ``version`` is the alert's at that time."""

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

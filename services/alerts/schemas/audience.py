"""Whom alerts reach: the receipts of each person, and the audience that is read anew."""

from __future__ import annotations

from marshmallow import fields, validate

from services.alerts.schemas.alerts import Alert
from shared.platform.schemas import Arguments, Identifier, Page, Result, Timestamp, page_of


class ListMyAlerts(Page):
    """The alerts to oneself: what is unread first, then the newest."""

    unread_only = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class MyAlert(Alert):
    """An alert as it stands to the one who asks: whether and when it was read."""

    is_read = fields.Boolean()
    read_at = Timestamp(allow_none=True)


class Reading(Result):
    """That an alert was read, and when for the first time."""

    alert_id = Identifier()
    is_read = fields.Boolean()
    read_at = Timestamp()


class RebuildAudience(Arguments):
    """Where the call before stopped; nothing to begin with."""

    cursor = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=2100))


class RebuiltAudience(Result):
    """How many regions and accounts were read, and where to go on; null when everything was."""

    regions = fields.Integer()
    members = fields.Integer()
    next_cursor = fields.String(allow_none=True)


MyAlertPage = page_of(MyAlert)

"""The receipts of accounts, and the rebuilding of the audience."""

from __future__ import annotations

from marshmallow import fields, validate

from services.alerts.schemas.alerts import Alert
from shared.platform.schemas import Arguments, Identifier, Page, Result, Timestamp, page_of


class ListMyAlerts(Page):
    """The filters of the alerts that reached the caller."""

    unread_only = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class MyAlert(Alert):
    """An alert that reached the caller, and whether and when the caller read it."""

    is_read = fields.Boolean()
    read_at = Timestamp(allow_none=True)


class Reading(Result):
    """Whether an alert was read, and when for the first time."""

    alert_id = Identifier()
    is_read = fields.Boolean()
    read_at = Timestamp()


class RebuildAudience(Arguments):
    """The ``next_cursor`` of the previous call; null to begin."""

    cursor = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=2100))


class RebuiltAudience(Result):
    """The numbers of regions and accounts that this call read, and the cursor of the next call; null at the end."""

    regions = fields.Integer()
    members = fields.Integer()
    next_cursor = fields.String(allow_none=True)


MyAlertPage = page_of(MyAlert)

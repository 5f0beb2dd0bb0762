"""The receipts of accounts, and the rebuilding of the audience."""

from __future__ import annotations

from marshmallow import fields, validate

from services.alerts.schemas.alerts import Alert, Language
from shared.platform.schemas import Arguments, Identifier, Page, Result, Timestamp, page_of


class ListMyAlerts(Page):
    """The filters of the alerts that reached the caller.

    ``language`` is that of the ``text`` of each alert; if omitted, the one that the caller's account prefers.
    """

    language = Language(load_default=None, allow_none=True)
    unread_only = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class AlertText(Result):
    """The texts of an alert in one language."""

    language = fields.String()
    title = fields.String()
    message = fields.String()
    instruction = fields.String(allow_none=True)


class MyAlert(Alert):
    """An alert that reached the caller, and whether and when the caller read it.

    ``text`` is what to show the caller: the translation into the preferred language, or the alert's own texts where
    there is none.
    """

    text = fields.Nested(AlertText)
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

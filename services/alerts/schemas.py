"""What the methods of the alerts service take and return."""

from __future__ import annotations

from marshmallow import fields

from services.alerts import rules
from shared.filters import OneOrMany, Word
from shared.schemas import Identifier, Page, Result, Timestamp, page_of


class ListAlerts(Page):
    """Alerts, the newest first; all filters that are given must hold.

    ``issued_from`` and ``changed_since`` are included, ``issued_to`` is not.
    """

    status = OneOrMany(Word(rules.STATUSES), allow_none=True)
    priority = OneOrMany(Word(rules.PRIORITIES), allow_none=True)
    region_id = OneOrMany(Identifier(), allow_none=True)
    issued_from = Timestamp(allow_none=True)
    issued_to = Timestamp(allow_none=True)
    changed_since = Timestamp(allow_none=True)


class Alert(Result):
    """An alert, with the fields of CAP 1.2. ``references`` are the alerts that it replaces."""

    id = Identifier()
    title = fields.String()
    message = fields.String()
    region_id = Identifier()
    issued_by = Identifier()
    issued_at = Timestamp()
    expires_at = Timestamp(allow_none=True)
    priority = fields.String()
    status = fields.String()
    status_notes = fields.String(allow_none=True)
    category = fields.String(allow_none=True)
    event = fields.String(allow_none=True)
    urgency = fields.String(allow_none=True)
    severity = fields.String(allow_none=True)
    certainty = fields.String(allow_none=True)
    msg_type = fields.String()
    references = fields.List(Identifier())
    instruction = fields.String(allow_none=True)
    language = fields.String()
    superseded_by = Identifier(allow_none=True)
    rule_id = Identifier(allow_none=True)
    created_at = Timestamp()
    updated_at = Timestamp()
    updated_by = Identifier(allow_none=True)
    version = fields.Integer()


AlertPage = page_of(Alert)

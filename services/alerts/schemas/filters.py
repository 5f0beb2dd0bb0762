"""The filters of the lists of alerts; all that are given must hold."""

from __future__ import annotations

from marshmallow import fields

from services.alerts import rules
from shared.domain.geo_filters import Choice, OneOrList
from shared.platform.schemas import Identifier, Page, Timestamp


class ListAlerts(Page):
    """Alerts, the newest first; all filters that are given must hold.

    ``issued_from`` and ``changed_since`` are included, ``issued_to`` is not. ``source_id`` is the report or resource
    whose change issued the alert.
    """

    status = OneOrList(Choice(rules.STATUSES), allow_none=True)
    priority = OneOrList(Choice(rules.PRIORITIES), allow_none=True)
    msg_type = OneOrList(Choice(rules.MESSAGE_TYPES), allow_none=True)
    region_id = OneOrList(Identifier(), allow_none=True)
    source_id = Identifier(allow_none=True)
    issued_from = Timestamp(allow_none=True)
    issued_to = Timestamp(allow_none=True)
    changed_since = Timestamp(allow_none=True)


class ListRecentAlerts(Page):
    """The alerts that hold now: active and not over, the newest first."""

    priority = OneOrList(Choice(rules.PRIORITIES), allow_none=True)
    region_id = OneOrList(Identifier(), allow_none=True)


class ListMyAlerts(Page):
    """The alerts to oneself: what is unread first, then the newest."""

    unread_only = fields.Boolean(load_default=False, truthy={True}, falsy={False})

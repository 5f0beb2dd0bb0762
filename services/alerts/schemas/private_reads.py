"""The arguments and results of the method about readings of private alerts."""

from __future__ import annotations

from marshmallow import fields

from services.alerts import policy
from shared.platform.schemas import Choice, Identifier, OneOrList, Page, Result, Timestamp, page_of


class ListPrivateAlertReads(Page):
    """The filters of a list of readings of private alerts. ``read_from`` is inclusive, ``read_to`` is exclusive."""

    alert_id = Identifier(allow_none=True)
    user_id = Identifier(allow_none=True)
    way = OneOrList(Choice(policy.WAYS), allow_none=True)
    read_from = Timestamp(allow_none=True)
    read_to = Timestamp(allow_none=True)


class PrivateAlertRead(Result):
    """A reading of a private alert by an account that neither issued nor received it.

    ``way`` is how it was read: ``get``, ``list``, ``recent``, ``cap``, ``reach``, ``targets``, or ``change`` by an
    update, an issue or a cancellation. ``correlation_id`` is that of the request, as in logs and events.
    """

    id = Identifier()
    alert_id = Identifier()
    user_id = Identifier()
    way = fields.String()
    correlation_id = fields.String()
    read_at = Timestamp()


PrivateAlertReadPage = page_of(PrivateAlertRead)

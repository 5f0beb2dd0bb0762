"""What several services must agree on about resources: their statuses and their events."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from shared.domain.status import StatusMachine
from shared.platform.outbox.contract import Contract, EventData
from shared.platform.schemas import Identifier, Timestamp

SOURCE: Final = "resources"

AVAILABLE: Final = "available"
LIMITED: Final = "limited"
UNAVAILABLE: Final = "unavailable"
OUT_OF_SERVICE: Final = "out_of_service"
CLOSED: Final = "closed"

STATUS: Final = StatusMachine(
    "resource",
    {
        AVAILABLE: (LIMITED, UNAVAILABLE, OUT_OF_SERVICE, CLOSED),
        LIMITED: (AVAILABLE, UNAVAILABLE, OUT_OF_SERVICE, CLOSED),
        UNAVAILABLE: (AVAILABLE, LIMITED, OUT_OF_SERVICE, CLOSED),
        OUT_OF_SERVICE: (AVAILABLE, LIMITED, UNAVAILABLE, CLOSED),
        CLOSED: (AVAILABLE,),
    },
)

ADMITTING: Final = frozenset({AVAILABLE, LIMITED})
"""The statuses in which more of a resource can be taken. In the others it admits nobody; what is in use can leave."""


class _Resource(EventData):
    """What every event about a resource says, so that a listener can decide without asking back.

    ``version`` is the version of the resource which the event made; a ``capacity`` of null is unlimited.
    Nobody's name, telephone number or address leaves in an event.
    """

    resource_id = Identifier(required=True)
    version = fields.Integer(required=True, strict=True)
    region_id = Identifier(required=True)
    resource_type_id = Identifier(required=True)
    name = fields.String(required=True)
    status = fields.String(required=True)
    capacity = fields.Integer(required=True, strict=True, allow_none=True)
    current_usage = fields.Integer(required=True, strict=True)
    changed_by = Identifier(required=True)
    changed_at = Timestamp(required=True)


class ResourceCreated(_Resource):
    """A resource was added."""

    notes = fields.String(required=True, allow_none=True)


class ResourceStatusChanged(_Resource):
    """A resource moved from ``previous_status`` to ``status``; ``notes`` say why, if that is known."""

    previous_status = fields.String(required=True)
    notes = fields.String(required=True, allow_none=True)


class ResourceUsageChanged(_Resource):
    """So much was taken (``usage_change`` above zero) or given back; ``current_usage`` is what followed."""

    usage_change = fields.Integer(required=True, strict=True)


class ResourceUpdated(_Resource):
    """Something of a resource other than its status and usage changed; ``changed`` names the columns."""

    changed = fields.List(fields.String(), required=True)


EVENTS: Final = (
    Contract(SOURCE, "resource_created", ResourceCreated),
    Contract(SOURCE, "resource_status_changed", ResourceStatusChanged),
    Contract(SOURCE, "resource_usage_changed", ResourceUsageChanged),
    Contract(SOURCE, "resource_updated", ResourceUpdated),
)

"""The schemas of the usage of resources: a change, and the ledger."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from services.resources.schemas.resources import MAX_INTEGER
from shared.platform.schemas import (
    Arguments,
    BoundedInteger,
    Identifier,
    Result,
    Timestamp,
    page_of,
)


class UpdateResourceUsage(Arguments):
    """An amount that is taken (``usage_change`` above zero) or given back (below zero).

    ``id`` is the id of this change and not of the resource. The caller chooses it (preferably UUIDv7), and a repeated
    call with it has no further effect. There is no version, because the limits are checked when the change is made.
    """

    resource_id = Identifier(required=True)
    id = Identifier(required=True)
    usage_change = BoundedInteger(min_value=-MAX_INTEGER, max_value=MAX_INTEGER, required=True)

    @validates_schema
    def _changes_something(self, data: dict[str, Any], **_more: Any) -> None:
        if data.get("usage_change") == 0:
            raise ValidationError("Must not be 0.", "usage_change")


class UsageChange(Result):
    """A change of the usage of a resource.

    ``current_usage``, ``capacity`` and ``remaining`` (null if unlimited) are the values after the change.
    """

    id = Identifier()
    resource_id = Identifier()
    usage_change = fields.Integer()
    current_usage = fields.Integer()
    capacity = fields.Integer(allow_none=True)
    remaining = fields.Integer(allow_none=True)
    changed_by = Identifier()
    changed_at = Timestamp()
    version = fields.Integer()


UsageChangePage = page_of(UsageChange)

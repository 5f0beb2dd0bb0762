"""What the methods about resources return."""

from __future__ import annotations

from marshmallow import fields

from shared.platform.schemas import Identifier, Result, Timestamp, page_of


class Resource(Result):
    """A resource. ``version`` grows with every change and is what a change must name.

    ``available_capacity`` is what is left; it and ``capacity`` are null where there is no limit. ``import_source``
    and ``import_key`` say which list it was imported from and what it is called there.
    """

    id = Identifier()
    name = fields.String()
    description = fields.String(allow_none=True)
    region_id = Identifier()
    resource_type_id = Identifier()
    contact_person = fields.String(allow_none=True)
    contact_phone = fields.String(allow_none=True)
    contact_email = fields.String(allow_none=True)
    location = fields.Raw()
    capacity = fields.Integer(allow_none=True)
    current_usage = fields.Integer()
    available_capacity = fields.Integer(allow_none=True)
    status = fields.String()
    status_notes = fields.String(allow_none=True)
    created_at = Timestamp()
    updated_at = Timestamp()
    updated_by = Identifier(allow_none=True)
    version = fields.Integer()
    import_source = fields.String(allow_none=True)
    import_key = fields.String(allow_none=True)


class AvailableResource(Resource):
    """A resource with the names that the seed's view ``available_resources`` shows beside it."""

    resource_type = fields.String()
    region_name = fields.String()


class NearResource(Resource):
    """A resource and how far it is, in metres along the surface."""

    distance_m = fields.Float()


class NearestResources(Result):
    """The nearest first."""

    items = fields.List(fields.Nested(NearResource))


class UsageChange(Result):
    """A change of usage as it was made, and what it left.

    ``current_usage``, ``capacity`` and ``remaining`` (null without a limit) are those of the moment after it.
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


class ResourceHistoryEntry(Result):
    """A status that a resource entered; ``version`` is the version of the resource that this made."""

    id = Identifier()
    resource_id = Identifier()
    status = fields.String()
    changed_by = Identifier()
    notes = fields.String(allow_none=True)
    changed_at = Timestamp()
    version = fields.Integer()


ResourcePage = page_of(Resource)
AvailableResourcePage = page_of(AvailableResource)
UsageChangePage = page_of(UsageChange)
HistoryPage = page_of(ResourceHistoryEntry)

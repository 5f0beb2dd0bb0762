"""The schemas of resources: creating and editing, filters, results."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from services.resources import policy
from shared.domain.geo_filters import EARTH_HALF_CIRCUMFERENCE, Area, Box, Circle, InRegions
from shared.domain.import_schemas import MAX_SOURCE_LENGTH
from shared.domain.resources import AVAILABLE, STATUS
from shared.platform.schemas import (
    MAX_LIMIT,
    Arguments,
    BoundedInteger,
    Changes,
    Choice,
    Identifier,
    Latitude,
    Location,
    Longitude,
    Number,
    OneOrList,
    Page,
    Phone,
    Result,
    Text,
    Timestamp,
    Version,
    page_of,
)

MAX_NAME_LENGTH: Final = 255
MAX_DESCRIPTION_LENGTH: Final = 50_000
MAX_CONTACT_LENGTH: Final = 255
MAX_INTEGER: Final = 2**31 - 1
MAX_SEARCH_LENGTH: Final = 500
FEW: Final = 10
SORTS: Final = ("created_at", "name", "available_capacity")


def _description() -> Text:
    return Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, allow_none=True)


def _contact() -> Text:
    """Return the field for a contact; any text, because a department may stand in for a person."""
    return Text(max_length=MAX_CONTACT_LENGTH, allow_none=True)


def _email() -> Text:
    return Text(
        max_length=MAX_CONTACT_LENGTH,
        allow_none=True,
        validate=validate.Email(error="Must be an email address, such as name@example.org."),
    )


def _capacity() -> BoundedInteger:
    return BoundedInteger(min_value=0, max_value=MAX_INTEGER, allow_none=True)


class CreateResource(Arguments):
    """A new resource, which is `available`.

    With an ``id`` (preferably UUIDv7), a repeated call has no further effect. Without ``region_id`` the resource is put
    into the region that contains its location. Without a ``capacity``, or with null, it is unlimited.
    ``current_usage`` is 0 if omitted.
    """

    id = Identifier(allow_none=True)
    name = Text(max_length=MAX_NAME_LENGTH, required=True)
    description = _description()
    region_id = Identifier(allow_none=True)
    resource_type_id = Identifier(required=True)
    contact_person = _contact()
    contact_phone = Phone(allow_none=True)
    contact_email = _email()
    location = Location(required=True)
    capacity = _capacity()
    current_usage = BoundedInteger(min_value=0, max_value=MAX_INTEGER, allow_none=True)

    @validates_schema
    def _usage_fits(self, data: dict[str, Any], **_more: Any) -> None:
        problem = policy.usage_problem(data.get("capacity"), data.get("current_usage") or 0)
        if problem:
            raise ValidationError(problem, "current_usage")

    @post_load
    def _leaves_out_null(self, data: dict[str, Any], **_more: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


class GetResource(Arguments):
    """One resource."""

    resource_id = Identifier(required=True)


class UpdateResource(Changes):
    """Changes to a resource; ``version`` is the version that the caller saw. Omitted fields are not changed."""

    resource_id = Identifier(required=True)
    version = Version(required=True)
    name = Text(max_length=MAX_NAME_LENGTH)
    description = _description()
    region_id = Identifier()
    resource_type_id = Identifier()
    contact_person = _contact()
    contact_phone = Phone(allow_none=True)
    contact_email = _email()
    location = Location()
    capacity = _capacity()


class OfResource(Page):
    """A page of a list that belongs to one resource."""

    resource_id = Identifier(required=True)


class _Kind(InRegions):
    """The filters of every list of resources."""

    resource_type_id = OneOrList(Identifier(), allow_none=True)


class ResourceFilters(_Kind):
    """The filters of resources, beside their status.

    ``region_id`` means a region with all that lies in it; with ``exact``, only the region itself. ``needed`` is the
    minimum free capacity, which an unlimited resource always has. ``changed_since`` is inclusive.
    ``text`` searches the name as a web search does. It also finds parts of words and words with a typing error, which
    follow the exact matches.
    """

    needed = BoundedInteger(min_value=0, max_value=MAX_INTEGER, allow_none=True)
    changed_since = Timestamp(allow_none=True)
    bbox = Box(allow_none=True)
    within = Area(allow_none=True)
    near = fields.Nested(Circle, allow_none=True)
    text = Text(max_length=MAX_SEARCH_LENGTH, allow_none=True)


class StatusFilter(Arguments):
    """The filter by status, one or several."""

    status = OneOrList(Choice(STATUS.statuses), allow_none=True)


class _Sorted(Page):
    """A page of a list with the newest first.

    With ``name`` it is in the order of the names; with ``available_capacity`` the unlimited resources come first, and
    then those with the most free capacity.
    """

    sort = Choice(SORTS, load_default="created_at")


class ListResources(ResourceFilters, StatusFilter, _Sorted):
    """Resources of every status; ``import_source`` selects the resources imported from this source."""

    import_source = Text(max_length=MAX_SOURCE_LENGTH, blank=True, allow_none=True)


class ListAvailableResources(ResourceFilters, _Sorted):
    """Resources that are `available` and not full."""


class FindNearestResources(_Kind):
    """The resources nearest to a location that have at least ``needed`` free capacity.

    The status is `available` by default; ``radius_m`` is the maximum distance in metres along the surface.
    """

    lon = Longitude(required=True)
    lat = Latitude(required=True)
    needed = BoundedInteger(min_value=0, max_value=MAX_INTEGER, load_default=1)
    status = OneOrList(Choice(STATUS.statuses), load_default=[AVAILABLE])
    radius_m = Number(min_value=0, max_value=EARTH_HALF_CIRCUMFERENCE, allow_none=True)
    limit = BoundedInteger(min_value=1, max_value=MAX_LIMIT, load_default=FEW)


class Resource(Result):
    """A resource. ``version`` grows with every change, and a change must give it.

    ``available_capacity`` is the free capacity; it and ``capacity`` are null if the resource is unlimited.
    ``import_source`` and ``import_key`` are the source from which the resource was imported, and its key there.
    ``contact_person``, ``contact_phone`` and ``contact_email`` need ``resource:read_contacts`` in the region of the
    resource and are null for callers without it.
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
    """A resource with the names of its type and its region."""

    resource_type = fields.String()
    region_name = fields.String()


class NearResource(Resource):
    """A resource and its distance in metres along the surface."""

    distance_m = fields.Float()


class NearestResources(Result):
    """Resources, the nearest first."""

    items = fields.List(fields.Nested(NearResource))


ResourcePage = page_of(Resource)
AvailableResourcePage = page_of(AvailableResource)

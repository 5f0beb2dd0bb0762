"""Resources: what is said of one, what they are chosen by, what is shown of them."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from services.resources import policy
from shared.domain.geo_filters import EARTH_HALF_CIRCUMFERENCE, Area, Box, Choice, Circle, OneOrList
from shared.domain.import_schemas import MAX_SOURCE_LENGTH
from shared.domain.resources import AVAILABLE, STATUS
from shared.platform.schemas import (
    MAX_LIMIT,
    Arguments,
    BoundedInteger,
    Identifier,
    Latitude,
    Location,
    Longitude,
    Number,
    Page,
    Phone,
    Result,
    Text,
    Timestamp,
    page_of,
)

MAX_NAME_LENGTH: Final = 255
MAX_DESCRIPTION_LENGTH: Final = 50_000
MAX_CONTACT_LENGTH: Final = 255
MAX_INTEGER: Final = 2**31 - 1
MAX_SEARCH_LENGTH: Final = 500
FEW: Final = 10


def _description() -> Text:
    return Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, allow_none=True)


def _contact() -> Text:
    """As it was said: a department stands in for a person."""
    return Text(max_length=MAX_CONTACT_LENGTH, allow_none=True)


def _email() -> Text:
    return Text(
        max_length=MAX_CONTACT_LENGTH,
        allow_none=True,
        validate=validate.Email(error="Not an e-mail address such as name@example.org."),
    )


def _capacity() -> BoundedInteger:
    return BoundedInteger(min_value=0, max_value=MAX_INTEGER, allow_none=True)


def version_seen() -> BoundedInteger:
    """Return the field for the version of a resource that the caller saw."""
    return BoundedInteger(min_value=1, max_value=MAX_INTEGER, required=True)


class CreateResource(Arguments):
    """A new resource, which is `available`.

    ``id`` (UUIDv7 by preference) makes a repeat harmless; without ``region_id`` the resource is put into the
    region that contains its location; without a ``capacity``, or with null, it is unlimited.
    ``current_usage`` is 0 when omitted.
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


class UpdateResource(Arguments):
    """Changes to a resource of which ``version`` was seen; what is omitted stays."""

    resource_id = Identifier(required=True)
    version = version_seen()
    name = Text(max_length=MAX_NAME_LENGTH)
    description = _description()
    region_id = Identifier()
    resource_type_id = Identifier()
    contact_person = _contact()
    contact_phone = Phone(allow_none=True)
    contact_email = _email()
    location = Location()
    capacity = _capacity()

    @validates_schema
    def _changes_something(self, data: dict[str, Any], **_more: Any) -> None:
        if data.keys() <= {"resource_id", "version"}:
            raise ValidationError("Name at least one field to change.")


class OfResource(Page):
    """A list that belongs to one resource."""

    resource_id = Identifier(required=True)


class _Kind(Arguments):
    """What resources can be chosen by wherever they are looked for."""

    resource_type_id = OneOrList(Identifier(), allow_none=True)
    region_id = OneOrList(Identifier(), allow_none=True)


class _Filters(_Kind, Page):
    """What the lists can be filtered by.

    ``needed`` is the free capacity that a resource must have at least, which an unlimited one always has;
    ``changed_since`` is included; ``text`` is a search as on the web in the name, which also finds parts of words
    and words with a typing error, behind what is found as it is written.
    """

    needed = BoundedInteger(min_value=0, max_value=MAX_INTEGER, allow_none=True)
    changed_since = Timestamp(allow_none=True)
    bbox = Box(allow_none=True)
    within = Area(allow_none=True)
    near = fields.Nested(Circle, allow_none=True)
    text = Text(max_length=MAX_SEARCH_LENGTH, allow_none=True)


class ListResources(_Filters):
    """Resources of every status; ``import_source`` chooses those that were imported from this list."""

    status = OneOrList(Choice(STATUS.statuses), allow_none=True)
    import_source = Text(max_length=MAX_SOURCE_LENGTH, blank=True, allow_none=True)


class ListAvailableResources(_Filters):
    """Resources that are `available` and not full."""


class FindNearestResources(_Kind):
    """The nearest resources to a place that can take ``needed`` more.

    The status is `available` unless named; ``radius_m`` is the farthest that is of use, in metres along the
    surface.
    """

    lon = Longitude(required=True)
    lat = Latitude(required=True)
    needed = BoundedInteger(min_value=0, max_value=MAX_INTEGER, load_default=1)
    status = OneOrList(Choice(STATUS.statuses), load_default=[AVAILABLE])
    radius_m = Number(min_value=0, max_value=EARTH_HALF_CIRCUMFERENCE, allow_none=True)
    limit = BoundedInteger(min_value=1, max_value=MAX_LIMIT, load_default=FEW)


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


ResourcePage = page_of(Resource)
AvailableResourcePage = page_of(AvailableResource)

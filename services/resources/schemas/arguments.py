"""What the methods about one resource take."""

from __future__ import annotations

from typing import Any, Final

from marshmallow import ValidationError, post_load, validate, validates_schema

from services.resources import rules
from shared.domain.geo_filters import Choice
from shared.platform.schemas import Arguments, BoundedInteger, Identifier, Location, Page, Phone, Text

MAX_NAME_LENGTH: Final = 255
MAX_DESCRIPTION_LENGTH: Final = 50_000
MAX_NOTE_LENGTH: Final = 5_000
MAX_CONTACT_LENGTH: Final = 255
MAX_INTEGER: Final = 2**31 - 1


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


def _version() -> BoundedInteger:
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
        problem = rules.usage_problem(data.get("capacity"), data.get("current_usage") or 0)
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
    version = _version()
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


class ChangeResourceStatus(Arguments):
    """A move to another status."""

    resource_id = Identifier(required=True)
    version = _version()
    status = Choice(rules.STATUSES, required=True)
    notes = Text(max_length=MAX_NOTE_LENGTH, lines=True, blank=True, load_default=None, allow_none=True)


class UpdateResourceUsage(Arguments):
    """So much is taken (``usage_change`` above zero) or given back (below).

    ``id`` names this change, not the resource: made by the caller (UUIDv7 by preference), it makes a repeat
    harmless. No version is asked for, for the bounds are checked when the change is made.
    """

    resource_id = Identifier(required=True)
    id = Identifier(required=True)
    usage_change = BoundedInteger(min_value=-MAX_INTEGER, max_value=MAX_INTEGER, required=True)

    @validates_schema
    def _changes_something(self, data: dict[str, Any], **_more: Any) -> None:
        if data.get("usage_change") == 0:
            raise ValidationError("Must not be 0.", "usage_change")


class OfResource(Page):
    """A list that belongs to one resource."""

    resource_id = Identifier(required=True)

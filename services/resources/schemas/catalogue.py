"""The schemas of the catalogue of resource types."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from shared.platform.schemas import Arguments, Changes, Identifier, Page, Result, Text, page_of

MAX_NAME_LENGTH: Final = 100
MAX_DESCRIPTION_LENGTH: Final = 2_000


def _description() -> Text:
    return Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, allow_none=True)


class CreateResourceType(Arguments):
    """A new resource type."""

    id = Identifier(load_default=None, allow_none=True)
    name = Text(max_length=MAX_NAME_LENGTH, required=True)
    description = _description()


class UpdateResourceType(Changes):
    """Changes to a resource type; ``is_active`` true brings it back into use."""

    resource_type_id = Identifier(required=True)
    name = Text(max_length=MAX_NAME_LENGTH)
    description = _description()
    is_active = fields.Boolean(truthy={True}, falsy={False})


class DeactivateResourceType(Arguments):
    """The resource type to take out of use."""

    resource_type_id = Identifier(required=True)


class ListResourceTypes(Page):
    """A page of resource types by name; only those in use unless ``include_inactive``."""

    include_inactive = fields.Boolean(truthy={True}, falsy={False}, load_default=False)


class ResourceType(Result):
    """A category of resources."""

    id = Identifier()
    name = fields.String()
    description = fields.String(allow_none=True)
    is_active = fields.Boolean()


ResourceTypePage = page_of(ResourceType)

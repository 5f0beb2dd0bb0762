"""The filters of the resource lists; all that are given must hold."""

from __future__ import annotations

from typing import Final

from marshmallow import fields

from services.resources import rules
from services.resources.schemas.arguments import MAX_INTEGER
from shared.domain.geo_filters import EARTH_HALF_CIRCUMFERENCE, Area, Box, Choice, Circle, OneOrList
from shared.domain.import_schemas import MAX_SOURCE_LENGTH
from shared.platform.schemas import (
    MAX_LIMIT,
    Arguments,
    BoundedInteger,
    Identifier,
    Latitude,
    Longitude,
    Number,
    Page,
    Text,
    Timestamp,
)

MAX_SEARCH_LENGTH: Final = 500
FEW: Final = 10


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

    status = OneOrList(Choice(rules.STATUSES), allow_none=True)
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
    status = OneOrList(Choice(rules.STATUSES), load_default=[rules.AVAILABLE])
    radius_m = Number(min_value=0, max_value=EARTH_HALF_CIRCUMFERENCE, allow_none=True)
    limit = BoundedInteger(min_value=1, max_value=MAX_LIMIT, load_default=FEW)

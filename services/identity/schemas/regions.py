"""Regions and their boundaries."""

from __future__ import annotations

from marshmallow import fields, validate

from services.identity.schemas.fields import Boundaries, RegionCode
from services.identity.schemas.users import Version
from shared.filters import Box
from shared.schemas import Arguments, Identifier, Latitude, Longitude, Page, Result, Text, Timestamp, page_of

LONGEST_DESCRIPTION = 10_000
MOST_POINTS = 500


class CreateRegion(Arguments):
    """A new region. Its code is what permissions and preferences call it, and never changes."""

    id = Identifier(load_default=None, allow_none=True)
    code = RegionCode(required=True)
    name = Text(longest=255, required=True)
    description = Text(
        longest=LONGEST_DESCRIPTION, lines=True, blank=True, load_default=None, allow_none=True
    )
    boundaries = Boundaries(load_default=None, allow_none=True)


class UpdateRegion(Arguments):
    """What changes of a region; what is left out stays as it is."""

    region_id = Identifier(required=True)
    version = Version()
    name = Text(longest=255)
    description = Text(longest=LONGEST_DESCRIPTION, lines=True, blank=True, allow_none=True)
    boundaries = Boundaries(allow_none=True)


class GetRegion(Arguments):
    """One region, by its id or its code."""

    region_id = Identifier()
    code = RegionCode()


class ListRegions(Page):
    """Regions by code. ``bbox`` is [west, south, east, north]; west over east crosses the antimeridian.

    Boundaries can be large, so they are left out (null) unless ``include_boundaries`` asks for them.
    """

    codes = fields.List(RegionCode(), load_default=None, allow_none=True, validate=validate.Length(max=500))
    bbox = Box(load_default=None, allow_none=True)
    include_boundaries = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class LocateRegion(Arguments):
    """A point, in degrees (WGS 84)."""

    lon = Longitude(required=True)
    lat = Latitude(required=True)


class Point(Arguments):
    """A point, in degrees (WGS 84)."""

    lon = Longitude(required=True)
    lat = Latitude(required=True)


class LocateRegions(Arguments):
    """Up to 500 points."""

    points = fields.List(fields.Nested(Point), required=True, validate=validate.Length(1, MOST_POINTS))


class Region(Result):
    """A region. ``boundaries`` are null where it has none, and where a list was not asked for them.

    ``is_reserved`` is true of one region, without boundaries, in which reports stand of which no region is known.
    """

    id = Identifier()
    code = fields.String()
    name = fields.String()
    description = fields.String(allow_none=True)
    boundaries = fields.Dict(allow_none=True)
    is_reserved = fields.Boolean()
    version = fields.Integer()
    created_at = Timestamp()
    updated_at = Timestamp()


class LocatedRegions(Result):
    """For every point in order the id of its region, or null."""

    region_ids = fields.List(Identifier(allow_none=True))


Regions = page_of(Region)

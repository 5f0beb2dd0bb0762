"""Regions and their boundaries."""

from __future__ import annotations

from marshmallow import fields, validate

from services.identity.geometry import DETAILS
from services.identity.schemas.fields import Boundaries, RegionCode
from services.identity.schemas.users import Version
from shared.domain.geo_filters import Box, Choice
from shared.platform.schemas import (
    Arguments,
    Identifier,
    Latitude,
    Longitude,
    Page,
    Result,
    Text,
    Timestamp,
)

MAX_DESCRIPTION_LENGTH = 10_000
MAX_POINTS = 500


class CreateRegion(Arguments):
    """A new region. Its code is what permissions and preferences call it, and never changes."""

    id = Identifier(load_default=None, allow_none=True)
    code = RegionCode(required=True)
    name = Text(max_length=255, required=True)
    description = Text(
        max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, load_default=None, allow_none=True
    )
    boundaries = Boundaries(load_default=None, allow_none=True)


class UpdateRegion(Arguments):
    """What changes of a region; what is left out stays as it is."""

    region_id = Identifier(required=True)
    version = Version()
    name = Text(max_length=255)
    description = Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, allow_none=True)
    boundaries = Boundaries(allow_none=True)


class GetRegion(Arguments):
    """One region, by its id or its code."""

    region_id = Identifier()
    code = RegionCode()


class ListRegions(Page):
    """Regions by code. ``bbox`` is [west, south, east, north]; west over east crosses the antimeridian.

    Boundaries can be large, so they are left out (null) unless ``include_boundaries`` asks for them, and then they
    are outlines with fewer positions: ``overview`` is off by at most 0.05 degrees and 1/200 of the region's extent and
    has up to 400 positions, ``medium`` by 0.01 and 1/1,000 with up to 2,000, ``fine`` by 0.001 and 1/5,000 with up to
    8,000; ``full`` are the boundaries themselves. A page with boundaries ends where they have more than a megabyte, so
    it may have fewer regions than ``limit``. ``known_version`` is the ``version`` of a page that the caller has: where
    no region has changed since, the answer is ``unchanged`` and empty.
    """

    codes = fields.List(RegionCode(), load_default=None, allow_none=True, validate=validate.Length(max=500))
    bbox = Box(load_default=None, allow_none=True)
    include_boundaries = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    detail = Choice(DETAILS, load_default=DETAILS[0])
    known_version = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=100))


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

    points = fields.List(fields.Nested(Point), required=True, validate=validate.Length(1, MAX_POINTS))


class Region(Result):
    """A region. ``boundaries`` are null where it has none, and where a list was not asked for them.

    ``bbox`` is [west, south, east, north]; west over east crosses the antimeridian. ``is_reserved`` is true of one
    region, without boundaries, in which reports stand of which no region is known.
    """

    id = Identifier()
    code = fields.String()
    name = fields.String()
    description = fields.String(allow_none=True)
    boundaries = fields.Dict(allow_none=True)
    bbox = fields.List(fields.Float(), allow_none=True)
    is_reserved = fields.Boolean()
    version = fields.Integer()
    created_at = Timestamp()
    updated_at = Timestamp()


class LocatedRegions(Result):
    """For every point in order the id of its region, or null."""

    region_ids = fields.List(Identifier(allow_none=True))


class Regions(Result):
    """A page of regions. ``version`` changes whenever a region does; see ``known_version``."""

    items = fields.List(fields.Nested(Region), required=True)
    next_cursor = fields.String(allow_none=True, required=True)
    version = fields.String(required=True)
    unchanged = fields.Boolean(required=True)

"""Schemas of regions."""

from __future__ import annotations

from marshmallow import fields, validate

from services.identity.geometry import DETAILS
from services.identity.schemas.fields import Boundaries, RegionCode
from shared.domain.geo_filters import Box
from shared.platform.schemas import (
    Arguments,
    Choice,
    Identifier,
    Latitude,
    Longitude,
    Page,
    Result,
    Text,
    Timestamp,
    Version,
)

MAX_DESCRIPTION_LENGTH = 10_000
MAX_POINTS = 500


class CreateRegion(Arguments):
    """A new region. Its code, by which permissions and preferences name it, never changes."""

    id = Identifier(load_default=None, allow_none=True)
    code = RegionCode(required=True)
    name = Text(max_length=255, required=True)
    description = Text(
        max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, load_default=None, allow_none=True
    )
    boundaries = Boundaries(load_default=None, allow_none=True)


class UpdateRegion(Arguments):
    """Changes of a region. Omitted fields keep their values."""

    region_id = Identifier(required=True)
    version = Version(required=True)
    name = Text(max_length=255)
    description = Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, allow_none=True)
    boundaries = Boundaries(allow_none=True)


class GetRegion(Arguments):
    """A region, by its id or its code."""

    region_id = Identifier()
    code = RegionCode()


class ListRegions(Page):
    """Filters for a list of regions. ``bbox`` is [west, south, east, north]; west > east crosses the antimeridian.

    Boundaries can be large, so they are null unless ``include_boundaries`` is true. By default they are simplified:
    ``overview`` differs by at most 0.05 degrees and 1/200 of the extent of the region and has up to 400 positions,
    ``medium`` by 0.01 and 1/1,000 with up to 2,000, ``fine`` by 0.001 and 1/5,000 with up to 8,000. ``full`` are the
    complete boundaries. A page with boundaries ends before these exceed a megabyte, so it can have fewer regions than
    ``limit``. ``known_version`` is the ``version`` of a page that the caller has. If no region has changed since, the
    result is ``unchanged`` and has no items.
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
    """A list of up to 500 points."""

    points = fields.List(fields.Nested(Point), required=True, validate=validate.Length(1, MAX_POINTS))


class Region(Result):
    """A region. ``boundaries`` are null if it has none, and in a list without ``include_boundaries``.

    ``bbox`` is [west, south, east, north]; west > east crosses the antimeridian. ``is_reserved`` is true for one
    region without boundaries, which contains the reports with an unknown region.
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
    """The id of the region of each point in the same order, or null."""

    region_ids = fields.List(Identifier(allow_none=True))


class Regions(Result):
    """A page of regions. ``version`` changes whenever a region changes; see ``known_version``."""

    items = fields.List(fields.Nested(Region), required=True)
    next_cursor = fields.String(allow_none=True, required=True)
    version = fields.String(required=True)
    unchanged = fields.Boolean(required=True)

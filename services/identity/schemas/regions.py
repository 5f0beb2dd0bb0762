"""Schemas of regions."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from services.identity.geometry import DETAILS
from services.identity.schemas.fields import Boundaries, RegionCode
from shared.domain.geo_filters import Box
from shared.platform.schemas import (
    Arguments,
    BoundedInteger,
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
MAX_LINKS = 5_000
"""Maximum number of regions on a page of the flat list of the tree."""

MAX_TREE_DEPTH = 50


class CreateRegion(Arguments):
    """A new region. Its code, by which permissions and preferences name it, never changes.

    ``parent_id`` declares the region that contains it; null declares that none does. Without ``parent_id``, the parent
    is found: the smallest region in which at least 99 % of its area lies.
    """

    id = Identifier(load_default=None, allow_none=True)
    code = RegionCode(required=True)
    name = Text(max_length=255, required=True)
    description = Text(
        max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, load_default=None, allow_none=True
    )
    boundaries = Boundaries(load_default=None, allow_none=True)
    parent_id = Identifier(allow_none=True)


class UpdateRegion(Arguments):
    """Changes of a region. Omitted fields keep their values.

    ``parent_id`` moves the region with everything below it, and declares its parent; null declares that it has none.
    ``parent_is_declared`` false finds the parent again, now and whenever boundaries change; true keeps the present one.
    """

    region_id = Identifier(required=True)
    version = Version(required=True)
    name = Text(max_length=255)
    description = Text(max_length=MAX_DESCRIPTION_LENGTH, lines=True, blank=True, allow_none=True)
    boundaries = Boundaries(allow_none=True)
    parent_id = Identifier(allow_none=True)
    parent_is_declared = fields.Boolean(truthy={True}, falsy={False})

    @validates_schema
    def _declares_once(self, data: dict[str, Any], **_more: Any) -> None:
        if "parent_id" in data and data.get("parent_is_declared") is False:
            raise ValidationError({"parent_is_declared": ["A parent that is given is declared."]})


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

    ``parent`` is the code of the region whose children are listed, ``within`` that of the region that is listed with
    everything below it, or alone if ``exact`` is true. ``is_root`` true lists the regions without a parent.
    """

    codes = fields.List(RegionCode(), load_default=None, allow_none=True, validate=validate.Length(max=500))
    bbox = Box(load_default=None, allow_none=True)
    parent = RegionCode(load_default=None, allow_none=True)
    within = RegionCode(load_default=None, allow_none=True)
    exact = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    is_root = fields.Boolean(load_default=None, allow_none=True, truthy={True}, falsy={False})
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
    """A list of up to 500 points. With ``include_regions``, the result describes the regions that were found."""

    points = fields.List(fields.Nested(Point), required=True, validate=validate.Length(1, MAX_POINTS))
    include_regions = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class GetRegionTree(Arguments):
    """A region by its code. ``depth`` is the number of levels below it that the result has."""

    code = RegionCode(required=True)
    depth = BoundedInteger(min_value=1, max_value=MAX_TREE_DEPTH, load_default=MAX_TREE_DEPTH)


class ListRegionTree(Arguments):
    """The flat list of the tree. ``within`` is the code of a region, which is listed with everything below it."""

    cursor = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=2000))
    limit = BoundedInteger(min_value=1, max_value=MAX_LINKS, load_default=MAX_LINKS)
    within = RegionCode(load_default=None, allow_none=True)


class RegionReference(Result):
    """A region by its id, code and name."""

    id = Identifier()
    code = fields.String()
    name = fields.String()


class Region(Result):
    """A region. ``boundaries`` are null if it has none, and in a list without ``include_boundaries``.

    ``bbox`` is [west, south, east, north]; west > east crosses the antimeridian. ``is_reserved`` is true for one
    region without boundaries, which contains the reports with an unknown region.

    ``parent_id`` is the region that contains it, or null; ``parent_is_declared`` tells whether somebody has declared
    it, or it was found by the boundaries. ``ancestors`` are all regions that contain it, from the root of the tree to
    its parent; they are null in a list.
    """

    id = Identifier()
    code = fields.String()
    name = fields.String()
    description = fields.String(allow_none=True)
    boundaries = fields.Dict(allow_none=True)
    bbox = fields.List(fields.Float(), allow_none=True)
    is_reserved = fields.Boolean()
    parent_id = Identifier(allow_none=True)
    parent_code = fields.String(allow_none=True)
    parent_is_declared = fields.Boolean()
    ancestors = fields.List(fields.Nested(RegionReference), allow_none=True)
    version = fields.Integer()
    created_at = Timestamp()
    updated_at = Timestamp()


class LocatedRegion(RegionReference):
    """A region that was found, with all regions that contain it, from the root of the tree to its parent."""

    ancestors = fields.List(fields.Nested(RegionReference))


class LocatedRegions(Result):
    """The id of the deepest region of each point in the same order, or null.

    ``regions`` has each of these regions once; it is null without ``include_regions``.
    """

    region_ids = fields.List(Identifier(allow_none=True))
    regions = fields.List(fields.Nested(LocatedRegion), allow_none=True)


class RegionLink(Result):
    """A region with the id of its parent."""

    id = Identifier()
    code = fields.String()
    name = fields.String()
    parent_id = Identifier(allow_none=True)
    parent_is_declared = fields.Boolean()
    version = fields.Integer()


class RegionLinks(Result):
    """A page of the flat list of the tree. ``version`` changes whenever a region changes."""

    items = fields.List(fields.Nested(RegionLink), required=True)
    next_cursor = fields.String(allow_none=True, required=True)
    version = fields.String(required=True)


class RegionTree(RegionLink):
    """A region with the regions in it. ``children`` are of the same form.

    ``children_count`` is the number of regions directly below a region; ``children`` has them unless they are deeper
    than ``depth``.
    """

    children_count = fields.Integer()
    children = fields.List(fields.Dict())


class Regions(Result):
    """A page of regions. ``version`` changes whenever a region changes; see ``known_version``."""

    items = fields.List(fields.Nested(Region), required=True)
    next_cursor = fields.String(allow_none=True, required=True)
    version = fields.String(required=True)
    unchanged = fields.Boolean(required=True)

"""What the method that counts resources takes and returns."""

from __future__ import annotations

from marshmallow import fields

from services.resources.schemas.resources import ResourceFilters, StatusFilter
from shared.domain.geo_filters import Cell, CellGrid
from shared.platform.schemas import Result


class AggregateResources(CellGrid, ResourceFilters, StatusFilter):
    """The resources to count by cell: those in ``bbox``, by squares of ``cell_size`` degrees.

    A box may have at most 10,000 cells. Cells are counted from longitude 0 and latitude 0, so that they stay where
    they are when the box moves; those at the edges of the box count only the resources inside the box.
    """


class ResourceCell(Cell):
    """A cell of the map: how many resources it holds, and how many of them are `available`.

    ``location`` is their mean position; ``bbox`` is their extent, as ``[west, south, east, north]``.
    """

    available_count = fields.Integer()


class ResourceCells(Result):
    """The cells that hold any resource, the fullest first, and the number of those resources."""

    cell_size = fields.Float()
    total = fields.Integer()
    items = fields.List(fields.Nested(ResourceCell))

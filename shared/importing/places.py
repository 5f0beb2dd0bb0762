"""Where a record's thing is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.importing.mapping import RefusedError

if TYPE_CHECKING:
    from shared.importing.files import Record
    from shared.importing.mapping import Mapping
    from shared.importing.run import Row

FIELDS = ("longitude", "latitude", "address")
"""The fields to map for it."""


def location_of(mapping: Mapping, record: Record) -> Row:
    """The record's location: from its geometry, or from ``longitude`` and ``latitude`` where they are mapped.

    Raises:
        RefusedError: It has none, or lies at 0, 0, which files write for a place that is not known.
    """
    geometry = record.geometry
    if isinstance(geometry, dict) and "longitude" not in mapping:
        if geometry.get("type") != "Point":
            raise RefusedError("location: Not a Point.")
        coordinates = geometry.get("coordinates")
    else:
        coordinates = [mapping.number(record, name) for name in ("longitude", "latitude")]
        if None in coordinates:
            raise RefusedError("location: No coordinates.")
    if coordinates == [0, 0]:
        raise RefusedError("location: 0, 0 stands for a place that is not known.")
    location: Row = {"type": "Point", "coordinates": coordinates}
    address = mapping.text(record, "address")
    return location if address is None else {**location, "address": address}

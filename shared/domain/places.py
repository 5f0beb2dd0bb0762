"""The regions of locations, which the identity service knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.client.errors import NotFound
from shared.domain.imports import no_region

if TYPE_CHECKING:
    from shared.client.rpc import RpcClient
    from shared.client.types.identity import Point
    from shared.domain.imports import Batch
    from shared.platform.rpc.context import Caller


def find_region(rpc: RpcClient, caller: Caller, location: dict[str, Any]) -> UUID | None:
    """Return the id of the region that contains a location; None without such a region or without coordinates."""
    if "coordinates" not in location:
        return None
    try:
        found = rpc.on_behalf_of(caller).identity.locate_region(**_place(location))
    except NotFound:
        return None
    return UUID(found["id"])


def region_of(rpc: RpcClient, caller: Caller, location: dict[str, Any]) -> UUID:
    """Return the id of the region that contains a location.

    Args:
        rpc: The client with which to ask identity.
        caller: The caller on whose behalf to ask.
        location: A GeoJSON Point.

    Raises:
        Invalid: No region contains the location; ``fields`` names ``region_id``.
    """
    region_id = find_region(rpc, caller, location)
    if region_id is None:
        raise no_region()
    return region_id


def locate(rpc: RpcClient, caller: Caller, batch: Batch) -> None:
    """Put the rows of an import that name no region into the region that contains their location."""
    unlocated = batch.unlocated()
    if not unlocated:
        return
    placed = [index for index in unlocated if "coordinates" in batch.rows[index]["location"]]
    for index in set(unlocated).difference(placed):
        batch.locate(index, None)
    if not placed:
        return
    points = [_place(batch.rows[index]["location"]) for index in placed]
    located = rpc.on_behalf_of(caller).identity.locate_regions(points=points)["region_ids"]
    for index, region_id in zip(placed, located, strict=True):
        batch.locate(index, UUID(region_id) if region_id else None)


def _place(location: dict[str, Any]) -> Point:
    longitude, latitude = location["coordinates"][:2]
    return {"lon": longitude, "lat": latitude}

"""Regions, and finding the region of a place."""

from __future__ import annotations

from services.gateway.routes.blueprint import ResourceBlueprint
from services.identity import schemas

regions = ResourceBlueprint(
    "regions", "The regions that reports, resources, alerts and permissions belong to."
)

REGION = "/regions/<uuid:region_id>"

regions.offer(
    "GET",
    "/regions",
    "identity.list_regions",
    schemas.ListRegions,
    schemas.Regions,
    geometry="boundaries",
    csv=True,
)
regions.offer(
    "POST",
    "/regions",
    "identity.create_region",
    schemas.CreateRegion,
    schemas.Region,
    location_template="/regions/{id}",
)
regions.offer("GET", REGION, "identity.get_region", schemas.GetRegion(only=("region_id",)), schemas.Region)
regions.offer("PATCH", REGION, "identity.update_region", schemas.UpdateRegion, schemas.Region)
regions.offer("GET", "/located-region", "identity.locate_region", schemas.LocateRegion, schemas.Region)
regions.offer(
    "POST", "/located-regions", "identity.locate_regions", schemas.LocateRegions, schemas.LocatedRegions
)

"""Resources, with their status, history and usage, and the search for the nearest."""

from __future__ import annotations

from typing import Final

from services.gateway.routes.blueprint import ResourceBlueprint
from services.resources import schemas

resources = ResourceBlueprint(
    "resources", "Resources for relief: shelters, hospitals, vehicles and supplies."
)

RESOURCE: Final = "/resources/<uuid:resource_id>"

resources.offer(
    "GET",
    "/resources",
    "resources.list_resources",
    schemas.ListResources,
    schemas.ResourcePage,
    geometry="location",
    csv=True,
)
resources.offer(
    "GET",
    "/available-resources",
    "resources.list_available_resources",
    schemas.ListAvailableResources,
    schemas.AvailableResourcePage,
    geometry="location",
    csv=True,
)
resources.offer(
    "GET",
    "/nearest-resources",
    "resources.find_nearest_resources",
    schemas.FindNearestResources,
    schemas.NearestResources,
    geometry="location",
)
resources.offer(
    "GET",
    "/statistics/resource-cells",
    "resources.aggregate_resources",
    schemas.AggregateResources,
    schemas.ResourceCells,
    geometry="location",
)
resources.offer(
    "POST",
    "/resources",
    "resources.create_resource",
    schemas.CreateResource,
    schemas.Resource,
    location_template="/resources/{id}",
)
resources.offer("GET", RESOURCE, "resources.get_resource", schemas.GetResource, schemas.Resource)
resources.offer("PATCH", RESOURCE, "resources.update_resource", schemas.UpdateResource, schemas.Resource)
resources.offer(
    "PUT",
    f"{RESOURCE}/status",
    "resources.change_resource_status",
    schemas.ChangeResourceStatus,
    schemas.Resource,
)
resources.offer(
    "GET",
    f"{RESOURCE}/history",
    "resources.get_resource_history",
    schemas.OfResource,
    schemas.HistoryPage,
    csv=True,
)
resources.offer(
    "GET",
    f"{RESOURCE}/usage-changes",
    "resources.list_usage_changes",
    schemas.OfResource,
    schemas.UsageChangePage,
    csv=True,
)
resources.offer(
    "POST",
    f"{RESOURCE}/usage-changes",
    "resources.update_resource_usage",
    schemas.UpdateResourceUsage,
    schemas.UsageChange,
    location_template="/resources/{resource_id}/usage-changes",
)
resources.offer(
    "POST",
    "/resource-imports",
    "resources.import_resources",
    schemas.ImportResources,
    schemas.ImportResult,
)

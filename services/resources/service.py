"""The nameko class of the resources service: its RPC methods and event handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.resources import catalogue, imports, resources, schemas, statistics, status, usage
from services.resources.models import REGIONS
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain.permissions import (
    CATALOGUE_WRITE,
    RESOURCE_CHANGE_STATUS,
    RESOURCE_CREATE,
    RESOURCE_IMPORT,
    RESOURCE_READ,
    RESOURCE_UPDATE,
    RESOURCE_UPDATE_USAGE,
)
from shared.domain.places import locate, region_of
from shared.domain.region_tree import REGION_BATCH
from shared.platform.db.provider import DatabaseProvider
from shared.platform.outbox.relay import OutboxRelay
from shared.platform.outbox.subscribe import subscribe
from shared.platform.rpc.operation import SIGNED_IN, operation
from shared.platform.rpc.provider import RpcProvider

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack
    from uuid import UUID

    from services.resources.schemas import types
    from shared.platform.outbox.event import Event
    from shared.platform.rpc.context import Caller


class ResourcesService:
    """The RPC methods of resources, and the handler that writes the status history."""

    name = "resources"

    db = DatabaseProvider()
    rpc = RpcProvider()
    relay = OutboxRelay()

    @operation(
        permission=RESOURCE_CREATE,
        arguments=schemas.CreateResource,
        result=schemas.Resource,
        errors=(
            Forbidden("The caller may not create resources in this region."),
            Invalid("The region or type does not exist, or the type is inactive."),
            Conflict("The id belongs to another resource."),
        ),
        emits=("resource_created",),
    )
    def create_resource(self, caller: Caller, **arguments: Unpack[types.CreateResource]) -> types.Resource:
        """Add a resource, in the region that contains its location unless `region_id` is given."""
        region_id = arguments.get("region_id") or region_of(self.rpc, caller, arguments["location"])
        with self.db.autocommit() as connection:
            return resources.create_resource(connection, caller, region_id, arguments)

    @operation(
        permission=RESOURCE_READ, arguments=schemas.GetResource, result=schemas.Resource, errors=(NotFound,)
    )
    def get_resource(self, caller: Caller, resource_id: UUID) -> types.Resource:
        """Return the resource."""
        with self.db.read() as connection:
            return resources.get_resource(connection, caller, resource_id)

    @operation(
        permission=RESOURCE_UPDATE,
        arguments=schemas.UpdateResource,
        result=schemas.Resource,
        errors=(
            NotFound,
            Forbidden("The caller may not edit the resource, or may not move it to the region."),
            Conflict(
                "The resource was changed in the meantime, or more of it is in use than the new capacity."
            ),
            Invalid("A new region or type does not exist, or the type is inactive."),
        ),
        emits=("resource_updated",),
    )
    def update_resource(self, caller: Caller, **arguments: Unpack[types.UpdateResource]) -> types.Resource:
        """Edit a resource; omitted fields are not changed. Status and usage have methods of their own."""
        resource_id, version = arguments["resource_id"], arguments["version"]
        with self.db.autocommit() as connection:
            return resources.update_resource(connection, caller, resource_id, version, arguments)

    @operation(
        permission=RESOURCE_CHANGE_STATUS,
        arguments=schemas.ChangeResourceStatus,
        result=schemas.Resource,
        errors=(
            NotFound,
            Forbidden("The caller may not change the status of the resource."),
            Conflict(
                "The status cannot follow the present one (`legal` lists those that can), the resource was changed, or "
                "something of it is in use (`current_usage`) and `despite_usage` is not true."
            ),
        ),
        emits=("resource_status_changed",),
    )
    def change_resource_status(
        self, caller: Caller, **arguments: Unpack[types.ChangeResourceStatus]
    ) -> types.Resource:
        """Change the status of a resource."""
        with self.db.autocommit() as connection:
            return status.change_resource_status(connection, caller, **arguments)

    @operation(
        permission=RESOURCE_UPDATE_USAGE,
        arguments=schemas.UpdateResourceUsage,
        result=schemas.UsageChange,
        errors=(
            NotFound,
            Forbidden("The caller may not change the usage of the resource."),
            Conflict(
                "The usage would leave 0 to `capacity` (see `remaining`), the resource is not open (see `status`), "
                "or the id belongs to another change."
            ),
        ),
        emits=("resource_usage_changed",),
    )
    def update_resource_usage(
        self, caller: Caller, **arguments: Unpack[types.UpdateResourceUsage]
    ) -> types.UsageChange:
        """Take some of the capacity of a resource, or give it back: the whole amount or nothing."""
        resource_id, change_id = arguments["resource_id"], arguments["id"]
        with self.db.autocommit() as connection:
            return usage.update_resource_usage(
                connection, caller, resource_id, change_id, arguments["usage_change"]
            )

    @operation(permission=RESOURCE_READ, arguments=schemas.ListResources, result=schemas.ResourcePage)
    def list_resources(self, caller: Caller, **filters: Unpack[types.ListResources]) -> types.PageOfResource:
        """Return a page of resources, the newest first unless `sort` is given."""
        with self.db.read() as connection:
            return resources.list_resources(connection, caller, filters)

    @operation(permission=RESOURCE_READ, arguments=schemas.AggregateResources, result=schemas.ResourceCells)
    def aggregate_resources(
        self, caller: Caller, **filters: Unpack[types.AggregateResources]
    ) -> types.ResourceCells:
        """Count the resources in a box by cells of a grid, with the number of available ones in each."""
        with self.db.read() as connection:
            return statistics.aggregate_resources(connection, caller, filters)

    @operation(
        permission=RESOURCE_READ,
        arguments=schemas.ListAvailableResources,
        result=schemas.AvailableResourcePage,
    )
    def list_available_resources(
        self, caller: Caller, **filters: Unpack[types.ListAvailableResources]
    ) -> types.PageOfAvailableResource:
        """Return a page of the available resources that are not full, with the names of type and region."""
        with self.db.read() as connection:
            return resources.list_available_resources(connection, caller, filters)

    @operation(
        permission=RESOURCE_READ, arguments=schemas.FindNearestResources, result=schemas.NearestResources
    )
    def find_nearest_resources(
        self, caller: Caller, **filters: Unpack[types.FindNearestResources]
    ) -> types.NearestResources:
        """Return the resources nearest to a location that have the needed capacity, with their distance."""
        with self.db.read() as connection:
            return resources.find_nearest_resources(connection, caller, filters)

    @operation(
        permission=RESOURCE_IMPORT,
        arguments=schemas.ImportResources,
        result=schemas.ImportResult,
        emits=("resource_created", "resource_updated", "resource_usage_changed", "resource_status_changed"),
    )
    def import_resources(
        self, caller: Caller, **arguments: Unpack[types.ImportResources]
    ) -> types.ImportResult:
        """Store or update up to 500 resources, and return the outcome of each row."""
        batch = imports.check_rows(arguments["rows"], arguments["source"])
        locate(self.rpc, caller, batch)
        with self.db.write() as connection:
            return imports.import_resources(connection, caller, batch)

    @operation(
        permission=RESOURCE_READ, arguments=schemas.OfResource, result=schemas.HistoryPage, errors=(NotFound,)
    )
    def get_resource_history(
        self, caller: Caller, **page: Unpack[types.OfResource]
    ) -> types.PageOfResourceHistoryEntry:
        """Return a page of the statuses that a resource entered, the first one first."""
        with self.db.read() as connection:
            return status.get_resource_history(connection, caller, **page)

    @operation(
        permission=RESOURCE_READ,
        arguments=schemas.OfResource,
        result=schemas.UsageChangePage,
        errors=(NotFound,),
    )
    def list_usage_changes(self, caller: Caller, **page: Unpack[types.OfResource]) -> types.PageOfUsageChange:
        """Return a page of the changes of the usage of a resource, the newest first."""
        with self.db.read() as connection:
            return usage.list_usage_changes(connection, caller, **page)

    @operation(
        permission=CATALOGUE_WRITE,
        arguments=schemas.CreateResourceType,
        result=schemas.ResourceType,
        errors=(Conflict("The name or the id is taken."),),
    )
    def create_resource_type(
        self, caller: Caller, **arguments: Unpack[types.CreateResourceType]
    ) -> types.ResourceType:
        """Add a resource type."""
        with self.db.autocommit() as connection:
            return catalogue.create_resource_type(connection, caller, arguments)

    @operation(
        permission=CATALOGUE_WRITE,
        arguments=schemas.UpdateResourceType,
        result=schemas.ResourceType,
        errors=(NotFound, Conflict("The name is taken.")),
    )
    def update_resource_type(
        self, caller: Caller, **arguments: Unpack[types.UpdateResourceType]
    ) -> types.ResourceType:
        """Change a resource type, or bring it back into use."""
        with self.db.autocommit() as connection:
            return catalogue.update_resource_type(connection, arguments["resource_type_id"], arguments)

    @operation(
        permission=CATALOGUE_WRITE,
        arguments=schemas.DeactivateResourceType,
        result=schemas.ResourceType,
        errors=(NotFound,),
    )
    def deactivate_resource_type(self, caller: Caller, resource_type_id: UUID) -> types.ResourceType:
        """Take a resource type out of use; the resources that have it keep it."""
        with self.db.autocommit() as connection:
            return catalogue.deactivate_resource_type(connection, resource_type_id)

    @operation(permission=SIGNED_IN, arguments=schemas.ListResourceTypes, result=schemas.ResourceTypePage)
    def list_resource_types(
        self, caller: Caller, **filters: Unpack[types.ListResourceTypes]
    ) -> types.PageOfResourceType:
        """Return a page of the resource types by name."""
        with self.db.read() as connection:
            return catalogue.list_resource_types(connection, filters)

    @subscribe("resources.history")
    def record_history(self, events: Sequence[Event]) -> None:
        """Write the status history."""
        with self.db.autocommit() as connection:
            status.record_history(connection, events)

    @subscribe("resources.regions", batch=REGION_BATCH)
    def record_regions(self, events: Sequence[Event]) -> None:
        """Keep the copy of identity's regions up to date."""
        with self.db.write() as connection:
            REGIONS.record(connection, events)

"""The resources service as nameko runs it: every RPC method and event handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.resources import catalogue, imports, resources, schemas, status, usage
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
from shared.platform.db.provider import DatabaseProvider
from shared.platform.outbox.relay import OutboxRelay
from shared.platform.outbox.subscribe import subscribe
from shared.platform.rpc.operation import SIGNED_IN, operation
from shared.platform.rpc.provider import RpcProvider

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from shared.platform.outbox.event import Event
    from shared.platform.rpc.context import Caller


class ResourcesService:
    """Offers the operations and queries of resources by RPC, and writes the history from its own events."""

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
    def create_resource(self, caller: Caller, **arguments: Any) -> Any:
        """Adds a resource, in the region that contains its location unless it names one."""
        region_id = arguments.get("region_id") or region_of(self.rpc, caller, arguments["location"])
        with self.db.autocommit() as connection:
            return resources.create_resource(connection, caller, arguments, region_id)

    @operation(
        permission=RESOURCE_READ, arguments=schemas.GetResource, result=schemas.Resource, errors=(NotFound,)
    )
    def get_resource(self, caller: Caller, resource_id: UUID) -> Any:
        """Returns one resource."""
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
    def update_resource(self, caller: Caller, resource_id: UUID, version: int, **changes: Any) -> Any:
        """Edits a resource; what is omitted stays, and status and usage have methods of their own."""
        with self.db.autocommit() as connection:
            return resources.update_resource(connection, caller, resource_id, version, changes)

    @operation(
        permission=RESOURCE_CHANGE_STATUS,
        arguments=schemas.ChangeResourceStatus,
        result=schemas.Resource,
        errors=(
            NotFound,
            Forbidden("The caller may not change the status of the resource."),
            Conflict(
                "The status cannot follow the present one (`legal` lists those that can), or the resource was changed."
            ),
        ),
        emits=("resource_status_changed",),
    )
    def change_resource_status(self, caller: Caller, resource_id: UUID, version: int, **move: Any) -> Any:
        """Moves a resource to another status."""
        with self.db.autocommit() as connection:
            return status.change_resource_status(connection, caller, resource_id, version, **move)

    @operation(
        permission=RESOURCE_UPDATE_USAGE,
        arguments=schemas.UpdateResourceUsage,
        result=schemas.UsageChange,
        errors=(
            NotFound,
            Forbidden("The caller may not change the usage of the resource."),
            Conflict(
                "The usage would leave 0 to `capacity` (see `remaining`), or the id belongs to another change."
            ),
        ),
        emits=("resource_usage_changed",),
    )
    def update_resource_usage(self, caller: Caller, resource_id: UUID, id: UUID, usage_change: int) -> Any:  # noqa: A002 - the id is called so everywhere
        """Takes or gives back some of a resource, all of it or nothing."""
        with self.db.autocommit() as connection:
            return usage.update_resource_usage(connection, caller, resource_id, id, usage_change)

    @operation(permission=RESOURCE_READ, arguments=schemas.ListResources, result=schemas.ResourcePage)
    def list_resources(self, caller: Caller, **filters: Any) -> Any:
        """Returns a page of resources, the newest first."""
        with self.db.read() as connection:
            return resources.list_resources(connection, caller, filters)

    @operation(
        permission=RESOURCE_READ,
        arguments=schemas.ListAvailableResources,
        result=schemas.AvailableResourcePage,
    )
    def list_available_resources(self, caller: Caller, **filters: Any) -> Any:
        """Returns a page of the available resources that are not full, with their names, the newest first."""
        with self.db.read() as connection:
            return resources.list_available_resources(connection, caller, filters)

    @operation(
        permission=RESOURCE_READ, arguments=schemas.FindNearestResources, result=schemas.NearestResources
    )
    def find_nearest_resources(self, caller: Caller, **filters: Any) -> Any:
        """Returns the resources nearest to a place that can take what is needed, with their distance."""
        with self.db.read() as connection:
            return resources.find_nearest_resources(connection, caller, filters)

    @operation(
        permission=RESOURCE_IMPORT,
        arguments=schemas.ImportResources,
        result=schemas.ImportResult,
        emits=("resource_created", "resource_updated", "resource_usage_changed", "resource_status_changed"),
    )
    def import_resources(self, caller: Caller, rows: list[Any], source: str) -> Any:
        """Stores or updates up to 500 resources and says what became of each."""
        batch = imports.check_rows(rows, source)
        locate(self.rpc, caller, batch)
        with self.db.write() as connection:
            return imports.import_resources(connection, caller, batch)

    @operation(
        permission=RESOURCE_READ, arguments=schemas.OfResource, result=schemas.HistoryPage, errors=(NotFound,)
    )
    def get_resource_history(self, caller: Caller, resource_id: UUID, cursor: str | None, limit: int) -> Any:
        """Returns a page of the statuses that a resource entered, the first one first."""
        with self.db.read() as connection:
            return status.get_resource_history(connection, caller, resource_id, cursor, limit)

    @operation(
        permission=RESOURCE_READ,
        arguments=schemas.OfResource,
        result=schemas.UsageChangePage,
        errors=(NotFound,),
    )
    def list_usage_changes(self, caller: Caller, resource_id: UUID, cursor: str | None, limit: int) -> Any:
        """Returns a page of what was taken and given back, the newest first."""
        with self.db.read() as connection:
            return usage.list_usage_changes(connection, caller, resource_id, cursor, limit)

    @operation(
        permission=CATALOGUE_WRITE,
        arguments=schemas.CreateResourceType,
        result=schemas.ResourceType,
        errors=(Conflict("The name or the id is taken."),),
    )
    def create_resource_type(self, caller: Caller, **arguments: Any) -> Any:
        """Adds a resource type."""
        with self.db.autocommit() as connection:
            return catalogue.create_resource_type(connection, caller, arguments)

    @operation(
        permission=CATALOGUE_WRITE,
        arguments=schemas.UpdateResourceType,
        result=schemas.ResourceType,
        errors=(NotFound, Conflict("The name is taken.")),
    )
    def update_resource_type(self, caller: Caller, resource_type_id: UUID, **changes: Any) -> Any:
        """Changes a resource type, or takes it into use again."""
        with self.db.autocommit() as connection:
            return catalogue.update_resource_type(connection, resource_type_id, changes)

    @operation(
        permission=CATALOGUE_WRITE,
        arguments=schemas.DeactivateResourceType,
        result=schemas.ResourceType,
        errors=(NotFound,),
    )
    def deactivate_resource_type(self, caller: Caller, resource_type_id: UUID) -> Any:
        """Takes a resource type out of use; the resources that have it keep it."""
        with self.db.autocommit() as connection:
            return catalogue.deactivate_resource_type(connection, resource_type_id)

    @operation(permission=SIGNED_IN, arguments=schemas.ListResourceTypes, result=schemas.ResourceTypePage)
    def list_resource_types(self, caller: Caller, **page: Any) -> Any:
        """Returns a page of the resource types by name."""
        with self.db.read() as connection:
            return catalogue.list_resource_types(connection, **page)

    @subscribe("resources.history")
    def record_history(self, events: Sequence[Event]) -> None:
        """Writes the status history."""
        with self.db.autocommit() as connection:
            status.record_history(connection, events)

"""The resources service as nameko runs it: every RPC method and event handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.resources import operations, queries, schemas
from shared.contracts.permissions import RESOURCE_READ
from shared.db.provider import DatabaseProvider
from shared.messaging.relay import OutboxRelay
from shared.messaging.subscribe import subscribe
from shared.rpc.operation import SIGNED_IN, operation
from shared.rpc.provider import RpcProvider

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from shared.messaging.event import Event
    from shared.rpc.context import Caller


class ResourcesService:
    """Offers the operations and queries of resources by RPC, and writes the history from its own events."""

    name = "resources"

    db = DatabaseProvider()
    rpc = RpcProvider()
    relay = OutboxRelay()

    @operation(permission=RESOURCE_READ, arguments=schemas.GetResource, result=schemas.Resource)
    def get_resource(self, caller: Caller, resource_id: UUID) -> Any:
        """Returns one resource."""
        with self.db.read() as connection:
            return queries.get_resource(connection, caller, resource_id)

    @operation(permission=RESOURCE_READ, arguments=schemas.ListResources, result=schemas.ResourcePage)
    def list_resources(self, caller: Caller, **filters: Any) -> Any:
        """Returns a page of resources, the newest first."""
        with self.db.read() as connection:
            return queries.list_resources(connection, caller, filters)

    @operation(
        permission=RESOURCE_READ,
        arguments=schemas.ListAvailableResources,
        result=schemas.AvailableResourcePage,
    )
    def list_available_resources(self, caller: Caller, **filters: Any) -> Any:
        """Returns a page of the available resources that are not full, with their names, the newest first."""
        with self.db.read() as connection:
            return queries.list_available_resources(connection, caller, filters)

    @operation(
        permission=RESOURCE_READ, arguments=schemas.FindNearestResources, result=schemas.NearestResources
    )
    def find_nearest_resources(self, caller: Caller, **filters: Any) -> Any:
        """Returns the resources nearest to a place that can take what is needed, with their distance."""
        with self.db.read() as connection:
            return queries.find_nearest_resources(connection, caller, filters)

    @operation(permission=RESOURCE_READ, arguments=schemas.OfResource, result=schemas.HistoryPage)
    def get_resource_history(self, caller: Caller, resource_id: UUID, cursor: str | None, limit: int) -> Any:
        """Returns a page of the statuses that a resource entered, the first one first."""
        with self.db.read() as connection:
            return queries.get_resource_history(connection, caller, resource_id, cursor, limit)

    @operation(permission=RESOURCE_READ, arguments=schemas.OfResource, result=schemas.UsageChangePage)
    def list_usage_changes(self, caller: Caller, resource_id: UUID, cursor: str | None, limit: int) -> Any:
        """Returns a page of what was taken and given back, the newest first."""
        with self.db.read() as connection:
            return queries.list_usage_changes(connection, caller, resource_id, cursor, limit)

    @operation(permission=SIGNED_IN, arguments=schemas.ListResourceTypes, result=schemas.ResourceTypePage)
    def list_resource_types(self, caller: Caller, **page: Any) -> Any:
        """Returns a page of the resource types by name."""
        with self.db.read() as connection:
            return queries.list_resource_types(connection, **page)

    @subscribe("resources.history")
    def record_history(self, events: Sequence[Event]) -> None:
        """Writes the status history."""
        with self.db.write_one() as connection:
            operations.record_history(connection, events)

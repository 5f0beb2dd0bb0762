"""What the methods of resources take and return."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from .wire import Identifier, Moment


Status: TypeAlias = Literal["available", "limited", "unavailable", "out_of_service", "closed"]


class Resource(TypedDict):
    """A resource. ``version`` grows with every change, and a change must give it.

    ``available_capacity`` is the free capacity; it and ``capacity`` are null if the resource is unlimited.
    ``import_source`` and ``import_key`` are the source from which the resource was imported, and its key
    there.
    """

    id: str
    name: str
    description: str | None
    region_id: str
    resource_type_id: str
    contact_person: str | None
    contact_phone: str | None
    contact_email: str | None
    location: Any
    capacity: int | None
    current_usage: int
    available_capacity: int | None
    status: str
    status_notes: str | None
    created_at: str
    updated_at: str
    updated_by: str | None
    version: int
    import_source: str | None
    import_key: str | None


class ResourceType(TypedDict):
    """A category of resources."""

    id: str
    name: str
    description: str | None
    is_active: bool


class NearResource(TypedDict):
    """A resource and its distance in metres along the surface."""

    id: str
    name: str
    description: str | None
    region_id: str
    resource_type_id: str
    contact_person: str | None
    contact_phone: str | None
    contact_email: str | None
    location: Any
    capacity: int | None
    current_usage: int
    available_capacity: int | None
    status: str
    status_notes: str | None
    created_at: str
    updated_at: str
    updated_by: str | None
    version: int
    import_source: str | None
    import_key: str | None
    distance_m: float


class NearestResources(TypedDict):
    """Resources, the nearest first."""

    items: list[NearResource]


class ResourceHistoryEntry(TypedDict):
    """A status that a resource entered; ``version`` is the version that the resource got with it."""

    id: str
    resource_id: str
    status: str
    changed_by: str
    notes: str | None
    changed_at: str
    version: int


class PageOfResourceHistoryEntry(TypedDict):
    items: list[ResourceHistoryEntry]
    next_cursor: str | None


class RefusedRow(TypedDict):
    """The reason why a row was not stored: ``row`` is its index in the call, ``error`` the slug of an error.
    """

    row: int
    error: str
    message: str
    fields: Any


class ImportResult(TypedDict):
    """The outcome of an import.

    ``stored`` counts new records, ``updated`` changed records, and ``unchanged`` rows without a change.
    ``ids`` has the id of the record of each row, in the order of the call; null where the row was refused.
    """

    stored: int
    updated: int
    unchanged: int
    ids: list[str | None]
    refused: list[RefusedRow]


class Circle(TypedDict):
    """A location and a distance from it along the surface, in metres."""

    lon: float
    lat: float
    radius_m: float


class AvailableResource(TypedDict):
    """A resource with the names of its type and its region."""

    id: str
    name: str
    description: str | None
    region_id: str
    resource_type_id: str
    contact_person: str | None
    contact_phone: str | None
    contact_email: str | None
    location: Any
    capacity: int | None
    current_usage: int
    available_capacity: int | None
    status: str
    status_notes: str | None
    created_at: str
    updated_at: str
    updated_by: str | None
    version: int
    import_source: str | None
    import_key: str | None
    resource_type: str
    region_name: str


class PageOfAvailableResource(TypedDict):
    items: list[AvailableResource]
    next_cursor: str | None


class PageOfResourceType(TypedDict):
    items: list[ResourceType]
    next_cursor: str | None


class PageOfResource(TypedDict):
    items: list[Resource]
    next_cursor: str | None


class UsageChange(TypedDict):
    """A change of the usage of a resource.

    ``current_usage``, ``capacity`` and ``remaining`` (null if unlimited) are the values after the change.
    """

    id: str
    resource_id: str
    usage_change: int
    current_usage: int
    capacity: int | None
    remaining: int | None
    changed_by: str
    changed_at: str
    version: int


class PageOfUsageChange(TypedDict):
    items: list[UsageChange]
    next_cursor: str | None


class ResourcesMethods(Protocol):
    """The methods of resources."""

    def change_resource_status(
        self,
        *,
        resource_id: Identifier,
        version: int,
        status: Status,
        notes: str | None = ...,
    ) -> Resource:
        """Change the status of a resource.

        Needs: resource:change_status.
        """

    def create_resource(
        self,
        *,
        name: str,
        resource_type_id: Identifier,
        location: Mapping[str, Any],
        id: Identifier | None = ...,
        description: str | None = ...,
        region_id: Identifier | None = ...,
        contact_person: str | None = ...,
        contact_phone: str | None = ...,
        contact_email: str | None = ...,
        capacity: int | None = ...,
        current_usage: int | None = ...,
    ) -> Resource:
        """Add a resource, in the region that contains its location unless `region_id` is given.

        Needs: resource:create.
        """

    def create_resource_type(
        self,
        *,
        name: str,
        id: Identifier | None = ...,
        description: str | None = ...,
    ) -> ResourceType:
        """Add a resource type.

        Needs: catalogue:write.
        """

    def deactivate_resource_type(
        self,
        *,
        resource_type_id: Identifier,
    ) -> ResourceType:
        """Take a resource type out of use; the resources that have it keep it.

        Needs: catalogue:write.
        """

    def find_nearest_resources(
        self,
        *,
        lon: float,
        lat: float,
        resource_type_id: Identifier | Sequence[Identifier] | None = ...,
        region_id: Identifier | Sequence[Identifier] | None = ...,
        needed: int = ...,
        status: Status | Sequence[Status] = ...,
        radius_m: float | None = ...,
        limit: int = ...,
    ) -> NearestResources:
        """Return the resources nearest to a location that have the needed capacity, with their distance.

        Needs: resource:read.
        """

    def get_resource(
        self,
        *,
        resource_id: Identifier,
    ) -> Resource:
        """Return the resource.

        Needs: resource:read.
        """

    def get_resource_history(
        self,
        *,
        resource_id: Identifier,
        cursor: str | None = ...,
        limit: int = ...,
    ) -> PageOfResourceHistoryEntry:
        """Return a page of the statuses that a resource entered, the first one first.

        Needs: resource:read.
        """

    def import_resources(
        self,
        *,
        rows: Sequence[Any],
        source: str = ...,
    ) -> ImportResult:
        """Store or update up to 500 resources, and return the outcome of each row.

        Needs: resource:import.
        """

    def list_available_resources(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        resource_type_id: Identifier | Sequence[Identifier] | None = ...,
        region_id: Identifier | Sequence[Identifier] | None = ...,
        needed: int | None = ...,
        changed_since: Moment | None = ...,
        bbox: Sequence[float] | None = ...,
        within: Mapping[str, Any] | None = ...,
        near: Circle | None = ...,
        text: str | None = ...,
    ) -> PageOfAvailableResource:
        """Return a page of the available resources that are not full, with the names of type and region.

        Needs: resource:read.
        """

    def list_resource_types(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        include_inactive: bool = ...,
    ) -> PageOfResourceType:
        """Return a page of the resource types by name.

        Needs: signed in.
        """

    def list_resources(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        resource_type_id: Identifier | Sequence[Identifier] | None = ...,
        region_id: Identifier | Sequence[Identifier] | None = ...,
        needed: int | None = ...,
        changed_since: Moment | None = ...,
        bbox: Sequence[float] | None = ...,
        within: Mapping[str, Any] | None = ...,
        near: Circle | None = ...,
        text: str | None = ...,
        status: Status | Sequence[Status] | None = ...,
        import_source: str | None = ...,
    ) -> PageOfResource:
        """Return a page of resources, the newest first.

        Needs: resource:read.
        """

    def list_usage_changes(
        self,
        *,
        resource_id: Identifier,
        cursor: str | None = ...,
        limit: int = ...,
    ) -> PageOfUsageChange:
        """Return a page of the changes of the usage of a resource, the newest first.

        Needs: resource:read.
        """

    def update_resource(
        self,
        *,
        resource_id: Identifier,
        version: int,
        name: str = ...,
        description: str | None = ...,
        region_id: Identifier = ...,
        resource_type_id: Identifier = ...,
        contact_person: str | None = ...,
        contact_phone: str | None = ...,
        contact_email: str | None = ...,
        location: Mapping[str, Any] = ...,
        capacity: int | None = ...,
    ) -> Resource:
        """Edit a resource; omitted fields are not changed. Status and usage have methods of their own.

        Needs: resource:update.
        """

    def update_resource_type(
        self,
        *,
        resource_type_id: Identifier,
        name: str = ...,
        description: str | None = ...,
        is_active: bool = ...,
    ) -> ResourceType:
        """Change a resource type, or bring it back into use.

        Needs: catalogue:write.
        """

    def update_resource_usage(
        self,
        *,
        resource_id: Identifier,
        id: Identifier,
        usage_change: int,
    ) -> UsageChange:
        """Take some of the capacity of a resource, or give it back: the whole amount or nothing.

        Needs: resource:update_usage.
        """

"""What the methods of resources take and return."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypedDict

if TYPE_CHECKING:
    from shared.contracts.wire import Identifier, Moment


class NearResource(TypedDict):
    """A resource and how far it is, in metres along the surface."""

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
    distance_m: float


class NearestResources(TypedDict):
    """The nearest first."""

    items: list[NearResource]


class Resource(TypedDict):
    """A resource. ``version`` grows with every change and is what a change must name.

    ``available_capacity`` is what is left; it and ``capacity`` are null where there is no limit.
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


class HistoryEntry(TypedDict):
    """A status that a resource entered; ``version`` is the version of the resource that this made."""

    id: str
    resource_id: str
    status: str
    changed_by: str
    notes: str | None
    changed_at: str
    version: int


class PageOfHistoryEntry(TypedDict):
    items: list[HistoryEntry]
    next_cursor: str | None


class Circle(TypedDict):
    """A place and a distance from it along the surface, in metres."""

    lon: float
    lat: float
    radius_m: float


class AvailableResource(TypedDict):
    """A resource with the names that the seed's view ``available_resources`` shows beside it."""

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
    resource_type: str
    region_name: str


class PageOfAvailableResource(TypedDict):
    items: list[AvailableResource]
    next_cursor: str | None


class ResourceType(TypedDict):
    """A category of resources."""

    id: str
    name: str
    description: str | None
    is_active: bool


class PageOfResourceType(TypedDict):
    items: list[ResourceType]
    next_cursor: str | None


class PageOfResource(TypedDict):
    items: list[Resource]
    next_cursor: str | None


class UsageChange(TypedDict):
    """A change of usage as it was made, and what it left.

    ``current_usage``, ``capacity`` and ``remaining`` (null without a limit) are those of the moment after
    it.
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

    def find_nearest_resources(
        self,
        *,
        lon: float,
        lat: float,
        resource_type_id: Any = ...,
        region_id: Any = ...,
        needed: int = ...,
        status: Any = ...,
        radius_m: float | None = ...,
        limit: int = ...,
    ) -> NearestResources:
        """Returns the resources nearest to a place that can take what is needed, with their distance.

        Needs: resource:read.
        """

    def get_resource(
        self,
        *,
        resource_id: Identifier,
    ) -> Resource:
        """Returns one resource.

        Needs: resource:read.
        """

    def get_resource_history(
        self,
        *,
        resource_id: Identifier,
        cursor: str | None = ...,
        limit: int = ...,
    ) -> PageOfHistoryEntry:
        """Returns a page of the statuses that a resource entered, the first one first.

        Needs: resource:read.
        """

    def list_available_resources(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        resource_type_id: Any = ...,
        region_id: Any = ...,
        needed: int | None = ...,
        changed_since: Moment | None = ...,
        bbox: Any = ...,
        within: Any = ...,
        near: Circle | None = ...,
        text: str | None = ...,
    ) -> PageOfAvailableResource:
        """Returns a page of the available resources that are not full, with their names, the newest first.

        Needs: resource:read.
        """

    def list_resource_types(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        include_inactive: bool = ...,
    ) -> PageOfResourceType:
        """Returns a page of the resource types by name.

        Needs: signed in.
        """

    def list_resources(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        resource_type_id: Any = ...,
        region_id: Any = ...,
        needed: int | None = ...,
        changed_since: Moment | None = ...,
        bbox: Any = ...,
        within: Any = ...,
        near: Circle | None = ...,
        text: str | None = ...,
        status: Any = ...,
    ) -> PageOfResource:
        """Returns a page of resources, the newest first.

        Needs: resource:read.
        """

    def list_usage_changes(
        self,
        *,
        resource_id: Identifier,
        cursor: str | None = ...,
        limit: int = ...,
    ) -> PageOfUsageChange:
        """Returns a page of what was taken and given back, the newest first.

        Needs: resource:read.
        """

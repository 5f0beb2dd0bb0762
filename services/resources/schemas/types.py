"""What the methods of resources get as arguments, once loaded, and return, before it is dumped."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID


Status: TypeAlias = Literal["available", "limited", "unavailable", "out_of_service", "closed"]


class ChangeResourceStatus(TypedDict):
    """A change to another status; ``version`` is the version that the caller saw."""

    resource_id: UUID
    version: int
    status: Status
    notes: str | None


class Resource(TypedDict):
    """A resource. ``version`` grows with every change, and a change must give it.

    ``available_capacity`` is the free capacity; it and ``capacity`` are null if the resource is unlimited.
    ``import_source`` and ``import_key`` are the source from which the resource was imported, and its key
    there.
    """

    id: UUID
    name: str
    description: str | None
    region_id: UUID
    resource_type_id: UUID
    contact_person: str | None
    contact_phone: str | None
    contact_email: str | None
    location: Any
    capacity: int | None
    current_usage: int
    available_capacity: int | None
    status: str
    status_notes: str | None
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    version: int
    import_source: str | None
    import_key: str | None


class CreateResource(TypedDict):
    """A new resource, which is `available`.

    With an ``id`` (preferably UUIDv7), a repeated call has no further effect. Without ``region_id`` the
    resource is put into the region that contains its location. Without a ``capacity``, or with null, it is
    unlimited. ``current_usage`` is 0 if omitted.
    """

    id: NotRequired[UUID | None]
    name: str
    description: NotRequired[str | None]
    region_id: NotRequired[UUID | None]
    resource_type_id: UUID
    contact_person: NotRequired[str | None]
    contact_phone: NotRequired[str | None]
    contact_email: NotRequired[str | None]
    location: dict[str, Any]
    capacity: NotRequired[int | None]
    current_usage: NotRequired[int | None]


class CreateResourceType(TypedDict):
    """A new resource type."""

    id: UUID | None
    name: str
    description: NotRequired[str | None]


class ResourceType(TypedDict):
    """A category of resources."""

    id: UUID
    name: str
    description: str | None
    is_active: bool


class DeactivateResourceType(TypedDict):
    """The resource type to take out of use."""

    resource_type_id: UUID


class FindNearestResources(TypedDict):
    """The resources nearest to a location that have at least ``needed`` free capacity.

    The status is `available` by default; ``radius_m`` is the maximum distance in metres along the surface.
    """

    resource_type_id: NotRequired[list[UUID] | None]
    region_id: NotRequired[list[UUID] | None]
    lon: float
    lat: float
    needed: int
    status: list[Status]
    radius_m: NotRequired[float | None]
    limit: int


class NearResource(TypedDict):
    """A resource and its distance in metres along the surface."""

    id: UUID
    name: str
    description: str | None
    region_id: UUID
    resource_type_id: UUID
    contact_person: str | None
    contact_phone: str | None
    contact_email: str | None
    location: Any
    capacity: int | None
    current_usage: int
    available_capacity: int | None
    status: str
    status_notes: str | None
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    version: int
    import_source: str | None
    import_key: str | None
    distance_m: float


class NearestResources(TypedDict):
    """Resources, the nearest first."""

    items: Sequence[NearResource]


class GetResource(TypedDict):
    """One resource."""

    resource_id: UUID


class OfResource(TypedDict):
    """A page of a list that belongs to one resource."""

    cursor: str | None
    limit: int
    resource_id: UUID


class ResourceHistoryEntry(TypedDict):
    """A status that a resource entered; ``version`` is the version that the resource got with it."""

    id: UUID
    resource_id: UUID
    status: str
    changed_by: UUID
    notes: str | None
    changed_at: datetime
    version: int


class PageOfResourceHistoryEntry(TypedDict):
    items: Sequence[ResourceHistoryEntry]
    next_cursor: str | None


class ImportResources(TypedDict):
    """Up to 500 rows, each with the fields of `CreateResource` and of `ResourceRow`.

    Each row is checked alone, because a wrong row does not fail the call. ``source`` names the list from
    which the keys of the rows come; keys of different sources are independent.
    """

    source: str
    rows: list[Any]


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
    ids: Sequence[UUID | None]
    refused: Sequence[RefusedRow]


class Circle(TypedDict):
    """A location and a distance from it along the surface, in metres."""

    lon: float
    lat: float
    radius_m: float


class ListAvailableResources(TypedDict):
    """Resources that are `available` and not full."""

    cursor: str | None
    limit: int
    resource_type_id: NotRequired[list[UUID] | None]
    region_id: NotRequired[list[UUID] | None]
    needed: NotRequired[int | None]
    changed_since: NotRequired[datetime | None]
    bbox: NotRequired[tuple[float, float, float, float] | None]
    within: NotRequired[list[list[list[list[float]]]] | None]
    near: NotRequired[Circle | None]
    text: NotRequired[str | None]


class AvailableResource(TypedDict):
    """A resource with the names of its type and its region."""

    id: UUID
    name: str
    description: str | None
    region_id: UUID
    resource_type_id: UUID
    contact_person: str | None
    contact_phone: str | None
    contact_email: str | None
    location: Any
    capacity: int | None
    current_usage: int
    available_capacity: int | None
    status: str
    status_notes: str | None
    created_at: datetime
    updated_at: datetime
    updated_by: UUID | None
    version: int
    import_source: str | None
    import_key: str | None
    resource_type: str
    region_name: str


class PageOfAvailableResource(TypedDict):
    items: Sequence[AvailableResource]
    next_cursor: str | None


class ListResourceTypes(TypedDict):
    """A page of resource types by name; only those in use unless ``include_inactive``."""

    cursor: str | None
    limit: int
    include_inactive: bool


class PageOfResourceType(TypedDict):
    items: Sequence[ResourceType]
    next_cursor: str | None


class ListResources(TypedDict):
    """Resources of every status; ``import_source`` selects the resources imported from this source."""

    cursor: str | None
    limit: int
    resource_type_id: NotRequired[list[UUID] | None]
    region_id: NotRequired[list[UUID] | None]
    needed: NotRequired[int | None]
    changed_since: NotRequired[datetime | None]
    bbox: NotRequired[tuple[float, float, float, float] | None]
    within: NotRequired[list[list[list[list[float]]]] | None]
    near: NotRequired[Circle | None]
    text: NotRequired[str | None]
    status: NotRequired[list[Status] | None]
    import_source: NotRequired[str | None]


class PageOfResource(TypedDict):
    items: Sequence[Resource]
    next_cursor: str | None


class UsageChange(TypedDict):
    """A change of the usage of a resource.

    ``current_usage``, ``capacity`` and ``remaining`` (null if unlimited) are the values after the change.
    """

    id: UUID
    resource_id: UUID
    usage_change: int
    current_usage: int
    capacity: int | None
    remaining: int | None
    changed_by: UUID
    changed_at: datetime
    version: int


class PageOfUsageChange(TypedDict):
    items: Sequence[UsageChange]
    next_cursor: str | None


class UpdateResource(TypedDict):
    """Changes to a resource; ``version`` is the version that the caller saw. Omitted fields are not changed.
    """

    resource_id: UUID
    version: int
    name: NotRequired[str]
    description: NotRequired[str | None]
    region_id: NotRequired[UUID]
    resource_type_id: NotRequired[UUID]
    contact_person: NotRequired[str | None]
    contact_phone: NotRequired[str | None]
    contact_email: NotRequired[str | None]
    location: NotRequired[dict[str, Any]]
    capacity: NotRequired[int | None]


class UpdateResourceType(TypedDict):
    """Changes to a resource type; ``is_active`` true brings it back into use."""

    resource_type_id: UUID
    name: NotRequired[str]
    description: NotRequired[str | None]
    is_active: NotRequired[bool]


class UpdateResourceUsage(TypedDict):
    """An amount that is taken (``usage_change`` above zero) or given back (below zero).

    ``id`` is the id of this change and not of the resource. The caller chooses it (preferably UUIDv7), and
    a repeated call with it has no further effect. There is no version, because the limits are checked when
    the change is made.
    """

    resource_id: UUID
    id: UUID
    usage_change: int

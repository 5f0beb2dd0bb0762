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
    """A move to another status."""

    resource_id: UUID
    version: int
    status: Status
    notes: str | None


class Resource(TypedDict):
    """A resource. ``version`` grows with every change and is what a change must name.

    ``available_capacity`` is what is left; it and ``capacity`` are null where there is no limit.
    ``import_source`` and ``import_key`` say which list it was imported from and what it is called there.
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

    ``id`` (UUIDv7 by preference) makes a repeat harmless; without ``region_id`` the resource is put into
    the region that contains its location; without a ``capacity``, or with null, it is unlimited.
    ``current_usage`` is 0 when omitted.
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
    """A type that can not be given to resources any more."""

    resource_type_id: UUID


class FindNearestResources(TypedDict):
    """The nearest resources to a place that can take ``needed`` more.

    The status is `available` unless named; ``radius_m`` is the farthest that is of use, in metres along
    the surface.
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
    """A resource and how far it is, in metres along the surface."""

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
    """The nearest first."""

    items: Sequence[NearResource]


class GetResource(TypedDict):
    """One resource."""

    resource_id: UUID


class OfResource(TypedDict):
    """A list that belongs to one resource."""

    cursor: str | None
    limit: int
    resource_id: UUID


class ResourceHistoryEntry(TypedDict):
    """A status that a resource entered; ``version`` is the version of the resource that this made."""

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

    They are checked one by one later, because a row at fault does not fail the call. ``source`` names the
    list that the keys of the rows are from; keys of different sources never meet.
    """

    source: str
    rows: list[Any]


class RefusedRow(TypedDict):
    """Why a row was not stored: ``row`` is its index in the call, ``error`` a slug of the error set."""

    row: int
    error: str
    message: str
    fields: Any


class ImportResult(TypedDict):
    """What became of the rows.

    ``stored`` were new, ``updated`` changed a record that was there, ``unchanged`` say nothing new.
    ``ids`` has the id of each row's record in the order of the call, null where the row was refused.
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
    """A resource with the names that the seed's view ``available_resources`` shows beside it."""

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
    """Resource types by name; only those in use unless ``include_inactive``."""

    cursor: str | None
    limit: int
    include_inactive: bool


class PageOfResourceType(TypedDict):
    items: Sequence[ResourceType]
    next_cursor: str | None


class ListResources(TypedDict):
    """Resources of every status; ``import_source`` chooses those that were imported from this list."""

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
    """A change of usage as it was made, and what it left.

    ``current_usage``, ``capacity`` and ``remaining`` (null without a limit) are those of the moment after
    it.
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
    """Changes to a resource of which ``version`` was seen; what is omitted stays."""

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
    """Changes to a resource type; ``is_active`` true takes one into use again."""

    resource_type_id: UUID
    name: NotRequired[str]
    description: NotRequired[str | None]
    is_active: NotRequired[bool]


class UpdateResourceUsage(TypedDict):
    """So much is taken (``usage_change`` above zero) or given back (below).

    ``id`` names this change, not the resource: made by the caller (UUIDv7 by preference), it makes a
    repeat harmless. No version is asked for, for the bounds are checked when the change is made.
    """

    resource_id: UUID
    id: UUID
    usage_change: int

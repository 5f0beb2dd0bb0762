"""The catalogue of resource types. Types are never deleted, because resources refer to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.resources.models import resource_types
from shared.domain.catalogue import Catalogue, add_missing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection

    from services.resources.schemas import types
    from shared.domain.catalogue import Entries
    from shared.platform.rpc.context import Caller

_TYPES: Final[Catalogue[types.ResourceType]] = Catalogue(resource_types, "resource type")

RESOURCE_TYPES: Final = (
    ("Shelter", "A roof and a bed for people who cannot stay at home."),
    ("Hospital", "Beds, surgery and emergency care."),
    ("Field Hospital", "A hospital in tents or containers, for a while."),
    ("Clinic", "Care for people who need no bed."),
    ("Ambulance", "A vehicle that treats and carries people who are ill or injured."),
    ("Rescue Team", "People and tools to free and recover people."),
    ("Medical Team", "Doctors and nurses who go where they are needed."),
    ("Fire Engine", "A vehicle with a crew that fights fire."),
    ("Boat", "Carries people and goods on water."),
    ("Aircraft", "A helicopter or plane for people and goods."),
    ("Truck", "Carries goods on land."),
    ("Bus", "Carries people on land."),
    ("Heavy Equipment", "Excavators, cranes and loaders."),
    ("Generator", "Makes electricity where there is none."),
    ("Water Supply", "Drinking water: tanks, bottles or a purification unit."),
    ("Food Supply", "Meals, rations or a kitchen."),
    ("Medical Supply", "Medicines, blood and material."),
    ("Relief Goods", "Tents, blankets, hygiene kits and the like."),
    ("Warehouse", "Room for goods."),
    ("Landing Site", "A place where aircraft can land."),
    ("Other", "Anything that fits nowhere else."),
)
"""The name and the meaning of the resource types that every installation starts with."""


def seed(connection: Connection) -> None:
    """Add the resource types of every installation that are missing; existing ones are not changed."""
    rows = [{"name": name, "description": description} for name, description in RESOURCE_TYPES]
    add_missing(connection, resource_types, rows)


def create_resource_type(
    connection: Connection, caller: Caller, arguments: types.CreateResourceType
) -> types.ResourceType:
    """Add a resource type, which is in use from now on.

    Args:
        connection: In autocommit; it is one statement.
        caller: The caller.
        arguments: The type. A repeat with the same ``id`` and values returns the type.

    Raises:
        Conflict: Another type has the name or the id.
    """
    return _TYPES.create(connection, caller, arguments)


def update_resource_type(
    connection: Connection, resource_type_id: UUID, arguments: types.UpdateResourceType
) -> types.ResourceType:
    """Change a resource type, also for the resources that have it.

    Args:
        connection: In autocommit; it is one statement.
        resource_type_id: The type.
        arguments: The new values. A repeat changes nothing, so there is no version.

    Raises:
        NotFound: The type does not exist.
        Conflict: Another type has the name.
    """
    changes = {name: value for name, value in arguments.items() if name != "resource_type_id"}
    return _TYPES.update(connection, resource_type_id, changes)


def deactivate_resource_type(connection: Connection, resource_type_id: UUID) -> types.ResourceType:
    """Take a resource type out of use; the resources that have it keep it.

    Args:
        connection: In autocommit; it is one statement.
        resource_type_id: The type.

    Raises:
        NotFound: The type does not exist.
    """
    return _TYPES.update(connection, resource_type_id, {"is_active": False})


def list_resource_types(connection: Connection, filters: types.ListResourceTypes) -> types.PageOfResourceType:
    """Return a page of the resource types by name; of those in use only unless ``include_inactive``."""
    return _TYPES.page(connection, **filters)


def known_types(connection: Connection) -> Mapping[str, Entries]:
    """Return the entries that references to resource types are checked against, by the argument that refers to them."""
    return {"resource_type_id": _TYPES.entries(connection)}

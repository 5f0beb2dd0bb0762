"""The catalogue of resource types. Entries are never deleted, since resources name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from services.resources.models import resource_types
from shared.domain.catalogue import Catalogue, add_missing
from shared.platform.db import paging

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller

TYPES: Final = Catalogue(resource_types, "resource type")


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
"""Name and meaning of the resource types that every installation begins with."""


def seed(connection: Connection) -> None:
    """Adds the shipped resource types that are missing, by name; what is there stays as it is."""
    types = [{"name": name, "description": description} for name, description in RESOURCE_TYPES]
    add_missing(connection, resource_types, types)


def create_resource_type(connection: Connection, caller: Caller, arguments: Mapping[str, Any]) -> RowMapping:
    """Adds a resource type, in use from now on.

    Args:
        connection: In autocommit; it is one statement.
        caller: The caller.
        arguments: As `schemas.CreateResourceType` loads them.

    Raises:
        Conflict: The name or the id is taken.
    """
    return TYPES.create(connection, caller, arguments)


def update_resource_type(
    connection: Connection, resource_type_id: UUID, changes: Mapping[str, Any]
) -> RowMapping:
    """Changes a resource type, for the resources that have it too.

    Args:
        connection: In autocommit; it is one statement.
        resource_type_id: The type.
        changes: New values by column. Repeating them changes nothing more, so no version is asked for.

    Raises:
        NotFound: There is no such type.
        Conflict: The name is taken.
    """
    return TYPES.update(connection, resource_type_id, changes)


def deactivate_resource_type(connection: Connection, resource_type_id: UUID) -> RowMapping:
    """Takes a resource type out of use; the resources that have it keep it.

    Args:
        connection: In autocommit; it is one statement.
        resource_type_id: The type.

    Raises:
        NotFound: There is no such type.
    """
    return TYPES.update(connection, resource_type_id, {"is_active": False})


def type_problems(given: Mapping[str, Any], types: Mapping[UUID, bool]) -> dict[str, list[str]]:
    """What is wrong with the resource type of some arguments, where they name one.

    Args:
        given: The arguments.
        types: Whether it is in use, for each type that there is.
    """
    if "resource_type_id" not in given or types.get(given["resource_type_id"]):
        return {}
    known = given["resource_type_id"] in types
    problem = "This resource type is not in use any more." if known else "No such resource type."
    return {"resource_type_id": [problem]}


def types_in_use(connection: Connection) -> dict[UUID, bool]:
    """Every resource type with whether it is in use; they are some dozens."""
    rows = connection.execute(select(resource_types.c.id, resource_types.c.is_active)).mappings()
    return {row["id"]: row["is_active"] for row in rows}


_ORDER: Final[paging.Order] = ((resource_types.c.name, "asc"), (resource_types.c.id, "asc"))


def list_resource_types(
    connection: Connection, *, include_inactive: bool, cursor: str | None, limit: int
) -> dict[str, Any]:
    """A page of the resource types by name; those that were deactivated only when asked for."""
    statement = select(resource_types)
    if not include_inactive:
        statement = statement.where(resource_types.c.is_active)
    rows = connection.execute(paging.keyset(statement, _ORDER, cursor, limit)).all()
    return paging.page(rows, limit, _ORDER)

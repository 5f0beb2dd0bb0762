"""A database with resource types, and short ways to say what is done to resources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import pytest
from uuid6 import uuid7

from services.resources import catalogue, resources, schemas, status, usage
from shared.platform.schemas import load
from tests.support import world as world_support

if TYPE_CHECKING:
    from uuid import UUID

    from shared.platform.rpc.context import Caller


@dataclass
class World(world_support.World):
    """Every test makes resources of its own, and loads arguments through the schemas, as the service does."""

    service: ClassVar[str] = "resources"

    types: dict[str, UUID] = field(default_factory=dict)

    def arguments(self, **changed):
        usual = {
            "region_id": str(self.regions["north"]),
            "resource_type_id": str(self.types["Shelter"]),
            "name": "Harbour school",
            "location": {"type": "Point", "coordinates": [-82.5, 27.9], "address": "1 Harbour Road"},
            "capacity": 10,
        }
        return world_support.given_arguments(usual, changed)

    def create(self, caller: Caller, **changed):
        arguments = load(schemas.CreateResource(), self.arguments(**changed))
        with self.db.autocommit() as connection:
            return resources.create_resource(connection, caller, arguments["region_id"], arguments)

    def update(self, caller: Caller, resource, **changes):
        version = changes.pop("version", resource["version"])
        said = {"resource_id": str(resource["id"]), "version": version, **changes}
        given = load(schemas.UpdateResource(), world_support.given_arguments({}, said))
        with self.db.autocommit() as connection:
            return resources.update_resource(connection, caller, given["resource_id"], version, given)

    def change(self, caller: Caller, resource, requested: str, notes=None, *, version=None, **more):
        version = version or resource["version"]
        with self.db.autocommit() as connection:
            return status.change_resource_status(
                connection, caller, resource["id"], version, requested, notes, **more
            )

    def use(self, caller: Caller, resource, usage_change: int, change_id=None):
        with self.db.autocommit() as connection:
            return usage.update_resource_usage(
                connection, caller, resource["id"], change_id or uuid7(), usage_change
            )

    def get(self, caller: Caller, resource_id: UUID):
        with self.db.read() as connection:
            return resources.get_resource(connection, caller, resource_id)

    def list(self, caller: Caller, **filters):
        with self.db.read() as connection:
            return resources.list_resources(connection, caller, load(schemas.ListResources(), filters))

    def ids(self, caller: Caller, **filters):
        return [item["id"] for item in self.list(caller, **filters)["items"]]

    def available(self, caller: Caller, **filters):
        with self.db.read() as connection:
            loaded = load(schemas.ListAvailableResources(), filters)
            return resources.list_available_resources(connection, caller, loaded)["items"]

    def nearest(self, caller: Caller, **filters):
        with self.db.read() as connection:
            loaded = load(schemas.FindNearestResources(), filters)
            return resources.find_nearest_resources(connection, caller, loaded)["items"]


@pytest.fixture(scope="session")
def world():
    made = World.made()
    with made.db.write() as connection:
        catalogue.seed(connection)
    with made.db.read() as connection:
        types = catalogue.list_resource_types(
            connection, {"include_inactive": True, "cursor": None, "limit": 500}
        )
    made.types = {row["name"]: row["id"] for row in types["items"]}
    yield made
    made.close()

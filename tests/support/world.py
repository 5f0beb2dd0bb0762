"""A database with some people and regions, and callers with the permissions of the default roles."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from sqlalchemy import create_engine, text
from uuid6 import uuid7

from shared.domain.permissions import DEFAULT_ROLES
from shared.platform.db.engine import Database, database_url
from shared.platform.rpc.context import Caller
from tests.support.permissions import HELD_IN
from tests.support.postgresql import fresh_database

if TYPE_CHECKING:
    from tests.support.postgresql import TemporaryDatabase

REGIONS = ("north", "south")


@dataclass
class World:
    """What the tests of one service work in: the service's own role, and two regions.

    Subclass it with short ways to say what the service does.
    """

    service: ClassVar[str]

    database: TemporaryDatabase
    db: Database
    regions: dict[str, UUID]

    @classmethod
    def made(cls) -> World:
        database = fresh_database()
        world = cls(database, Database(database.url(cls.service), pool_size=5), {})
        world.regions = {name: world.region() for name in REGIONS}
        return world

    def __post_init__(self):
        self._admin = create_engine(database_url(self.database.admin_url))

    def close(self):
        self.db.close()
        self._admin.dispose()
        self.database.drop()

    def person(self) -> UUID:
        user_id = uuid7()
        self.as_admin(
            "INSERT INTO identity.users (id, email, password_hash, first_name, last_name)"
            " VALUES (:id, :email, 'x', 'Ada', 'Lovelace')",
            id=user_id,
            email=f"{user_id}@impactx.example",
        )
        return user_id

    def region(self) -> UUID:
        region_id = UUID(bytes=uuid7().bytes)
        self.as_admin(
            "INSERT INTO identity.regions (id, name, code) VALUES (:id, :code, :code)",
            id=region_id,
            code=f"R-{region_id}",
        )
        return region_id

    def nest(self, region_id: UUID, parent_id: UUID | None, version: int = 1) -> None:
        """The service hears of a region that lies in another."""
        facts = {"region_id": region_id, "version": version, "parent_id": parent_id}
        tree = import_module(f"services.{self.service}.models").REGIONS
        with self.db.write() as connection:
            tree.record(connection, [SimpleNamespace(data=facts)])

    def places(self) -> dict[str, UUID]:
        """The regions around a new one, by the words of `permissions.HELD_IN`."""
        places = {name: self.region() for name in HELD_IN}
        self.nest(places["the region"], places["a region above"])
        self.nest(places["a region below"], places["the region"])
        self.nest(places["a region beside"], places["a region above"])
        return places

    def caller(self, role: str = "coordinator", *, only: UUID | None = None) -> Caller:
        """Somebody with the role, everywhere or in one region only."""
        granted = None if only is None else frozenset({only})
        return self.caller_with(dict.fromkeys(DEFAULT_ROLES[role].permissions, granted))

    def caller_with(self, permissions: dict[str, frozenset[UUID] | None]) -> Caller:
        return Caller(self.person(), frozenset(), permissions, token="", correlation_id=f"test-{uuid7()}")

    def events(self, subject: UUID):
        """What the outbox holds about a thing, in its order."""
        with self.db.read() as connection:
            rows = connection.execute(
                text(f"SELECT * FROM {self.service}.outbox WHERE subject = :id ORDER BY seq"), {"id": subject}
            )
            return rows.mappings().all()

    def as_admin(self, statement: str, **values):
        with self._admin.begin() as connection:
            connection.execute(text(statement), values)


def given_arguments(usual, changed):
    """Arguments as they come over the wire: the usual ones with changes, where ``...`` leaves one out."""
    mixed = usual | {
        name: str(value) if isinstance(value, UUID) else value for name, value in changed.items()
    }
    return {name: value for name, value in mixed.items() if value is not ...}

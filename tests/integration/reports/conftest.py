"""A database with some people and regions, and callers with the permissions of the default roles."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from uuid6 import uuid7

from services.reports import operations, queries, schemas
from shared.contracts.permissions import DEFAULT_ROLES
from shared.db.engine import Database, database_url
from shared.rpc.context import Caller
from shared.schemas import load
from tests.support.postgresql import fresh_database

REGIONS = ("north", "south")


@dataclass
class World:
    """What the tests work in: the service's own role, two regions, the seeded catalogues.

    Every test makes reports of its own; `people` are made as they are needed.
    """

    db: Database
    admin_url: str
    regions: dict[str, UUID]
    types: dict[str, UUID] = field(default_factory=dict)
    levels: dict[int, UUID] = field(default_factory=dict)

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
        region_id = UUID(str(uuid7()))
        self.as_admin(
            "INSERT INTO identity.regions (id, name, code) VALUES (:id, :code, :code)",
            id=region_id,
            code=f"R-{region_id}",
        )
        return region_id

    def caller(self, role: str = "coordinator", *, only: UUID | None = None) -> Caller:
        """Somebody with the role, everywhere or in one region only."""
        granted = None if only is None else frozenset({only})
        permissions = dict.fromkeys(DEFAULT_ROLES[role].permissions, granted)
        return self.caller_with(permissions)

    def caller_with(self, permissions: dict[str, frozenset[UUID] | None]) -> Caller:
        return Caller(self.person(), frozenset(), permissions, token="", correlation_id=f"test-{uuid7()}")

    def arguments(self, **changed):
        given = {
            "region_id": str(self.regions["north"]),
            "report_type_id": str(self.types["Flood"]),
            "severity_level_id": str(self.levels[3]),
            "title": "Bridge out",
            "description": "The river took it.",
            "location": {"type": "Point", "coordinates": [-72.5, 18.2], "address": "Jacmel"},
        } | {name: str(value) if isinstance(value, UUID) else value for name, value in changed.items()}
        return {name: value for name, value in given.items() if value is not ...}

    def create(self, caller: Caller, **changed):
        arguments = load(schemas.CreateReport(), self.arguments(**changed))
        with self.db.write_one() as connection:
            return operations.create_report(connection, caller, arguments, arguments["region_id"])

    def change(self, caller: Caller, report, status: str, **more):
        version = more.pop("version", report["version"])
        lend = self.db.write if operations.needs_transaction(status) else self.db.write_one
        with lend() as connection:
            return operations.change_report_status(connection, caller, report["id"], version, status, **more)

    def update(self, caller: Caller, report, **changes):
        version = changes.pop("version", report["version"])
        with self.db.write_one() as connection:
            return operations.update_report(connection, caller, report["id"], version, changes)

    def get(self, caller: Caller, report_id: UUID):
        with self.db.read() as connection:
            return queries.get_report(connection, caller, report_id)

    def list(self, caller: Caller, **filters):
        with self.db.read() as connection:
            return queries.list_reports(connection, caller, load(schemas.ListReports(), filters))

    def ids(self, caller: Caller, **filters):
        return [item["id"] for item in self.list(caller, **filters)["items"]]

    def events(self, report_id: UUID):
        """What the outbox holds about the report, in its order."""
        with self.db.read() as connection:
            rows = connection.execute(
                text("SELECT * FROM reports.outbox WHERE subject = :id ORDER BY seq"), {"id": report_id}
            )
            return rows.mappings().all()

    def as_admin(self, statement: str, **values):
        with self._admin.begin() as connection:
            connection.execute(text(statement), values)

    def __post_init__(self):
        self._admin = create_engine(database_url(self.admin_url))


@pytest.fixture(scope="session")
def world():
    database = fresh_database()
    db = Database(database.url("reports"), pool_size=5)
    made = World(db, database.admin_url, {})
    made.regions = {name: made.region() for name in REGIONS}
    with db.write() as connection:
        operations.seed(connection)
    with db.read() as connection:
        types = queries.list_report_types(connection, include_inactive=True, cursor=None, limit=500)
        levels = queries.list_severity_levels(connection, None, 500)
    made.types = {row["name"]: row["id"] for row in types["items"]}
    made.levels = {row["level"]: row["id"] for row in levels["items"]}
    yield made
    db.close()
    made._admin.dispose()
    database.drop()

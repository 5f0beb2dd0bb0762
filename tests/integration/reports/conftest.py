"""A database with the seeded catalogues of reports, and short ways to say what is done to reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import pytest

from services.reports import catalogue, reports, schemas, status
from shared.platform.schemas import load
from tests.support import world as world_support

if TYPE_CHECKING:
    from uuid import UUID

    from shared.platform.rpc.context import Caller


@dataclass
class World(world_support.World):
    """Every test makes reports of its own; people are made as they are needed."""

    service: ClassVar[str] = "reports"

    types: dict[str, UUID] = field(default_factory=dict)
    levels: dict[int, UUID] = field(default_factory=dict)

    def arguments(self, **changed):
        usual = {
            "region_id": str(self.regions["north"]),
            "report_type_id": str(self.types["Flood"]),
            "severity_level_id": str(self.levels[3]),
            "title": "Bridge out",
            "description": "The river took it.",
            "location": {"type": "Point", "coordinates": [-72.5, 18.2], "address": "Jacmel"},
        }
        return world_support.given_arguments(usual, changed)

    def create(self, caller: Caller, **changed):
        arguments = load(schemas.CreateReport(), self.arguments(**changed))
        with self.db.autocommit() as connection:
            return reports.create_report(connection, caller, arguments["region_id"], arguments)

    def change(self, caller: Caller, report, entered: str, **more):
        version = more.pop("version", report["version"])
        lend = self.db.write if status.needs_transaction(entered) else self.db.autocommit
        with lend() as connection:
            return status.change_report_status(connection, caller, report["id"], version, entered, **more)

    def update(self, caller: Caller, report, **changes):
        changes = {"report_id": report["id"], "version": report["version"], **changes}
        with self.db.autocommit() as connection:
            return reports.update_report(connection, caller, changes)

    def get(self, caller: Caller, report_id: UUID):
        with self.db.read() as connection:
            return reports.get_report(connection, caller, report_id)

    def list(self, caller: Caller, **filters):
        with self.db.read() as connection:
            return reports.list_reports(connection, caller, load(schemas.ListReports(), filters))

    def ids(self, caller: Caller, **filters):
        return [item["id"] for item in self.list(caller, **filters)["items"]]


@pytest.fixture(scope="session")
def world():
    made = World.made()
    with made.db.write() as connection:
        catalogue.seed(connection)
    with made.db.read() as connection:
        types = catalogue.TYPES.page(connection, include_inactive=True, cursor=None, limit=500)
        levels = catalogue.LEVELS.page(connection, cursor=None, limit=500)
    made.types = {row["name"]: row["id"] for row in types["items"]}
    made.levels = {row["level"]: row["id"] for row in levels["items"]}
    yield made
    made.close()

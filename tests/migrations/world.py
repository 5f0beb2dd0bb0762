"""Rows written with plain SQL, as somebody in psql would, and the events that they left in the outboxes."""

from uuid import UUID

from sqlalchemy import text
from uuid6 import uuid7

from shared.domain import CONTRACTS

SYSTEM = UUID(int=0)
JACMEL = '{"type": "Point", "coordinates": [-72.5, 18.2], "address": "Jacmel"}'


class World:
    """One transaction of an administrator, which ends without a trace."""

    def __init__(self, connection):
        self.connection = connection
        self.user = self.person("ada")
        self.region = self.insert("identity.regions", name="North", code=f"N-{uuid7()}")
        self.report_type = self.insert("reports.report_types", name=f"Flood {uuid7()}")
        self.severity = self.insert("reports.severity_levels", name=f"Severe {uuid7()}"[:50], level=4)
        self.resource_type = self.insert("resources.resource_types", name=f"Shelter {uuid7()}")
        self.forget_events()

    def run(self, statement, **values):
        return self.connection.execute(text(statement), values)

    def insert(self, table, **values):
        columns, parameters = ", ".join(values), ", ".join(f":{name}" for name in values)
        return self.run(
            f"INSERT INTO {table} ({columns}) VALUES ({parameters}) RETURNING id", **values
        ).scalar_one()

    def person(self, name):
        return self.insert(
            "identity.users",
            email=f"{name}-{uuid7()}@impactx.example",
            password_hash="x",
            first_name=name.title(),
            last_name="Lovelace",
        )

    def report(self, **changed):
        values = {
            "user_id": self.user,
            "region_id": self.region,
            "report_type_id": self.report_type,
            "severity_level_id": self.severity,
            "title": "Bridge out",
            "description": "The river took it.",
            "location": JACMEL,
        }
        return self.insert("reports.reports", **values | changed)

    def resource(self, **changed):
        values = {
            "name": "Lycée",
            "region_id": self.region,
            "resource_type_id": self.resource_type,
            "location": JACMEL,
            "capacity": 10,
        }
        return self.insert("resources.resources", **values | changed)

    def alert(self, **changed):
        values = {
            "title": "Storm",
            "message": "Stay inside.",
            "region_id": self.region,
            "issued_by": self.user,
            "priority": "high",
        }
        return self.insert("alerts.alerts", **values | changed)

    def row(self, table, row_id):
        return self.run(f"SELECT * FROM {table} WHERE id = :id", id=row_id).mappings().one()

    def events(self, service):
        """What was added to the outbox since one last looked; each is what its contract says."""
        rows = self.run(f"SELECT * FROM {service}.outbox ORDER BY seq").mappings().all()
        self.run(f"DELETE FROM {service}.outbox")
        for row in rows:
            errors = CONTRACTS[service, row["type"]].schema().validate(row["data"])
            assert not errors, (row["type"], errors)
            assert row["data"]["version"] == row["sequence"]
        return rows

    def forget_events(self):
        for service in ("identity", "reports", "resources", "alerts"):
            self.run(f"DELETE FROM {service}.outbox")


def types(events):
    return [event["type"] for event in events]

"""alerts on a database of its own, with an audience as identity's events make it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from uuid6 import uuid7

from services.alerts import (
    alert_rules,
    alerts,
    audience,
    cancellation,
    issuing,
    receipts,
    rule_engine,
    schemas,
    targeting,
    updating,
)
from shared.domain import CONTRACTS
from shared.domain.permissions import DEFAULT_ROLES
from shared.platform.db.engine import Database, database_url
from shared.platform.outbox.event import Event
from shared.platform.rpc.context import Caller
from shared.platform.schemas import load
from tests.support.postgresql import fresh_database

SENDER = "alerts@impactx.example"
SQUARE = {"type": "Polygon", "coordinates": [[[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [0.0, 2.0], [0.0, 0.0]]]}


@dataclass
class World:
    """Two regions, people who want their alerts, and short ways to say who does what.

    Every method loads its arguments through the schema of the RPC method, as the service does.
    """

    db: Database
    admin_url: str
    regions: dict[str, UUID] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self._admin = create_engine(database_url(self.admin_url))

    # --- people and places ---------------------------------------------------------------------------------------

    def person(self, *, wants=(), roles=(), is_active=True, is_known=True, language=None) -> UUID:
        user_id = UUID(bytes=uuid7().bytes)
        self.as_admin(
            "INSERT INTO identity.users (id, email, password_hash, first_name, last_name)"
            " VALUES (:id, :email, 'x', 'Ada', 'Lovelace')",
            id=user_id,
            email=f"{user_id}@impactx.example",
        )
        if is_known:
            account = self.account(user_id, wants=wants, roles=roles, is_active=is_active, language=language)
            self.hear(account)
        return user_id

    def account(self, user_id, *, wants=(), roles=(), is_active=True, version=1, language=None) -> Event:
        preferences = {
            **({"language": language} if language else {}),
            "regions": [self.codes.get(name, name) for name in wants if name != "*"],
            "all_regions": "*" in wants,
        }
        data = {
            "user_id": user_id,
            "version": version,
            "is_active": is_active,
            "preferences": preferences,
            "roles": list(roles),
        }
        return event_of("identity", "user_updated", user_id, data)

    def region(self, name: str | None = None, boundaries=SQUARE, *, parent=None, is_known=True) -> UUID:
        region_id = UUID(bytes=uuid7().bytes)
        code = f"R-{region_id}"
        self.as_admin(
            "INSERT INTO identity.regions (id, name, code) VALUES (:id, :name, :code)",
            id=region_id,
            name=name or code,
            code=code,
        )
        if name:
            self.regions[name], self.codes[name] = region_id, code
        if is_known:
            self.hear(self.area(region_id, code, name or code, boundaries, parent=parent))
        return region_id

    def area(self, region_id, code, name, boundaries=None, version=1, parent=None) -> Event:
        data = {
            "region_id": region_id,
            "version": version,
            "code": code,
            "name": name,
            "boundaries": boundaries,
            "parent_id": parent,
        }
        return event_of("identity", "region_updated", region_id, data)

    def hear(self, *events) -> None:
        with self.db.write() as connection:
            audience.record_audience(connection, events)

    def caller(self, role: str = "coordinator", *, only: UUID | None = None, user_id=None) -> Caller:
        """Somebody with the role, everywhere or in one region only."""
        granted = None if only is None else frozenset({only})
        permissions = dict.fromkeys(DEFAULT_ROLES[role].permissions, granted)
        return self.caller_with(permissions, user_id)

    def caller_with(self, permissions, user_id=None) -> Caller:
        return Caller(
            user_id or self.person(is_known=False),
            frozenset(),
            permissions,
            token="",
            correlation_id=f"test-{uuid7()}",
        )

    # --- alerts --------------------------------------------------------------------------------------------------

    def arguments(self, **changed):
        given = {
            "region_id": self.regions["north"],
            "title": "Leave the river banks",
            "message": "The dam may break.",
            "priority": "high",
        } | changed
        return {name: plain(value) for name, value in given.items() if value is not ...}

    def draft(self, caller, **changed):
        arguments = load(schemas.DraftAlert(), self.arguments(**changed))
        with self.db.write() as connection:
            return issuing.draft_alert(connection, caller, arguments)

    def issue(self, caller, *, approval_priorities=(), **changed):
        arguments = load(schemas.IssueAlert(), self.arguments(**changed))
        with self.db.write() as connection:
            return issuing.issue_alert(
                connection, caller, SENDER, arguments, approval_priorities=approval_priorities
            )

    def issue_draft(self, caller, draft, version=None, *, approval_priorities=()):
        given = load(
            schemas.IssueAlert(), {"alert_id": str(draft["id"]), "version": version or draft["version"]}
        )
        with self.db.write() as connection:
            return issuing.issue_alert(
                connection, caller, SENDER, given, approval_priorities=approval_priorities
            )

    def request_approval(self, caller, alert, version=None):
        with self.db.write() as connection:
            return issuing.request_approval(connection, caller, alert["id"], version or alert["version"])

    def approve(self, caller, alert, version=None):
        with self.db.write() as connection:
            return issuing.approve_alert(connection, caller, SENDER, alert["id"], version or alert["version"])

    def give_back(self, caller, alert, notes=None):
        with self.db.write() as connection:
            return issuing.return_alert(connection, caller, alert["id"], alert["version"], notes)

    def update(self, caller, alert, *, approval_priorities=(), **changes):
        given = {"alert_id": str(alert["id"]), "version": alert["version"], **plain(changes)}
        loaded = load(schemas.UpdateAlert(), given)
        with self.db.write() as connection:
            return updating.update_alert(
                connection, caller, SENDER, loaded, approval_priorities=approval_priorities
            )

    def cancel(self, caller, alert, notes=None, version=None):
        with self.db.write() as connection:
            return cancellation.cancel_alert(
                connection, caller, SENDER, alert["id"], version or alert["version"], notes
            )

    def target(self, alert_id, size=3, chunks=None):
        """Expands the targets as the handler does, at most so many chunks."""
        with self.db.write() as connection:
            targeting.begin_targeting(connection, alert_id)
        done = 0
        while chunks is None or done < chunks:
            with self.db.write() as connection:
                if targeting.expand_targets(connection, alert_id, size):
                    return
            done += 1

    def told(self, caller, **changed):
        """An alert that was issued and whose people have it."""
        alert = self.issue(caller, **changed)
        self.target(alert["id"])
        return alert

    def follow(self, *events):
        with self.db.write() as connection:
            rule_engine.follow_rules(connection, SENDER, events)

    def read(self, caller, alert):
        with self.db.autocommit() as connection:
            return receipts.mark_alert_read(connection, caller, alert["id"])

    def get(self, caller, alert_id):
        return self.query(alerts.get_alert, caller, alert_id)

    def mine(self, caller, **filters):
        return self.query(receipts.list_my_alerts, caller, load(schemas.ListMyAlerts(), filters))

    def reach(self, caller, alert):
        return self.query(targeting.get_alert_reach, caller, alert["id"])

    def query(self, query, *arguments, **named):
        with self.db.read() as connection:
            return query(connection, *arguments, **named)

    # --- looking behind ------------------------------------------------------------------------------------------

    def reached(self, alert_id) -> list[UUID]:
        """Everybody who has a row, as often as they have one."""
        return [
            UUID(row.target_id)
            for row in self.rows(
                "SELECT target_id FROM alerts.alert_targets WHERE alert_id = :id AND reached_by IS NOT NULL",
                id=alert_id,
            )
        ]

    def events(self, subject):
        """What the outbox holds about a thing, in its order; each is what its contract says."""
        rows = self.rows("SELECT * FROM alerts.outbox WHERE subject = :id ORDER BY seq", id=subject)
        for row in rows:
            assert CONTRACTS["alerts", row.type].schema().validate(row.data) == {}
        return rows

    def rows(self, statement, **values):
        with self._admin.begin() as connection:
            return connection.execute(text(statement), values).all()

    def as_admin(self, statement, **values):
        with self._admin.begin() as connection:
            connection.execute(text(statement), values)

    def close(self):
        self.db.close()
        self._admin.dispose()


def event_of(source, event_type, subject, data) -> Event:
    """An event as a handler gets it."""
    return Event(
        id=uuid7(),
        type=event_type,
        source=source,
        subject=subject,
        sequence=data["version"],
        time=dt.datetime.now(dt.UTC),
        data=data,
        correlation_id="test",
    )


def plain(value):
    """Ids and times as callers send them."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


@pytest.fixture(scope="module")
def world():
    database = fresh_database()
    made = World(Database(database.url("alerts"), pool_size=8), database.admin_url)
    for name in ("north", "south"):
        made.region(name)
    with made.db.write() as connection:
        alert_rules.seed(connection)
    yield made
    made.close()
    database.drop()

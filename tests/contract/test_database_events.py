"""What the database itself emits, on plain SQL, is every event that there is a contract for, and keeps it."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.domain import CONTRACTS
from shared.domain.topology import SERVICES
from shared.platform.outbox.event import event_of, headers_of

SQUARE = '{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}'


def use_identity(world):
    user = world.person("grace")
    role = world.insert("identity.roles", name=f"warden {uuid4()}"[:50])
    world.run(
        "INSERT INTO identity.user_roles (user_id, role_id) VALUES (:user, :role)", user=user, role=role
    )
    world.run("DELETE FROM identity.user_roles WHERE user_id = :user", user=user)
    world.run("UPDATE identity.users SET first_name = 'Amazing' WHERE id = :user", user=user)
    world.run("UPDATE identity.users SET is_active = false WHERE id = :user", user=user)
    region = world.insert("identity.regions", name="South", code=f"S-{uuid4()}", boundaries=SQUARE)
    world.run("UPDATE identity.regions SET name = 'Deep South' WHERE id = :region", region=region)


def use_reports(world):
    report = world.report()
    world.run("UPDATE reports.reports SET status = 'confirmed' WHERE id = :report", report=report)
    world.run("UPDATE reports.reports SET title = 'Two bridges out' WHERE id = :report", report=report)
    world.insert("reports.report_comments", report_id=report, user_id=world.user, content="I saw it.")
    world.insert(
        "reports.report_attachments",
        report_id=report,
        file_name="bridge.jpg",
        file_path=f"{report}/{uuid4()}",
        mime_type="image/jpeg",
        file_size=7,
    )


def use_resources(world):
    resource = world.resource()
    for change in ("status = 'limited'", "current_usage = 3", "name = 'Lycée Jacmel'"):
        world.run(f"UPDATE resources.resources SET {change} WHERE id = :resource", resource=resource)


def use_alerts(world):
    alert = world.alert()
    reader = {"alert": alert, "reader": str(world.user)}
    world.run(
        "INSERT INTO alerts.alert_targets (alert_id, target_type, target_id, reached_by)"
        " VALUES (:alert, 'user', :reader, 1)",
        **reader,
    )
    world.run(
        "INSERT INTO alerts.alert_targeting (alert_id) VALUES (:alert) ON CONFLICT DO NOTHING", alert=alert
    )
    world.run("UPDATE alerts.alert_targeting SET finished_at = now() WHERE alert_id = :alert", alert=alert)
    world.run(
        "UPDATE alerts.alert_targets SET is_read = true, read_at = now()"
        " WHERE alert_id = :alert AND target_id = :reader",
        **reader,
    )
    world.run("UPDATE alerts.alerts SET status = 'expired' WHERE id = :alert", alert=alert)


USES = {"identity": use_identity, "reports": use_reports, "resources": use_resources, "alerts": use_alerts}


@pytest.mark.parametrize("service", SERVICES)
def test_the_database_emits_every_event_of_the_service_as_its_contract_says(world, service):
    USES[service](world)
    query = text(
        "SELECT id, type, subject, sequence, data::text AS data, occurred_at, correlation_id, traceparent"
        f" FROM {service}.outbox ORDER BY seq"
    )
    emitted = set()
    for row in world.connection.execute(query).all():
        headers = headers_of(
            service=service,
            event_id=row.id,
            event_type=row.type,
            subject=row.subject,
            sequence=row.sequence,
            time=row.occurred_at,
            correlation_id=row.correlation_id,
            traceparent=row.traceparent,
        )
        event = event_of(row.data.encode(), headers)
        assert set(event.data) == set(CONTRACTS[service, row.type].schema().fields), row.type
        assert event.data["version"] == event.sequence
        emitted.add(row.type)
    assert emitted == {name for source, name in CONTRACTS if source == service}

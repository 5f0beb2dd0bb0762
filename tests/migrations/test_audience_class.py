"""The class of an alert, as the migration gives it to alerts that exist and the database to those to come."""

import pytest
from uuid6 import uuid7

from shared.platform.db.migration import migrate
from tests.migrations.world import World

EVERYBODY, SOME, ONE = ("region", "r"), ("group", "coordinator"), ("user", "u")
BEFORE = "0005"
"""The last revision of alerts without classes."""

CLASSES = [
    ((), "public"),
    ((EVERYBODY,), "public"),
    ((EVERYBODY, SOME, ONE), "public"),
    ((SOME, ONE), "restricted"),
    ((ONE,), "private"),
]


def declare(world, alert, targets, *, numbered=True):
    for position, (kind, target) in enumerate(targets, start=1):
        world.insert(
            "alerts.alert_targets",
            alert_id=alert,
            target_type=kind,
            target_id=target,
            position=position if numbered else None,
        )


def cancel_of(world, alert):
    return world.run(
        'INSERT INTO alerts.alerts (title, message, region_id, issued_by, priority, status, msg_type, "references")'
        " VALUES ('Over', 'Over.', :region, :user, 'low', 'cancelled', 'Cancel', CAST(:references AS uuid[]))"
        " RETURNING id",
        region=world.region,
        user=world.user,
        references=[uuid7(), alert],
    ).scalar_one()


@pytest.mark.parametrize("numbered", [True, False])
def test_each_alert_gets_the_class_it_was_issued_as(migrated, connect, numbered):
    migrate(migrated.admin_url, ["alerts"], BEFORE)
    with connect(migrated.admin_url) as connection:
        world = World(connection)
        expected = {}
        for targets, audience_class in CLASSES:
            alert = world.alert(status="active")
            declare(world, alert, targets, numbered=numbered)
            world.insert(
                "alerts.alert_targets", alert_id=alert, target_type="user", target_id="reached", reached_by=1
            )
            cancel = cancel_of(world, alert)
            expected |= {alert: audience_class, cancel: audience_class}
        versions = dict(world.run("SELECT id, version FROM alerts.alerts").all())
    migrate(migrated.admin_url, ["alerts"])
    with connect(migrated.admin_url) as connection:
        found = World(connection).run("SELECT id, audience_class, version FROM alerts.alerts").all()
    assert {row.id: row.audience_class for row in found} == expected
    assert {row.id: row.version for row in found} == versions


def test_an_alert_of_a_writer_that_does_not_know_classes_is_private(world):
    alert = world.alert(status="active")
    assert world.row("alerts.alerts", alert)["audience_class"] == "private"
    (event,) = world.events("alerts")
    assert event["data"]["audience_class"] == "private"


@pytest.mark.parametrize("audience_class", ["public", "restricted", "private"])
def test_a_cancel_message_has_the_class_of_the_alert_it_cancels(world, audience_class):
    alert = world.alert(status="active", audience_class=audience_class)
    cancel = cancel_of(world, alert)
    assert world.row("alerts.alerts", cancel)["audience_class"] == audience_class


def test_events_carry_the_class(world):
    alert = world.alert(audience_class="restricted", status="draft")
    world.run("UPDATE alerts.alerts SET status = 'active' WHERE id = :id", id=alert)
    target = world.insert(
        "alerts.alert_targets", alert_id=alert, target_type="user", target_id=str(world.user), reached_by=1
    )
    world.run("UPDATE alerts.alert_targets SET is_read = true, read_at = now() WHERE id = :id", id=target)
    world.run("INSERT INTO alerts.alert_targeting (alert_id) VALUES (:id)", id=alert)
    world.run("UPDATE alerts.alert_targeting SET finished_at = now() WHERE alert_id = :id", id=alert)
    world.run("UPDATE alerts.alerts SET status = 'cancelled' WHERE id = :id", id=alert)
    found = [(event["type"], event["data"]["audience_class"]) for event in world.events("alerts")]
    assert found == [
        ("alert_status_changed", "restricted"),
        ("alert_issued", "restricted"),
        ("alert_read", "restricted"),
        ("alert_targeted", "restricted"),
        ("alert_status_changed", "restricted"),
    ]

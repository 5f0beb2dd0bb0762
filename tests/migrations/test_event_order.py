"""No event of a thing is stored with a version that is lower than that of an event of it that was sent before."""

from contextlib import ExitStack

import pytest
from sqlalchemy import NullPool, create_engine, exc, text

from shared.platform.db.engine import database_url
from tests.migrations.world import World


@pytest.fixture
def people(migrated):
    """Two administrators with a connection each, and a committed report and alert."""
    engine = create_engine(database_url(migrated.admin_url), poolclass=NullPool)
    with ExitStack() as connections:
        one, other = (connections.enter_context(engine.connect()) for _ in range(2))
        world = World(one)
        things = {"reports": world.report(), "alerts": world.alert(status="active")}
        for n in range(2):
            world.insert(
                "alerts.alert_targets",
                alert_id=things["alerts"],
                target_type="user",
                target_id=str(world.user) + str(n),
                reached_by=1,
            )
        world.run("INSERT INTO alerts.alert_targeting (alert_id) VALUES (:id)", id=things["alerts"])
        world.forget_events()
        one.commit()
        for connection in (one, other):
            connection.execute(text("SET lock_timeout = '200ms'"))
            connection.commit()
        yield one, other, things, world.user


PARTS = {
    "report_comment_added": (
        "reports",
        "INSERT INTO reports.report_comments (report_id, user_id, content) VALUES (:id, :user, 'Seen.')",
    ),
    "report_attachment_added": (
        "reports",
        (
            "INSERT INTO reports.report_attachments"
            " (report_id, uploaded_by, file_path, file_name, mime_type, file_size)"
            " VALUES (:id, :user, 'a', 'a.jpg', 'image/jpeg', 1)"
        ),
    ),
    "alert_read": (
        "alerts",
        (
            "UPDATE alerts.alert_targets SET is_read = true, read_at = now()"
            " WHERE alert_id = :id AND target_id = CAST(:user AS text) || '0'"
        ),
    ),
    "alert_targeted": (
        "alerts",
        (
            "UPDATE alerts.alert_targeting SET finished_at = now()"
            " WHERE alert_id = :id AND CAST(:user AS text) <> ''"
        ),
    ),
}
CHANGES = {
    "reports": "UPDATE reports.reports SET status = 'confirmed' WHERE id = :id",
    "alerts": "UPDATE alerts.alerts SET status = 'cancelled' WHERE id = :id",
}


def sequences(connection, service):
    return connection.scalars(text(f"SELECT sequence FROM {service}.outbox ORDER BY seq")).all()


@pytest.mark.parametrize("event", PARTS)
def test_a_version_is_not_raised_before_an_event_with_the_one_before_is_stored(people, event):
    one, other, things, user = people
    service, statement = PARTS[event]
    one.execute(text(statement), {"id": things[service], "user": user})
    with pytest.raises(exc.OperationalError, match="lock timeout"):
        other.execute(text(CHANGES[service]), {"id": things[service]})
    other.rollback()
    one.commit()
    other.execute(text(CHANGES[service]), {"id": things[service]})
    other.commit()
    assert sequences(one, service) == [1, 2]


@pytest.mark.parametrize("event", PARTS)
def test_an_event_waits_for_the_version_that_is_being_raised(people, event):
    one, other, things, user = people
    service, statement = PARTS[event]
    arguments = {"id": things[service], "user": user}
    other.execute(text(CHANGES[service]), {"id": things[service]})
    with pytest.raises(exc.OperationalError, match="lock timeout"):
        one.execute(text(statement), arguments)
    one.rollback()
    other.commit()
    one.execute(text(statement), arguments)
    one.commit()
    assert sequences(one, service) == [2, 2]


def test_readers_do_not_wait_for_each_other_for_the_alert(people):
    one, other, things, user = people
    _, statement = PARTS["alert_read"]
    arguments = {"id": things["alerts"], "user": user}
    one.execute(text(statement), arguments)
    other.execute(text(statement.replace("'0'", "'1'")), arguments)
    other.commit()
    one.commit()
    assert sequences(one, "alerts") == [1, 1]

"""What the migration knows of the alerts that exist, and what the database writes of those to come."""

from shared.platform.db.migration import migrate
from tests.migrations.world import World

BEFORE = "0012"
"""The last revision of alerts without a history."""


def history(world, alert):
    rows = world.run(
        "SELECT status, changed_by, notes, version FROM alerts.alert_status_history WHERE alert_id = :id"
        " ORDER BY version",
        id=alert,
    )
    return [tuple(row) for row in rows]


def test_the_history_of_an_alert_that_exists_begins_with_what_its_row_says(migrated, connect):
    migrate(migrated.admin_url, ["alerts"], BEFORE)
    with connect(migrated.admin_url) as connection:
        world = World(connection)
        other = world.person("bob")
        draft, active, expired, withdrawn = (
            world.alert(status=status) for status in ("draft", "active", "active", "draft")
        )
        for alert, status in ((expired, "expired"), (withdrawn, "cancelled")):
            world.run(
                "UPDATE alerts.alerts SET status = :status, status_notes = 'Over.', updated_by = :by WHERE id = :id",
                status=status,
                by=other,
                id=alert,
            )
    migrate(migrated.admin_url, ["alerts"])
    with connect(migrated.admin_url) as connection:
        user, world = world.user, World(connection)
        assert history(world, draft) == [("draft", user, None, 1)]
        assert history(world, active) == [("active", user, None, 1)]
        assert history(world, expired) == [("active", user, None, 1), ("expired", other, "Over.", 2)]
        assert history(world, withdrawn) == [("cancelled", other, "Over.", 2)], "it was never issued"


def test_every_status_is_written_down_by_the_database_and_a_change_of_words_is_not(world):
    alert = world.alert(status="draft")
    change = "UPDATE alerts.alerts SET {} WHERE id = :id"
    world.run(change.format("status = 'pending_approval', updated_by = :by"), id=alert, by=world.user)
    world.run(change.format("title = 'In other words'"), id=alert)
    world.run(change.format("status = 'draft', status_notes = 'Which bridge?'"), id=alert)
    assert history(world, alert) == [
        ("draft", world.user, None, 1),
        ("pending_approval", world.user, None, 2),
        ("draft", world.user, "Which bridge?", 4),
    ]

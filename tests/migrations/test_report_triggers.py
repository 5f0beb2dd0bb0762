"""What the database does by itself when reports change, whoever changes them."""

import pytest
from sqlalchemy import exc, insert

from services.reports.models import reports
from shared.platform.db.context import with_event_context
from tests.migrations.world import SYSTEM, types


def test_a_new_report_is_one_event_with_what_listeners_decide_by(world):
    report_id = world.report()
    (event,) = world.events("reports")
    row = world.row("reports.reports", report_id)
    assert (event["type"], event["subject"], event["sequence"]) == ("report_created", report_id, 1)
    assert event["data"] | {"changed_at": None} == {
        "report_id": str(report_id),
        "status": "pending",
        "version": 1,
        "changed_by": str(world.user),
        "notes": None,
        "changed_at": None,
        "region_id": str(world.region),
        "report_type_id": str(world.report_type),
        "severity_level_id": str(world.severity),
        "severity_level": 4,
        "title": "Bridge out",
        "user_id": str(world.user),
        "review_reasons": [],
    }
    assert (row["version"], row["status"], row["resolved_at"]) == (1, "pending", None)


def test_event_ids_are_uuids_of_version_7_in_their_order(world):
    for _ in range(3):
        world.report()
        world.run("SELECT pg_sleep(0.002)")
    ids = [event["id"] for event in world.events("reports")]
    assert [found.version for found in ids] == [7, 7, 7]
    assert ids == sorted(ids)


def test_a_status_changed_in_psql_has_its_event(world):
    report_id = world.report()
    world.events("reports")
    world.run("UPDATE reports.reports SET status = 'confirmed' WHERE id = :id", id=report_id)
    (event,) = world.events("reports")
    assert (event["type"], event["sequence"]) == ("report_status_changed", 2)
    assert event["data"]["previous_status"] == "pending"
    assert event["data"]["status"] == "confirmed"
    assert event["data"]["changed_by"] == str(SYSTEM)
    assert event["data"]["notes"] is None


def test_one_statement_over_many_reports_makes_one_event_for_each_that_changed(world):
    changed = [world.report() for _ in range(50)]
    same = world.report(status="confirmed")
    world.events("reports")
    world.run("UPDATE reports.reports SET status = 'confirmed', updated_by = :user", user=world.user)
    events = world.events("reports")
    assert sorted(event["subject"] for event in events) == sorted(changed)
    assert {event["type"] for event in events} == {"report_status_changed"}
    assert world.row("reports.reports", same)["version"] == 2


def test_versions_of_a_report_leave_in_their_order(world):
    report_id = world.report()
    for status in ("confirmed", "in_progress", "resolved", "in_progress", "resolved", "closed"):
        world.run("UPDATE reports.reports SET status = :status WHERE id = :id", id=report_id, status=status)
    assert [event["sequence"] for event in world.events("reports")] == [1, 2, 3, 4, 5, 6, 7]


def test_a_change_of_status_and_content_is_both_events(world):
    report_id = world.report()
    world.events("reports")
    world.run(
        "UPDATE reports.reports SET status = 'confirmed', title = 'Bridge gone', updated_by = :user WHERE id = :id",
        id=report_id,
        user=world.user,
    )
    changed, updated = world.events("reports")
    assert types([changed, updated]) == ["report_status_changed", "report_updated"]
    assert updated["data"]["changed"] == ["title"]
    assert changed["sequence"] == updated["sequence"] == 2


def test_an_update_that_changes_no_content_is_no_event(world):
    report_id = world.report()
    world.events("reports")
    world.run(
        "UPDATE reports.reports SET title = title, status_notes = 'x', updated_by = :user WHERE id = :id",
        id=report_id,
        user=world.user,
    )
    assert world.events("reports") == []
    assert world.row("reports.reports", report_id)["version"] == 2


def test_an_undone_transaction_leaves_no_event(world):
    world.report()
    world.events("reports")
    savepoint = world.connection.begin_nested()
    world.report()
    savepoint.rollback()
    assert world.events("reports") == []


def test_notes_belong_to_the_change_that_brought_them(world):
    report_id = world.report()

    def change(assignments):
        world.events("reports")
        world.run(f"UPDATE reports.reports SET {assignments} WHERE id = :id", id=report_id)
        return world.events("reports")[0]["data"]["notes"]

    assert change("status = 'confirmed', status_notes = 'by phone'") == "by phone"
    assert change("status = 'in_progress'") is None
    assert change("status = 'resolved', status_notes = 'by phone'") == "by phone"
    assert change("status = 'in_progress', status_notes = 'by phone'") == "by phone"
    assert change("status = 'confirmed', status_notes = NULL") is None
    assert world.row("reports.reports", report_id)["version"] == 6


def test_the_time_of_resolution_follows_the_status(world):
    report_id = world.report(status="confirmed")

    def enter(status):
        world.run("UPDATE reports.reports SET status = :status WHERE id = :id", id=report_id, status=status)
        return world.row("reports.reports", report_id)["resolved_at"]

    resolved_at = enter("resolved")
    assert resolved_at is not None
    assert enter("closed") == resolved_at
    assert enter("resolved") is not None
    assert enter("in_progress") is None


def test_a_report_that_is_pending_again_repeats_no_other(world):
    original, report_id = world.report(), world.report()
    world.run(
        "UPDATE reports.reports SET status = 'duplicate', duplicate_of = :other WHERE id = :id",
        id=report_id,
        other=original,
    )
    assert world.row("reports.reports", report_id)["duplicate_of"] == original
    world.run("UPDATE reports.reports SET status = 'pending' WHERE id = :id", id=report_id)
    assert world.row("reports.reports", report_id)["duplicate_of"] is None


def test_comments_and_attachments_are_events_of_their_report(world):
    report_id = world.report()
    world.events("reports")
    world.insert("reports.report_comments", report_id=report_id, user_id=world.user, content="Seen it.")
    world.insert(
        "reports.report_attachments",
        report_id=report_id,
        file_name="bridge.jpg",
        file_path="ab/cd.jpg",
        mime_type="image/jpeg",
        file_size=3,
    )
    events = world.events("reports")
    assert types(events) == ["report_comment_added", "report_attachment_added"]
    assert {event["subject"] for event in events} == {report_id}
    assert events[0]["data"]["content"] == "Seen it."
    assert events[1]["data"]["uploaded_by"] == str(SYSTEM)


def test_events_carry_the_correlation_id_of_the_statement_alone(world):
    statement = insert(reports).values(
        user_id=world.user,
        region_id=world.region,
        report_type_id=world.report_type,
        severity_level_id=world.severity,
        title="Bridge out",
        description="The river took it.",
        location={"type": "Point", "coordinates": [1, 2]},
    )
    world.connection.execute(statement.returning(reports.c.id, with_event_context("call-7")))
    (event,) = world.events("reports")
    assert event["correlation_id"] == "call-7"


@pytest.mark.parametrize(
    "location",
    [
        "{}",
        "[]",
        '"here"',
        "null",
        '{"type": "Point"}',
        '{"type": "Point", "coordinates": "1,2"}',
        '{"type": "Point", "coordinates": [1]}',
        '{"type": "Point", "coordinates": [1, 2, 3, 4]}',
        '{"type": "Point", "coordinates": ["1", "2"]}',
        '{"type": "Point", "coordinates": [[1], [2]]}',
        '{"type": "Point", "coordinates": [null, 2]}',
        '{"type": "Point", "coordinates": [180.1, 2]}',
        '{"type": "Point", "coordinates": [1, -90.1]}',
        '{"type": "Point", "coordinates": [1, 1e400]}',
        '{"type": "LineString", "coordinates": [1, 2]}',
        '{"type": ["Point"], "coordinates": [1, 2]}',
        '{"coordinates": [1, 2]}',
    ],
)
def test_a_location_that_is_no_point_in_range_violates_the_check(world, location):
    with pytest.raises(exc.IntegrityError) as refused:
        world.report(location=location)
    assert refused.value.orig.diag.constraint_name == "reports_location_check"


@pytest.mark.parametrize("coordinates", ["[180, -90]", "[-180, 90]", "[0, 0]", "[1.5, 2.5, 300]"])
def test_a_point_in_range_is_taken(world, coordinates):
    report_id = world.report(location=f'{{"type": "Point", "coordinates": {coordinates}}}')
    found = world.run("SELECT point[0], point[1] FROM reports.reports WHERE id = :id", id=report_id).one()
    assert list(found) == [float(part) for part in coordinates.strip("[]").split(",")][:2]


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"status": "lost"}, "reports_status_check"),
        ({"duplicate_of": SYSTEM}, "fk_reports_duplicate_of"),
        ({"user_id": SYSTEM.hex.replace("0", "1")}, "fk_reports_user"),
        ({"region_id": SYSTEM}, "fk_reports_region"),
        ({"report_type_id": SYSTEM}, "fk_reports_type"),
        ({"severity_level_id": SYSTEM}, "fk_reports_severity"),
    ],
)
def test_what_a_report_refers_to_has_to_exist(world, values, constraint):
    with pytest.raises(exc.IntegrityError) as refused:
        world.report(**values)
    assert refused.value.orig.diag.constraint_name == constraint


@pytest.mark.parametrize(
    ("search", "finds"),
    [
        ("inondee", True),
        ("INONDÉE", True),
        ("marche", True),
        ("route -marché", False),
        ('"route inondee"', True),
        ("kay", True),
        ("bridge", False),
    ],
)
def test_search_knows_no_case_and_no_accents(world, search, finds):
    report_id = world.report(title="Route inondée", description="Près du marché; kay yo anba dlo.")
    found = world.run(
        "SELECT id FROM reports.reports WHERE id = :id"
        " AND search @@ websearch_to_tsquery('reports.words', :search)",
        id=report_id,
        search=search,
    ).all()
    assert bool(found) == finds

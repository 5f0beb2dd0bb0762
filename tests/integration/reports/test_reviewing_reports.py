"""What the reporter cannot mend is no refusal: the report is taken, marked, and looked at by a coordinator."""

import datetime as dt

import pytest
from sqlalchemy.exc import IntegrityError

from services.reports import comments, imports, reports, schemas, statistics
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.domain.permissions import DEFAULT_ROLES
from shared.platform.schemas import load

ADDRESS = {"address": "Behind the market, Jacmel"}
AT_SEA = {"type": "Point", "coordinates": [-60, 30]}


def shown(row):
    """The report as the method answers with it."""
    return schemas.Report().dump(row)


def file(world, caller, **changed):
    """As the method does it, where identity finds no region."""
    arguments = load(schemas.CreateReport(), world.arguments(**changed))
    with world.db.autocommit() as connection:
        return shown(reports.create_report(connection, caller, arguments.get("region_id"), arguments))


def review(world, caller, report, version=None):
    with world.db.autocommit() as connection:
        version = version or report["version"]
        return shown(reports.review_report(connection, caller, report["id"], version))


def seconds_from_now(seconds):
    return (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize(
    ("changed", "reasons"),
    [
        ({"location": AT_SEA, "region_id": ...}, ["outside_regions"]),
        ({"location": ADDRESS}, ["no_coordinates"]),
        ({"location": ADDRESS, "region_id": ...}, ["no_coordinates", "no_region"]),
        ({"location": {"type": "Point", "coordinates": None, **ADDRESS}}, ["no_coordinates"]),
        ({"location": {"type": "Point", "coordinates": [], **ADDRESS}}, ["no_coordinates"]),
        ({"reported_at": "1970-01-01T00:00:03Z"}, ["clock_past"]),
        ({"reported_at": "1980-01-06T00:00:00Z"}, ["clock_past"]),
        ({"reported_at": seconds_from_now(86_000)}, ["clock_ahead"]),
        ({"reported_at": seconds_from_now(-3 * 86_400)}, []),
        (
            {"location": ADDRESS, "region_id": ..., "reported_at": "1970-01-01T00:00:00Z"},
            ["no_coordinates", "no_region", "clock_past"],
        ),
    ],
)
def test_a_doubtful_report_is_taken_with_its_reasons(world, changed, reasons):
    caller = world.caller("reporter")
    report = file(world, caller, **changed)
    assert report["review_reasons"] == reasons
    assert report["needs_review"] is bool(reasons)
    assert abs(report["received_at"] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    if "reported_at" in changed:
        assert report["reported_at"] == dt.datetime.fromisoformat(changed["reported_at"])
    if changed.get("region_id") is ...:
        assert report["region_id"] == UNKNOWN_REGION_ID
    if "address" in changed.get("location", {}):
        assert report["location"] == ADDRESS
    assert shown(world.get(caller, report["id"])) == report
    assert world.events(report["id"])[0]["data"]["review_reasons"] == reasons


def test_filing_it_again_changes_nothing(world):
    caller, given = world.caller("reporter"), {"location": ADDRESS, "region_id": ...}
    report = file(world, caller, **given, id="01978f3d-0c00-7d30-8f33-2a3b4c5d6e70")
    assert file(world, caller, **given, id=report["id"]) == report


@pytest.mark.parametrize(
    "location",
    [{}, {"address": "  \u200b"}, {"address": None}, {"type": "Point"}, {"type": "Point", "coordinates": []},
     {"type": "Point", "coordinates": [500, 0], "address": "x"}, {"type": "Polygon", "address": "x"}],
    ids=str,
)  # fmt: skip
def test_a_location_says_something(world, location):
    with pytest.raises(Invalid) as refused:
        file(world, world.caller("reporter"), location=location)
    assert {name.partition(".")[0] for name in refused.value.fields} == {"location"}


def test_what_is_listed_for_review_is_what_needs_it(world):
    caller = world.caller("reporter")
    fine, addressed, old = (
        world.create(caller),
        file(world, caller, location=ADDRESS),
        file(world, caller, reported_at="1970-01-01T00:00:00Z"),
    )
    assert world.ids(caller, needs_review=True, sort="updated_at") == [old["id"], addressed["id"]]
    assert world.ids(caller, needs_review=False) == [fine["id"]]
    assert world.ids(caller, review_reason="clock_past") == [old["id"]]
    assert set(world.ids(caller, review_reason=["clock_past", "no_coordinates"])) == {
        old["id"],
        addressed["id"],
    }
    with pytest.raises(Invalid):
        world.ids(caller, review_reason="other")


def test_a_coordinator_clears_the_mark_once_and_with_the_version_seen(world):
    coordinator = world.caller()
    report = file(world, world.caller("reporter"), reported_at="1970-01-01T00:00:00Z")
    with pytest.raises(Conflict):
        review(world, coordinator, report, version=7)
    reviewed = review(world, coordinator, report)
    assert (reviewed["version"], reviewed["needs_review"]) == (2, False)
    assert reviewed["updated_by"] == coordinator.user_id
    assert review(world, coordinator, report) == reviewed
    assert review(world, coordinator, reviewed) == reviewed
    event = world.events(report["id"])[-1]
    assert (event["type"], event["data"]["changed"]) == ("report_updated", ["review_reasons"])
    with pytest.raises(Conflict):
        review(world, world.caller(), report)


def test_a_reporter_does_not_clear_the_mark_of_its_own_report(world):
    reporter = world.caller("reporter")
    report = file(world, reporter, location=ADDRESS)
    with pytest.raises(Forbidden):
        review(world, reporter, report)
    with pytest.raises(NotFound):
        review(world, world.caller("reporter"), report)


def test_a_change_takes_away_the_reasons_that_it_settles(world):
    coordinator = world.caller()
    report = file(
        world, world.caller("reporter"), location=ADDRESS, region_id=..., reported_at="1970-01-01T00:00:00Z"
    )
    report = world.update(coordinator, report, region_id=world.regions["north"])
    assert report["review_reasons"] == ["no_coordinates", "clock_past"]
    report = world.update(coordinator, report, location={"type": "Point", "coordinates": [-72.5, 18.2]})
    assert report["review_reasons"] == ["clock_past"]
    report = world.update(coordinator, report, reported_at=dt.datetime.now(dt.UTC))
    assert (report["review_reasons"], report["needs_review"]) == ([], False)
    report = world.update(coordinator, report, location=ADDRESS)
    assert report["review_reasons"] == ["no_coordinates"]


def test_somebody_of_one_region_reports_from_no_region_and_keeps_the_report(world):
    reporter = world.caller("reporter", only=world.regions["north"])
    report = file(world, reporter, location=AT_SEA, region_id=...)
    assert shown(world.get(reporter, report["id"])) == report
    assert world.ids(reporter) == [report["id"]]
    changed = world.update(reporter, report, title="At sea")
    assert (changed["title"], changed["region_id"]) == ("At sea", UNKNOWN_REGION_ID)
    with world.db.write() as connection:
        comments.add_comment(
            connection, reporter, {"id": None, "report_id": report["id"], "content": "Still here."}
        )
    coordinator = world.caller("coordinator", only=world.regions["north"])
    with pytest.raises(NotFound):
        world.get(coordinator, report["id"])


def test_the_filters_by_place_cope_with_a_report_that_has_none(world):
    caller = world.caller("reporter")
    report = file(world, caller, location=ADDRESS)
    near = {"lon": -72.5, "lat": 18.2, "radius_m": 20_000_000}
    for chosen in ({"bbox": [-180, -90, 180, 90]}, {"near": near}):
        assert world.ids(caller, **chosen) == []
    whole = {
        "type": "Polygon",
        "coordinates": [[[-179, -89], [179, -89], [179, 89], [-179, 89], [-179, -89]]],
    }
    assert world.ids(caller, within=whole) == []
    assert world.ids(caller) == [report["id"]]
    with world.db.read() as connection:
        cells = statistics.aggregate_reports(
            connection, caller, {"bbox": [-180, -90, 180, 90], "cell_size": 90}
        )
        summary = statistics.summarise_reports(connection, caller, {})
    assert (cells["total"], summary["total"]) == (0, 1)


def test_the_database_itself_wants_a_place_and_known_reasons(world):
    report = world.create(world.caller())
    for value in (
        "'{}'",
        """'{"address": " "}'""",
        """'{"type": "Point", "coordinates": [500, 0], "address": "x"}'""",
    ):
        with pytest.raises(IntegrityError, match="reports_location_check"):
            world.as_admin(f"UPDATE reports.reports SET location = {value} WHERE id = :id", id=report["id"])
    with pytest.raises(IntegrityError, match="reports_review_reasons_check"):
        world.as_admin("UPDATE reports.reports SET review_reasons = '{odd}' WHERE id = :id", id=report["id"])


def test_rows_of_an_import_are_marked_and_those_in_no_region_are_refused(world):
    caller = world.caller()
    rows = [
        world.arguments(location=ADDRESS),
        world.arguments(reported_at="1970-01-01T00:00:00Z"),
        world.arguments(reported_at="2010-01-12T21:53:00Z"),
    ]
    batch = imports.check_rows(rows)
    with world.db.write() as connection:
        result = imports.import_reports(connection, caller, batch)
    reports = [world.get(caller, report_id) for report_id in result["ids"]]
    assert [report["review_reasons"] for report in reports] == [["no_coordinates"], ["clock_past"], []]


def test_a_row_that_corrects_a_report_takes_away_the_reasons_that_it_settles(world):
    caller = world.caller()

    def store(**changed):
        batch = imports.check_rows([world.arguments(key="7", **changed)], "a list")
        with world.db.write() as connection:
            [report_id] = imports.import_reports(connection, caller, batch)["ids"]
        return world.get(caller, report_id)["review_reasons"]

    assert store(location=ADDRESS, reported_at="1970-01-01T00:00:00Z") == ["no_coordinates", "clock_past"]
    assert store(location=ADDRESS, reported_at="2026-01-31T12:00:00Z") == ["no_coordinates"]
    assert store(reported_at="2026-01-31T12:00:00Z") == []


def test_the_roles_that_triage_may_review():
    assert {role for role, default in DEFAULT_ROLES.items() if "report:update" in default.permissions} >= {
        "coordinator",
        "responder",
    }

"""A region means all that lies in it: in permissions, filters and statistics of reports."""

from contextlib import contextmanager

import pytest
from sqlalchemy import event
from uuid6 import uuid7

from services.reports import attachments, comments, imports, reports, schemas, statistics, status
from shared.client.errors import Forbidden, NotFound
from shared.domain.permissions import REPORT_READ, REPORT_READ_OWN, REPORT_UPDATE, REPORT_UPDATE_OWN
from shared.platform.schemas import load
from tests.support.permissions import HELD_IN

REFUSED = (Forbidden, NotFound)
WORLD = [-180, -90, 180, 90]


def store(world, caller, row):
    batch = imports.check_rows([row], "nested")
    with world.db.write() as connection:
        result = imports.import_reports(connection, caller, batch)
    if result["refused"]:
        raise Forbidden(str(result["refused"]))
    return result


def read(world, query, *arguments):
    with world.db.read() as connection:
        return query(connection, *arguments)


def write(world, work, *arguments):
    with world.db.write() as connection:
        return work(connection, *arguments)


def photo(report):
    said = {"report_id": str(report["id"]), "file_name": "a.jpg", "mime_type": "image/jpeg"}
    said |= {"file_size": 1, "sha256": "ab" * 32}
    return load(schemas.AddAttachment(), said)


ACTIONS = {
    "get_report": lambda world, caller, report: world.get(caller, report["id"]),
    "create_report": lambda world, caller, report: world.create(caller, region_id=report["region_id"]),
    "update_report": lambda world, caller, report: world.update(caller, report, title="Other"),
    "move_report": lambda world, caller, report: world.update(
        caller, report, region_id=report["region_id"], title="Moved"
    ),
    "change_report_status": lambda world, caller, report: world.change(caller, report, "confirmed"),
    "review_report": lambda world, caller, report: write(
        world, reports.review_report, caller, report["id"], report["version"]
    ),
    "get_report_history": lambda world, caller, report: read(
        world, status.get_report_history, caller, {"report_id": report["id"], "cursor": None, "limit": 5}
    ),
    "add_comment": lambda world, caller, report: write(
        world, comments.add_comment, caller, {"id": None, "report_id": report["id"], "content": "Seen."}
    ),
    "list_comments": lambda world, caller, report: read(
        world, comments.list_comments, caller, {"report_id": report["id"], "cursor": None, "limit": 5}
    ),
    "add_attachment": lambda world, caller, report: write(
        world, attachments.add_attachment, caller, photo(report)
    ),
    "import_reports": lambda world, caller, report: store(
        world, caller, world.arguments(region_id=report["region_id"], key=str(uuid7()))
    ),
    "import_of_a_known_report": lambda world, caller, report: store(
        world, caller, world.arguments(id=report["id"], region_id=report["region_id"], title="Imported")
    ),
}


@pytest.fixture(scope="module")
def places(world):
    return world.places()


@pytest.mark.parametrize("held_in", HELD_IN)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_permission_counts_in_what_lies_in_its_region(world, places, action, held_in):
    report = world.create(world.caller(), region_id=places["the region"])
    caller = world.caller(only=places[held_in])
    if HELD_IN[held_in]:
        ACTIONS[action](world, caller, report)
    else:
        with pytest.raises(REFUSED):
            ACTIONS[action](world, caller, report)


@pytest.mark.parametrize("held_in", HELD_IN)
def test_lists_and_counts_hold_what_the_caller_may_read(world, held_in):
    places = world.places()
    report = world.create(world.caller(), region_id=places["the region"])
    caller = world.caller(only=places[held_in])
    total = 1 if HELD_IN[held_in] else 0
    assert world.ids(caller) == [report["id"]] * total
    counted = read(world, statistics.summarise_reports, caller, load(schemas.SummariseReports(), {}))
    assert counted["total"] == total
    cells = load(schemas.AggregateReports(), {"bbox": WORLD, "cell_size": 10})
    assert read(world, statistics.aggregate_reports, caller, cells)["total"] == total


def test_a_reporter_narrowed_to_a_region_sees_and_edits_own_reports_below_it(world, places):
    reporter = world.caller_with(
        dict.fromkeys(
            ("report:create", REPORT_READ_OWN, REPORT_UPDATE_OWN), frozenset({places["a region above"]})
        )
    )
    report = world.create(reporter, region_id=places["a region below"])
    assert world.update(reporter, report, title="Deeper")["title"] == "Deeper"
    other = world.create(world.caller(), region_id=places["a region below"])
    with pytest.raises(NotFound):
        world.get(reporter, other["id"])


def test_a_report_is_not_moved_out_of_where_the_caller_may_edit(world, places):
    report = world.create(world.caller(), region_id=places["a region below"])
    caller = world.caller(only=places["the region"])
    with pytest.raises(Forbidden):
        world.update(caller, report, region_id=places["a region beside"])
    moved = world.update(caller, report, region_id=places["the region"])
    assert moved["region_id"] == places["the region"]


def test_a_filter_means_a_region_with_all_below_and_exact_only_itself(world):
    places, reader = world.places(), world.caller()
    filed = {name: world.create(reader, region_id=region_id)["id"] for name, region_id in places.items()}

    def found(name, **more):
        return set(world.ids(reader, region_id=str(places[name]), **more))

    assert found("a region above") == set(filed.values())
    assert found("a region above", text="bridge") == set(filed.values())
    assert found("a region above", sort="severity") == set(filed.values())
    assert found("the region") == {filed["the region"], filed["a region below"]}
    assert found("a region below") == {filed["a region below"]}
    for name, report_id in filed.items():
        assert found(name, exact=True) == {report_id}
    two = [str(places["a region below"]), str(places["a region beside"])]
    assert set(world.ids(reader, region_id=two)) == {filed["a region below"], filed["a region beside"]}


def test_statistics_of_a_region_count_all_that_lies_in_it_by_the_region_of_each(world):
    places, reader = world.places(), world.caller()
    for name, times in {"the region": 1, "a region below": 3, "a region beside": 2}.items():
        for _ in range(times):
            world.create(reader, region_id=places[name])

    def summary(name, **more):
        filters = load(schemas.SummariseReports(), {"region_id": str(places[name]), **more})
        return read(world, statistics.summarise_reports, reader, filters)

    assert summary("a region above")["total"] == 6
    assert summary("a region above")["by_region"] == [
        {"region_id": places["a region below"], "count": 3},
        {"region_id": places["a region beside"], "count": 2},
        {"region_id": places["the region"], "count": 1},
    ]
    assert summary("the region")["total"] == 4
    assert summary("a region above", exact=True)["total"] == 0
    cells = load(
        schemas.AggregateReports(),
        {"bbox": WORLD, "cell_size": 10, "region_id": str(places["a region above"])},
    )
    assert read(world, statistics.aggregate_reports, reader, cells)["total"] == 6


def test_everything_follows_a_region_that_moves(world):
    places, reader = world.places(), world.caller()
    report = world.create(reader, region_id=places["a region below"])
    narrowed = world.caller(only=places["the region"])
    assert world.ids(narrowed) == [report["id"]]
    world.nest(places["a region below"], places["a region beside"], version=2)
    assert world.ids(narrowed) == []
    assert world.ids(world.caller(only=places["a region beside"])) == [report["id"]]
    assert world.ids(reader, region_id=str(places["the region"])) == []
    assert world.ids(reader, region_id=str(places["a region above"])) == [report["id"]]


@contextmanager
def statements(world):
    run = []

    def note(_connection, _cursor, statement, *_more):
        run.append(statement)

    event.listen(world.db.engine, "before_cursor_execute", note)
    yield run
    event.remove(world.db.engine, "before_cursor_execute", note)


def test_a_caller_with_the_permission_everywhere_pays_nothing(world):
    reader = world.caller()
    report = world.create(reader)
    with statements(world) as run:
        world.get(reader, report["id"])
        world.list(reader)
    assert len(run) == 2
    assert not any("regions" in statement for statement in run)


def test_what_is_below_is_found_in_one_statement(world, places):
    with statements(world) as run:
        world.list(world.caller(), region_id=str(places["the region"]))
    assert [statement for statement in run if "FROM reports.regions" in statement][1:] == []


def test_permissions_in_several_regions_add_up(world, places):
    both = frozenset({places["a region below"], places["a region beside"]})
    caller = world.caller_with({REPORT_READ: both, REPORT_UPDATE: frozenset({places["a region beside"]})})
    below = world.create(world.caller(), region_id=places["a region below"])
    beside = world.create(world.caller(), region_id=places["a region beside"])
    assert {world.get(caller, report["id"])["id"] for report in (below, beside)} == {
        below["id"],
        beside["id"],
    }
    world.update(caller, beside, title="Other")
    with pytest.raises(Forbidden):
        world.update(caller, below, title="Other")

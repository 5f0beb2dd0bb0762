"""resources beside identity on the in-process broker: a shelter through a day."""

from __future__ import annotations

import pytest
from uuid6 import uuid7

from services.resources import catalogue
from services.resources.service import ResourcesService
from shared.client.errors import Conflict, Invalid, NotFound
from tests.support.running import Person, people_of, running
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def client():
    with running(ResourcesService, catalogue.seed) as connected:
        yield connected


@pytest.fixture(scope="module")
def people(client):
    return people_of(Person(client, "resources"))


@pytest.fixture(scope="module")
def bay(people):
    """A region with boundaries."""
    square = [[[-83, 27], [-82, 27], [-82, 28], [-83, 28], [-83, 27]]]
    boundaries = {"type": "Polygon", "coordinates": square}
    return people["coordinator"].call(
        "create_region", "identity", name="Bay", code="BAY", boundaries=boundaries
    )


def test_the_way_of_a_shelter(people, bay):
    coordinator, responder, viewer = (people[role] for role in ("coordinator", "responder", "viewer"))
    types = {row["name"]: row["id"] for row in viewer.list_resource_types()["items"]}
    place = {"type": "Point", "coordinates": [-82.5, 27.5], "address": "1 Harbour Road"}
    resource = coordinator.create_resource(
        name="School", resource_type_id=types["Shelter"], location=place, capacity=3
    )
    assert resource["region_id"] == bay["id"]

    change = {"resource_id": resource["id"], "id": str(uuid7()), "usage_change": 2}
    first = responder.update_resource_usage(**change)
    assert (first["current_usage"], first["remaining"]) == (2, 1)
    assert responder.update_resource_usage(**change) == first
    with pytest.raises(Conflict) as caught:
        responder.update_resource_usage(**change | {"id": str(uuid7())})
    assert caught.value.details["remaining"] == 1

    [near] = people["reporter"].find_nearest_resources(lon=-82.5, lat=27.51, needed=1)["items"]
    assert near["id"] == resource["id"]
    assert near["distance_m"] == pytest.approx(1112, abs=1)

    move = {"resource_id": resource["id"], "version": first["version"], "status": "unavailable"}
    with pytest.raises(Conflict, match="2 of the capacity are still in use"):
        responder.change_resource_status(**move, notes="flooded")
    assert responder.change_resource_status(**move, notes="flooded", despite_usage=True)["version"] == 3
    assert coordinator.find_nearest_resources(lon=-82.5, lat=27.51)["items"] == []

    def history():
        return viewer.get_resource_history(resource_id=resource["id"])["items"]

    eventually(lambda: len(history()) == 2, "the history")
    assert [(entry["status"], entry["version"], entry["notes"]) for entry in history()] == [
        ("available", 1, None),
        ("unavailable", 3, "flooded"),
    ]
    assert viewer.list_usage_changes(resource_id=resource["id"])["items"] == [first]


def test_rows_are_put_into_the_region_of_their_place(people, bay):
    coordinator = people["coordinator"]
    row = {"name": "Boat", "resource_type_id": coordinator.list_resource_types()["items"][0]["id"]}
    places = [{"type": "Point", "coordinates": position} for position in ([-82.4, 27.4], [-150.0, -60.0])]
    result = coordinator.import_resources(rows=[{**row, "location": place} for place in places])
    assert [(refusal["row"], refusal["error"]) for refusal in result["refused"]] == [(1, "invalid")]
    stored = coordinator.get_resource(resource_id=result["ids"][0])
    assert (stored["location"], stored["region_id"]) == (places[0], bay["id"])


def test_what_is_not_there(people):
    coordinator = people["coordinator"]
    with pytest.raises(NotFound):
        coordinator.get_resource(resource_id=str(uuid7()))
    nowhere = {"type": "Point", "coordinates": [-150.0, -60.0]}
    with pytest.raises(Invalid) as caught:
        coordinator.create_resource(name="Raft", resource_type_id=str(uuid7()), location=nowhere)
    assert set(caught.value.fields) == {"region_id"}

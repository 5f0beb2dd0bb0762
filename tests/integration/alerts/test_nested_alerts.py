"""A region means all that lies in it: in permissions and filters of alerts."""

import pytest

from services.alerts import alerts, schemas, targeting
from shared.client.errors import Forbidden, NotFound
from shared.platform.schemas import load
from tests.integration.alerts.conftest import SENDER, event_of
from tests.support.permissions import HELD_IN

REFUSED = (Forbidden, NotFound)


def nest(world, region_id, parent_id, version=2):
    data = {
        "region_id": region_id,
        "version": version,
        "code": f"R-{region_id}",
        "name": f"R-{region_id}",
        "boundaries": None,
        "parent_id": parent_id,
    }
    world.hear(event_of("identity", "region_updated", region_id, data))


def around(world):
    places = {name: world.region() for name in HELD_IN}
    nest(world, places["the region"], places["a region above"])
    nest(world, places["a region below"], places["the region"])
    nest(world, places["a region beside"], places["a region above"])
    return places


@pytest.fixture(scope="module")
def places(world):
    return around(world)


ACTIONS = {
    "get_alert": lambda world, caller, alert: world.get(caller, alert["id"]),
    "draft_alert": lambda world, caller, alert: world.draft(caller, region_id=alert["region_id"]),
    "issue_alert": lambda world, caller, alert: world.issue(caller, region_id=alert["region_id"]),
    "update_alert": lambda world, caller, alert: world.update(caller, alert, title="Later"),
    "cancel_alert": lambda world, caller, alert: world.cancel(caller, alert),
    "get_alert_reach": lambda world, caller, alert: world.query(
        targeting.get_alert_reach, caller, alert["id"]
    ),
}


@pytest.mark.parametrize("held_in", HELD_IN)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_permission_counts_in_what_lies_in_its_region(world, places, action, held_in):
    alert = world.issue(world.caller(), region_id=places["the region"])
    caller = world.caller(only=places[held_in])
    if HELD_IN[held_in]:
        ACTIONS[action](world, caller, alert)
    else:
        with pytest.raises(REFUSED):
            ACTIONS[action](world, caller, alert)


def test_people_of_a_region_below_may_be_addressed(world, places):
    caller = world.caller(only=places["the region"])
    world.issue(
        caller,
        region_id=places["the region"],
        targets=[{"target_type": "region", "target_id": places["a region below"]}],
    )
    with pytest.raises(Forbidden):
        world.issue(
            caller,
            region_id=places["the region"],
            targets=[{"target_type": "region", "target_id": places["a region beside"]}],
        )


def test_a_filter_means_a_region_with_all_below_and_exact_only_itself(world):
    places, reader = around(world), world.caller()
    issued = {name: world.issue(reader, region_id=region_id)["id"] for name, region_id in places.items()}

    def found(name, **more):
        filters = {"region_id": str(places[name]), **more}
        ways = [
            world.query(alerts.list_alerts, reader, load(schemas.ListAlerts(), filters)),
            world.query(alerts.list_recent_alerts, reader, SENDER, load(schemas.ListRecentAlerts(), filters)),
            world.query(alerts.list_public_alerts, SENDER, load(schemas.ListRecentAlerts(), filters)),
        ]
        one, *others = [{item["id"] for item in page["items"]} for page in ways]
        assert all(other == one for other in others)
        return one

    assert found("a region above") == set(issued.values())
    assert found("the region") == {issued["the region"], issued["a region below"]}
    for name, alert_id in issued.items():
        assert found(name, exact=True) == {alert_id}


def test_a_permission_follows_a_region_that_moves(world):
    places = around(world)
    alert = world.issue(world.caller(), region_id=places["a region below"])
    narrowed = world.caller(only=places["the region"])
    world.get(narrowed, alert["id"])
    nest(world, places["a region below"], places["a region beside"], version=3)
    with pytest.raises(NotFound):
        world.get(narrowed, alert["id"])
    world.get(world.caller(only=places["a region beside"]), alert["id"])

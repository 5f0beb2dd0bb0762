"""What CAP says beside the rest: exercises and tests, the onset, a narrower area, and how long a Cancel is told."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import exc

from services.alerts import alerts, cancellation, schemas
from services.alerts.cap import reading
from services.alerts.cap.message import write
from services.alerts.schemas.alerts import PublicAlert
from shared.client.errors import Invalid
from shared.platform.schemas import load
from tests.integration.alerts.conftest import SENDER

INSIDE = {"type": "Polygon", "coordinates": [[[1, 0.5], [2, 0.5], [2, 1.5], [1, 1.5], [1, 0.5]]]}
CIRCLE = {"lon": 1.0, "lat": 1.0, "radius_km": 5.0}


def soon(**ahead):
    return dt.datetime.now(dt.UTC) + dt.timedelta(**ahead)


def message(world, caller, alert):
    return write(world.query(reading.get_cap_message, caller, "alerts@impactx.example", alert["id"]))


def public(world):
    filters = load(schemas.ListRecentAlerts(), {"limit": 500})
    items = world.query(alerts.list_public_alerts, SENDER, filters)["items"]
    return {item["id"]: PublicAlert().dump(item) for item in items}


@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_an_exercise_is_one_in_its_events_its_message_its_updates_and_its_cancel(world, status):
    caller = world.caller()
    alert = world.issue(caller, cap_status=status)
    assert alert["cap_status"] == status
    assert world.events(alert["id"])[0].data["cap_status"] == status
    assert f"<status>{status}</status>" in message(world, caller, alert)
    assert public(world)[alert["id"]]["cap_status"] == status
    with pytest.raises(Invalid) as refusal:
        world.update(caller, alert, cap_status="Actual")
    assert list(refusal.value.fields) == ["cap_status"]
    newer = world.update(caller, alert, cap_status=status, message="Still an exercise.")
    assert newer["cap_status"] == status
    over = world.cancel(caller, newer)
    assert f"<status>{status}</status>" in message(world, caller, {"id": over["cancelled_by"]})


def test_an_alert_is_actual_unless_it_says_otherwise_and_a_draft_may_change_its_mind(world):
    caller = world.caller()
    assert world.issue(caller)["cap_status"] == "Actual"
    draft = world.draft(caller, cap_status="Exercise")
    issued = world.issue_draft(caller, world.update(caller, draft, cap_status="Actual"))
    assert "<status>Actual</status>" in message(world, caller, issued)
    for status in ("System", "Draft", "actual", "", None):
        with pytest.raises(Invalid) as refusal:
            world.issue(caller, cap_status=status)
        assert list(refusal.value.fields) == ["cap_status"]


def test_an_alert_has_an_onset_before_its_end(world):
    caller = world.caller()
    onset, end = soon(hours=2), soon(hours=6)
    alert = world.issue(caller, onset_at=onset, expires_at=end)
    assert alert["onset_at"] == onset
    assert f"<onset>{onset:%Y-%m-%dT%H:%M:%S}-00:00</onset>" in message(world, caller, alert)
    assert world.update(caller, alert, title="Later")["onset_at"] == onset
    draft = world.draft(caller, onset_at=onset)
    for attempt in (
        lambda: world.issue(caller, onset_at=end, expires_at=onset),
        lambda: world.draft(caller, onset_at=end, expires_at=end),
        lambda: world.update(caller, draft, expires_at=soon(hours=1)),
        lambda: world.update(caller, world.issue(caller, onset_at=onset), expires_at=soon(hours=1)),
    ):
        with pytest.raises(Invalid) as refusal:
            attempt()
        assert list(refusal.value.fields) == ["onset_at"]


def test_an_area_within_the_region_is_told_in_its_place(world):
    caller = world.caller()
    alert = world.issue(caller, area={"polygon": INSIDE, "description": "Below the dam"})
    told = message(world, caller, alert)
    assert "<areaDesc>Below the dam</areaDesc>" in told
    assert "<polygon>0.5,1 0.5,2 1.5,2 1.5,1 0.5,1</polygon>" in told
    assert "<geocode>" not in told
    round_one = world.update(caller, alert, area={"circle": CIRCLE})
    assert "<circle>1,1 5</circle>" in message(world, caller, round_one)
    whole = world.update(caller, round_one, area=None)
    assert whole["area"] is None
    assert "<geocode>" in message(world, caller, whole)


def test_an_area_does_not_narrow_whom_an_alert_is_for(world):
    caller = world.caller()
    person = world.person(wants=["north"])
    alert = world.told(caller, area={"polygon": INSIDE})
    assert person in world.reached(alert["id"])


@pytest.mark.parametrize(
    ("area", "field"),
    [
        ({}, "area.polygon"),
        ({"polygon": INSIDE, "circle": CIRCLE}, "area.polygon"),
        (
            {"polygon": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}},
            "area.polygon",
        ),
        ({"polygon": {"type": "Point", "coordinates": [0, 0]}}, "area.polygon.type"),
        ({"circle": {**CIRCLE, "radius_km": 0}}, "area.circle.radius_km"),
        ({"circle": {"lon": 1, "lat": 1}}, "area.circle.radius_km"),
        ({"circle": {**CIRCLE, "lat": 91}}, "area.circle.lat"),
        ({"polygon": INSIDE, "colour": "red"}, "area.colour"),
        ({"polygon": {"type": "Polygon", "coordinates": [[[50, 50], [51, 50], [51, 51], [50, 50]]]}}, "area"),
        ({"circle": {**CIRCLE, "lat": -40}}, "area"),
    ],
)
def test_an_area_that_is_none_or_lies_elsewhere_is_refused(world, area, field):
    caller = world.caller()
    draft = world.draft(caller)
    for attempt in (
        lambda: world.issue(caller, area=area),
        lambda: world.draft(caller, area=area),
        lambda: world.update(caller, draft, area=area),
        lambda: world.update(caller, world.issue(caller), area=area),
    ):
        with pytest.raises(Invalid) as refusal:
            attempt()
        assert list(refusal.value.fields) == [field]


def test_an_area_across_the_antimeridian_is_cut_there(world):
    across = [[[179, -10], [-179, -10], [-179, -9], [179, -9], [179, -10]]]
    region = world.region(boundaries={"type": "MultiPolygon", "coordinates": [
        [[[178, -11], [180, -11], [180, -8], [178, -8], [178, -11]]],
        [[[-180, -11], [-178, -11], [-178, -8], [-180, -8], [-180, -11]]],
    ]})  # fmt: skip
    caller = world.caller()
    alert = world.issue(
        caller, region_id=region, area={"polygon": {"type": "Polygon", "coordinates": across}}
    )
    assert message(world, caller, alert).count("<polygon>") == 2
    world.issue(caller, region_id=region, area={"circle": {"lon": 177.9, "lat": -9, "radius_km": 30}})


def test_an_issued_area_onset_and_status_never_change_whoever_writes(world):
    alert = world.issue(world.caller())
    for change in ("area = '{}'", "onset_at = now()", "cap_status = 'Test'"):
        with pytest.raises(exc.IntegrityError, match="cannot be changed"):
            world.as_admin(f"UPDATE alerts.alerts SET {change} WHERE id = :id", id=alert["id"])


def test_an_event_that_was_the_title_follows_the_title_of_an_update(world):
    caller = world.caller()
    first = world.issue(caller, title="Flood expected")
    assert first["event"] == "Flood expected"
    second = world.update(caller, first, title="Landslide expected")
    assert (second["title"], second["event"]) == ("Landslide expected", "Landslide expected")
    assert "<event>Landslide expected</event>" in message(world, caller, second)
    third = world.update(caller, second, event="Landslide")
    assert world.update(caller, third, title="Go to the hills")["event"] == "Landslide", "its author named it"


def test_a_translation_without_an_event_is_called_by_its_own_title(world):
    caller = world.caller()
    french = {"language": "fr", "title": "Crue attendue", "message": "Quittez les rives."}
    told = message(world, caller, world.issue(caller, event="Flood", translations=[french]))
    assert told.count("<event>Flood</event>") == 1
    assert "<event>Crue attendue</event>" in told


def test_an_alert_of_less_than_a_second_is_over_after_it_was_sent(world):
    caller = world.caller()
    alert = world.issue(caller, expires_at=soon(milliseconds=900))
    told = message(world, caller, alert)
    [sent, expires] = [told.partition(f"<{name}>")[2][:25] for name in ("sent", "expires")]
    assert dt.datetime.fromisoformat(expires) > dt.datetime.fromisoformat(sent)


def test_a_cancel_is_told_for_as_long_as_the_alert_would_have_held(world):
    caller = world.caller()
    ends = soon(hours=5)
    over = world.cancel(caller, world.issue(caller, expires_at=ends), notes="False alarm.")
    shown = public(world)
    assert over["id"] not in shown
    cancel = shown[over["cancelled_by"]]
    assert (cancel["msg_type"], cancel["expires_at"], cancel["region_name"]) == ("Cancel", ends, "north")
    assert cancel["references"] == [over["id"]]
    assert f"<expires>{ends:%Y-%m-%dT%H:%M:%S}-00:00</expires>" in message(world, caller, cancel)


def move(world, alert_id, **back):
    """Has an alert issued and over earlier than it was, past its guard."""
    world.as_admin("ALTER TABLE alerts.alerts DISABLE TRIGGER USER")
    world.as_admin(
        "UPDATE alerts.alerts SET issued_at = issued_at - :back, expires_at = expires_at - :back WHERE id = :id",
        back=dt.timedelta(**back),
        id=alert_id,
    )
    world.as_admin("ALTER TABLE alerts.alerts ENABLE TRIGGER USER")


def test_a_cancel_goes_when_the_alert_would_have_been_over(world):
    caller = world.caller()
    ending = world.cancel(caller, world.issue(caller, expires_at=soon(hours=5)))["cancelled_by"]
    endless = world.cancel(caller, world.issue(caller))["cancelled_by"]
    assert {ending, endless} <= public(world).keys()
    move(world, ending, hours=6)
    move(world, endless, days=6)
    assert ending not in public(world)
    assert endless in public(world)
    move(world, endless, days=2)
    assert endless not in public(world)


def test_the_cancel_of_what_is_not_for_everybody_is_not_told_to_everybody(world):
    caller = world.caller()
    person = world.person(wants=["north"])
    alert = world.issue(caller, targets=[{"target_type": "user", "target_id": str(person)}])
    assert world.cancel(caller, alert)["cancelled_by"] not in public(world)
    draft = world.cancel(caller, world.draft(caller))
    assert draft["id"] not in public(world)


def test_a_cancelled_alert_does_not_end_again(world):
    caller = world.caller()
    over = world.cancel(caller, world.issue(caller, expires_at=soon(hours=5)))
    move(world, over["cancelled_by"], hours=6)
    with world.db.autocommit() as connection:
        cancellation.expire_alerts(connection)
    assert world.get(caller, over["cancelled_by"])["status"] == "cancelled"

"""Drafting, issuing, updating, cancelling and expiring alerts on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from sqlalchemy import exc
from uuid6 import uuid7

from services.alerts import alerts, cancellation, declared_targets, schemas
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from shared.platform.schemas import load
from tests.integration.alerts.conftest import SENDER


def shown(alert):
    return schemas.Alert().dump(alert)


def types(world, alert):
    return [row.type for row in world.events(alert["id"])]


def in_an_hour():
    return dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)


def test_a_whole_alert_is_issued_in_one_step(world):
    caller = world.caller()
    alert = world.issue(caller, priority="critical")
    assert (alert["status"], alert["issued_by"], alert["msg_type"]) == ("active", caller.user_id, "Alert")
    assert (alert["urgency"], alert["severity"], alert["certainty"]) == ("Immediate", "Extreme", "Observed")
    assert (alert["category"], alert["event"]) == ("Safety", alert["title"])
    [event] = world.events(alert["id"])
    assert event.type == "alert_issued"
    assert event.correlation_id == caller.correlation_id


def test_what_the_author_says_is_not_overwritten_by_the_priority(world):
    alert = world.issue(world.caller(), priority="low", urgency="Past", category="Fire", event="Bush fire")
    assert (alert["urgency"], alert["severity"]) == ("Past", "Minor")
    assert (alert["category"], alert["event"]) == ("Fire", "Bush fire")


def test_a_draft_is_told_to_nobody_until_it_is_issued(world):
    author, issuer = world.caller(), world.caller()
    draft = world.draft(author)
    assert (draft["status"], draft["urgency"]) == ("draft", None)
    assert world.events(draft["id"]) == []
    edited = world.update(author, draft, title="Leave them now", targets=[region(world, "south")])
    assert (edited["id"], edited["version"], edited["title"]) == (draft["id"], 2, "Leave them now")
    issued = world.issue_draft(issuer, edited)
    assert (issued["status"], issued["issued_by"]) == ("active", issuer.user_id)
    assert issued["issued_at"] > draft["issued_at"]
    assert types(world, draft) == ["alert_status_changed", "alert_issued"]
    assert shown(world.issue_draft(issuer, edited)) == shown(issued), "a repeat changes nothing"


def test_a_create_that_is_repeated_makes_one_alert(world):
    caller, alert_id = world.caller(), uuid7()
    for make in (world.draft, world.issue):
        alert_id = uuid7()
        first = make(caller, id=alert_id, targets=[region(world, "north")])
        again = make(caller, id=alert_id, targets=[region(world, "north")])
        assert shown(first) == shown(again)
        for other in ({"title": "Another"}, {"targets": [region(world, "south")]}):
            with pytest.raises(Conflict):
                make(caller, id=alert_id, **{"targets": [region(world, "north")], **other})
        with pytest.raises(Conflict):
            make(world.caller(), id=alert_id, targets=[region(world, "north")])


def test_an_issued_alert_never_changes_whoever_writes(world):
    alert = world.issue(world.caller())
    for change in ("title = 'x'", "expires_at = now()", "status = 'draft'", "translations = '[1]'"):
        with pytest.raises(exc.IntegrityError, match="was issued"):
            world.as_admin(f"UPDATE alerts.alerts SET {change} WHERE id = :id", id=alert["id"])


def test_an_update_takes_the_place_of_the_alert_and_references_it(world):
    caller = world.caller()
    first = world.issue(caller, targets=[region(world, "north"), group("responder")])
    second = world.update(caller, first, message="The dam broke.", priority="critical")
    assert (second["status"], second["msg_type"], second["references"]) == ("active", "Update", [first["id"]])
    assert (second["title"], second["message"]) == (first["title"], "The dam broke.")
    assert second["severity"] == "Extreme", "another priority means another assessment"
    old = world.get(caller, first["id"])
    assert (old["status"], old["superseded_by"], old["message"]) == (
        "superseded",
        second["id"],
        first["message"],
    )
    third = world.update(caller, second, title="Go to the hills")
    assert third["references"] == [first["id"], second["id"]]
    assert world.query(declared_targets.declared, third["id"]) == world.query(
        declared_targets.declared, first["id"]
    )
    assert shown(world.update(caller, second, title="Go to the hills")) == shown(third), "a repeat"
    with pytest.raises(Conflict):
        world.update(caller, second, title="Something else")
    with pytest.raises(Conflict) as caught:
        world.update(caller, world.get(caller, second["id"]), title="Something else")
    assert caught.value.details["legal"] == []


def test_two_updates_at_the_same_time_do_not_both_take_the_place(world):
    caller = world.caller()
    alert = world.issue(caller)
    outcomes = []

    def update(number):
        try:
            outcomes.append(world.update(caller, alert, message=f"Version {number}")["status"])
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=update, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["active", "conflict", "conflict", "conflict"]


def test_a_cancelled_alert_has_a_message_that_says_so(world):
    caller = world.caller()
    first = world.issue(caller)
    alert = world.update(caller, first, title="Leave now")
    cancelled = world.cancel(caller, alert, notes="False alarm.")
    assert (cancelled["status"], cancelled["status_notes"]) == ("cancelled", "False alarm.")
    message = world.get(caller, cancelled["cancelled_by"])
    assert (message["msg_type"], message["status"], message["message"]) == (
        "Cancel",
        "cancelled",
        "False alarm.",
    )
    assert message["references"] == [first["id"], alert["id"]]
    assert types(world, message) == [], "nobody is targeted anew"
    assert shown(world.cancel(caller, alert, notes="False alarm.")) == shown(cancelled)
    with pytest.raises(Conflict):
        world.cancel(caller, cancelled)


def test_a_cancelled_draft_has_no_message(world):
    caller = world.caller()
    cancelled = world.cancel(caller, world.draft(caller))
    assert (cancelled["status"], cancelled["cancelled_by"]) == ("cancelled", None)
    with pytest.raises(Conflict):
        world.issue_draft(caller, cancelled)


def test_alerts_end_by_themselves_and_each_once(world):
    caller = world.caller()
    soon = [world.issue(caller, expires_at=in_an_hour()) for _ in range(30)]
    never, later = world.issue(caller), world.issue(caller, expires_at=in_an_hour())
    world.as_admin("ALTER TABLE alerts.alerts DISABLE TRIGGER alert_guard_trigger")
    world.as_admin(
        "UPDATE alerts.alerts SET expires_at = now() - interval '1 second' WHERE id = ANY (:ids)",
        ids=[alert["id"] for alert in soon],
    )
    world.as_admin("ALTER TABLE alerts.alerts ENABLE TRIGGER alert_guard_trigger")
    ended = []

    def expire():
        while True:
            with world.db.autocommit() as connection:
                count = cancellation.expire_alerts(connection, 4)
            ended.append(count)
            if count == 0:
                return

    threads = [threading.Thread(target=expire) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(ended) == 30
    assert {world.get(caller, alert["id"])["status"] for alert in soon} == {"expired"}
    assert types(world, soon[0]) == ["alert_issued", "alert_status_changed"]
    assert [world.get(caller, alert["id"])["status"] for alert in (never, later)] == ["active", "active"]


def test_an_alert_that_would_be_over_is_not_issued(world):
    caller = world.caller()
    past = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)
    draft = world.draft(caller, expires_at=past)
    for attempt in (
        lambda: world.issue(caller, expires_at=past),
        lambda: world.issue_draft(caller, draft),
        lambda: world.update(caller, world.issue(caller), expires_at=past),
    ):
        with pytest.raises(Invalid) as caught:
            attempt()
        assert set(caught.value.fields) == {"expires_at"}


def test_a_region_that_is_not_there_is_told_from_one_that_is_not_known_yet(world):
    caller = world.caller()
    with pytest.raises(Invalid) as caught:
        world.issue(caller, region_id=uuid7())
    assert set(caught.value.fields) == {"region_id"}
    fresh = world.region(is_known=False)
    with pytest.raises(Unavailable):
        world.issue(caller, region_id=fresh)
    draft = world.draft(caller, region_id=fresh)
    with pytest.raises(Unavailable):
        world.issue_draft(caller, draft)
    world.hear(world.area(fresh, f"R-{fresh}", "Fresh"))
    assert world.issue_draft(caller, draft)["status"] == "active"


def test_targets_that_are_not_there_are_refused(world):
    caller = world.caller()
    for target in (
        {"target_type": "user", "target_id": str(uuid7())},
        {"target_type": "region", "target_id": str(uuid7())},
        group("coordinator:NOWHERE"),
    ):
        with pytest.raises(Invalid) as caught:
            world.issue(caller, targets=[target])
        assert set(caught.value.fields) == {"targets.0.target_id"}
    for target in ({"target_type": "user", "target_id": "x"}, group("No Role"), group("x:")):
        with pytest.raises(Invalid) as caught:
            world.issue(caller, targets=[target])
        assert set(caught.value.fields) == {"targets.0.target_id"}


def test_who_may_issue_in_one_region_reaches_only_its_people(world):
    caller = world.caller(only=world.regions["north"])
    person = world.person(wants=["north"])
    world.issue(caller)
    world.issue(caller, targets=[region(world, "north"), group(f"responder:{world.codes['north']}")])
    for targets in (
        [region(world, "south")],
        [group("responder")],
        [group(f"responder:{world.codes['south']}")],
        [{"target_type": "user", "target_id": person}],
    ):
        for write in (world.issue, world.draft):
            with pytest.raises(Forbidden):
                write(caller, targets=targets)
    with pytest.raises(Forbidden):
        world.issue(caller, region_id=world.regions["south"])
    draft = world.draft(world.caller(), targets=[group("responder")])
    with pytest.raises(Forbidden):
        world.issue_draft(caller, draft)


def test_who_may_not_see_an_alert_finds_none_and_who_sees_it_may_not_write(world):
    caller = world.caller()
    alert, draft = world.issue(caller), world.draft(caller)
    elsewhere, viewer = world.caller(only=world.regions["south"]), world.caller("viewer")
    for write in (world.cancel, lambda who, what: world.update(who, what, title="x")):
        for thing in (alert, draft):
            with pytest.raises(NotFound):
                write(elsewhere, thing)
        with pytest.raises(Forbidden):
            write(viewer, alert)
        with pytest.raises(NotFound):
            write(viewer, draft)
        with pytest.raises(NotFound):
            write(caller, {"id": uuid7(), "version": 1})
    with pytest.raises(NotFound):
        world.issue_draft(elsewhere, draft)
    with pytest.raises(NotFound):
        world.get(viewer, draft["id"])


def test_a_change_names_the_version_it_saw(world):
    caller = world.caller()
    draft = world.draft(caller)
    edited = world.update(caller, draft, title="Second")
    assert shown(world.update(caller, draft, title="Second")) == shown(edited)
    for attempt in (
        lambda: world.update(caller, draft, title="Third"),
        lambda: world.update(caller, draft, title="Second", targets=[region(world, "south")]),
        lambda: world.issue_draft(caller, draft),
        lambda: world.cancel(caller, draft),
    ):
        with pytest.raises(Conflict) as caught:
            attempt()
        assert caught.value.details["version"] == 2


def test_arguments_of_a_draft_and_of_a_whole_alert_are_not_mixed():
    for arguments, fields in (
        ({}, {"title", "message", "region_id", "priority"}),
        ({"alert_id": str(uuid7())}, {"version"}),
        ({"alert_id": str(uuid7()), "version": 1, "title": "x"}, {"title"}),
    ):
        with pytest.raises(Invalid) as caught:
            load(schemas.IssueAlert(), arguments)
        assert set(caught.value.fields) == fields


def test_lists_show_what_may_be_seen_and_what_holds(world):
    caller = world.caller()
    area = world.region("lists")
    active, draft = world.issue(caller, region_id=area), world.draft(caller, region_id=area)
    over = world.cancel(caller, world.issue(caller, region_id=area))

    def ids(who, **filters):
        given = load(schemas.ListAlerts(), {"region_id": str(area), **filters})
        return [row["id"] for row in world.query(alerts.list_alerts, who, given)["items"]]

    assert set(ids(caller)) == {active["id"], draft["id"], over["id"], over["cancelled_by"]}
    assert set(ids(world.caller("viewer"))) == {active["id"], over["id"], over["cancelled_by"]}
    assert ids(world.caller(only=world.regions["south"])) == []
    assert ids(caller, status=["draft"]) == [draft["id"]]
    assert ids(caller, msg_type="Cancel") == [over["cancelled_by"]]
    recent = load(schemas.ListRecentAlerts(), {"region_id": str(area)})
    for who, issuer_name in (("responder", "Ada Lovelace"), ("viewer", None), ("reporter", None)):
        [row] = world.query(alerts.list_recent_alerts, world.caller(who), SENDER, recent)["items"]
        assert (row["id"], row["region_name"], row["sender"]) == (active["id"], "lists", SENDER)
        assert row["issuer_name"] == issuer_name, who


def region(world, name):
    return {"target_type": "region", "target_id": str(world.regions[name])}


def group(name):
    return {"target_type": "group", "target_id": name}


FRENCH = {"language": "fr", "title": "Fuyez", "message": "Le barrage va céder."}


@pytest.mark.parametrize("begin", ["draft", "issue"])
def test_no_change_makes_a_language_stand_twice(world, begin):
    caller = world.caller()
    alert = getattr(world, begin)(caller, language="FR")
    with pytest.raises(Invalid) as caught:
        world.update(caller, alert, translations=[FRENCH])
    assert list(caught.value.fields) == ["translations"]
    alert = world.update(caller, alert, language="en", translations=[FRENCH])
    with pytest.raises(Invalid):
        world.update(caller, alert, language="fr")


def test_who_adds_a_translation_into_their_own_language_has_not_written_in_it(world):
    caller = world.caller(user_id=world.person(language="fr"))
    assert world.draft(caller)["language"] == "fr"
    assert world.issue(caller, translations=[FRENCH])["language"] == "en-US"
    with pytest.raises(Invalid):
        world.issue(world.caller(), translations=[{**FRENCH, "language": "en-us"}])


def test_a_cancellation_without_a_reason_is_told_in_the_languages_of_the_alert(world):
    caller = world.caller()
    alert = world.issue(caller, language="ht", title="Kouri", message="Dlo ap monte.", translations=[FRENCH])
    ended = world.get(caller, world.cancel(caller, alert)["cancelled_by"])
    assert (ended["language"], ended["message"]) == ("ht", "Kouri: alèt sa a pa an vigè ankò.")
    [french] = ended["translations"]
    assert french == {
        "language": "fr",
        "title": "Fuyez",
        "message": "Fuyez : cette alerte n'est plus en vigueur.",
    }
    alert = world.issue(caller, language="ht", translations=[FRENCH])
    ended = world.get(caller, world.cancel(caller, alert, "A drill.")["cancelled_by"])
    assert (ended["message"], ended["translations"]) == ("A drill.", [])

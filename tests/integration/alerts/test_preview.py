"""What a change or an alert would do is shown before it is done, and is what is done then."""

from __future__ import annotations

from typing import Any

import pytest
from uuid6 import uuid7

from services.alerts import preview, rule_engine, schemas
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound
from shared.domain.permissions import ALERT_APPROVE, ALERT_READ, ALERT_READ_DRAFT, REPORT_CHANGE_STATUS
from shared.platform.schemas import load
from tests.integration.alerts.conftest import SENDER, event_of
from tests.integration.alerts.test_alert_rules import alerts_of, report, resource, rule
from tests.integration.alerts.test_rules_follow_facts import edited


def preview_change(world, caller, event, priorities=(), **changes) -> list[Any]:
    kind = "report" if "report_id" in event.data else "resource"
    given = load(
        schemas.PreviewChange(), {"source": kind, "source_id": str(event.subject), "changes": changes}
    )
    return world.query(preview.preview_change, caller, given, priorities)["effects"]


def preview_alert(world, caller, priorities=(), **arguments) -> Any:
    given = load(schemas.PreviewAlert(), arguments)
    [effect] = world.query(preview.preview_alert, caller, given, priorities)["effects"]
    assert schemas.Preview().dump({"effects": [effect]})["effects"][0]["people"] == effect["people"]
    return effect


def created(world, region, **changed):
    event = report(world, "pending", 1, region=region, **changed)
    return event_of("reports", "report_created", event.subject, event.data)


@pytest.fixture
def town(world):
    return world.region(f"preview-{uuid7()}")


def followers(world, region_id, count):
    code = next(name for name, known in world.regions.items() if known == region_id)
    return [world.person(wants=[code]) for _ in range(count)]


def test_confirming_shows_what_it_then_does(world, town):
    followers(world, town, 3)
    world.person(wants=["*"], is_active=False)
    pending = created(world, town, severity=5)
    world.follow(pending)
    everyone = len(world.rows("SELECT 1 FROM alerts.audience_members WHERE is_active AND '*' = ANY(regions)"))
    [effect] = preview_change(world, world.caller(), pending, status="confirmed")
    assert (effect["action"], effect["priority"], effect["alert_id"]) == ("issue", "critical", None)
    assert (effect["people"], effect["on_public_feed"], effect["audience_class"]) == (
        3 + everyone,
        True,
        "public",
    )
    assert alerts_of(world, pending) == [], "nothing was done"
    confirmed = report(world, "confirmed", 2, region=town, severity=5, report_id=pending.subject)
    world.follow(confirmed)
    [alert] = alerts_of(world, pending)
    assert (alert.title, alert.message) == (effect["title"], effect["message"])
    world.target(alert.id, size=1000)
    assert len(world.reached(alert.id)) == effect["people"]


def test_editing_shows_the_update_and_resolving_the_cancellation(world, town):
    followers(world, town, 2)
    confirmed = report(world, "confirmed", 2, region=town, severity=5)
    world.follow(confirmed)
    [alert] = alerts_of(world, confirmed)
    world.target(alert.id, size=1000)
    [effect] = preview_change(world, world.caller(), confirmed, title="The dam breaks")
    assert (effect["action"], effect["alert_id"], effect["title"]) == ("update", alert.id, "The dam breaks")
    assert effect["is_quiet"]
    [effect] = preview_change(world, world.caller(), confirmed, status="resolved")
    assert (effect["action"], effect["alert_id"]) == ("cancel", alert.id)
    assert effect["people"] == len(world.reached(alert.id))
    lowered = preview_change(world, world.caller(), confirmed, severity_level=4)
    assert [one["action"] for one in lowered] == ["cancel", "issue"]
    assert preview_change(world, world.caller(), confirmed, status="confirmed") == []


def test_a_resource_that_closes_shows_its_alert(world, town):
    shelter = resource(world, "available", 1, region_id=town)
    world.follow(shelter)
    [effect] = preview_change(world, world.caller(), shelter, status="unavailable")
    assert (effect["action"], effect["audience_class"], effect["on_public_feed"]) == (
        "issue",
        "restricted",
        False,
    )


def test_a_priority_that_nobody_may_issue_alone_waits_for_approval_also_when_a_rule_issues_it(world, town):
    pending = created(world, town, severity=5)
    world.follow(pending)
    [effect] = preview_change(world, world.caller(), pending, ("critical",), status="confirmed")
    assert (effect["action"], effect["needs_approval"], effect["on_public_feed"]) == (
        "request_approval",
        True,
        False,
    )
    confirmed = report(world, "confirmed", 2, region=town, severity=5, report_id=pending.subject)
    with world.db.write() as connection:
        rule_engine.follow_rules(connection, SENDER, [confirmed], ("critical",))
    [alert] = alerts_of(world, pending)
    assert alert.status == "pending_approval"


def test_whoever_may_not_change_it_is_not_told(world, town):
    pending = created(world, town, severity=5)
    with pytest.raises(NotFound):
        preview_change(world, world.caller(), pending, status="confirmed")
    world.follow(pending)
    for caller in (world.caller("reporter"), world.caller_with({REPORT_CHANGE_STATUS: frozenset({uuid7()})})):
        with pytest.raises(NotFound):
            preview_change(world, caller, pending, status="confirmed")
    assert preview_change(
        world, world.caller_with({REPORT_CHANGE_STATUS: frozenset({town})}), pending, status="confirmed"
    )


def test_what_cannot_be_a_fact_is_refused_by_name():
    for changes, source in (({"status": "available"}, "report"), ({"severity_level": 3}, "resource")):
        with pytest.raises(Invalid) as caught:
            load(schemas.PreviewChange(), {"source": source, "source_id": str(uuid7()), "changes": changes})
        assert list(caught.value.fields) == [f"changes.{next(iter(changes))}"]


def test_issuing_shows_whom_it_reaches_with_the_checks_of_issuing(world, town):
    followers(world, town, 2)
    caller = world.caller()
    arguments = {name: value for name, value in world.arguments(region_id=str(town)).items() if name != "id"}
    effect = preview_alert(world, caller, **arguments)
    alert = world.issue(caller, region_id=town)
    world.target(alert["id"], size=1000)
    assert effect["people"] == len(world.reached(alert["id"]))
    assert (effect["action"], effect["on_public_feed"], effect["title"]) == ("issue", True, alert["title"])
    person = world.person()
    private = preview_alert(
        world, caller, **arguments, targets=[{"target_type": "user", "target_id": str(person)}]
    )
    assert (private["people"], private["audience_class"], private["on_public_feed"]) == (1, "private", False)
    assert preview_alert(world, caller, (arguments["priority"],), **arguments)["needs_approval"]
    with pytest.raises(Forbidden):
        preview_alert(world, world.caller(only=world.regions["south"]), **arguments)
    with pytest.raises(Invalid):
        preview_alert(world, caller, **arguments, expires_at="2001-01-01T00:00:00Z")


def test_a_draft_is_shown_as_it_would_be_issued(world, town):
    caller = world.caller()
    draft = world.draft(caller, region_id=town)
    assert preview_alert(world, caller, alert_id=str(draft["id"]))["title"] == draft["title"]
    world.issue_draft(caller, draft)
    with pytest.raises(Conflict):
        preview_alert(world, caller, alert_id=str(draft["id"]))
    with pytest.raises(Invalid):
        load(schemas.PreviewAlert(), {"alert_id": str(draft["id"]), "title": "x"})


def test_a_drafted_update_of_an_alert_that_has_ended_is_shown_as_little_as_it_can_be_issued(world, town):
    caller = world.caller()
    alert = world.issue(caller, region_id=town)
    draft = world.draft(caller, region_id=town, title="The dam breaks", updates=alert["id"])
    assert preview_alert(world, caller, alert_id=str(draft["id"]))["title"] == "The dam breaks"
    world.cancel(caller, alert)
    for attempt in (
        lambda: preview_alert(world, caller, alert_id=str(draft["id"])),
        lambda: world.issue_draft(caller, draft),
    ):
        with pytest.raises(Conflict, match="cancelled"):
            attempt()


def test_what_waits_for_approval_is_shown_to_who_may_approve_it_as_it_is_issued_then(world, town):
    author = world.caller()
    draft = world.draft(author, region_id=town, priority="critical", title="The dam breaks")
    pending = world.request_approval(author, draft)
    approver = world.caller_with(dict.fromkeys((ALERT_READ, ALERT_READ_DRAFT, ALERT_APPROVE)))
    effect = preview_alert(world, approver, ["critical"], alert_id=str(draft["id"]))
    assert (effect["action"], effect["needs_approval"], effect["on_public_feed"]) == ("issue", True, True)
    assert effect["title"] == world.approve(approver, pending)["title"]
    unasked = world.draft(author, region_id=town)
    with pytest.raises(Forbidden, match="alert:issue"):
        preview_alert(world, approver, alert_id=str(unasked["id"]))


def test_a_rule_for_drafts_shows_that_nobody_is_alerted(world, town):
    own = rule(
        world,
        world.caller(),
        status_entered="in_progress",
        minimum_severity_level=1,
        maximum_severity_level=1,
        action="draft",
    )
    pending = created(world, town, severity=1)
    world.follow(pending)
    effects = [
        one
        for one in preview_change(world, world.caller(), pending, status="in_progress")
        if one["rule_id"] == own["id"]
    ]
    assert [(one["action"], one["on_public_feed"]) for one in effects] == [("draft", False)]
    world.as_admin("UPDATE alerts.alert_rules SET is_active = false WHERE id = :id", id=own["id"])


def test_the_text_of_a_private_alert_is_shown_only_to_whoever_could_read_it(world, town):
    person = world.person()
    own = rule(
        world,
        world.caller("administrator"),
        status_entered="in_progress",
        target_type="user",
        target_id=str(person),
    )
    pending = created(world, town, severity=1)
    world.follow(pending)

    def rules_shown_to(caller):
        return {one["rule_id"] for one in preview_change(world, caller, pending, status="in_progress")}

    assert own["id"] in rules_shown_to(world.caller("administrator"))
    assert own["id"] not in rules_shown_to(world.caller("coordinator"))
    world.as_admin("UPDATE alerts.alert_rules SET is_active = false WHERE id = :id", id=own["id"])


def test_an_update_is_shown_with_the_words_and_the_audience_that_a_person_gave_the_alert(world, town):
    caller = world.caller()
    confirmed = report(world, "confirmed", 2, region=town, severity=5)
    world.follow(confirmed)
    [alert] = alerts_of(world, confirmed)
    world.update(
        caller,
        world.get(caller, alert.id),
        instruction="Leave the valley.",
        targets=[{"target_type": "group", "target_id": "coordinator"}],
    )
    [effect] = preview_change(world, caller, confirmed, title="The dam broke")
    world.follow(edited(world, confirmed, 3, title="The dam broke"))
    *_, update = alerts_of(world, confirmed)
    assert (effect["title"], effect["message"]) == (update.title, update.message)
    assert effect["instruction"] == update.instruction == "Leave the valley."
    assert (effect["audience_class"], effect["on_public_feed"]) == (update.audience_class, False)
    world.target(update.id, size=1000)
    assert effect["people"] == len(world.reached(update.id))


def test_an_edit_that_changes_nothing_is_shown_to_do_nothing(world, town):
    known = report(world, "in_progress", 2, region=town, severity=1)
    world.follow(known)
    own = rule(world, world.caller())
    assert preview_change(world, world.caller(), known, title=known.data["title"], status="in_progress") == []
    world.follow(edited(world, known, 3))
    assert alerts_of(world, known) == []
    world.as_admin("UPDATE alerts.alert_rules SET is_active = false WHERE id = :id", id=own["id"])


def test_a_private_alert_that_would_end_is_shown_to_who_may_read_it_and_that_is_recorded(world, town):
    own = rule(
        world,
        world.caller("administrator"),
        status_entered="in_progress",
        target_type="user",
        target_id=str(world.person()),
    )
    event = report(world, "in_progress", 2, region=town, severity=1)
    world.follow(event)
    [alert] = alerts_of(world, event)
    reader = world.caller("administrator")
    assert preview_change(world, world.caller("coordinator"), event, status="resolved") == []
    [effect] = preview_change(world, reader, event, status="resolved")
    assert (effect["action"], effect["alert_id"]) == ("cancel", alert.id)
    reads = world.rows("SELECT user_id FROM alerts.private_alert_reads WHERE alert_id = :id", id=alert.id)
    assert [row.user_id for row in reads] == [reader.user_id]
    world.as_admin("UPDATE alerts.alert_rules SET is_active = false WHERE id = :id", id=own["id"])

"""An automatic alert is a function of its report or resource as it is now; the order of events does not matter."""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uuid6 import uuid7

from services.alerts import rule_engine, sources
from services.alerts.cap import message, reading
from shared.client.errors import Conflict
from shared.domain import reports
from tests.integration.alerts.conftest import SENDER, event_of
from tests.integration.alerts.test_alert_rules import alerts_of, change, report, resource, rule


def edited(world, event, version, **changes):
    """The event of an edit of the report that another event is about."""
    data = {**event.data, "version": version, "changed": sorted(changes), **changes}
    for name in ("previous_status", "notes"):
        data.pop(name, None)
    return event_of("reports", "report_updated", event.subject, data)


def in_force(world, event):
    return [alert for alert in alerts_of(world, event) if alert.status == "active"]


def only(world, event):
    [alert] = in_force(world, event)
    return alert


def window_over(world, event):
    """Let the time pass in which changes make one update."""
    world.as_admin(
        "UPDATE alerts.rule_standings SET updated_at = updated_at - interval '1 minute' WHERE source_id = :id",
        id=event.subject,
    )
    world.as_admin(
        "UPDATE alerts.source_facts SET evaluate_at = evaluate_at - interval '1 minute' WHERE source_id = :id",
        id=event.subject,
    )


@pytest.fixture
def own_rule(world):
    """Make rules that are out of use afterwards."""
    caller = world.caller()
    made = []

    def make(**changed):
        made.append(rule(world, caller, **changed))
        return made[-1]

    yield make
    world.as_admin(
        "UPDATE alerts.alert_rules SET is_active = false WHERE id = ANY(:ids)",
        ids=[one["id"] for one in made],
    )


# --- the property ----------------------------------------------------------------------------------------------------

MOVES = reports.STATUS.moves
TYPES = [uuid7() for _ in range(2)]


def expected(rules, facts, lineages):
    """Return the rules that have an alert in force for the facts, worked out the slow and simple way."""
    found = set()
    for one in rules:
        held, waiting = set(), {one["status_entered"]}
        while waiting:
            status = waiting.pop()
            held.add(status)
            if one["cancelled_by_statuses"]:
                waiting |= set(MOVES[status]) - held - set(one["cancelled_by_statuses"])
        if (
            facts["status"] in held
            and one["type_id"] in (None, facts["report_type_id"])
            and (one["region_id"] is None or one["region_id"] in lineages[facts["region_id"]])
            and (one["minimum_severity_level"] or 1) <= facts["severity_level"]
            and facts["severity_level"] <= (one["maximum_severity_level"] or 5)
        ):
            found.add(one["id"])
    return found


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers())
def test_the_alerts_in_force_are_those_of_the_present_facts(world, nested, seed):
    chance = random.Random(seed)
    caller = world.caller()
    rules = [
        rule(
            world,
            caller,
            status_entered=(entered := chance.choice(reports.STATUS.statuses)),
            cancelled_by_statuses=chance.sample(
                [status for status in reports.STATUS.statuses if status != entered], chance.randint(0, 3)
            ),
            minimum_severity_level=chance.choice([None, 2, 4]),
            maximum_severity_level=chance.choice([None, 4, 5]),
            type_id=chance.choice([None, None, str(TYPES[0])]),
            region_id=chance.choice([None, None, str(nested["country"]), str(nested["town"])]),
            action=chance.choice(["issue", "issue", "draft"]),
        )
        for _ in range(4)
    ]
    lineages = {
        nested["country"]: {nested["country"]},
        nested["town"]: {nested["country"], nested["town"]},
        world.regions["south"]: {world.regions["south"]},
    }
    event = report(world, "pending", 1, region=nested["town"], report_type_id=TYPES[0])
    events = [event_of("reports", "report_created", event.subject, event.data)]
    facts = dict(event.data)
    for version in range(2, chance.randint(3, 12)):
        if chance.random() < 0.6 and MOVES[facts["status"]]:
            before = facts["status"]
            facts |= {"version": version, "status": chance.choice(MOVES[before]), "previous_status": before}
            events.append(event_of("reports", "report_status_changed", event.subject, dict(facts)))
        else:
            facts |= {
                "version": version,
                "region_id": chance.choice(list(lineages)),
                "severity_level": chance.randint(1, 5),
                "report_type_id": chance.choice(TYPES),
                "title": f"Flood {chance.randint(1, 3)}",
            }
            events.append(edited(world, event, **facts))
    last = events[-1]
    kept = [one for one in events[:-1] if chance.random() < 0.7]
    told = chance.choices(kept, k=2 * len(kept)) if kept else []
    told.insert(chance.randint(0, len(told)), last)
    if chance.random() < 0.3:
        told = events * 2
        chance.shuffle(told)
    while told:
        size = chance.randint(1, 5)
        world.follow(*told[:size])
        del told[:size]
    held = expected(rules, facts, lineages)
    mine = {one["id"] for one in rules}
    rows = [row for row in alerts_of(world, event) if row.rule_id in mine]
    open_ones = [row for row in rows if row.status in ("draft", "active")]
    assert {row.rule_id for row in open_ones} == held
    assert len(open_ones) == len(held), "one for each rule and report"
    assert {row.region_id for row in open_ones} <= {facts["region_id"]}
    by_id = {row.id: row for row in rows}
    for row in rows:
        if row.msg_type != "Alert":
            assert all(one in by_id for one in row.references)
        if row.status == "cancelled" and row.msg_type == "Alert" and row.sender:
            assert by_id[row.cancelled_by].references[-1] == row.id
    # When the windows are over, what is told is what the facts are.
    window_over(world, event)
    rule_engine.evaluate_due_sources(world.db, SENDER)
    rows = [
        row for row in alerts_of(world, event) if row.rule_id in mine and row.status in ("draft", "active")
    ]
    assert {row.rule_id for row in rows} == held
    assert {row.title for row in rows} <= {facts["title"]}
    world.as_admin("UPDATE alerts.alert_rules SET is_active = false WHERE id = ANY(:ids)", ids=list(mine))


@pytest.fixture(scope="module")
def nested(world):
    country, town = world.region("country"), world.region("town")
    world.hear(replace_parent(world.area(town, world.codes["town"], "town", version=2), country))
    return {"country": country, "town": town}


def replace_parent(event, parent_id):
    return replace(event, data={**event.data, "parent_id": parent_id})


# --- single cases ----------------------------------------------------------------------------------------------------


def test_a_severity_that_is_raised_after_the_confirmation_is_alerted(world):
    event = report(world, "confirmed", severity=3)
    world.follow(event)
    assert in_force(world, event) == []
    world.follow(edited(world, event, 3, severity_level=5))
    assert only(world, event).priority == "critical"
    world.follow(edited(world, event, 4, severity_level=4))
    assert only(world, event).priority == "high", "the critical one is over, as the facts are"
    world.follow(edited(world, event, 5, severity_level=2))
    assert in_force(world, event) == []


def test_what_is_told_follows_the_facts_with_an_update(world):
    event = report(world, "confirmed")
    world.follow(event)
    first = only(world, event)
    world.follow(edited(world, event, 3, title="Dam has broken"))
    update = only(world, event)
    assert (update.title, update.msg_type, update.references) == ("Dam has broken", "Update", [first.id])
    assert update.is_quiet, "words alone have changed"
    assert [row.data["is_quiet"] for row in world.events(update.id)] == [True]
    superseded = world.get(world.caller(), first.id)
    assert (superseded["status"], superseded["superseded_by"]) == ("superseded", update.id)
    world.follow(report(world, "resolved", 4, report_id=event.subject))
    *_, cancelled = alerts_of(world, event)
    assert (cancelled.msg_type, cancelled.references) == ("Cancel", [first.id, update.id])
    with world.db.read() as connection:
        content = reading.get_cap_message(connection, world.caller(), SENDER, cancelled.id)
    written = message.write(content)
    assert "<msgType>Cancel</msgType>" in written
    assert str(first.id) in written
    assert str(update.id) in written


def test_a_report_that_moves_ends_its_alert_there_and_begins_one_here(world):
    event = report(world, "confirmed")
    world.follow(event)
    there = only(world, event)
    world.follow(edited(world, event, 3, region_id=world.regions["south"]))
    here = only(world, event)
    assert (here.region_id, here.msg_type) == (world.regions["south"], "Alert")
    ended = world.get(world.caller(), there.id)
    assert (ended["status"], ended["region_id"]) == ("cancelled", world.regions["north"])
    assert "another region" in ended["status_notes"]


def test_what_holds_again_gets_a_new_alert(world):
    event = report(world, "confirmed")
    world.follow(event, report(world, "resolved", 3, report_id=event.subject))
    assert in_force(world, event) == []
    world.follow(report(world, "in_progress", 4, report_id=event.subject))
    assert only(world, event).msg_type == "Alert"
    world.follow(report(world, "resolved", 5, report_id=event.subject))
    assert in_force(world, event) == []


def test_a_resource_that_flaps_has_one_alert_or_none(world):
    event = resource(world, "unavailable")
    for version, status in enumerate(["unavailable", "available"] * 3, 2):
        world.follow(resource(world, status, version, resource_id=event.subject))
        assert len(in_force(world, event)) == (status == "unavailable")
    world.follow(resource(world, "out_of_service", 8, resource_id=event.subject))
    assert only(world, event).title == "Lycée is out of service"


def test_an_old_event_issues_nothing_under_a_newer_rule(world, own_rule):
    event, late = report(world, "in_progress", severity=1), report(world, "in_progress", severity=1)
    world.follow(event)
    own_rule()
    world.follow(event)
    world.follow(late)
    assert alerts_of(world, event) == alerts_of(world, late) == []
    world.follow(edited(world, event, 3, severity_level=2))
    assert only(world, event).title == event.data["title"]


def test_a_rule_that_changes_takes_its_open_alerts_with_it(world, own_rule):
    caller = world.caller()
    made = own_rule(maximum_severity_level=2)
    stays, goes, other = (report(world, "in_progress", severity=level) for level in (1, 2, 3))
    world.follow(stays, goes, other)
    made = change(world, caller, made, maximum_severity_level=1, title_template="Now: {title}")
    rule_engine.evaluate_due_sources(world.db, SENDER)
    assert only(world, stays).title == "Now: Dam breaks {status}"
    assert in_force(world, goes) == []
    made = change(world, caller, made, maximum_severity_level=3)
    rule_engine.evaluate_due_sources(world.db, SENDER)
    assert in_force(world, goes) == in_force(world, other) == [], "what was so before issues nothing"
    change(world, caller, made, is_active=False)
    rule_engine.evaluate_due_sources(world.db, SENDER)
    assert only(world, stays), "what is in force stays for as long as the rule holds"
    world.follow(report(world, "resolved", 3, report_id=stays.subject, severity=1))
    assert in_force(world, stays) == []


def test_what_a_coordinator_cancels_stays_cancelled_until_the_rule_has_stopped_holding(world):
    caller = world.caller()
    event = report(world, "confirmed")
    world.follow(event)
    world.cancel(caller, world.get(caller, only(world, event).id), "A drill.")
    world.follow(
        edited(world, event, 3, title="Dam broke"), report(world, "in_progress", 4, report_id=event.subject)
    )
    assert in_force(world, event) == []
    world.follow(report(world, "resolved", 5, report_id=event.subject))
    world.follow(report(world, "in_progress", 6, report_id=event.subject))
    assert only(world, event)


def test_what_has_expired_stays_expired(world):
    event = resource(world, "unavailable")
    world.follow(event)
    world.as_admin("ALTER TABLE alerts.alerts DISABLE TRIGGER alert_guard_trigger")
    world.as_admin(
        "UPDATE alerts.alerts SET expires_at = now() - interval '1 second' WHERE source_id = :id",
        id=event.subject,
    )
    world.as_admin("ALTER TABLE alerts.alerts ENABLE TRIGGER alert_guard_trigger")
    world.follow(replaced(event, "resource_updated", version=3, name="School"))
    [alert] = alerts_of(world, event)
    world.as_admin("UPDATE alerts.alerts SET status = 'expired' WHERE id = :id", id=alert.id)
    world.follow(replaced(event, "resource_updated", version=4, name="College"))
    assert [row.status for row in alerts_of(world, event)] == ["expired"]


def replaced(event, event_type, **changes):
    return event_of(event.source, event_type, event.subject, {**event.data, **changes})


def test_the_words_of_a_coordinator_stay_until_their_fact_changes(world, own_rule):
    caller = world.caller()
    own_rule(message_template="Severity {severity_level}.")
    event = report(world, "in_progress", severity=1)
    world.follow(event)
    world.update(caller, world.get(caller, only(world, event).id), title="Leave the valley")
    world.follow(edited(world, event, 3, severity_level=2))
    update = only(world, event)
    assert (update.title, update.message) == ("Leave the valley", "Severity 2.")
    window_over(world, event)
    world.follow(edited(world, event, 4, severity_level=2, title="The dam broke"))
    update = only(world, event)
    assert (update.title, update.message) == ("The dam broke", "Severity 2.")
    assert len(update.references) == 3


def test_changes_within_half_a_minute_make_one_update(world):
    event = report(world, "confirmed")
    world.follow(event)
    for version in range(3, 8):
        world.follow(edited(world, event, version, title=f"Title {version}"))
    assert only(world, event).title == "Title 3", "the first one is told at once"
    rule_engine.evaluate_due_sources(world.db, SENDER)
    assert only(world, event).title == "Title 3"
    window_over(world, event)
    threads = [
        threading.Thread(target=rule_engine.evaluate_due_sources, args=(world.db, SENDER)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rule_engine.evaluate_due_sources(world.db, SENDER)
    assert only(world, event).title == "Title 7"
    assert [row.msg_type for row in alerts_of(world, event)] == ["Alert", "Update", "Update"]
    world.follow(report(world, "resolved", 8, report_id=event.subject))
    assert in_force(world, event) == [], "an end never waits"


def test_an_update_of_instruction_or_priority_is_told_anew(world, own_rule):
    caller = world.caller()
    made = own_rule(instruction_template="Level {severity_level}: stay inside.")
    event = report(world, "in_progress", severity=1)
    world.follow(event)
    assert only(world, event).instruction == "Level 1: stay inside."
    world.follow(edited(world, event, 3, severity_level=2))
    assert not only(world, event).is_quiet
    window_over(world, event)
    change(world, caller, made, priority="high")
    rule_engine.evaluate_due_sources(world.db, SENDER)
    update = only(world, event)
    assert (update.is_quiet, update.priority, update.severity) == (False, "high", "Severe")


def test_a_draft_is_changed_in_place(world, own_rule):
    own_rule(action="draft")
    waiting = own_rule(action="request_approval")
    event = report(world, "in_progress", severity=1)
    world.follow(event)
    world.follow(edited(world, event, 3, title="Flood"), edited(world, event, 4, title="Flood in the valley"))
    rows = {row.rule_id: row for row in alerts_of(world, event)}
    assert {row.title for row in rows.values()} == {"Flood in the valley"}
    assert rows[waiting["id"]].status == "pending_approval"
    world.follow(report(world, "resolved", 5, report_id=event.subject))
    assert {row.status for row in alerts_of(world, event)} == {"cancelled"}


def test_an_event_of_an_unknown_region_holds_up_nothing_and_is_followed_when_the_region_comes(world):
    region_id = world.region("late", is_known=False)
    waiting, behind = report(world, "confirmed", region=region_id), report(world, "confirmed")
    world.follow(waiting, behind)
    assert only(world, behind)
    assert alerts_of(world, waiting) == []
    rule_engine.evaluate_due_sources(world.db, SENDER)
    assert alerts_of(world, waiting) == []
    world.hear(world.area(region_id, world.codes["late"], "late"))
    rule_engine.evaluate_due_sources(world.db, SENDER)
    assert only(world, waiting).region_id == region_id


def test_a_rule_for_a_region_holds_in_what_lies_in_it_wherever_that_moves(world, own_rule):
    country, town = world.region("land"), world.region("dorf")
    own_rule(region_id=str(country))
    event = report(world, "in_progress", severity=1, region=town)
    world.follow(event)
    assert in_force(world, event) == []
    world.hear(replace_parent(world.area(town, world.codes["dorf"], "dorf", version=2), country))
    rule_engine.evaluate_due_sources(world.db, SENDER)
    assert only(world, event).region_id == town
    world.hear(world.area(town, world.codes["dorf"], "dorf", version=3))
    rule_engine.evaluate_due_sources(world.db, SENDER)
    assert in_force(world, event) == []
    world.hear(replace_parent(world.area(town, world.codes["dorf"], "dorf", version=4), country))
    rule_engine.evaluate_due_sources(world.db, SENDER)
    assert only(world, event).msg_type == "Alert", "a second one of the same version of the report"


def test_internal_notes_are_for_staff_alone_also_in_rules_of_former_releases(world, own_rule):
    own_rule(target_type="group", target_id="coordinator", message_template="{title}: {notes}")
    public = own_rule()
    world.as_admin(
        "UPDATE alerts.alert_rules SET message_template = '{title} in {region}. {notes} Stay inside.' WHERE id = :id",
        id=public["id"],
    )
    event = report(world, "in_progress", severity=1, notes="The mayor is drunk.", title="Flood")
    world.follow(event)
    told = {row.rule_id == public["id"]: row.message for row in alerts_of(world, event)}
    assert told == {True: "Flood in north. Stay inside.", False: "Flood: The mayor is drunk."}


def test_an_alert_has_the_languages_of_its_words(world, own_rule):
    own_rule(
        language="ht",
        title_template="{title} ({status})",
        message_template="Nivo {severity_level}",
        translations=[
            {
                "language": "fr",
                "title_template": "{title} ({status})",
                "message_template": "Niveau {severity_level}",
                "instruction_template": "Restez chez vous.",
            }
        ],
    )
    event = report(world, "in_progress", severity=1, title="Inondasyon")
    world.follow(event)
    alert = only(world, event)
    assert (alert.language, alert.title, alert.message) == ("ht", "Inondasyon (ap fèt)", "Nivo 1")
    assert alert.translations == [
        {
            "language": "fr",
            "title": "Inondasyon (en cours)",
            "message": "Niveau 1",
            "instruction": "Restez chez vous.",
        }
    ]
    world.follow(report(world, "resolved", 3, report_id=event.subject, severity=1, title="Inondasyon"))
    *_, cancelled = alerts_of(world, event)
    assert (cancelled.language, cancelled.msg_type) == ("ht", "Cancel")
    assert [one["language"] for one in cancelled.translations] == ["fr"]
    shipped = report(world, "confirmed")
    world.follow(shipped)
    assert only(world, shipped).language == "en"


def test_the_database_holds_one_open_alert_for_each_rule_and_report(world):
    event = report(world, "confirmed")
    world.follow(event)
    alert = only(world, event)
    with pytest.raises(Exception, match="alerts_open_by_rule_excl"):
        world.as_admin(
            "INSERT INTO alerts.alerts (title, message, region_id, issued_by, priority, rule_id, source_id)"
            " VALUES ('x', 'x', :region, :user, 'low', :rule, :source)",
            region=alert.region_id,
            user=alert.issued_by,
            rule=alert.rule_id,
            source=event.subject,
        )


def test_a_person_who_updates_while_the_report_is_resolved_leaves_nothing_in_force(world):
    caller = world.caller()
    for _ in range(10):
        event = report(world, "confirmed")
        world.follow(event)
        alert = world.get(caller, only(world, event).id)

        def reword(alert=alert):
            # The report may be resolved first.
            with suppress(Conflict):
                world.update(caller, alert, title="Leave the valley")

        def resolve(event=event):
            world.follow(report(world, "resolved", 3, report_id=event.subject))

        threads = [threading.Thread(target=one) for one in (reword, resolve)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert in_force(world, event) == []


def test_a_person_and_the_engine_take_the_same_lock(world):
    caller = world.caller()
    event = report(world, "confirmed")
    world.follow(event)
    alert = world.get(caller, only(world, event).id)
    done = threading.Event()

    def cancel():
        world.cancel(caller, alert)
        done.set()

    with world.db.write() as connection:
        sources.lock_sources(connection, [event.subject])
        thread = threading.Thread(target=cancel)
        thread.start()
        with psycopg.connect(world.admin_url) as looking:
            query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while looking.execute(query).fetchone() == (0,):
                assert not done.is_set()
                looking.rollback()
    thread.join()
    assert done.is_set()


def test_what_would_be_done_is_asked_without_doing_it(world):
    event = report(world, "pending", 1)
    world.follow(event)
    with world.db.read() as connection:
        facts = sources.read_facts(connection, [event.subject])[event.subject]
        [decision] = rule_engine.decisions_for(connection, replace(facts, status="confirmed"))
    assert [step.action for step in decision.steps] == ["issue"]
    assert decision.steps[0].told["title"] == "Dam breaks {status}"
    assert alerts_of(world, event) == []


def test_an_imported_record_of_what_was_confirmed_elsewhere_alerts_nobody_before_something_changes(world):
    confirmed = report(world, "confirmed", 1, severity_level=5)
    imported = event_of("reports", "report_created", confirmed.subject, confirmed.data)
    world.follow(imported)
    world.follow(imported)
    assert in_force(world, imported) == []
    world.follow(edited(world, imported, version=2, title="Flood, and it rises"))
    assert only(world, imported).title == "Flood, and it rises"


def test_facts_that_were_copied_before_their_event_came_are_those_of_the_event(world):
    copied, unchanged = report(world, "confirmed"), report(world, "confirmed")
    world.follow(copied, unchanged)
    for event in (copied, unchanged):
        world.as_admin(
            "UPDATE alerts.source_facts SET changed_at = NULL, entered_version = NULL WHERE source_id = :id",
            id=event.subject,
        )
        for table in ("rule_standings", "alert_targets", "alert_status_history", "alerts"):
            which = "alert_id IN (SELECT id FROM alerts.alerts WHERE source_id = :id)"
            of = which if table in {"alert_targets", "alert_status_history"} else "source_id = :id"
            world.as_admin(f"DELETE FROM alerts.{table} WHERE {of}", id=event.subject)
    world.follow(copied)
    world.follow(edited(world, unchanged, 3, description="Not what a rule reads."))
    assert only(world, copied)
    assert alerts_of(world, unchanged) == [], "what was so before the upgrade alerts nobody"


def test_a_person_who_has_read_what_is_put_into_other_words_has_read_the_update(world):
    readers = [world.caller("reporter", user_id=world.person(wants=["north"])) for _ in range(2)]
    event = report(world, "confirmed")
    world.follow(event)
    first = only(world, event)
    world.target(first.id)
    world.read(readers[0], world.get(readers[0], first.id))
    world.follow(edited(world, event, 3, title="Dam has broken"))
    quiet = only(world, event)
    world.target(quiet.id)
    rows = world.rows(
        "SELECT target_id, is_read, read_at FROM alerts.alert_targets WHERE alert_id = :id", id=quiet.id
    )
    read = {row.target_id: (row.is_read, row.read_at is not None) for row in rows}
    assert [read[str(one.user_id)] for one in readers] == [(True, True), (False, False)]
    assert world.reach(world.caller(), {"id": quiet.id})["read"] == 1
    window_over(world, event)
    world.follow(edited(world, event, 4, severity_level=4))
    loud = only(world, event)
    world.target(loud.id)
    assert world.reach(world.caller(), {"id": loud.id})["read"] == 0


def test_the_words_of_a_coordinator_in_another_language_do_not_stand_beside_those_of_the_rule(
    world, own_rule
):
    caller = world.caller()
    own_rule(message_template="Severity {severity_level}.")
    event = report(world, "in_progress", severity=1)
    world.follow(event)
    first = world.get(caller, only(world, event).id)
    world.update(caller, first, language="fr", title="Fuyez", message="Le barrage va céder.")
    world.follow(report(world, "in_progress", 3, report_id=event.subject, severity=1, notes="Seen."))
    assert (only(world, event).language, only(world, event).title) == ("fr", "Fuyez")
    world.follow(edited(world, event, 4, severity_level=2))
    update = only(world, event)
    assert (update.language, update.title, update.message) == ("en", event.data["title"], "Severity 2.")


def test_a_rule_raises_no_alert_in_force_to_a_priority_that_nobody_may_issue_alone(world, own_rule):
    caller = world.caller()
    made = own_rule(priority="high")
    event = report(world, "in_progress", severity=1)
    world.follow(event)
    made = change(world, caller, made, priority="critical", title_template="Now: {title}")
    rule_engine.evaluate_due_sources(world.db, SENDER, ("critical",))
    assert (only(world, event).priority, only(world, event).title) == ("high", "Now: Dam breaks {status}")
    with world.db.write() as connection:
        moved = edited(world, event, 3, region_id=world.regions["south"])
        rule_engine.follow_rules(connection, SENDER, [moved], ("critical",))
    assert in_force(world, event) == []
    [pending] = [row for row in alerts_of(world, event) if row.status == "pending_approval"]
    assert pending.priority == "critical"


def test_what_a_person_addressed_to_everybody_does_not_get_the_internal_notes_of_a_rule_for_staff(
    world, own_rule
):
    caller = world.caller()
    own_rule(
        target_type="group",
        target_id="coordinator",
        message_template="Now {status}: {notes}",
        cancelled_by_statuses=["resolved"],
    )
    event = report(world, "in_progress", severity=1, notes="Seen by Marie.")
    world.follow(event)
    first = only(world, event)
    assert "Marie" in first.message
    everybody = [{"target_type": "region", "target_id": str(world.regions["north"])}]
    world.update(caller, world.get(caller, first.id), targets=everybody, message="The dam may break.")
    world.follow(report(world, "confirmed", 3, report_id=event.subject, severity=1, notes="Seen by Paul."))
    window_over(world, event)
    rule_engine.evaluate_due_sources(world.db, SENDER)
    public = only(world, event)
    assert (public.audience_class, public.message) == ("public", "Now confirmed:")

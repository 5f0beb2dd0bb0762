"""What changes of reports and resources make of the rules."""

from __future__ import annotations

import threading

import pytest
from uuid6 import uuid7

from services.alerts import alert_rules, declared_targets, schemas
from services.alerts.alert_rules import SHIPPED
from services.alerts.cap import message, reading
from shared.client.errors import Conflict, Invalid, NotFound
from shared.domain.identity import UNKNOWN_REGION_ID
from shared.platform.schemas import load
from tests.integration.alerts.conftest import SENDER, event_of

NAMES = {rule["name"] for rule in SHIPPED}


def report(world, status, version=2, *, report_id=None, severity=5, region="north", **more):
    data = {
        "report_id": report_id or uuid7(),
        "version": version,
        "status": status,
        "previous_status": "pending",
        "user_id": uuid7(),
        "region_id": world.regions.get(region, region),
        "report_type_id": uuid7(),
        "severity_level_id": uuid7(),
        "severity_level": severity,
        "title": "Dam breaks {status}",
        "notes": None,
        **more,
    }
    return event_of("reports", "report_status_changed", data["report_id"], data)


def resource(world, status, version=2, **more):
    data = {
        "resource_id": uuid7(),
        "version": version,
        "status": status,
        "previous_status": "available",
        "region_id": world.regions["north"],
        "resource_type_id": uuid7(),
        "name": "Lycée",
        "notes": "Roof is gone.",
        **more,
    }
    return event_of("resources", "resource_status_changed", data["resource_id"], data)


def alerts_of(world, event):
    return world.rows("SELECT * FROM alerts.alerts WHERE source_id = :id ORDER BY id", id=event.subject)


def rule(world, caller, **changed):
    given = {
        "name": f"Rule {uuid7()}",
        "source_event": "report_status_changed",
        "status_entered": "in_progress",
        "priority": "low",
        "title_template": "{title}",
        "message_template": "Now {status} in {region}.",
    } | changed
    loaded = load(
        schemas.CreateAlertRule(), {name: value for name, value in given.items() if value is not ...}
    )
    with world.db.write() as connection:
        return alert_rules.create_alert_rule(connection, caller, loaded)


def change(world, caller, one, **changes):
    loaded = load(
        schemas.UpdateAlertRule(), {"rule_id": str(one["id"]), "version": one["version"], **changes}
    )
    with world.db.write() as connection:
        return alert_rules.update_alert_rule(connection, caller, loaded)


@pytest.mark.parametrize(("severity", "priority"), [(5, "critical"), (4, "high"), (3, None)])
def test_a_confirmed_report_alerts_its_region_from_severity_4(world, severity, priority):
    event = report(world, "confirmed", severity=severity)
    world.follow(event)
    found = alerts_of(world, event)
    if priority is None:
        assert found == []
        return
    [alert] = found
    assert (alert.priority, alert.status, alert.region_id) == (priority, "active", world.regions["north"])
    assert alert.title == "Dam breaks {status}", "what people wrote is not filled in"
    assert f"severity {severity} of 5" in alert.message
    assert alert.area_version is not None
    declared = world.query(declared_targets.declared, alert.id)
    assert declared == [("region", str(world.regions["north"]))]
    assert [row.correlation_id for row in world.events(alert.id)] == ["test"]


def test_what_happens_in_no_known_region_alerts_groups_and_no_region(world):
    caller = world.caller()
    event = report(world, "confirmed", region=UNKNOWN_REGION_ID)
    world.follow(event)
    assert alerts_of(world, event) == [], "the shipped rules are for the people of the region"
    narrowed = rule(world, caller, target_type="group", target_id="coordinator:{region_code}")
    whole = rule(world, caller, target_type="group", target_id="coordinator")
    event = report(world, "in_progress", region=UNKNOWN_REGION_ID)
    world.follow(event)
    [alert] = alerts_of(world, event)
    assert (alert.rule_id, alert.region_id) == (whole["id"], UNKNOWN_REGION_ID)
    for made in (narrowed, whole):
        change(world, caller, made, is_active=False)


@pytest.mark.parametrize("ending", ["resolved", "rejected", "duplicate"])
def test_the_alert_ends_with_the_report(world, ending):
    event = report(world, "confirmed")
    world.follow(event)
    world.follow(report(world, "in_progress", 3, report_id=event.subject))
    world.follow(report(world, ending, 4, report_id=event.subject))
    alert, message = alerts_of(world, event)
    assert (alert.status, alert.cancelled_by) == ("cancelled", message.id)
    assert (message.msg_type, message.references) == ("Cancel", [alert.id])


@pytest.mark.parametrize("status", ["unavailable", "out_of_service"])
def test_a_resource_out_of_use_alerts_the_coordinators_of_its_region(world, status):
    event = resource(world, status)
    world.follow(event)
    [alert] = alerts_of(world, event)
    assert alert.title == f"Lycée is {status.replace('_', ' ')}"
    assert alert.message == f"Lycée in north was available and is {status.replace('_', ' ')} now."
    declared = world.query(declared_targets.declared, alert.id)
    assert declared == [("group", f"coordinator:{world.codes['north']}")]


def test_a_change_that_is_no_rules_business_makes_nothing(world):
    for event in (report(world, "closed"), resource(world, "limited")):
        world.follow(event)
        assert alerts_of(world, event) == []


def test_processes_with_events_of_one_report_see_each_others(world):
    for _ in range(10):
        first = report(world, "confirmed", 2)
        last = report(world, "resolved", 3, report_id=first.subject)
        threads = [
            threading.Thread(target=world.follow, args=(event,)) for event in (first, last, first, last)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [alert.status for alert in alerts_of(world, first) if alert.msg_type == "Alert"] in (
            [],
            ["cancelled"],
        )


def test_what_somebody_put_into_better_words_ends_with_the_report_too(world):
    caller = world.caller()
    event = report(world, "confirmed")
    world.follow(event)
    [alert] = alerts_of(world, event)
    better = world.update(caller, world.get(caller, alert.id), title="Leave the valley")
    world.follow(report(world, "resolved", 3, report_id=event.subject))
    assert world.get(caller, better["id"])["status"] == "cancelled"
    assert world.get(caller, alert.id)["status"] == "superseded"


def test_a_rule_that_drafts_leaves_the_issuing_to_somebody(world):
    caller = world.caller()
    made = rule(world, caller, action="draft", cancelled_by_statuses=["resolved"], lifetime_seconds=3600)
    first, second = (report(world, "in_progress", severity=1) for _ in range(2))
    world.follow(first, second)
    [draft], [other] = alerts_of(world, first), alerts_of(world, second)
    assert (draft.status, draft.rule_id, draft.sender) == ("draft", made["id"], None)
    assert world.events(draft.id) == []
    issued = world.issue_draft(caller, world.get(caller, draft.id))
    assert issued["status"] == "active"
    for event in (first, second):
        world.follow(report(world, "resolved", 3, report_id=event.subject))
    assert world.get(caller, draft.id)["cancelled_by"] is not None
    assert world.get(caller, other.id)["status"] == "cancelled"
    change(world, caller, made, is_active=False)


def test_a_rule_can_be_for_a_type_a_region_and_a_severity(world):
    caller, wanted_type = world.caller(), uuid7()
    made = rule(
        world,
        caller,
        status_entered="closed",
        type_id=str(wanted_type),
        region_id=str(world.regions["north"]),
        minimum_severity_level=2,
        maximum_severity_level=3,
    )
    fits = {"severity": 3, "report_type_id": wanted_type}
    for more, expected in (
        ({}, 1),
        ({"severity": 1}, 0),
        ({"severity": 4}, 0),
        ({"report_type_id": uuid7()}, 0),
        ({"region": "south"}, 0),
    ):
        event = report(world, "closed", **{**fits, **more})
        world.follow(event)
        assert len(alerts_of(world, event)) == expected, more
    off = change(world, caller, made, is_active=False)
    event = report(world, "closed", **fits)
    world.follow(event)
    assert alerts_of(world, event) == []
    assert off["version"] == 2


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"title_template": "{nothing}"}, {"title_template"}),
        ({"message_template": "{title}: {notes}"}, {"message_template"}),
        ({"title_template": "{notes}", "target_type": "group", "target_id": "viewer"}, {"title_template"}),
        ({"instruction_template": "{notes}"}, {"instruction_template"}),
        ({"language": "sw", "title_template": "{status}", "message_template": "x"}, {"title_template"}),
        ({"language": "no language"}, {"language"}),
        (
            {"translations": [{"language": "ht", "title_template": "{x}", "message_template": "{notes}"}]},
            {"translations.0.title_template", "translations.0.message_template"},
        ),
        (
            {"translations": [{"language": "EN", "title_template": "x", "message_template": "x"}]},
            {"translations"},
        ),
        ({"message_template": "{title"}, {"message_template"}),
        ({"message_template": "{title.__class__}"}, {"message_template"}),
        ({"status_entered": "available"}, {"status_entered"}),
        ({"cancelled_by_statuses": ["in_progress"]}, {"cancelled_by_statuses"}),
        ({"cancelled_by_statuses": ["limited"]}, {"cancelled_by_statuses"}),
        ({"minimum_severity_level": 4, "maximum_severity_level": 2}, {"maximum_severity_level"}),
        (
            {
                "source_event": "resource_status_changed",
                "status_entered": "limited",
                "minimum_severity_level": 4,
            },
            {"minimum_severity_level"},
        ),
        (
            {
                "source_event": "resource_status_changed",
                "status_entered": "limited",
                "title_template": "{severity_level}",
            },
            {"title_template"},
        ),
        ({"target_type": "group"}, {"target_id"}),
        ({"target_type": "group", "target_id": "{status}"}, {"target_id"}),
        ({"target_type": "user", "target_id": str(uuid7())}, {"target_id"}),
        ({"target_type": "region", "target_id": str(uuid7())}, {"target_id"}),
        ({"region_id": str(uuid7())}, {"region_id"}),
    ],
)
def test_a_rule_that_could_not_work_is_refused(world, wrong, fields):
    with pytest.raises(Invalid) as caught:
        rule(world, world.caller(), **wrong)
    assert set(caught.value.fields) == fields


def test_rules_are_made_once_and_changed_by_version(world):
    caller, rule_id = world.caller(), str(uuid7())
    made = rule(world, caller, id=rule_id, name="Once", is_active=False)
    shown = schemas.AlertRule().dump
    assert shown(rule(world, caller, id=rule_id, name="Once", is_active=False)) == shown(made)
    for other in ({"id": rule_id, "name": "Twice"}, {"name": "Once"}):
        with pytest.raises(Conflict):
            rule(world, caller, is_active=False, **other)
    changed = change(world, caller, made, priority="high")
    assert shown(change(world, caller, made, priority="high")) == shown(changed)
    with pytest.raises(Conflict):
        change(world, caller, made, priority="medium")
    with pytest.raises(Invalid):
        change(world, caller, changed, title_template="{x}")
    with pytest.raises(NotFound):
        world.query(alert_rules.get_alert_rule, uuid7())
    every = load(schemas.ListAlertRules(), {"limit": 500, "is_active": True})
    listed = world.query(alert_rules.list_alert_rules, every)
    assert {row["name"] for row in listed["items"]} >= NAMES
    assert "Once" not in {row["name"] for row in listed["items"]}


def test_seeding_again_changes_nothing(world):
    before = world.rows("SELECT id, name, version FROM alerts.alert_rules ORDER BY id")
    with world.db.write() as connection:
        alert_rules.seed(connection)
    assert world.rows("SELECT id, name, version FROM alerts.alert_rules ORDER BY id") == before
    assert {row.name for row in before} >= NAMES


def test_an_alert_in_no_known_region_has_its_cap_messages_also_when_it_is_over(world):
    caller = world.caller("administrator")
    own = rule(
        world, caller, target_type="group", target_id="coordinator", cancelled_by_statuses=["resolved"]
    )
    event = report(world, "in_progress", severity=1, region=UNKNOWN_REGION_ID)
    world.follow(event)
    world.follow(report(world, "resolved", 3, severity=1, region=UNKNOWN_REGION_ID, report_id=event.subject))
    found = alerts_of(world, event)
    assert [row.msg_type for row in found] == ["Alert", "Cancel"]
    for row in found:
        content = world.query(reading.get_cap_message, caller, SENDER, row.id)
        assert f"<msgType>{row.msg_type}</msgType>" in message.write(content)
    change(world, caller, own, is_active=False)

"""What the revision about rules makes of the rules and alerts of a former release."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from uuid6 import uuid7

from services.alerts.alert_rules import SHIPPED
from shared.platform.db.migration import migrate

BEFORE = "0009"
SYSTEM = "00000000-0000-0000-0000-000000000000"
REPORT_MESSAGE = "Confirmed in {region}: {title} (severity {severity_level} of 5). {notes}"
RESOURCE_MESSAGE = "{title} in {region} was {previous_status} and is {status} now. {notes}"
OLD = {
    "Catastrophic report confirmed": {"message_template": REPORT_MESSAGE},
    "Severe report confirmed": {"message_template": REPORT_MESSAGE},
    "Resource unavailable": {
        "message_template": RESOURCE_MESSAGE,
        "cancelled_by_statuses": [],
        "description": "A resource that becomes unavailable alerts the coordinators of its region, for a day.",
    },
    "Resource out of service": {
        "message_template": RESOURCE_MESSAGE,
        "cancelled_by_statuses": [],
        "description": "A resource that goes out of service alerts the coordinators of its region, for a day.",
    },
}


@pytest.fixture
def run(migrated):
    migrate(migrated.admin_url, ["alerts"], BEFORE)

    def execute(statement, *values):
        with psycopg.connect(migrated.admin_url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    execute.upgrade = lambda: migrate(migrated.admin_url, ["alerts"])
    execute.downgrade = lambda: migrate(migrated.admin_url, ["alerts"], BEFORE)
    return execute


def insert(run, table, **values):
    columns = ", ".join(f'"{name}"' for name in values)
    places = ", ".join("%s" for _ in values)
    given = [Jsonb(value) if isinstance(value, dict) else value for value in values.values()]
    [row] = run(f"INSERT INTO alerts.{table} ({columns}) VALUES ({places}) RETURNING id", *given)
    return row["id"]


def shipped_before(run):
    for rule in SHIPPED:
        insert(run, "alert_rules", **{**rule, **OLD[rule["name"]]})


def rules(run):
    return {row["name"]: row for row in run("SELECT * FROM alerts.alert_rules")}


def test_shipped_rules_become_those_of_today_and_edited_ones_stay(run):
    shipped_before(run)
    edited = {
        "Severe report confirmed": "priority = 'critical'",
        "Resource out of service": "message_template = '{title}: {notes}'",
    }
    for name, change in edited.items():
        run(f"UPDATE alerts.alert_rules SET {change} WHERE name = %s", name)
    insert(
        run,
        "alert_rules",
        **{**SHIPPED[2], **OLD["Resource unavailable"], "name": "Ours", "target_id": "coordinator"},
    )
    before = rules(run)
    run.upgrade()
    after = rules(run)
    today = {rule["name"]: rule for rule in SHIPPED}
    for name in OLD.keys() - edited.keys():
        assert {key: after[name][key] for key in today[name]} == today[name]
    for name in (*edited, "Ours"):
        assert {key: after[name][key] for key in before[name]} == before[name]
    assert {row["language"] for row in after.values()} == {"en"}
    run.downgrade()
    assert {name: row["message_template"] for name, row in rules(run).items()} == {
        name: row["message_template"] for name, row in before.items()
    }


@pytest.fixture
def alert(run):
    region_id = uuid7()
    run("INSERT INTO identity.regions (id, name, code) VALUES (%s, 'North', 'N')", region_id)
    run(
        "INSERT INTO alerts.audience_regions (region_id, version, code, name) VALUES (%s, 1, 'N', 'North')",
        region_id,
    )

    def issue(rule_id, source_id, version, status="active", **more):
        return insert(
            run,
            "alerts",
            title="Clinic",
            message="Closed.",
            region_id=region_id,
            issued_by=SYSTEM,
            priority="medium",
            rule_id=rule_id,
            source_id=source_id,
            source_version=version,
            status=status,
            **more,
        )

    return issue


def test_of_several_open_alerts_of_a_rule_the_newest_stays_and_the_others_are_cancelled(run, alert):
    shipped_before(run)
    rule_id = rules(run)["Resource unavailable"]["id"]
    flapping, drafted = uuid7(), uuid7()
    first, second, last = [alert(rule_id, flapping, version) for version in (2, 4, 6)]
    older, newer = [alert(rule_id, drafted, version, "draft") for version in (2, 4)]
    run("DELETE FROM alerts.outbox")
    run.upgrade()
    found = {row["id"]: row for row in run("SELECT * FROM alerts.alerts")}
    assert {row_id: found[row_id]["status"] for row_id in (first, second, last, older, newer)} == {
        first: "cancelled",
        second: "cancelled",
        last: "active",
        older: "cancelled",
        newer: "draft",
    }
    for ended in (first, second):
        message = found[found[ended]["cancelled_by"]]
        assert (message["msg_type"], message["status"]) == ("Cancel", "cancelled")
        assert message["references"] == [ended]
    assert found[older]["cancelled_by"] is None
    changes = run("SELECT subject FROM alerts.outbox WHERE type = 'alert_status_changed'")
    assert {row["subject"] for row in changes} == {first, second, older}


def test_what_a_person_cancelled_or_has_expired_is_not_issued_again_and_what_a_rule_ended_may_be(run, alert):
    shipped_before(run)
    rule_id = rules(run)["Resource unavailable"]["id"]
    user_id = uuid7()
    run(
        "INSERT INTO identity.users (id, email, password_hash, first_name, last_name)"
        " VALUES (%s, 'a@b.example', 'x', 'Ada', 'Lovelace')",
        user_id,
    )
    by_person, by_rule, over, in_force = [uuid7() for _ in range(4)]
    alert(rule_id, by_person, 2, "cancelled", updated_by=user_id)
    alert(rule_id, by_rule, 2, "cancelled", updated_by=SYSTEM)
    alert(rule_id, over, 2, "expired", updated_by=SYSTEM)
    alert(rule_id, in_force, 2)
    run.upgrade()
    noted = run("SELECT source_id FROM alerts.rule_standings")
    assert {row["source_id"] for row in noted} == {by_person, over, in_force}


def test_the_reports_and_resources_of_before_are_known_and_alert_nobody(run):
    def insert_into(table, **values):
        columns, places = ", ".join(values), ", ".join("%s" for _ in values)
        return run(f"INSERT INTO {table} ({columns}) VALUES ({places}) RETURNING id", *values.values())[0][
            "id"
        ]

    place = '{"type": "Point", "coordinates": [-72.5, 18.2], "address": "Jacmel"}'
    region = insert_into("identity.regions", name="North", code="N")
    report_type = insert_into("reports.report_types", name="Flood")
    level = insert_into("reports.severity_levels", name="Severe", level=4)
    resource_type = insert_into("resources.resource_types", name="Shelter")
    report = {
        "user_id": SYSTEM,
        "region_id": region,
        "report_type_id": report_type,
        "severity_level_id": level,
        "title": "Bridge out",
        "description": "The river took it.",
        "location": place,
    }
    known = insert_into("reports.reports", **report, status="confirmed")
    insert_into("reports.reports", **report, status="closed")
    resource = insert_into(
        "resources.resources",
        name="Lycée",
        region_id=region,
        resource_type_id=resource_type,
        location=place,
        capacity=10,
        status="limited",
    )
    run.upgrade()
    facts = {row["source_id"]: row for row in run("SELECT * FROM alerts.source_facts")}
    assert facts.keys() == {known, resource}
    shown = ("kind", "version", "status", "severity_level", "type_id", "region_id", "title", "changed_at")
    assert [facts[known][name] for name in shown] == [
        "report", 1, "confirmed", 4, report_type, region, "Bridge out", None,
    ]  # fmt: skip
    assert [facts[resource][name] for name in shown] == [
        "resource", 1, "limited", None, resource_type, region, "Lycée", None,
    ]  # fmt: skip

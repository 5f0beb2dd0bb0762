"""The rules by which changes of a status issue alerts: shipped, written and read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.alerts import templates
from services.alerts.matching import REPORT_STATUS_CHANGED, RESOURCE_STATUS_CHANGED, SOURCES
from services.alerts.models import alert_rules, audience_members, audience_regions
from services.alerts.policy import GROUP, REGION, USER, target_problem
from shared.client.errors import Conflict, Invalid, NotFound
from shared.domain.catalogue import add_missing
from shared.platform.db import paging
from shared.platform.db.errors import field_errors
from shared.platform.db.writes import content_digest, id_taken, is_repeat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from shared.platform.rpc.context import Caller

CONSTRAINTS: Final = {"alert_rules_name_key": "name", "fk_alert_rules_region": "region_id"}

RULE_COLUMNS: Final = tuple(column for column in alert_rules.c if column.key != "content_digest")
_ORDER: Final[paging.Order] = ((alert_rules.c.name, "asc"), (alert_rules.c.id, "asc"))

_REPORT: Final = {
    "source_event": REPORT_STATUS_CHANGED,
    "status_entered": "confirmed",
    "target_type": REGION,
    "title_template": "{title}",
    "message_template": "Confirmed in {region}: {title} (severity {severity_level} of 5). {notes}",
    "cancelled_by_statuses": ["resolved", "rejected", "duplicate"],
}
_RESOURCE: Final = {
    "source_event": RESOURCE_STATUS_CHANGED,
    "priority": "medium",
    "target_type": GROUP,
    "target_id": "coordinator:{region_code}",
    "title_template": "{title} is {status}",
    "message_template": "{title} in {region} was {previous_status} and is {status} now. {notes}",
    "lifetime_seconds": 86_400,
}

SHIPPED: Final[tuple[dict[str, Any], ...]] = (
    {
        **_REPORT,
        "name": "Catastrophic report confirmed",
        "description": "A confirmed report of severity 5 alerts its region, until it is resolved or withdrawn.",
        "minimum_severity_level": 5,
        "maximum_severity_level": 5,
        "priority": "critical",
    },
    {
        **_REPORT,
        "name": "Severe report confirmed",
        "description": "A confirmed report of severity 4 alerts its region, until it is resolved or withdrawn.",
        "minimum_severity_level": 4,
        "maximum_severity_level": 4,
        "priority": "high",
    },
    {
        **_RESOURCE,
        "name": "Resource unavailable",
        "description": "A resource that becomes unavailable alerts the coordinators of its region, for a day.",
        "status_entered": "unavailable",
    },
    {
        **_RESOURCE,
        "name": "Resource out of service",
        "description": "A resource that goes out of service alerts the coordinators of its region, for a day.",
        "status_entered": "out_of_service",
    },
)
"""The rules that every installation begins with."""


def seed(connection: Connection) -> None:
    """Adds the shipped rules that are missing, by name; what is there stays as it is."""
    for rule in SHIPPED:
        add_missing(connection, alert_rules, [rule])


def create_alert_rule(connection: Connection, caller: Caller, arguments: Mapping[str, Any]) -> RowMapping:
    """Adds a rule, for what happens from now on.

    Args:
        connection: In a transaction.
        caller: Who makes it.
        arguments: As `schemas.CreateAlertRule` loads them.

    Returns:
        The rule; the one that is there already when it was made before, with the same id and arguments.

    Raises:
        Invalid: Something does not fit together, such as a placeholder or status that the event does not have.
        Conflict: The name or the id is taken.
    """
    given = {name: value for name, value in arguments.items() if name != "id"}
    _check(connection, {**dict.fromkeys(alert_rules.c.keys()), "cancelled_by_statuses": [], **given})
    rule_id, digest = arguments.get("id") or uuid7(), content_digest(given)
    statement = (
        insert(alert_rules)
        .values(**given, id=rule_id, content_digest=digest, updated_by=caller.user_id)
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(*RULE_COLUMNS)
    )
    with field_errors(CONSTRAINTS):
        row = connection.execute(statement).mappings().one_or_none()
    if row is not None:
        return row
    first = select(alert_rules.c.content_digest).where(alert_rules.c.id == rule_id)
    if connection.scalar(first) != digest:
        raise id_taken("rule")
    return get_alert_rule(connection, rule_id)


def update_alert_rule(
    connection: Connection, caller: Caller, rule_id: UUID, version: int, changes: Mapping[str, Any]
) -> RowMapping:
    """Changes a rule, for what happens from now on; ``is_active`` false takes it out of use.

    Alerts that an inactive rule has made are still cancelled by it.

    Args:
        connection: In a transaction.
        caller: Who changes it.
        rule_id: The rule.
        version: The version that the caller saw.
        changes: New values by column.

    Returns:
        The rule as it is now; also when this very change was made before.

    Raises:
        NotFound: There is no such rule.
        Invalid: Something does not fit together any more.
        Conflict: The name is taken, or somebody changed the rule meanwhile.
    """
    row = get_alert_rule(connection, rule_id)
    if row["version"] == version:
        _check(connection, {**row, **changes})
        statement = (
            update(alert_rules)
            .where(alert_rules.c.id == rule_id, alert_rules.c.version == version)
            .values(**changes, updated_by=caller.user_id)
            .returning(*RULE_COLUMNS)
        )
        with field_errors(CONSTRAINTS):
            changed = connection.execute(statement).mappings().one_or_none()
        if changed is not None:
            return changed
        row = get_alert_rule(connection, rule_id)
    if is_repeat(caller, row, version, changes):
        return row
    raise Conflict(
        f"The rule was changed meanwhile; its version is {row['version']}.", version=row["version"]
    )


def _check(connection: Connection, rule: Mapping[str, Any]) -> None:
    """Refuses a rule that could never do what it says.

    Raises:
        Invalid: It names every field at fault.
    """
    problems: dict[str, list[str]] = {}
    for name, problem in (*_problems(rule), *_unknown(connection, rule)):
        problems.setdefault(name, []).append(problem)
    if problems:
        raise Invalid(fields=problems)


def _problems(rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    event = rule["source_event"]
    source = SOURCES[event]
    for name, statuses in (
        ("status_entered", [rule["status_entered"]]),
        ("cancelled_by_statuses", rule["cancelled_by_statuses"]),
    ):
        for status in statuses:
            if status not in source.statuses:
                yield name, f"{event} tells of no {status}: there are {', '.join(source.statuses)}."
    if rule["status_entered"] in rule["cancelled_by_statuses"]:
        yield "cancelled_by_statuses", "What makes the alert cannot cancel it."
    min_value, max_value = rule["minimum_severity_level"], rule["maximum_severity_level"]
    if not source.has_severity and (min_value or max_value):
        yield (
            "minimum_severity_level" if min_value else "maximum_severity_level",
            "A resource has no severity.",
        )
    elif min_value and max_value and min_value > max_value:
        yield "maximum_severity_level", "Is less than minimum_severity_level."
    for name in ("title_template", "message_template"):
        problem = templates.problem_of(rule[name], event)
        if problem:
            yield name, problem
    problem = _target_problem(rule["target_type"], rule["target_id"])
    if problem:
        yield "target_id", problem


def _target_problem(target_type: str, target_id: str | None) -> str | None:
    if target_id is None:
        return None if target_type == REGION else "Needed, unless the target is the region of what happened."
    # The one thing that can be known only then.
    example = target_id.replace("{region_code}", "CODE") if target_type == GROUP else target_id
    return target_problem(target_type, example)


def _unknown(connection: Connection, rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The account or region that a rule is for and that is not there."""
    target_type, target_id = rule["target_type"], rule["target_id"]
    if target_id is None or _target_problem(target_type, target_id):
        return
    key = {USER: audience_members.c.user_id, REGION: audience_regions.c.region_id}.get(target_type)
    if key is not None and connection.scalar(select(key).where(key == target_id)) is None:
        yield "target_id", f"No such {'account' if target_type == USER else 'region'}."


def get_alert_rule(connection: Connection, rule_id: UUID) -> RowMapping:
    """One rule.

    Raises:
        NotFound: There is none.
    """
    statement = select(*RULE_COLUMNS).where(alert_rules.c.id == rule_id)
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such rule.")
    return row


def list_alert_rules(
    connection: Connection,
    *,
    cursor: str | None,
    limit: int,
    is_active: bool | None,
    source_event: str | None,
) -> dict[str, Any]:
    """A page of the rules by name."""
    statement = select(*RULE_COLUMNS)
    if is_active is not None:
        statement = statement.where(alert_rules.c.is_active.is_(is_active))
    if source_event is not None:
        statement = statement.where(alert_rules.c.source_event == source_event)
    rows = connection.execute(paging.keyset(statement, _ORDER, cursor, limit)).all()
    return paging.page(rows, limit, _ORDER)

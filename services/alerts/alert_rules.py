"""Alert rules: for which reports and resources alerts are in force, and for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import func, select
from uuid6 import uuid7

from services.alerts import templates
from services.alerts.evaluation import STAFF_ROLES, shows_notes
from services.alerts.matching import REPORT_STATUS_CHANGED, RESOURCE_STATUS_CHANGED, SOURCES
from services.alerts.models import alert_rules, audience_members, audience_regions
from services.alerts.policy import DEFAULT_LANGUAGE, GROUP, REGION, USER, target_problem
from services.alerts.sources import lock_rules, touch_rule
from shared.client.errors import Invalid, NotFound
from shared.domain.catalogue import add_missing
from shared.platform.db import paging
from shared.platform.db.errors import field_errors
from shared.platform.db.writes import change_if_version, content_digest, create_once, is_repeat, stale

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from sqlalchemy import Connection

    from services.alerts.schemas import types
    from shared.platform.rpc.context import Caller

_CONSTRAINTS: Final = {"alert_rules_name_key": "name", "fk_alert_rules_region": "region_id"}

_COLUMNS: Final = tuple(column for column in alert_rules.c if column.key != "content_digest")
_ORDER: Final[paging.Order] = ((alert_rules.c.name, "asc"), (alert_rules.c.id, "asc"))

_REPORT: Final = {
    "source_event": REPORT_STATUS_CHANGED,
    "status_entered": "confirmed",
    "target_type": REGION,
    "title_template": "{title}",
    "message_template": "Confirmed in {region}: {title} (severity {severity_level} of 5).",
    "cancelled_by_statuses": ["resolved", "rejected", "duplicate"],
}
_RESOURCE: Final = {
    "source_event": RESOURCE_STATUS_CHANGED,
    "priority": "medium",
    "target_type": GROUP,
    "target_id": "coordinator:{region_code}",
    "title_template": "{title} is {status}",
    "message_template": "{title} in {region} was {previous_status} and is {status} now.",
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
        "description": (
            "A resource that is unavailable alerts the coordinators of its region, until it is something else,"
            " for a day at most."
        ),
        "status_entered": "unavailable",
        "cancelled_by_statuses": ["available", "limited", "out_of_service", "closed"],
    },
    {
        **_RESOURCE,
        "name": "Resource out of service",
        "description": (
            "A resource that is out of service alerts the coordinators of its region, until it is something else,"
            " for a day at most."
        ),
        "status_entered": "out_of_service",
        "cancelled_by_statuses": ["available", "limited", "unavailable", "closed"],
    },
)
"""The rules of a new installation. Their templates are in English, as is the default language of rules."""

CONDITIONS: Final = frozenset(
    {
        "is_active",
        "source_event",
        "status_entered",
        "cancelled_by_statuses",
        "minimum_severity_level",
        "maximum_severity_level",
        "type_id",
        "region_id",
    }
)
"""The fields that say when a rule holds. A rule that gets new ones issues nothing for what was so before."""

_TEMPLATES: Final = ("title_template", "message_template", "instruction_template")


def seed(connection: Connection) -> None:
    """Add the shipped rules that are missing, by name. Rules that exist stay as they are."""
    for rule in SHIPPED:
        add_missing(connection, alert_rules, [rule])


def create_alert_rule(
    connection: Connection, caller: Caller, arguments: types.CreateAlertRule
) -> types.AlertRule:
    """Create a rule, for what changes from now on: it issues nothing for reports and resources as they were before.

    Args:
        connection: In a transaction.
        caller: The caller, who becomes ``updated_by``.
        arguments: The rule.

    Returns:
        The rule. A repeat with the same id and arguments returns the first one.

    Raises:
        Invalid: Fields contradict each other, such as a status that the event does not have.
        Conflict: The name or the id is taken.
    """
    defaults: dict[str, object] = {
        **dict.fromkeys(alert_rules.c.keys()),
        "cancelled_by_statuses": [],
        "language": DEFAULT_LANGUAGE,
        "translations": [],
    }
    lock_rules(connection)
    _check(connection, cast("types.AlertRule", {**defaults, **arguments}))
    values = {
        **arguments,
        "id": arguments["id"] or uuid7(),
        "content_digest": content_digest(arguments),
        "updated_by": caller.user_id,
    }
    with field_errors(_CONSTRAINTS):
        created = create_once(connection, caller, alert_rules, values, thing="rule", returning=_COLUMNS)
    return cast("types.AlertRule", created.row)


def update_alert_rule(
    connection: Connection, caller: Caller, arguments: types.UpdateAlertRule
) -> types.AlertRule:
    """Change a rule. ``is_active`` false takes it out of use.

    With new conditions it issues nothing for reports and resources as they were before. Its open alerts are looked at
    again: those for which it does not hold any more are cancelled, and those that it would word otherwise are updated.
    A rule that is not active issues nothing new; the alerts that it has issued stay in force for as long as it holds.

    Args:
        connection: In a transaction.
        caller: The caller, who becomes ``updated_by``.
        arguments: The id, the version that the caller saw, and the new values.

    Returns:
        The rule as it is now. A repeat of the same change returns the same rule.

    Raises:
        NotFound: The rule does not exist.
        Invalid: Fields contradict each other.
        Conflict: The name is taken, or the rule was changed meanwhile.
    """
    rule_id, version = arguments["rule_id"], arguments["version"]
    changes = {name: value for name, value in arguments.items() if name not in {"rule_id", "version"}}
    lock_rules(connection)
    row = get_alert_rule(connection, rule_id)
    if row["version"] == version:
        _check(connection, cast("types.AlertRule", {**row, **changes}))
        begins = any(row[name] != changes[name] for name in CONDITIONS & changes.keys())  # type: ignore[literal-required]
        values = {**changes, "applies_from": func.clock_timestamp()} if begins else changes
        with field_errors(_CONSTRAINTS):
            changed = change_if_version(
                connection, caller, alert_rules, rule_id, version, values, returning=_COLUMNS
            )
        if changed is not None:
            touch_rule(connection, rule_id)
            return cast("types.AlertRule", changed)
        row = get_alert_rule(connection, rule_id)
    if is_repeat(caller, row, version, changes):
        return row
    raise stale("rule", row)


def _check(connection: Connection, rule: types.AlertRule) -> None:
    """Refuse a rule that contradicts itself or names what does not exist.

    Raises:
        Invalid: It names every field at fault.
    """
    problems: dict[str, list[str]] = {}
    for name, problem in (*_problems(rule), *_unknown(connection, rule)):
        problems.setdefault(name, []).append(problem)
    if problems:
        raise Invalid(fields=problems)


def _problems(rule: types.AlertRule) -> Iterator[tuple[str, str]]:
    """Yield the fields that contradict others, each with what is wrong with it."""
    event = rule["source_event"]
    source = SOURCES[event]
    for name, statuses in (
        ("status_entered", [rule["status_entered"]]),
        ("cancelled_by_statuses", rule["cancelled_by_statuses"]),
    ):
        for status in statuses:
            if status not in source.statuses:
                yield name, f"{event} has no status {status}. Choose from {', '.join(source.statuses)}."
    if rule["status_entered"] in rule["cancelled_by_statuses"]:
        yield "cancelled_by_statuses", "Must not contain status_entered, which issues the alert."
    min_value, max_value = rule["minimum_severity_level"], rule["maximum_severity_level"]
    if not source.has_severity and (min_value or max_value):
        yield (
            "minimum_severity_level" if min_value else "maximum_severity_level",
            "Must be null, because resources have no severity.",
        )
    elif min_value and max_value and min_value > max_value:
        yield "maximum_severity_level", "Must not be less than minimum_severity_level."
    yield from _template_problems(rule)
    problem = _target_problem(rule["target_type"], rule["target_id"])
    if problem:
        yield "target_id", problem


def _template_problems(rule: types.AlertRule) -> Iterator[tuple[str, str]]:
    """Yield the templates that cannot be filled, and those that would publish internal notes."""
    event = rule["source_event"]
    may_show_notes = shows_notes(rule["target_type"], rule["target_id"])
    texts: list[tuple[str, Mapping[str, Any]]] = [("", rule)]
    texts += [(f"translations.{index}.", one) for index, one in enumerate(rule["translations"])]
    for prefix, text in texts:
        for name in _TEMPLATES:
            template = text.get(name)
            if template is None:
                continue
            problem = templates.problem_of(template, event, text["language"])
            if problem is None and "notes" in templates.placeholders_in(template) and not may_show_notes:
                problem = (
                    "Must not contain {notes}, because these are internal and the alert is not for staff alone."
                    f" The groups of staff are {', '.join(sorted(STAFF_ROLES))}."
                )
            if problem:
                yield prefix + name, problem
    languages = [text["language"].lower() for _, text in texts]
    if len(set(languages)) < len(languages):
        yield (
            "translations",
            "Each language may appear only once, including the language of the rule itself.",
        )


def _target_problem(target_type: str, target_id: str | None) -> str | None:
    if target_id is None:
        return None if target_type == REGION else "Required unless target_type is region."
    # The code of the region is known only when the rule is applied.
    example = target_id.replace("{region_code}", "CODE") if target_type == GROUP else target_id
    return target_problem(target_type, example)


def _unknown(connection: Connection, rule: types.AlertRule) -> Iterator[tuple[str, str]]:
    """Yield ``target_id`` if the account or region that the rule is for does not exist."""
    target_type, target_id = rule["target_type"], rule["target_id"]
    if target_id is None or _target_problem(target_type, target_id):
        return
    key = {USER: audience_members.c.user_id, REGION: audience_regions.c.region_id}.get(target_type)
    if key is not None and connection.scalar(select(key).where(key == target_id)) is None:
        yield "target_id", f"No such {'account' if target_type == USER else 'region'}."


def get_alert_rule(connection: Connection, rule_id: UUID) -> types.AlertRule:
    """Return a rule.

    Raises:
        NotFound: The rule does not exist.
    """
    statement = select(*_COLUMNS).where(alert_rules.c.id == rule_id)
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound("Rule not found.")
    return cast("types.AlertRule", row)


def list_alert_rules(connection: Connection, filters: types.ListAlertRules) -> types.PageOfAlertRule:
    """Return a page of the rules, ordered by name."""
    statement = select(*_COLUMNS)
    if filters["is_active"] is not None:
        statement = statement.where(alert_rules.c.is_active.is_(filters["is_active"]))
    if filters["source_event"] is not None:
        statement = statement.where(alert_rules.c.source_event == filters["source_event"])
    return cast("types.PageOfAlertRule", paging.fetch_page(connection, statement, _ORDER, filters))

"""What an alert rule makes of the present facts of a report or resource. Nothing here does I/O.

The rule engine carries out what `decide` says, and a preview shows it: nothing is decided twice.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypedDict

from services.alerts import templates
from services.alerts.matching import REQUEST_APPROVAL, Facts, Region, holds
from services.alerts.policy import GROUP, REGION, USER, Target, audience_of, group_of
from shared.domain.alerts import ACTIVE
from shared.domain.permissions import ADMINISTRATOR, COORDINATOR, RESPONDER, SYSTEM

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from services.alerts.schemas import types

UPDATE: Final = "update"
CANCEL: Final = "cancel"
WAIT: Final = "wait"

UPDATE_WINDOW: Final = dt.timedelta(seconds=30)
"""After an update, the changes of this time make one update."""

STAFF_ROLES: Final = frozenset({ADMINISTRATOR, COORDINATOR, RESPONDER, SYSTEM})
"""The roles whose holders read the reasons for changes of status as it is, so that an alert may repeat them."""

TEXTS: Final = ("title", "message", "instruction", "language", "translations")
"""What an alert says in words, in its language and in others."""

LOUD: Final = frozenset({"priority", "instruction", "targets"})
"""What is told anew; a change of words alone is shown without notifying anybody again."""


class Told(TypedDict):
    """What a rule tells, filled with the facts.

    ``targets`` is the declared target, as a list of its type and id.
    """

    title: str
    message: str
    instruction: str | None
    priority: str
    region_id: str
    language: str
    translations: list[dict[str, str]]
    targets: list[list[str]]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a rule has made of a report or resource until now.

    Attributes:
        alert: The row of its open alert: a draft, one that waits for approval, or an active one. None if there is none.
        is_answered: Whether it has made its alert since it began to hold. It makes no other before it has stopped
            holding, so that what a person cancelled stays cancelled, and what has expired stays expired.
        told: What it told last; None if that is not known.
        updated_at: When it updated its alert last.
    """

    alert: Mapping[str, Any] | None = None
    is_answered: bool = False
    told: Told | None = None
    updated_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do for a rule.

    Attributes:
        action: `issue`, `draft` or `request_approval` a new alert, `update` or `cancel` the open one, or `wait` until
            the region is known.
        told: What the rule tells then; of `cancel` and `wait` None.
        changes: Of `update`, the new values by field of the alert; ``targets`` are its new targets.
        is_quiet: Of `update`, whether words alone change.
        due_at: Of `update`, the end of the window if an update has been made a moment ago; else None.
        reason: Of `cancel`, what the alert ends by: ``status``, ``region`` or ``facts``.
    """

    action: str
    told: Told | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    is_quiet: bool = False
    due_at: dt.datetime | None = None
    reason: str = ""


def decide(
    rule: types.AlertRule, facts: Facts, region: Region | None, standing: Standing, now: dt.datetime
) -> tuple[Step, ...]:
    """Return what to do for a rule, in this order; nothing if what is in force is as the rule says.

    Args:
        rule: The row of the rule. One that is not active issues nothing new, and follows its open alert to its end.
        facts: The present facts.
        region: The region of the facts; None if it is not known yet.
        standing: What the rule has made of the report or resource until now.
        now: The present time.
    """
    alert = standing.alert
    if not holds(rule, facts, region):
        return (Step(CANCEL, reason=_reason(rule, facts, region)),) if alert else ()
    if not _is_followed(rule, facts, standing, now):
        return ()
    if region is None:
        return (Step(WAIT),)
    told = tell(rule, facts, region)
    if alert is None:
        return (Step(rule["action"], told),)
    if alert["region_id"] != facts.region_id:
        # Those who had it learn that it is over for them, and those of the new region get one of their own.
        return (Step(CANCEL, reason="region"), Step(rule["action"], told))
    if _is_for_others(alert, told, standing.told):
        told = tell(rule, facts, region, may_show_notes=False)
    if rule["action"] == REQUEST_APPROVAL and alert["status"] == ACTIVE and alert["approved_by"] is None:
        # Nobody has approved the priority that the rule has now.
        told = {**told, "priority": standing.told["priority"] if standing.told else alert["priority"]}
    return _update_of(told, standing, alert, now)


def _update_of(
    told: Told, standing: Standing, alert: Mapping[str, Any], now: dt.datetime
) -> tuple[Step, ...]:
    """Return the update of the open alert, if the rule tells anything otherwise than it told it before."""
    changes = _changes(told, standing, alert)
    if not changes:
        return ()
    ends_at = standing.updated_at + UPDATE_WINDOW if standing.updated_at is not None else now
    return (
        Step(
            UPDATE,
            told,
            changes,
            is_quiet=LOUD.isdisjoint(changes),
            due_at=ends_at if alert["status"] == ACTIVE and ends_at > now else None,
        ),
    )


def _is_for_others(alert: Mapping[str, Any], told: Told, before: Told | None) -> bool:
    """Return whether a person has addressed the alert to others than the rule, and it stays so."""
    if before is not None and before["targets"] != told["targets"]:
        return False
    of_rule = audience_of([Target(target_type, target_id) for target_type, target_id in told["targets"]])
    return any(alert[name] != value for name, value in of_rule.items())


def _is_followed(rule: types.AlertRule, facts: Facts, standing: Standing, now: dt.datetime) -> bool:
    """Return whether a rule that holds has anything to say: about its open alert, or with a new one.

    It makes a new one if it is active, has not made one since it began to hold, and the facts are not from before it.
    """
    if standing.alert is not None:
        expires_at = standing.alert["expires_at"]
        return expires_at is None or expires_at > now
    is_new = facts.changed_at is not None and facts.changed_at >= rule["applies_from"]
    return rule["is_active"] and is_new and not standing.is_answered


def _reason(rule: types.AlertRule, facts: Facts, region: Region | None) -> str:
    if facts.status in rule["cancelled_by_statuses"]:
        return "status"
    elsewhere = region is not None and rule["region_id"] not in {None, *region.lineage}
    return "region" if elsewhere else "facts"


def _changes(told: Told, standing: Standing, alert: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that have to change: those that the rule tells otherwise than it told them before.

    What a coordinator put into other words stays in those words until the rule tells that field otherwise; words in
    another language do until the rule tells any words otherwise, because an alert has one language.
    """
    before = standing.told
    if before is None:
        # An alert of a release that did not note what was told. If it is as the rule made it, its words are the note.
        return {
            name: told[name]
            for name in ("title", "message", "priority")
            if alert["msg_type"] == "Alert" and alert[name] != told[name]
        }
    changes = {
        name: value
        for name, value in told.items()
        if name != "region_id" and value != before[name]  # type: ignore[literal-required]
    }
    if alert["language"] != told["language"] and not changes.keys().isdisjoint(TEXTS):
        words: Mapping[str, Any] = told
        changes |= {name: words[name] for name in TEXTS if words[name] != alert[name]}
    return changes


def tell(rule: types.AlertRule, facts: Facts, region: Region, *, may_show_notes: bool = True) -> Told:
    """Return what the rule tells about the facts.

    Args:
        rule: The row of the rule.
        facts: The present facts.
        region: The region of the facts.
        may_show_notes: Whether the alert is for whom the rule says, who perhaps may read the internal notes.
    """
    values = _placeholders(rule, facts, region)
    if not may_show_notes:
        values["notes"] = None
    title, message, instruction = _texts(rule, rule["language"], values, facts.title)
    translations = []
    for one in rule["translations"]:
        filled = _texts(one, one["language"], values, facts.title)
        texts = {"language": one["language"], "title": filled[0], "message": filled[1]}
        translations.append(texts if filled[2] is None else {**texts, "instruction": filled[2]})
    target = target_of(rule, region.id, region.code)
    return {
        "title": title,
        "message": message,
        "instruction": instruction,
        "priority": rule["priority"],
        "region_id": str(region.id),
        "language": rule["language"],
        "translations": translations,
        "targets": [[target.target_type, target.target_id]],
    }


def _texts(
    template: Mapping[str, Any], language: str, values: Mapping[str, object], fallback: str
) -> tuple[str, str, str | None]:
    # A template that consists of {notes} can become empty.
    title = (
        templates.fill(template["title_template"], values, templates.MAX_TITLE_LENGTH, language=language)
        or fallback[: templates.MAX_TITLE_LENGTH]
    )
    message = templates.fill(template["message_template"], values, language=language) or title
    wanted = template.get("instruction_template")
    instruction = templates.fill(wanted, values, language=language) if wanted else None
    return title, message, instruction or None


def _placeholders(rule: types.AlertRule, facts: Facts, region: Region) -> dict[str, object]:
    return {
        "title": facts.title,
        "status": facts.status,
        "previous_status": facts.previous_status,
        "notes": facts.notes if shows_notes(rule["target_type"], rule["target_id"]) else None,
        "region": region.name,
        "region_code": region.code,
        "severity_level": facts.severity_level,
    }


def shows_notes(target_type: str, target_id: str | None) -> bool:
    """Return whether an alert for the target may repeat the internal reason for a change of status.

    It may if it is for one account, or for a group of staff; not if it is for a region or for any other group.
    """
    if target_type == GROUP and target_id is not None:
        return group_of(target_id)[0] in STAFF_ROLES
    return target_type == USER


def target_of(rule: types.AlertRule, region_id: UUID, code: str) -> Target:
    """Return whom the alert of the rule is for, in the region of the report or resource."""
    target_id = rule["target_id"]
    if target_id is None:
        return Target(REGION, str(region_id))
    filled = templates.fill(target_id, {"region_code": code}) if rule["target_type"] == GROUP else target_id
    return Target(rule["target_type"], filled)


def ending_texts(alert: Mapping[str, Any], facts: Facts, reason: str) -> tuple[str, list[dict[str, str]]]:
    """Return what the message says that cancels an alert, and the same in the other languages of the alert.

    Args:
        alert: The row of the alert.
        facts: The present facts.
        reason: As in `Step`.
    """
    values = {"title": facts.title, "status": facts.status}
    translations = [
        {
            "language": one["language"],
            "title": one["title"],
            "message": templates.ending(one["language"], reason, {**values}),
        }
        for one in alert["translations"]
    ]
    return templates.ending(alert["language"], reason, values), translations

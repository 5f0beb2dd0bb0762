"""Previews: what a change of a report or resource, or issuing an alert, would do. Nothing here writes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import or_, select

from services.alerts import private_reads, sources
from services.alerts.alerts import get_alert
from services.alerts.declared_targets import declared
from services.alerts.evaluation import CANCEL, UPDATE, WAIT, ending_texts
from services.alerts.issuing import check_issuable, check_replaces, checked_targets
from services.alerts.languages import written_in
from services.alerts.matching import ISSUE, REPORT, REQUEST_APPROVAL, Entry, Facts
from services.alerts.models import REGIONS, alerts
from services.alerts.policy import CHANGE, Target, check_expiry, class_of
from services.alerts.rule_engine import decisions_for
from services.alerts.targeting import count_people, count_reached
from services.alerts.visibility import may_read_class, public, readable
from shared.client.errors import NotFound
from shared.domain.alerts import ACTIVE, PENDING_APPROVAL, PUBLIC, STATUS
from shared.domain.permissions import (
    ALERT_APPROVE,
    ALERT_ISSUE,
    REPORT_CHANGE_STATUS,
    REPORT_UPDATE,
    RESOURCE_CHANGE_STATUS,
    RESOURCE_UPDATE,
)
from shared.platform.db.conditions import one_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from services.alerts.evaluation import Step, Told
    from services.alerts.rule_engine import Decision
    from services.alerts.schemas import types
    from shared.platform.rpc.context import Caller


def preview_alert(
    connection: Connection,
    caller: Caller,
    arguments: types.PreviewAlert,
    approval_priorities: Collection[str],
) -> types.Preview:
    """Return what issuing an alert would do, with the checks of `issuing.issue_alert`.

    Args:
        connection: To read with.
        caller: The caller, who needs ``alert:issue`` in the region and for the targets; for an alert that waits for
            approval ``alert:approve`` suffices.
        arguments: The draft, or the content and the targets.
        approval_priorities: The priorities that nobody may issue alone.

    Raises:
        NotFound: The draft does not exist, or the caller may not see it.
        Forbidden: The caller may not issue alerts for this region or these targets.
        Invalid: The region or one of the targets does not exist, or the alert would have expired.
        Conflict: The draft is none any more, or updates an alert that has ended.
    """
    alert: types.Alert | types.PreviewAlert = arguments
    is_pending = False
    if "alert_id" in arguments:
        draft = get_alert(connection, caller, arguments["alert_id"])
        is_pending = draft["status"] == PENDING_APPROVAL
        approves = is_pending and REGIONS.may(connection, caller, ALERT_APPROVE, draft["region_id"])
        permission = ALERT_APPROVE if approves else ALERT_ISSUE
        REGIONS.require(connection, caller, permission, draft["region_id"])
        STATUS.check_move(draft["status"], ACTIVE)
        check_issuable(connection, caller, permission, draft)
        check_replaces(connection, draft)
        alert, language = draft, draft["language"]
        targets: Sequence[Target] = declared(connection, draft["id"])
    else:
        targets = checked_targets(connection, caller, ALERT_ISSUE, arguments)
        check_expiry(arguments.get("expires_at"), dt.datetime.now(dt.UTC))
        language = written_in(connection, caller, arguments)
    needs_approval = alert["priority"] in approval_priorities
    audience_class = class_of(targets)
    effect: types.Effect = {
        "rule_id": None,
        "rule_name": None,
        # What waits for approval is issued by it.
        "action": REQUEST_APPROVAL if needs_approval and not is_pending else ISSUE,
        "alert_id": arguments.get("alert_id"),
        "title": alert["title"],
        "message": alert["message"],
        "instruction": alert.get("instruction"),
        "language": language,
        "translations": cast("list[types.Translation]", alert.get("translations", [])),
        "priority": alert["priority"],
        "audience_class": audience_class,
        "people": count_people(connection, targets),
        "on_public_feed": audience_class == PUBLIC,
        "needs_approval": needs_approval or is_pending,
        "is_quiet": False,
    }
    return {"effects": [effect]}


def preview_change(
    connection: Connection,
    caller: Caller,
    arguments: types.PreviewChange,
    approval_priorities: Collection[str],
) -> types.Preview:
    """Return what the alert rules would do if a report or resource were changed.

    Args:
        connection: To read with.
        caller: The caller, who needs a permission to change the report or resource in its region.
        arguments: The report or resource, and the new values of its facts.
        approval_priorities: The priorities that nobody may issue alone.

    Raises:
        NotFound: The report or resource is not known here (a new one is known after some milliseconds), or the caller
            may not change it.
    """
    source_id = arguments["source_id"]
    facts = sources.read_facts(connection, [source_id]).get(source_id)
    if facts is None or facts.kind != arguments["source"] or not _may_change(connection, caller, facts):
        raise NotFound(f"{arguments['source'].capitalize()} not found.")
    changed = _changed(facts, arguments["changes"])
    effects = [
        _effect_of(connection, decision, step)
        for decision in decisions_for(connection, changed, approval_priorities)
        for step in decision.steps
        if step.action != WAIT
    ]
    known = _readable_among(connection, caller, [one["alert_id"] for one in effects if one["alert_id"]])
    # What the caller could not read once it is done is not shown before either.
    shown = [
        effect
        for effect in effects
        if effect["alert_id"] in known
        or (
            effect["alert_id"] is None
            and may_read_class(connection, caller, effect["audience_class"], changed.region_id)
        )
    ]
    return {"effects": shown}


def _readable_among(connection: Connection, caller: Caller, alert_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the alerts that the caller may read, as everybody may the public ones, and record it."""
    if not alert_ids:
        return set()
    statement = select(alerts.c.id, *private_reads.mark(caller)).where(
        one_of(alerts.c.id, list(alert_ids)), or_(public(), readable(connection, caller))
    )
    rows = connection.execute(statement).mappings().all()
    private_reads.record(connection, caller, CHANGE, rows)
    return {row["id"] for row in rows}


def _may_change(connection: Connection, caller: Caller, facts: Facts) -> bool:
    allowing = (
        (REPORT_CHANGE_STATUS, REPORT_UPDATE)
        if facts.kind == REPORT
        else (RESOURCE_CHANGE_STATUS, RESOURCE_UPDATE)
    )
    return any(REGIONS.may(connection, caller, permission, facts.region_id) for permission in allowing)


def _changed(facts: Facts, changes: types.FactChanges) -> Facts:
    """Return the facts as they would be after the change; as they are if nothing of them would be otherwise."""
    if replace(facts, **changes) == facts:
        return facts
    version = facts.version + 1
    entry = facts.entry
    if changes.get("status", facts.status) != facts.status:
        entry = Entry(version, changes["status"], facts.status, None)
    return replace(facts, **changes, version=version, changed_at=dt.datetime.now(dt.UTC), entry=entry)


def _effect_of(connection: Connection, decision: Decision, step: Step) -> types.Effect:
    rule, alert = decision.rule, decision.standing.alert
    told = step.told
    shown: dict[str, Any]
    if step.action in (UPDATE, CANCEL):
        # What a person put into other words, or addressed to others, stays so where the rule does not change it.
        shown = {**cast("types.Alert", alert), **step.changes}
    else:
        shown = {**cast("Told", told)}
    targets = (
        [Target(target_type, target_id) for target_type, target_id in shown["targets"]]
        if "targets" in shown
        else declared(connection, shown["id"])
    )
    if step.action == CANCEL:
        message, translations = ending_texts(shown, decision.facts, step.reason)
        shown |= {"message": message, "translations": translations, "instruction": None}
    audience_class = class_of(targets)
    is_out = alert["status"] == ACTIVE if alert and step.action in (UPDATE, CANCEL) else step.action == ISSUE
    return {
        "rule_id": rule["id"],
        "rule_name": rule["name"],
        "action": step.action,
        "alert_id": alert["id"] if alert and step.action in (UPDATE, CANCEL) else None,
        "title": shown["title"],
        "message": shown["message"],
        "instruction": shown["instruction"],
        "language": shown["language"],
        "translations": shown["translations"],
        "priority": shown["priority"],
        "audience_class": audience_class,
        "people": _people(connection, decision, step, targets),
        "on_public_feed": is_out and audience_class == PUBLIC,
        "needs_approval": step.action == REQUEST_APPROVAL
        or (step.action == UPDATE and shown["status"] == PENDING_APPROVAL),
        "is_quiet": step.is_quiet,
    }


def _people(connection: Connection, decision: Decision, step: Step, targets: Sequence[Target]) -> int:
    """Return how many accounts it concerns: those that were reached by what is cancelled, else those to be reached."""
    if step.action == CANCEL:
        return count_reached(connection, cast("types.Alert", decision.standing.alert)["id"])
    return count_people(connection, targets)

"""The rule engine: keeps the alerts of rules as the present facts of reports and resources require.

An automatic alert is a function of its report or resource as it is now. Whenever a fact changes that rules read, or a
rule or a region does, the rules are looked at again under a lock of the report or resource: `evaluation.decide` says
what has to be done, and this module does it. However often and in whatever order events arrive, the result is that of
the newest facts.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.alerts import sources
from services.alerts.alerts import (
    CONTENT,
    StoredAlert,
    change_alert,
    content_of,
    insert_alert,
    replace_alert,
)
from services.alerts.cancellation import cancel_locked
from services.alerts.declared_targets import declared, redeclare
from services.alerts.evaluation import CANCEL, UPDATE, WAIT, Standing, Step, Told, decide, ending_texts
from services.alerts.matching import DRAFT_ONLY, ISSUE, REQUEST_APPROVAL, Facts, Region, holds
from services.alerts.models import alert_rules, alerts, rule_standings
from services.alerts.policy import Target, audience_of, cap_fields, updated_content
from shared.domain.alerts import ACTIVE, DRAFT, OPEN, PENDING_APPROVAL, UNISSUED
from shared.platform.db.conditions import one_of
from shared.platform.db.tables import SYSTEM_USER_ID
from shared.platform.outbox.event import work_on

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection

    from services.alerts.schemas import types
    from shared.platform.db.engine import Database
    from shared.platform.outbox.event import Event

logger = logging.getLogger(__name__)

DUE_BATCH: Final = 100
"""Reports and resources that are looked for at once, when the time has come to look at their rules again."""

REGION_SECONDS: Final = 60
"""Interval at which the rules of what waits for its region are looked at, if the region's event does not say so."""

RETRY_SECONDS: Final = 60
"""Time after which the rules are looked at again where that went wrong."""

_STATUS_OF: Final = {ISSUE: ACTIVE, DRAFT_ONLY: DRAFT, REQUEST_APPROVAL: PENDING_APPROVAL}
"""The status with which an alert begins, by the action of its rule."""


class Decision(NamedTuple):
    """What has to be done for a rule and a report or resource: the steps, and what they start from."""

    rule: types.AlertRule
    facts: Facts
    region: Region | None
    standing: Standing
    holds: bool
    steps: tuple[Step, ...]


def follow_rules(
    connection: Connection, sender: str, events: Sequence[Event], approval_priorities: Collection[str] = ()
) -> None:
    """Store the facts that events carry, and issue, update and cancel alerts as the rules say of them.

    An event that brings nothing new has no effect. An event of a region that is not known yet has its facts stored;
    its rules are looked at when the region arrives.

    Args:
        connection: In a transaction.
        sender: The sender in CAP.
        events: Events of reports and resources, in any order.
        approval_priorities: The priorities that nobody may issue alone, rules included.
    """
    sources.hold_rules(connection)
    sources.lock_sources(connection, {event.subject for event in events})
    changed = sources.record_facts(connection, events)
    if not changed:
        return
    facts = sources.read_facts(connection, changed)
    listed = [facts[source_id] for source_id in changed]
    evaluated = _evaluate(connection, listed, approval_priorities, locked=True)
    for source_id, decisions in evaluated.items():
        event = changed[source_id]
        with work_on(event):
            due_at, waits = _carry_out(connection, sender, source_id, decisions, event.correlation_id)
            if due_at is not None:
                sources.plan_evaluation(connection, source_id, due_at, waits=waits)


def evaluate_due_sources(database: Database, sender: str, approval_priorities: Collection[str] = ()) -> None:
    """Look at the rules of all reports and resources for which the time has come, each in a transaction of its own.

    Where that goes wrong it is tried again later, so that one cannot hold up the others.

    Args:
        database: The database of the service.
        sender: The sender in CAP.
        approval_priorities: The priorities that nobody may issue alone, rules included.
    """
    while True:
        with database.read() as connection:
            due = sources.due_sources(connection, DUE_BATCH)
        done = 0
        for source_id in due:
            try:
                with database.write() as connection:
                    done += evaluate_source(connection, sender, source_id, approval_priorities)
            except Exception:
                logger.exception("the rules of %s could not be followed", source_id)
                with database.write() as connection:
                    sources.postpone(connection, source_id, RETRY_SECONDS)
        # What other processes are at is theirs.
        if done < DUE_BATCH:
            return


def evaluate_source(
    connection: Connection, sender: str, source_id: UUID, approval_priorities: Collection[str] = ()
) -> bool:
    """Look at the rules of a report or resource again: a window of changes is over, or a rule or a region has changed.

    Args:
        connection: In a transaction.
        sender: The sender in CAP.
        source_id: The id of the report or resource.
        approval_priorities: The priorities that nobody may issue alone, rules included.

    Returns:
        Whether it was done. It is not if another process is at it.
    """
    sources.hold_rules(connection)
    if not sources.try_lock_source(connection, source_id):
        return False
    facts = sources.read_facts(connection, [source_id])
    for decisions in _evaluate(connection, list(facts.values()), approval_priorities, locked=True).values():
        due_at, waits = _carry_out(connection, sender, source_id, decisions, "")
        sources.plan_evaluation(connection, source_id, due_at, waits=waits)
    return True


def decisions_for(
    connection: Connection, facts: Facts, approval_priorities: Collection[str] = ()
) -> list[Decision]:
    """Return what the rules would do if a report or resource had these facts. It changes and locks nothing.

    Args:
        connection: In a transaction or not.
        facts: The facts, such as those of `sources.read_facts` with changes.
        approval_priorities: The priorities that nobody may issue alone, rules included.
    """
    decisions = _evaluate(connection, [facts], approval_priorities, locked=False)[facts.source_id]
    return [decision for decision in decisions if decision.steps]


def _evaluate(
    connection: Connection, listed: Sequence[Facts], approval_priorities: Collection[str], *, locked: bool
) -> dict[UUID, list[Decision]]:
    """Return the decisions about each report and resource that may need something done, by its id."""
    rules = _rules(connection, approval_priorities)
    source_ids = [facts.source_id for facts in listed]
    regions = sources.read_regions(connection, (facts.region_id for facts in listed))
    standings = _standings(connection, source_ids, locked=locked)
    now = dt.datetime.now(dt.UTC)
    found: dict[UUID, list[Decision]] = {}
    for facts in listed:
        region = regions.get(facts.region_id)
        decisions = found.setdefault(facts.source_id, [])
        for rule in rules:
            standing = standings.get((facts.source_id, rule["id"]), _NOTHING)
            is_held = holds(rule, facts, region)
            if is_held or standing.is_answered:
                steps = decide(rule, facts, region, standing, now)
                decisions.append(Decision(rule, facts, region, standing, is_held, steps))
    return found


_NOTHING: Final = Standing()


def _rules(connection: Connection, approval_priorities: Collection[str]) -> list[types.AlertRule]:
    """Return all rules; those that would issue what nobody may issue alone ask for approval instead."""
    rules = cast("list[types.AlertRule]", connection.execute(select(alert_rules)).mappings().all())
    return [
        cast("types.AlertRule", {**rule, "action": REQUEST_APPROVAL})
        if rule["action"] == ISSUE and rule["priority"] in approval_priorities
        else rule
        for rule in rules
    ]


def _standings(
    connection: Connection, source_ids: Sequence[UUID], *, locked: bool
) -> dict[tuple[UUID, UUID], Standing]:
    """Return what the rules have made of reports and resources, by the ids of the source and of the rule."""
    open_alerts = select(alerts).where(
        one_of(alerts.c.source_id, list(source_ids)), alerts.c.rule_id.is_not(None), alerts.c.status.in_(OPEN)
    )
    if locked:
        open_alerts = open_alerts.order_by(alerts.c.id).with_for_update()
    found = {
        (row["source_id"], row["rule_id"]): Standing(alert=cast("StoredAlert", row), is_answered=True)
        for row in connection.execute(open_alerts).mappings()
    }
    noted = select(rule_standings).where(one_of(rule_standings.c.source_id, list(source_ids)))
    for row in connection.execute(noted).mappings():
        key = row["source_id"], row["rule_id"]
        found[key] = Standing(
            alert=found[key].alert if key in found else None,
            is_answered=True,
            told=row["told"],
            updated_at=row["updated_at"],
        )
    return found


def _carry_out(
    connection: Connection, sender: str, source_id: UUID, decisions: Sequence[Decision], correlation_id: str
) -> tuple[dt.datetime | None, bool]:
    """Do what was decided about a report or resource.

    Returns:
        When its rules have to be looked at again, if that is so; and whether it waits for its region.
    """
    due: list[dt.datetime] = []
    waits = False
    for decision, step in _in_order(decisions):
        if step.action == WAIT:
            waits = True
            due.append(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=REGION_SECONDS))
        elif step.due_at is not None:
            due.append(step.due_at)
        elif step.action == CANCEL:
            _cancel(connection, sender, correlation_id, decision, step)
        elif step.action == UPDATE:
            _update(connection, sender, correlation_id, decision, step)
        else:
            _issue(connection, sender, correlation_id, decision, step)
    ended = [one.rule["id"] for one in decisions if one.standing.is_answered and not one.holds]
    if ended:
        connection.execute(
            delete(rule_standings).where(
                rule_standings.c.source_id == source_id, one_of(rule_standings.c.rule_id, ended)
            )
        )
    return min(due, default=None), waits


def _in_order(decisions: Sequence[Decision]) -> Iterator[tuple[Decision, Step]]:
    """Yield the steps: what ends comes before what begins, so that the newest alert is the one in force."""
    for is_ending in (True, False):
        for decision in decisions:
            for step in decision.steps:
                if (step.action == CANCEL) is is_ending:
                    yield decision, step


def _cancel(connection: Connection, sender: str, correlation_id: str, decision: Decision, step: Step) -> None:
    row = cast("StoredAlert", decision.standing.alert)
    message, translations = ending_texts(row, decision.facts, step.reason)
    cancel_locked(connection, correlation_id, sender, row, SYSTEM_USER_ID, message, translations=translations)


def _issue(connection: Connection, sender: str, correlation_id: str, decision: Decision, step: Step) -> None:
    rule, facts, told = decision.rule, decision.facts, cast("Told", step.told)
    values: dict[str, Any] = {
        **_content(told),
        "id": uuid7(),
        "region_id": facts.region_id,
        "issued_by": SYSTEM_USER_ID,
        "expires_at": _expiry(rule["lifetime_seconds"]),
        "status": _STATUS_OF[step.action],
        "rule_id": rule["id"],
        "source_id": facts.source_id,
        "source_version": _unused_version(connection, rule["id"], facts),
    }
    if step.action == ISSUE:
        values |= {**cap_fields(values), "sender": sender}
    insert_alert(connection, correlation_id, values, _targets(told))
    _note(connection, decision, told)


def _unused_version(connection: Connection, rule_id: UUID, facts: Facts) -> int | None:
    """Return the version of the facts, unless the rule has made an alert of that version before.

    The former release allows one alert a version, and its index stays as long as it may run.
    """
    statement = select(alerts.c.id).where(
        alerts.c.rule_id == rule_id,
        alerts.c.source_id == facts.source_id,
        alerts.c.source_version == facts.version,
        alerts.c.msg_type == "Alert",
    )
    return facts.version if connection.scalar(statement) is None else None


def _update(connection: Connection, sender: str, correlation_id: str, decision: Decision, step: Step) -> None:
    """Change an alert that nobody was told yet; of an active one, issue the update that replaces it."""
    row, told = cast("StoredAlert", decision.standing.alert), cast("Told", step.told)
    changes = {name: value for name, value in step.changes.items() if name != "targets"}
    targets = _targets(told) if "targets" in step.changes else None
    if row["status"] in UNISSUED:
        values = {**changes, "updated_by": SYSTEM_USER_ID}
        if targets is not None:
            redeclare(connection, row["id"], targets)
            values.update(audience_of(targets))
        change_alert(connection, correlation_id, row, values)
        _note(connection, decision, told)
        return
    content = updated_content(row, changes, CONTENT)
    replace_alert(
        connection,
        correlation_id,
        row,
        {
            **content,
            **cap_fields(content),
            "issued_by": SYSTEM_USER_ID,
            "sender": sender,
            "is_quiet": step.is_quiet,
        },
        targets or declared(connection, row["id"]),
    )
    _note(connection, decision, told, is_update=True)


def _content(told: Told) -> dict[str, object]:
    return {name: value for name, value in content_of(told).items() if name != "region_id"}


def _targets(told: Told) -> list[Target]:
    return [Target(target_type, target_id) for target_type, target_id in told["targets"]]


def _note(connection: Connection, decision: Decision, told: Told, *, is_update: bool = False) -> None:
    """Note that the rule has made its alert, and what it tells."""
    statement = insert(rule_standings).values(
        source_id=decision.facts.source_id,
        rule_id=decision.rule["id"],
        told=told,
        updated_at=func.clock_timestamp() if is_update else None,
    )
    kept = {"told": statement.excluded.told, "updated_at": statement.excluded.updated_at}
    connection.execute(statement.on_conflict_do_update(index_elements=["source_id", "rule_id"], set_=kept))


def _expiry(lifetime_seconds: int | None) -> ColumnElement[Any] | None:
    if lifetime_seconds is None:
        return None
    return func.current_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, lifetime_seconds)

"""The facts of reports and resources that alert rules read, and whether a rule holds for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from shared.domain import reports, resources
from shared.domain.identity import UNKNOWN_REGION_ID

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from uuid import UUID

    from services.alerts.schemas import types
    from shared.domain.status import StatusMachine

ISSUE: Final = "issue"
DRAFT_ONLY: Final = "draft"
REQUEST_APPROVAL: Final = "request_approval"
ACTIONS: Final = (ISSUE, DRAFT_ONLY, REQUEST_APPROVAL)

REPORT: Final = "report"
RESOURCE: Final = "resource"
KINDS: Final = (REPORT, RESOURCE)


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of thing that alert rules can be about.

    Attributes:
        kind: ``report`` or ``resource``.
        title: The name of the fact that holds its title or name.
        machine: Its statuses and the moves between them.
        has_severity: Whether it has a severity.
    """

    kind: str
    title: str
    machine: StatusMachine
    has_severity: bool

    @property
    def statuses(self) -> tuple[str, ...]:
        """All statuses that it can have."""
        return self.machine.statuses


SOURCE_TYPES: Final = ("report", "resource")
"""What alerts of rules can be about."""

REPORT_STATUS_CHANGED: Final = "report_status_changed"
RESOURCE_STATUS_CHANGED: Final = "resource_status_changed"

SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {
        REPORT_STATUS_CHANGED: Source(kind=REPORT, title="title", machine=reports.STATUS, has_severity=True),
        RESOURCE_STATUS_CHANGED: Source(
            kind=RESOURCE, title="name", machine=resources.STATUS, has_severity=False
        ),
    }
)
"""The things that rules can be about, by the ``source_event`` of the rule."""

_BY_KIND: Final = {source.kind: source for source in SOURCES.values()}

CREATED: Final = frozenset({"report_created", "resource_created"})

ENTERED: Final = frozenset({REPORT_STATUS_CHANGED, RESOURCE_STATUS_CHANGED, *CREATED})
"""The events that say how a report or resource came into its status."""


@dataclass(frozen=True, slots=True)
class Region:
    """A region, as far as rules and templates need it.

    Attributes:
        id: The id of the region.
        code: Its code.
        name: Its name.
        lineage: The ids of the regions that contain it, and its own.
    """

    id: UUID
    code: str
    name: str
    lineage: frozenset[UUID]


UNKNOWN_REGION: Final = Region(UNKNOWN_REGION_ID, "UNKNOWN", "Unknown region", frozenset({UNKNOWN_REGION_ID}))
"""The reserved region. It needs no event of identity, because alerts about it are for groups and accounts."""


@dataclass(frozen=True, slots=True)
class Entry:
    """How a report or resource came into a status: the newest event that says so."""

    version: int
    status: str
    previous_status: str | None
    notes: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """A report or resource as it is: what rules match and what templates show.

    Attributes:
        kind: ``report`` or ``resource``.
        source_id: Its id.
        version: Its version.
        status: Its status.
        severity_level: Of a report, the severity, 1 to 5; else None.
        type_id: The id of its type.
        region_id: The id of its region.
        title: Its title or name.
        changed_at: When a fact that rules read changed last; None if that was before the facts were recorded, as it
            was for a record that an import brought in a later status: what it tells happened elsewhere, perhaps years
            ago, and nobody is alerted of it before something changes.
        entry: How it came into its newest known status; None if no event has said so.
    """

    kind: str
    source_id: UUID
    version: int
    status: str
    severity_level: int | None
    type_id: UUID
    region_id: UUID
    title: str
    changed_at: dt.datetime | None
    entry: Entry | None = None

    @classmethod
    def of(cls, event_type: str, data: Mapping[str, Any], time: dt.datetime) -> Facts:
        """Return the facts that an event of a report or resource carries.

        Args:
            event_type: The name of the event.
            data: Its data.
            time: When it happened.
        """
        kind = REPORT if "report_id" in data else RESOURCE
        source = _BY_KIND[kind]
        is_record = event_type in CREATED and data["status"] != source.machine.statuses[0]
        entry = None
        if event_type in ENTERED:
            entry = Entry(data["version"], data["status"], data.get("previous_status"), data["notes"])
        return cls(
            kind=kind,
            source_id=data[f"{kind}_id"],
            version=data["version"],
            status=data["status"],
            severity_level=data["severity_level"] if source.has_severity else None,
            type_id=data[f"{kind}_type_id"],
            region_id=data["region_id"],
            title=data[source.title],
            changed_at=None if is_record else time,
            entry=entry,
        )

    def followed_by(self, event: Facts) -> Facts:
        """Return what is known of the report or resource after another event of it, which may be older or a repeat."""
        entries = [facts.entry for facts in (self, event) if facts.entry is not None]
        entry = max(entries, key=lambda entered: entered.version, default=None)
        if event.version <= self.version:
            # The facts may have been copied before the event that made them arrived.
            is_it = self.changed_at is None and event.entry is not None and event.status == self.status
            return replace(self, entry=entry, changed_at=event.changed_at if is_it else self.changed_at)
        is_same = event.entry is None and self == replace(
            event, version=self.version, changed_at=self.changed_at, entry=self.entry
        )
        return replace(event, entry=entry, changed_at=self.changed_at if is_same else event.changed_at)

    @property
    def previous_status(self) -> str | None:
        """The status before the present one, if that is known."""
        return self.entry.previous_status if self.entry and self.entry.status == self.status else None

    @property
    def notes(self) -> str | None:
        """The reason for the present status, if one was given."""
        return self.entry.notes if self.entry and self.entry.status == self.status else None


def held_statuses(rule: Mapping[str, Any]) -> frozenset[str]:
    """Return the statuses in which a rule holds.

    These are ``status_entered``, and those that can follow it without passing one of ``cancelled_by_statuses``. If
    nothing cancels, only ``status_entered``.

    Args:
        rule: The row of the rule.
    """
    found = {rule["status_entered"]}
    ending = set(rule["cancelled_by_statuses"])
    if not ending:
        return frozenset(found)
    moves = SOURCES[rule["source_event"]].machine.moves
    waiting = list(found)
    while waiting:
        following = set(moves[waiting.pop()]) - ending - found
        found |= following
        waiting.extend(following)
    return frozenset(found)


def is_about(rule: Mapping[str, Any], facts: Facts) -> bool:
    """Return whether the rule is about this kind of thing."""
    return SOURCES[rule["source_event"]].kind == facts.kind


def holds(rule: types.AlertRule, facts: Facts, region: Region | None) -> bool:
    """Return whether what the rule describes is so now, whether the rule is active or not.

    A rule for a region holds in what lies in it. No rule holds for the people of the reserved region, because nobody
    lives there.

    Args:
        rule: The row of the rule.
        facts: The present facts.
        region: The region of the facts; None if it is not known yet, which is then no reason against the rule.
    """
    return (
        is_about(rule, facts)
        and facts.status in held_statuses(rule)
        and rule["type_id"] in (None, facts.type_id)
        and (region is None or rule["region_id"] is None or rule["region_id"] in region.lineage)
        and not (facts.region_id == UNKNOWN_REGION_ID and _is_for_region_of_source(rule))
        and _within(facts.severity_level, rule["minimum_severity_level"], rule["maximum_severity_level"])
    )


def _is_for_region_of_source(rule: types.AlertRule) -> bool:
    """Return whether the alert would be for the people of the region of the source, by its id or its code."""
    return rule["target_id"] is None or "{region_code}" in rule["target_id"]


def _within(level: int | None, min_value: int | None, max_value: int | None) -> bool:
    if min_value is None and max_value is None:
        return True
    return level is not None and (min_value or level) <= level <= (max_value or level)

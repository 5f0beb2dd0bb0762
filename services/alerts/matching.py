"""Which changes of status concern which alert rules."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from shared.domain import reports, resources
from shared.domain.identity import UNKNOWN_REGION_ID

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from services.alerts.schemas import types

ISSUE: Final = "issue"
DRAFT_ONLY: Final = "draft"
REQUEST_APPROVAL: Final = "request_approval"
ACTIONS: Final = (ISSUE, DRAFT_ONLY, REQUEST_APPROVAL)


@dataclass(frozen=True, slots=True)
class Source:
    """An event that alert rules can react to.

    Attributes:
        thing: The name of the fact that holds the id of the report or resource.
        title: The name of the fact that holds its title or name.
        type: The name of the fact that holds the id of its type.
        statuses: The statuses that it can enter.
        has_severity: Whether the event carries a severity.
    """

    thing: str
    title: str
    type: str
    statuses: tuple[str, ...]
    has_severity: bool


REPORT_STATUS_CHANGED: Final = "report_status_changed"
RESOURCE_STATUS_CHANGED: Final = "resource_status_changed"

SOURCES: Final[Mapping[str, Source]] = MappingProxyType(
    {
        REPORT_STATUS_CHANGED: Source(
            thing="report_id",
            title="title",
            type="report_type_id",
            statuses=reports.STATUS.statuses,
            has_severity=True,
        ),
        RESOURCE_STATUS_CHANGED: Source(
            thing="resource_id",
            title="name",
            type="resource_type_id",
            statuses=resources.STATUS.statuses,
            has_severity=False,
        ),
    }
)
"""The events that alert rules can react to, by name."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of status of a report or a resource: what rules match and what templates show."""

    event: str
    source_id: UUID
    version: int
    region_id: UUID
    type_id: UUID
    severity_level: int | None
    title: str
    status: str
    previous_status: str
    notes: str | None

    @classmethod
    def of(cls, event: str, data: Mapping[str, Any]) -> Change:
        """Return the change that an event of `SOURCES` reports.

        Args:
            event: The name of the event.
            data: The facts of the event.
        """
        source = SOURCES[event]
        return cls(
            event=event,
            source_id=data[source.thing],
            version=data["version"],
            region_id=data["region_id"],
            type_id=data[source.type],
            severity_level=data["severity_level"] if source.has_severity else None,
            title=data[source.title],
            status=data["status"],
            previous_status=data["previous_status"],
            notes=data["notes"],
        )

    def placeholders(self, region_name: str, region_code: str) -> dict[str, object]:
        """Return the values of the placeholders of templates."""
        return {
            "title": self.title,
            "status": self.status.replace("_", " "),
            "previous_status": self.previous_status.replace("_", " "),
            "notes": self.notes,
            "region": region_name,
            "region_code": region_code,
            "severity_level": self.severity_level,
        }


def issues(rule: types.AlertRule, change: Change) -> bool:
    """Return whether the rule issues an alert for the change.

    No alert is issued for the people of the reserved region, because nobody lives there.

    Args:
        rule: The row of the rule.
        change: The change of status.
    """
    return (
        rule["is_active"]
        and rule["source_event"] == change.event
        and rule["status_entered"] == change.status
        and rule["type_id"] in (None, change.type_id)
        and rule["region_id"] in (None, change.region_id)
        and not (change.region_id == UNKNOWN_REGION_ID and _is_for_region_of_change(rule))
        and _within(change.severity_level, rule["minimum_severity_level"], rule["maximum_severity_level"])
    )


def _is_for_region_of_change(rule: types.AlertRule) -> bool:
    """Return whether the alert would be for the people of the region of the change, by its id or its code."""
    return rule["target_id"] is None or "{region_code}" in rule["target_id"]


def ends(rule: types.AlertRule, change: Change) -> bool:
    """Return whether the change ends the alerts that the rule issued for the same report or resource before.

    This is also true of a rule that is not active any more.
    """
    return rule["source_event"] == change.event and change.status in rule["cancelled_by_statuses"]


def _within(level: int | None, min_value: int | None, max_value: int | None) -> bool:
    if min_value is None and max_value is None:
        return True
    return level is not None and (min_value or level) <= level <= (max_value or level)

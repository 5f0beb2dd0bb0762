"""Which change of a status is which rule's business."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from shared.platform.db.tables import UNKNOWN_REGION_ID

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

ISSUE: Final = "issue"
DRAFT_ONLY: Final = "draft"
ACTIONS: Final = (ISSUE, DRAFT_ONLY)


@dataclass(frozen=True, slots=True)
class Source:
    """An event that rules can be for.

    Attributes:
        thing: The fact that names what the event is about.
        title: The fact that says what it is called.
        type: The fact that says of which type it is.
        statuses: Those that it can enter.
        has_severity: Whether it says how bad it is.
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
            statuses=("pending", "confirmed", "in_progress", "resolved", "closed", "rejected", "duplicate"),
            has_severity=True,
        ),
        RESOURCE_STATUS_CHANGED: Source(
            thing="resource_id",
            title="name",
            type="resource_type_id",
            statuses=("available", "limited", "unavailable", "out_of_service", "closed"),
            has_severity=False,
        ),
    }
)
"""The events by name, with the statuses of the domain's vocabulary."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a status, whatever it is of: what rules decide by and what templates say."""

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
        """The change that an event of `SOURCES` tells of."""
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
        """What templates are filled with."""
        return {
            "title": self.title,
            "status": self.status.replace("_", " "),
            "previous_status": self.previous_status.replace("_", " "),
            "notes": self.notes,
            "region": region_name,
            "region_code": region_code,
            "severity_level": self.severity_level,
        }


def issues(rule: Mapping[str, Any], change: Change) -> bool:
    """Whether the rule makes an alert of the change.

    None is made for the people of the reserved region, for nobody knows who they are.

    Args:
        rule: By column.
        change: What happened.
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


def _is_for_region_of_change(rule: Mapping[str, Any]) -> bool:
    """Whether the alert would be for the people of the region of what happened, by its id or its code."""
    return rule["target_id"] is None or "{region_code}" in rule["target_id"]


def ends(rule: Mapping[str, Any], change: Change) -> bool:
    """Whether the change ends the alerts that the rule made of the same thing before; an inactive rule's too."""
    return rule["source_event"] == change.event and change.status in rule["cancelled_by_statuses"]


def _within(level: int | None, min_value: int | None, max_value: int | None) -> bool:
    if min_value is None and max_value is None:
        return True
    return level is not None and (min_value or level) <= level <= (max_value or level)

"""The words of the alerts service: statuses, priorities, targets, and those of CAP 1.2."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

DRAFT: Final = "draft"
ACTIVE: Final = "active"
SUPERSEDED: Final = "superseded"
CANCELLED: Final = "cancelled"
EXPIRED: Final = "expired"

MOVES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        DRAFT: (ACTIVE, CANCELLED),
        ACTIVE: (SUPERSEDED, CANCELLED, EXPIRED),
        SUPERSEDED: (),
        CANCELLED: (),
        EXPIRED: (),
    }
)
"""For each status those that may follow it."""

STATUSES: Final = tuple(MOVES)

PRIORITIES: Final = ("critical", "high", "medium", "low")

USER: Final = "user"
GROUP: Final = "group"
REGION: Final = "region"
TARGET_TYPES: Final = (USER, GROUP, REGION)

ALERT: Final = "Alert"
UPDATE: Final = "Update"
CANCEL: Final = "Cancel"

# The vocabularies of the Common Alerting Protocol 1.2 (OASIS), 3.2.1 and 3.2.2.
MESSAGE_TYPES: Final = (ALERT, UPDATE, CANCEL)
CATEGORIES: Final = (
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other",
)  # fmt: skip
URGENCIES: Final = ("Immediate", "Expected", "Future", "Past", "Unknown")
SEVERITIES: Final = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
CERTAINTIES: Final = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")

ACTUAL: Final = "Actual"
CAP_STATUSES: Final = (ACTUAL, "Exercise", "Test")
"""Those of CAP's that an issued alert can have; `System` and `Draft` are for machines and templates."""

PAST: Final = "Past"
DEFAULT_CATEGORY: Final = "Safety"


class Assessment(NamedTuple):
    """What CAP wants to know of an event: how soon, how bad, how sure."""

    urgency: str
    severity: str
    certainty: str


ASSESSMENTS: Final[Mapping[str, Assessment]] = MappingProxyType(
    {
        "critical": Assessment("Immediate", "Extreme", "Observed"),
        "high": Assessment("Expected", "Severe", "Observed"),
        "medium": Assessment("Expected", "Moderate", "Likely"),
        "low": Assessment("Future", "Minor", "Possible"),
    }
)
"""What a priority stands for, unless the author says otherwise."""

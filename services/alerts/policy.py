"""The decisions of the alerts service: its vocabularies and those of CAP 1.2, lifecycle, assessment and targets."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from shared.client.errors import Conflict, Invalid
from shared.platform.db.tables import UNKNOWN_REGION_ID

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

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


MAX_EVENT_LENGTH = 255


def check_move(current: str, requested: str) -> None:
    """Refuses a status that may not follow the current one.

    Raises:
        Conflict: It lists the legal next statuses as ``legal``.
    """
    legal = MOVES[current]
    if requested not in legal:
        then = f"it can become {', '.join(legal)}" if legal else "nothing follows that"
        raise Conflict(
            f"An alert that is {current} cannot become {requested}: {then}.",
            legal=list(legal),
            status=current,
        )


def check_expiry(expires_at: dt.datetime | None, now: dt.datetime) -> None:
    """Refuses an alert that would be over before it is issued.

    Raises:
        Invalid: It names ``expires_at``.
    """
    if expires_at is not None and expires_at <= now:
        raise Invalid(fields={"expires_at": ["Lies in the past."]})


def check_onset(onset_at: dt.datetime | None, expires_at: dt.datetime | None) -> None:
    """Refuse an alert that would be over before what it warns of begins.

    Raises:
        Invalid: It names ``onset_at``.
    """
    if onset_at is not None and expires_at is not None and onset_at >= expires_at:
        raise Invalid(fields={"onset_at": ["Must be before expires_at."]})


def check_cap_status(alert: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Refuse to make an exercise of an actual alert that was issued, or the other way round.

    Raises:
        Invalid: It names ``cap_status``.
    """
    if changes.get("cap_status", alert["cap_status"]) != alert["cap_status"]:
        raise Invalid(
            fields={"cap_status": [f"It was issued as {alert['cap_status']}; issue another alert."]}
        )


def completed(alert: Mapping[str, Any]) -> dict[str, str]:
    """The fields of CAP that every issued alert has: as the author said, else what the priority stands for.

    Args:
        alert: With ``priority`` and ``title``, and with whatever of the fields the author set.
    """
    assessment = ASSESSMENTS[alert["priority"]]
    fallbacks = {
        "category": DEFAULT_CATEGORY,
        "event": alert["title"][:MAX_EVENT_LENGTH],
        **assessment._asdict(),
    }
    return {name: alert.get(name) or fallback for name, fallback in fallbacks.items()}


def succeeding(
    alert: Mapping[str, Any], changes: Mapping[str, Any], content: tuple[str, ...]
) -> dict[str, Any]:
    """The content of the alert that replaces another: what is not changed stays.

    With another priority, the assessment is that of the new one unless the author says otherwise. An event that was
    the title follows the title.

    Args:
        alert: The one that is replaced.
        changes: By field.
        content: The fields that make up the content of an alert.
    """
    kept = {name: alert[name] for name in content}
    if changes.get("priority", alert["priority"]) != alert["priority"]:
        kept |= ASSESSMENTS[changes["priority"]]._asdict()
    if "title" in changes and alert["event"] == alert["title"][:MAX_EVENT_LENGTH]:
        kept["event"] = None
    return kept | dict(changes)


MAX_GROUPS_AND_REGIONS: Final = 60
"""Each has a bit of ``alert_targets.reached_by``, of which there are 62."""

MAX_TARGETS: Final = 1000

RESERVED: Final = (
    "This region is reserved for reports whose region is not known; nobody is there to be alerted."
)

GROUP_ID: Final = re.compile(r"(?P<role>[a-z][a-z0-9_-]{0,99})(:(?P<code>[^\s:,]{1,50}))?")


class Target(NamedTuple):
    """One declared target."""

    target_type: str
    target_id: str


def target_problem(target_type: str, target_id: str) -> str | None:
    """What is wrong with a target's id."""
    if target_type == REGION and target_id == str(UNKNOWN_REGION_ID):
        return RESERVED
    if target_type == GROUP:
        fine = GROUP_ID.fullmatch(target_id) is not None
        return None if fine else "Must be the name of a role, or role:REGION-CODE for those of one region."
    try:
        return None if str(UUID(target_id)) == target_id else "Must be a UUID in its usual, lower-case form."
    except ValueError:
        return "Must be a UUID."


def group_of(target_id: str) -> tuple[str, str | None]:
    """The role that a group is, and the code of the region that it is narrowed to."""
    role, _, code = target_id.partition(":")
    return role, code or None


def in_order(targets: Iterable[Target]) -> list[Target]:
    """The targets, each once, groups and regions before people: only those need a place among the counters."""
    return sorted(dict.fromkeys(targets), key=lambda target: target.target_type == USER)


def too_many(targets: Iterable[Target]) -> str | None:
    """What is wrong with the number of targets."""
    listed = list(targets)
    if len(listed) > MAX_TARGETS:
        return f"More than {MAX_TARGETS} targets."
    if sum(target.target_type in (GROUP, REGION) for target in listed) > MAX_GROUPS_AND_REGIONS:
        return f"More than {MAX_GROUPS_AND_REGIONS} groups and regions."
    return None

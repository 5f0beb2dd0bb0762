"""The decisions of the alerts service: vocabularies, dates, CAP fields and declared targets. Nothing here does I/O."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypedDict
from uuid import UUID

from shared.client.errors import Forbidden, Invalid
from shared.domain.alerts import PRIVATE, PUBLIC, RESTRICTED
from shared.domain.identity import UNKNOWN_REGION_ID

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping, Sequence

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
"""The CAP statuses that an issued alert can have. CAP's `System` and `Draft` are not used."""

GET: Final = "get"
LIST: Final = "list"
RECENT: Final = "recent"
CAP: Final = "cap"
REACH: Final = "reach"
TARGETS: Final = "targets"
CHANGE: Final = "change"
WAYS: Final = (GET, LIST, RECENT, CAP, REACH, TARGETS, CHANGE)
"""The ways in which an alert is read, or changed by somebody who then sees it."""

PAST: Final = "Past"
DEFAULT_CATEGORY: Final = "Safety"

DEFAULT_LANGUAGE: Final = "en"
"""The language of the templates of a rule whose author names none."""


class Assessment(NamedTuple):
    """How soon, how severe and how certain an event is, in CAP's terms."""

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
"""The assessment that each priority implies, unless the author sets another."""

MAX_EVENT_LENGTH: Final = 255

MAX_GROUPS_AND_REGIONS: Final = 60
"""Each declared group or region takes one bit of ``alert_targets.reached_by``, which has 62."""

MAX_NAMED_ACCOUNTS: Final = 100
"""Accounts that the events of an alert name; with more, events would be large for every queue that gets them."""

MAX_TARGETS: Final = 1000
TOO_MANY_TARGETS: Final = f"Must not have more than {MAX_TARGETS} targets."

RESERVED_REGION: Final = (
    "This region is reserved for reports whose region is unknown. Choose the region to be alerted."
)

_GROUP_ID: Final = re.compile(r"(?P<role>[a-z][a-z0-9_-]{0,99})(:(?P<code>[^\s:,]{1,50}))?")


class Target(NamedTuple):
    """A declared target: an account or a region by its id, or a group.

    A group is the name of a role and stands for everybody who holds it. As in permissions, a group can be narrowed to
    a region by the region's code: ``coordinator:HT-OUEST`` stands for the coordinators who follow that region, or
    follow no region in particular.
    """

    target_type: str
    target_id: str


def check_expiry(expires_at: dt.datetime | None, now: dt.datetime) -> None:
    """Refuse an alert that would have expired before it is issued.

    Raises:
        Invalid: It names ``expires_at``.
    """
    if expires_at is not None and expires_at <= now:
        raise Invalid(fields={"expires_at": ["Must be in the future."]})


def check_onset(onset_at: dt.datetime | None, expires_at: dt.datetime | None) -> None:
    """Refuse an alert that would expire before the event it warns of begins.

    Raises:
        Invalid: It names ``onset_at``.
    """
    if onset_at is not None and expires_at is not None and onset_at >= expires_at:
        raise Invalid(fields={"onset_at": ["Must be before expires_at."]})


def check_cap_status(issued: str, requested: str) -> None:
    """Refuse to turn an issued actual alert into an exercise or a test, or the reverse.

    Raises:
        Invalid: It names ``cap_status``.
    """
    if requested != issued:
        problem = f"Cannot be changed once the alert is issued (as {issued}). Issue another alert."
        raise Invalid(fields={"cap_status": [problem]})


def check_issued_alone(priority: str, approval_priorities: Collection[str]) -> None:
    """Refuse to issue an alert that needs the approval of another person.

    Args:
        priority: The priority of the alert.
        approval_priorities: The priorities that nobody may issue alone.

    Raises:
        Forbidden: ``needs_approval`` is true.
    """
    if priority in approval_priorities:
        raise Forbidden(
            f"Alerts of the priority {priority} need the approval of another person here. Draft the alert and request"
            " its approval.",
            priority=priority,
            needs_approval=True,
        )


def check_approver(alert: Mapping[str, Any], user_id: UUID) -> None:
    """Refuse the approval by the author of an alert, by who edited it last, and by who requested the approval.

    Args:
        alert: The row of an alert that waits for approval.
        user_id: The id of the account that would approve it.

    Raises:
        Forbidden: Another person has to approve it.
    """
    if user_id in {
        alert["author_id"],
        alert["issued_by"],
        alert["edited_by"],
        alert["approval_requested_by"],
    }:
        raise Forbidden(
            "Another person has to approve this alert: you wrote it, edited it last or requested the approval."
        )


def cap_fields(alert: Mapping[str, Any]) -> dict[str, str]:
    """Return the CAP fields that every issued alert has: the author's, or what the priority implies.

    Args:
        alert: ``priority`` and ``title``, and the CAP fields that the author set.
    """
    fallbacks = {
        "category": DEFAULT_CATEGORY,
        "event": alert["title"][:MAX_EVENT_LENGTH],
        **ASSESSMENTS[alert["priority"]]._asdict(),
    }
    return {name: alert.get(name) or fallback for name, fallback in fallbacks.items()}


def updated_content(
    alert: Mapping[str, Any], changes: Mapping[str, Any], content: tuple[str, ...]
) -> dict[str, Any]:
    """Return the content of the alert that replaces another one. Fields that are not changed are kept.

    A new priority brings its own assessment, unless the author sets one. An ``event`` that repeated the title follows
    the new title.

    Args:
        alert: The alert that is replaced.
        changes: The new values by field.
        content: The names of the fields that make up the content of an alert.
    """
    kept = {name: alert[name] for name in content}
    if changes.get("priority", alert["priority"]) != alert["priority"]:
        kept |= ASSESSMENTS[changes["priority"]]._asdict()
    if "title" in changes and alert["event"] == alert["title"][:MAX_EVENT_LENGTH]:
        kept["event"] = None
    return kept | dict(changes)


def target_problem(target_type: str, target_id: str) -> str | None:
    """Return what is wrong with the id of a target, or None."""
    if target_type == REGION and target_id == str(UNKNOWN_REGION_ID):
        return RESERVED_REGION
    if target_type == GROUP:
        if _GROUP_ID.fullmatch(target_id):
            return None
        return "Must be the name of a role, or role:REGION-CODE to narrow it to one region."
    try:
        is_canonical = str(UUID(target_id)) == target_id
    except ValueError:
        return "Must be a UUID."
    return None if is_canonical else "Must be a UUID in lower case, with hyphens."


def group_of(target_id: str) -> tuple[str, str | None]:
    """Return the role that a group stands for, and the code of the region that it is narrowed to."""
    role, _, code = target_id.partition(":")
    return role, code or None


def class_of(targets: Iterable[Target]) -> str:
    """Return the class of an alert with these declared targets.

    It is public if a region is addressed, or nobody in particular; else restricted if a group is; else private.
    """
    types = {target.target_type for target in targets}
    if REGION in types or not types:
        return PUBLIC
    return RESTRICTED if GROUP in types else PRIVATE


class Audience(TypedDict):
    """The columns of an alert that say for whom it is: its class, and whom its events name."""

    audience_class: str
    audience_groups: list[str]
    audience_accounts: list[UUID]


def audience_of(targets: Sequence[Target]) -> Audience:
    """Return for whom an alert with these declared targets is.

    Events name groups and accounts that an alert which is not public is for, so that the live stream can tell them.
    They do not name groups that are narrowed to a region, because only targeting knows who belongs to these, nor
    accounts if there are more than `MAX_NAMED_ACCOUNTS`.
    """
    audience_class = class_of(targets)
    if audience_class == PUBLIC:
        return {"audience_class": audience_class, "audience_groups": [], "audience_accounts": []}
    groups = (group_of(target.target_id) for target in targets if target.target_type == GROUP)
    accounts = [UUID(target.target_id) for target in targets if target.target_type == USER]
    return {
        "audience_class": audience_class,
        "audience_groups": [role for role, code in groups if code is None],
        "audience_accounts": accounts if len(accounts) <= MAX_NAMED_ACCOUNTS else [],
    }


def in_order(targets: Iterable[Target]) -> list[Target]:
    """Return each target once, groups and regions before accounts. Only the former need counters of their own."""
    return sorted(dict.fromkeys(targets), key=lambda target: target.target_type == USER)


def count_problem(targets: Iterable[Target]) -> str | None:
    """Return what is wrong with the number of targets, or None."""
    listed = list(targets)
    if len(listed) > MAX_TARGETS:
        return TOO_MANY_TARGETS
    if sum(target.target_type in (GROUP, REGION) for target in listed) > MAX_GROUPS_AND_REGIONS:
        return f"Must not have more than {MAX_GROUPS_AND_REGIONS} groups and regions."
    return None

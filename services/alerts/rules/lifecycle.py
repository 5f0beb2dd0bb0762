"""What may become of an alert, and what an issued one is completed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.alerts.rules.vocabulary import ASSESSMENTS, DEFAULT_CATEGORY, MOVES
from shared.client.errors import Conflict, Invalid

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

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

"""The languages of an alert: which of its texts a person is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from services.alerts.models import audience_members
from shared.client.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection

    from services.alerts.schemas import types
    from shared.platform.rpc.context import Caller

DEFAULT_LANGUAGE: Final = "en-US"
"""As CAP has it, for alerts that do not say theirs and whose author prefers none."""


def language_of(connection: Connection, user_id: UUID) -> str | None:
    """Return the language that an account prefers; None if it prefers none, or its event has not arrived yet."""
    found: str | None = connection.scalar(
        select(audience_members.c.language).where(audience_members.c.user_id == user_id)
    )
    return found


def written_in(connection: Connection, caller: Caller, alert: Mapping[str, Any]) -> str:
    """Return the language of a new alert: the one that it says, else the one that its author prefers.

    Authors write in their own language more often than in any other, unless they give a translation in it.

    Raises:
        Invalid: There is a translation in the language.
    """
    language: str | None = alert.get("language")
    translations = alert.get("translations", ())
    if language is None:
        preferred = language_of(connection, caller.user_id)
        language = DEFAULT_LANGUAGE if preferred is None or _has(translations, preferred) else preferred
    check_once(language, translations)
    return language


def check_once(language: str, translations: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a translation of an alert in the language of the alert itself.

    Raises:
        Invalid: It names ``translations``.
    """
    if _has(translations, language):
        problem = f"The alert itself is in {language}. Each language may appear only once."
        raise Invalid(fields={"translations": [problem]})


def _has(translations: Sequence[Mapping[str, Any]], language: str) -> bool:
    return any(one["language"].lower() == language.lower() for one in translations)


def text_in(alert: types.Alert, language: str | None) -> types.AlertText:
    """Return the texts of an alert in the language, or in the alert's own where there is no such translation.

    What a translation leaves out is not filled from another language.

    Args:
        alert: The alert with its translations.
        language: A language tag, such as ``ht-HT``; None for the alert's own language.
    """
    own: types.AlertText = {
        "language": alert["language"],
        "title": alert["title"],
        "message": alert["message"],
        "instruction": alert["instruction"],
    }
    texts: dict[str, types.AlertText] = {own["language"]: own}
    for translation in alert["translations"]:
        texts[translation["language"]] = {
            "language": translation["language"],
            "title": translation["title"],
            "message": translation["message"],
            "instruction": translation.get("instruction"),
        }
    return texts[best_of(list(texts), language)]


def best_of(offered: Sequence[str], wanted: str | None) -> str:
    """Return the offered language that serves the wanted one best, the first one if none does.

    Tags are compared without regard to case, and from the most to the least specific (RFC 4647, 3.4): ``ht-HT`` is
    served by ``ht-HT`` or ``ht``, and also by ``ht-CA``, as its speakers understand that better than another language.

    Args:
        offered: Language tags, at least one.
        wanted: A language tag; None for the first one offered.
    """
    if wanted is None:
        return offered[0]
    parts = wanted.lower().split("-")
    for length in range(len(parts), 0, -1):
        prefix = parts[:length]
        for tag in sorted(offered, key=len):
            if tag.lower().split("-")[:length] == prefix:
                return tag
    return offered[0]

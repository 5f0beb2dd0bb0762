"""The templates of titles and messages: texts with placeholders in braces, from a fixed set, in a language.

Placeholders are replaced once, by plain text. The text of a report can therefore neither run code nor contain
placeholders of its own.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMON = {
    "title": "The title of the report, or the name of the resource, in the words of its author.",
    "status": "The new status, in the language of the template.",
    "previous_status": "The previous status, in the language of the template.",
    "notes": "The reason for the change, if one was given; only where the alert is for staff or one account.",
    "region": "The name of the region.",
    "region_code": "The code of the region.",
}
PLACEHOLDERS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "report_status_changed": {**_COMMON, "severity_level": "The severity, 1 to 5, as a number."},
        "resource_status_changed": _COMMON,
    }
)
"""The placeholders of templates and their meaning, by the event of the rule."""

STATUS_WORDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "pending": "pending",
            "confirmed": "confirmed",
            "in_progress": "in progress",
            "resolved": "resolved",
            "closed": "closed",
            "rejected": "rejected",
            "duplicate": "duplicate",
            "available": "available",
            "limited": "limited",
            "unavailable": "unavailable",
            "out_of_service": "out of service",
        },
        "es": {
            "pending": "pendiente",
            "confirmed": "confirmado",
            "in_progress": "en curso",
            "resolved": "resuelto",
            "closed": "cerrado",
            "rejected": "rechazado",
            "duplicate": "duplicado",
            "available": "disponible",
            "limited": "limitado",
            "unavailable": "no disponible",
            "out_of_service": "fuera de servicio",
        },
        "fr": {
            "pending": "en attente",
            "confirmed": "confirmé",
            "in_progress": "en cours",
            "resolved": "résolu",
            "closed": "fermé",
            "rejected": "rejeté",
            "duplicate": "en double",
            "available": "disponible",
            "limited": "limité",
            "unavailable": "indisponible",
            "out_of_service": "hors service",
        },
        "ht": {
            "pending": "ap tann",
            "confirmed": "konfime",
            "in_progress": "ap fèt",
            "resolved": "rezoud",
            "closed": "fèmen",
            "rejected": "rejte",
            "duplicate": "doub",
            "available": "disponib",
            "limited": "limite",
            "unavailable": "pa disponib",
            "out_of_service": "pa an sèvis",
        },
    }
)
"""The words of the statuses, by language. A template in another language cannot contain a status."""

ENDINGS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "en": {
            "status": "{title}: {status}.",
            "region": "{title}: this alert is now for another region.",
            "facts": "{title}: this alert is no longer in force.",
        },
        "es": {
            "status": "{title}: {status}.",
            "region": "{title}: esta alerta es ahora para otra región.",
            "facts": "{title}: esta alerta ya no está vigente.",
        },
        "fr": {
            "status": "{title} : {status}.",
            "region": "{title} : cette alerte concerne désormais une autre région.",
            "facts": "{title} : cette alerte n'est plus en vigueur.",
        },
        "ht": {
            "status": "{title}: {status}.",
            "region": "{title}: alèt sa a se pou yon lòt rejyon kounye a.",
            "facts": "{title}: alèt sa a pa an vigè ankò.",
        },
    }
)
"""What the message says that cancels an alert, by language and reason. In other languages it repeats the title."""

MAX_TITLE_LENGTH: Final = 255

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_WITH_SPACE: Final = re.compile(r"(\s?)\{([^{}]*)\}")
_STATUSES: Final = frozenset({"status", "previous_status"})
_ELLIPSIS: Final = "…"


def placeholders_in(template: str) -> frozenset[str]:
    """Return the names of the placeholders in a template."""
    return frozenset(_PLACEHOLDER.findall(template))


def problem_of(template: str, source_event: str, language: str = "en") -> str | None:
    """Return what is wrong with a template of a rule for the event in the language, or None."""
    known = PLACEHOLDERS[source_event]
    for name in _PLACEHOLDER.findall(template):
        if name not in known:
            return f"Unknown placeholder {{{name}}}. Choose from {', '.join(f'{{{one}}}' for one in known)}."
        if name in _STATUSES and words_of(language) is None:
            return (
                f"{{{name}}} has no words in {language}, only in {', '.join(STATUS_WORDS)}."
                " Describe the status in the template itself."
            )
    rest = _PLACEHOLDER.sub("", template)
    return "Braces may only enclose the name of a placeholder." if "{" in rest or "}" in rest else None


def words_of(language: str) -> Mapping[str, str] | None:
    """Return the words of the statuses in a language such as ``fr`` or ``fr-HT``; None if there are none."""
    return STATUS_WORDS.get(_main(language))


def ending(language: str, reason: str, values: Mapping[str, object]) -> str:
    """Return what the message says that cancels an alert.

    Args:
        language: The language of the alert.
        reason: ``status``, ``region`` or ``facts``: what the alert ends by.
        values: The values of the placeholders.
    """
    return fill(ENDINGS.get(_main(language), {}).get(reason, "{title}"), values, language=language)


def fill(
    template: str, values: Mapping[str, object], max_length: int | None = None, *, language: str = "en"
) -> str:
    """Return the template with its placeholders replaced, cut to ``max_length`` characters.

    Args:
        template: A template that `problem_of` accepts.
        values: The values by placeholder. None becomes the empty text, and takes the space before it away. Statuses
            are put into words.
        max_length: The maximal number of characters; None for any.
        language: The language of the template.
    """
    words = words_of(language) or {}

    def replacement(found: re.Match[str]) -> str:
        space, name = found.groups()
        value = values.get(name)
        if value is None or value == "":
            following = template[found.end() : found.end() + 1]
            return space if following.isalnum() or following == "{" else ""
        text = str(value)
        return space + (words.get(text, text) if name in _STATUSES else text)

    filled = _WITH_SPACE.sub(replacement, template).strip()
    if max_length is not None and len(filled) > max_length:
        return filled[: max_length - 1] + _ELLIPSIS
    return filled


def _main(language: str) -> str:
    return language.partition("-")[0].lower()

"""The templates of titles and messages: texts with placeholders in braces, of a closed set.

Nothing but a placeholder is looked at, so what people wrote into a report can neither reach into the program nor
be filled in itself.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMON = {
    "title": "The report's title, or the resource's name.",
    "status": "The status entered.",
    "previous_status": "The status before.",
    "notes": "Why, where somebody said so.",
    "region": "The region's name.",
    "region_code": "The region's code.",
}
PLACEHOLDERS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "report_status_changed": {**_COMMON, "severity_level": "The number of the severity, 1 to 5."},
        "resource_status_changed": _COMMON,
    }
)
"""What a template may name, by the event of its rule, and what is put there."""

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_ELLIPSIS: Final = "…"


def problem_of(template: str, source_event: str) -> str | None:
    """What is wrong with a template of a rule for the event."""
    known = PLACEHOLDERS[source_event]
    for name in _PLACEHOLDER.findall(template):
        if name not in known:
            return (
                f"There is no placeholder {{{name}}}; there are {', '.join(f'{{{one}}}' for one in known)}."
            )
    rest = _PLACEHOLDER.sub("", template)
    return "A brace belongs to a placeholder." if "{" in rest or "}" in rest else None


def fill(template: str, values: Mapping[str, object], max_length: int | None = None) -> str:
    """The template with its placeholders replaced, once, and cut to ``max_length`` characters.

    Args:
        template: One that `problem_of` found nothing against.
        values: By placeholder; None is nothing.
        max_length: Characters.
    """
    filled = _PLACEHOLDER.sub(lambda found: _text(values.get(found[1])), template).strip()
    if max_length is not None and len(filled) > max_length:
        return filled[: max_length - 1] + _ELLIPSIS
    return filled


def _text(value: object) -> str:
    return "" if value is None else str(value)

"""The templates of titles and messages: texts with placeholders in braces, from a fixed set.

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
    "title": "The title of the report, or the name of the resource.",
    "status": "The new status.",
    "previous_status": "The previous status.",
    "notes": "The reason for the change, if one was given.",
    "region": "The name of the region.",
    "region_code": "The code of the region.",
}
PLACEHOLDERS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "report_status_changed": {**_COMMON, "severity_level": "The severity, 1 to 5."},
        "resource_status_changed": _COMMON,
    }
)
"""The placeholders of templates and their meaning, by the event of the rule."""

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_ELLIPSIS: Final = "…"


def problem_of(template: str, source_event: str) -> str | None:
    """Return what is wrong with a template of a rule for the event, or None."""
    known = PLACEHOLDERS[source_event]
    for name in _PLACEHOLDER.findall(template):
        if name not in known:
            return f"Unknown placeholder {{{name}}}. Choose from {', '.join(f'{{{one}}}' for one in known)}."
    rest = _PLACEHOLDER.sub("", template)
    return "Braces may only enclose the name of a placeholder." if "{" in rest or "}" in rest else None


def fill(template: str, values: Mapping[str, object], max_length: int | None = None) -> str:
    """Return the template with its placeholders replaced, cut to ``max_length`` characters.

    Args:
        template: A template that `problem_of` accepts.
        values: The values by placeholder; None becomes the empty text.
        max_length: The maximal number of characters; None for any.
    """
    filled = _PLACEHOLDER.sub(lambda found: _text(values.get(found[1])), template).strip()
    if max_length is not None and len(filled) > max_length:
        return filled[: max_length - 1] + _ELLIPSIS
    return filled


def _text(value: object) -> str:
    return "" if value is None else str(value)

"""What is shown of alerts."""

from __future__ import annotations

from typing import Final

from services.alerts.models import alerts

_INTERNAL: Final = frozenset({"content_digest", "source_version", "sender", "area_version"})

COLUMNS: Final = tuple(column for column in alerts.c if column.key not in _INTERNAL)
"""What an alert shows of itself."""

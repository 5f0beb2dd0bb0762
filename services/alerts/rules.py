"""The vocabulary of the alerts service."""

from __future__ import annotations

from typing import Final

DRAFT: Final = "draft"
ACTIVE: Final = "active"
SUPERSEDED: Final = "superseded"
CANCELLED: Final = "cancelled"
EXPIRED: Final = "expired"

STATUSES: Final = (DRAFT, ACTIVE, SUPERSEDED, CANCELLED, EXPIRED)

PRIORITIES: Final = ("critical", "high", "medium", "low")

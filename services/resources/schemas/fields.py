"""Fields and bounds that only the resources service needs."""

from __future__ import annotations

from typing import Any, Final

from services.resources import rules
from shared.filters import Word

GREATEST_INTEGER: Final = 2**31 - 1
LONGEST_NAME: Final = 255
LONGEST_DESCRIPTION: Final = 50_000
LONGEST_NOTE: Final = 5_000
LONGEST_CONTACT: Final = 255
LONGEST_PHONE: Final = 20


class Status(Word):
    """One of the statuses that a resource can have."""

    def __init__(self, **options: Any) -> None:
        super().__init__(rules.STATUSES, **options)

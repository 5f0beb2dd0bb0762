"""What the methods of alerts take and return."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import Protocol


class AlertsMethods(Protocol):
    """The methods of alerts."""

    ...

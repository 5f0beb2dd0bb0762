"""What the methods of identity take and return."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import Protocol


class IdentityMethods(Protocol):
    """The methods of identity."""

    ...

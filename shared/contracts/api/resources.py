"""What the methods of resources take and return."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import Protocol


class ResourcesMethods(Protocol):
    """The methods of resources."""

    ...

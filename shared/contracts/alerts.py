"""The events that the alerts service emits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.contracts.contract import Contract

SOURCE: Final = "alerts"

EVENTS: Final[tuple[Contract, ...]] = ()

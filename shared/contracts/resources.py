"""The events that the resources service emits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shared.contracts.contract import Contract

SOURCE: Final = "resources"

EVENTS: Final[tuple[Contract, ...]] = ()

"""The status machine: which status may follow which, for whatever has a status."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from shared.client.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Mapping


class StatusMachine:
    """The statuses of a thing, and the moves between them.

    Attributes:
        thing: What has the status, in a word.
        moves: For each status those that may follow it, in the order in which they are shown.
        statuses: All of them, in the order of `moves`.
        origins: For each status those that it may follow.
    """

    def __init__(self, thing: str, moves: Mapping[str, tuple[str, ...]]) -> None:
        self.thing = thing
        self.moves: Mapping[str, tuple[str, ...]] = MappingProxyType(dict(moves))
        self.statuses = tuple(moves)
        self.origins: Mapping[str, tuple[str, ...]] = MappingProxyType(
            {
                status: tuple(origin for origin, targets in moves.items() if status in targets)
                for status in moves
            }
        )

    def check_move(self, current: str, requested: str) -> None:
        """Refuse a status that may not follow the current one.

        Raises:
            Conflict: ``legal`` lists the statuses that may follow, ``status`` is the current one.
        """
        legal = self.moves[current]
        if requested not in legal:
            article = "An" if self.thing[0] in "aeiou" else "A"
            then = f"it can become {', '.join(legal)}" if legal else "nothing follows that"
            raise Conflict(
                f"{article} {self.thing} that is {current} cannot become {requested}: {then}.",
                legal=list(legal),
                status=current,
            )

    def check_constraint(self, column: str = "status") -> str:
        """Return the SQL condition that the column holds one of the statuses."""
        return f"{column} IN ({', '.join(repr(status) for status in self.statuses)})"

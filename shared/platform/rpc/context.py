"""Who calls, what they may do, and under which correlation id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.client.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller, as the token says; nothing here comes from an unsigned header but the correlation id.

    Attributes:
        user_id: The account.
        roles: Names of the roles it held when the token was signed.
        permissions: ``thing:verb`` to the ids of the regions it is narrowed to, or None for every region.
            ``*`` and ``thing:*`` stand for all.
        token: The token itself, for calls made on the caller's behalf.
        correlation_id: Follows the work through RPC, outbox, event and handler.
        session_id: The family of refresh tokens that the token belongs to.
    """

    user_id: UUID
    roles: frozenset[str]
    permissions: Mapping[str, frozenset[UUID] | None]
    token: str
    correlation_id: str
    session_id: str = ""

    def may(self, permission: str, region_id: UUID | None = None) -> bool:
        """Whether the caller holds the permission in the region; without a region: anywhere at all."""
        return any(
            granted is None or (bool(granted) if region_id is None else region_id in granted)
            for granted in self._grants(permission)
        )

    def require(self, permission: str, region_id: UUID | None = None) -> None:
        """Refuses who does not hold the permission in the region.

        Raises:
            Forbidden: It names the permission.
        """
        if not self.may(permission, region_id):
            raise Forbidden(f"This needs the permission {permission}.", permission=permission)

    def regions(self, permission: str) -> frozenset[UUID] | None:
        """The regions in which the caller holds the permission: None is everywhere, an empty set nowhere."""
        found: frozenset[UUID] = frozenset()
        for granted in self._grants(permission):
            if granted is None:
                return None
            found |= granted
        return found

    def _grants(self, permission: str) -> Iterator[frozenset[UUID] | None]:
        thing = permission.partition(":")[0]
        for name in (permission, f"{thing}:*", "*"):
            if name in self.permissions:
                yield self.permissions[name]

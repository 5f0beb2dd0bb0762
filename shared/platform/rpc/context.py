"""The caller of an RPC method: account, permissions and correlation id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.client.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Signed:
    """Of what a token was signed, from which follows whether a later change concerns it.

    Attributes:
        issued_at: When, in seconds since the epoch.
        account_version: The version of the account then; None in tokens of an earlier identity.
        role_versions: The versions of its roles then, by name; empty in tokens of an earlier identity.
    """

    issued_at: float
    account_version: int | None
    role_versions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller whose token has been verified. Only the correlation id comes from an unsigned header.

    Attributes:
        user_id: The account.
        roles: The names of the active roles that the account had when the token was signed.
        permissions: For each permission (``thing:verb``, ``thing:*`` or ``*``) the ids of the regions that it is
            limited to, or None for every region.
        token: The access token, for calls on behalf of the caller.
        correlation_id: The id that connects the request with its events, log lines and further calls.
        session_id: The id of the session (the family of refresh tokens) that the token belongs to.
        signed: Of what the token was signed; None for a caller that was not made from a token.
    """

    user_id: UUID
    roles: frozenset[str]
    permissions: Mapping[str, frozenset[UUID] | None]
    token: str
    correlation_id: str
    session_id: str = ""
    signed: Signed | None = None

    def under(self, correlation_id: str) -> Caller:
        """Return the caller with another correlation id; faster than `dataclasses.replace`, with every call."""
        return Caller(
            self.user_id,
            self.roles,
            self.permissions,
            self.token,
            correlation_id,
            self.session_id,
            self.signed,
        )

    def may(self, permission: str) -> bool:
        """Return whether the caller has the permission in any region.

        Whether they have it in one region depends on what contains the region: see `RegionTree.may`.
        """
        return any(granted is None or bool(granted) for granted in self._grants(permission))

    def require(self, permission: str) -> None:
        """Reject callers who do not have the permission in any region.

        Raises:
            Forbidden: The caller does not have the permission; ``permission`` names it.
        """
        if not self.may(permission):
            raise Forbidden(f"This needs the permission {permission}.", permission=permission)

    def regions(self, permission: str) -> frozenset[UUID] | None:
        """Return the ids of the regions in which the caller has the permission; None means every region."""
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

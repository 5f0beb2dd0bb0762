"""What the methods of identity take and return."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from .wire import Identifier


Detail: TypeAlias = Literal["overview", "medium", "fine", "full"]


class SignedIn(TypedDict):
    """The tokens of a new session. Keep ``device_token`` on the device for the next sign-in, even after
    signing out.
    """

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    user_id: str
    device_token: str


class Region(TypedDict):
    """A region. ``boundaries`` are null if it has none, and in a list without ``include_boundaries``.

    ``bbox`` is [west, south, east, north]; west > east crosses the antimeridian. ``is_reserved`` is true
    for one region without boundaries, which contains the reports with an unknown region.
    """

    id: str
    code: str
    name: str
    description: str | None
    boundaries: dict[str, Any] | None
    bbox: list[float] | None
    is_reserved: bool
    version: int
    created_at: str
    updated_at: str


class Role(TypedDict):
    """A role with its permissions."""

    id: str
    name: str
    description: str | None
    is_active: bool
    permissions: list[str]
    version: int
    created_at: str


class User(TypedDict):
    """An account with the names of its roles; ``role_id`` is the primary role."""

    id: str
    email: str
    first_name: str
    last_name: str
    phone: str | None
    role_id: str | None
    roles: list[str]
    is_active: bool
    preferences: dict[str, Any]
    version: int
    created_at: str
    updated_at: str


class PublicKey(TypedDict):
    """An Ed25519 public key (RFC 8037)."""

    kty: str
    crv: str
    x: str
    kid: str
    alg: str
    use: str


class PublicKeys(TypedDict):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[PublicKey]


class Me(TypedDict):
    """The caller's account. ``permissions`` map each permission to true (every region) or to a list of region
    ids.
    """

    id: str
    email: str
    first_name: str
    last_name: str
    phone: str | None
    role_id: str | None
    roles: list[str]
    is_active: bool
    preferences: dict[str, Any]
    version: int
    created_at: str
    updated_at: str
    permissions: dict[str, Any]


class Permission(TypedDict):
    """A permission and its meaning."""

    name: str
    meaning: str


class Permissions(TypedDict):
    """All permissions."""

    items: list[Permission]


class Regions(TypedDict):
    """A page of regions. ``version`` changes whenever a region changes; see ``known_version``."""

    items: list[Region]
    next_cursor: str | None
    version: str
    unchanged: bool


class PageOfRole(TypedDict):
    items: list[Role]
    next_cursor: str | None


class PageOfUser(TypedDict):
    items: list[User]
    next_cursor: str | None


class Point(TypedDict):
    """A point, in degrees (WGS 84)."""

    lon: float
    lat: float


class LocatedRegions(TypedDict):
    """The id of the region of each point in the same order, or null."""

    region_ids: list[str | None]


class Tokens(TypedDict):
    """New tokens. ``expires_in`` and ``refresh_expires_in`` are their lifetimes in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    user_id: str


class IdentityMethods(Protocol):
    """The methods of identity."""

    def authenticate(
        self,
        *,
        email: str,
        password: str,
        address: str | None = ...,
        device_token: str | None = ...,
    ) -> SignedIn:
        """Sign in with email address and password.

        Needs: anyone.
        """

    def change_password(
        self,
        *,
        current_password: str,
        new_password: str,
    ) -> None:
        """Change the caller's password and close all their sessions.

        Needs: signed in.
        """

    def create_region(
        self,
        *,
        code: str,
        name: str,
        id: Identifier | None = ...,
        description: str | None = ...,
        boundaries: Mapping[str, Any] | None = ...,
    ) -> Region:
        """Create a region.

        Needs: region:write.
        """

    def create_role(
        self,
        *,
        name: str,
        id: Identifier | None = ...,
        description: str | None = ...,
        permissions: Sequence[str] = ...,
    ) -> Role:
        """Create a role.

        Needs: role:write.
        """

    def deactivate_user(
        self,
        *,
        user_id: Identifier,
    ) -> User:
        """Deactivate an account and close its sessions.

        Needs: user:deactivate.
        """

    def get_jwks(self) -> PublicKeys:
        """Return the public keys that access tokens are verified with.

        Needs: anyone.
        """

    def get_me(self) -> Me:
        """Return the caller's account with its permissions.

        Needs: signed in.
        """

    def get_region(
        self,
        *,
        region_id: Identifier = ...,
        code: str = ...,
    ) -> Region:
        """Return a region with its boundaries.

        Needs: signed in.
        """

    def get_role(
        self,
        *,
        role: str,
    ) -> Role:
        """Return a role with its permissions.

        Needs: role:read.
        """

    def get_user(
        self,
        *,
        user_id: Identifier,
    ) -> User:
        """Return an account.

        Needs: signed in.
        """

    def grant_role(
        self,
        *,
        user_id: Identifier,
        role: str,
        primary: bool = ...,
    ) -> User:
        """Grant a role to an account.

        Needs: role:grant.
        """

    def list_permissions(self) -> Permissions:
        """Return all permissions with their meanings.

        Needs: role:read.
        """

    def list_regions(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        codes: Sequence[str] | None = ...,
        bbox: Sequence[float] | None = ...,
        include_boundaries: bool = ...,
        detail: Detail = ...,
        known_version: str | None = ...,
    ) -> Regions:
        """Return a page of regions by code.

        Needs: signed in.
        """

    def list_roles(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        is_active: bool | None = ...,
    ) -> PageOfRole:
        """Return a page of roles by name.

        Needs: role:read.
        """

    def list_users(
        self,
        *,
        cursor: str | None = ...,
        limit: int = ...,
        is_active: bool | None = ...,
        role: str | None = ...,
        text: str | None = ...,
    ) -> PageOfUser:
        """Return a page of accounts, the newest first.

        Needs: user:read.
        """

    def locate_region(
        self,
        *,
        lon: float,
        lat: float,
    ) -> Region:
        """Return the smallest region that contains a point.

        Needs: signed in.
        """

    def locate_regions(
        self,
        *,
        points: Sequence[Point],
    ) -> LocatedRegions:
        """Return for each point the id of the smallest region that contains it, or null.

        Needs: signed in.
        """

    def reactivate_user(
        self,
        *,
        user_id: Identifier,
    ) -> User:
        """Reactivate an account.

        Needs: user:deactivate.
        """

    def refresh(
        self,
        *,
        refresh_token: str,
        id: Identifier | None = ...,
    ) -> Tokens:
        """Exchange a refresh token for new tokens.

        Needs: anyone.
        """

    def register_user(
        self,
        *,
        email: str,
        password: str,
        first_name: str,
        last_name: str,
        id: Identifier | None = ...,
        phone: str | None = ...,
        preferences: Mapping[str, Any] = ...,
        roles: Sequence[str] | None = ...,
        address: str | None = ...,
    ) -> User:
        """Create an account.

        Needs: anyone.
        """

    def reset_password(
        self,
        *,
        user_id: Identifier,
        new_password: str,
    ) -> None:
        """Set the password of another account and close all its sessions.

        Needs: user:update.
        """

    def revoke(
        self,
        *,
        refresh_token: str,
    ) -> None:
        """Close the session of a refresh token.

        Needs: anyone.
        """

    def revoke_role(
        self,
        *,
        user_id: Identifier,
        role: str,
    ) -> User:
        """Revoke a role from an account.

        Needs: role:grant.
        """

    def set_role_permissions(
        self,
        *,
        role: str,
        permissions: Sequence[str],
        version: int | None = ...,
    ) -> Role:
        """Replace the permissions of a role.

        Needs: role:write.
        """

    def update_region(
        self,
        *,
        region_id: Identifier,
        version: int,
        name: str = ...,
        description: str | None = ...,
        boundaries: Mapping[str, Any] | None = ...,
    ) -> Region:
        """Change the name, description or boundaries of a region.

        Needs: region:write.
        """

    def update_role(
        self,
        *,
        role: str,
        version: int | None = ...,
        description: str | None = ...,
        is_active: bool = ...,
    ) -> Role:
        """Change the description of a role, activate it or deactivate it.

        Needs: role:write.
        """

    def update_user(
        self,
        *,
        user_id: Identifier,
        version: int,
        email: str = ...,
        first_name: str = ...,
        last_name: str = ...,
        phone: str | None = ...,
        preferences: Mapping[str, Any] = ...,
        current_password: str | None = ...,
    ) -> User:
        """Change the name, phone number, email address or preferences of an account.

        Needs: signed in.
        """

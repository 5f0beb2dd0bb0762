"""What the methods of identity get as arguments, once loaded, and return, before it is dumped."""

# Made by `python -m services describe --write`; do not edit.

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID


Detail: TypeAlias = Literal["overview", "medium", "fine", "full"]


class Authenticate(TypedDict):
    """Who signs in.

    ``address`` is where they sign in from, as the gateway says. ``device_token`` is what signing in on
    this device returned before: with it, somebody else's wrong passwords never make its owner wait.
    """

    email: str
    password: str
    address: str | None
    device_token: str | None


class SignedIn(TypedDict):
    """What signing in gives. Keep ``device_token`` on the device, also after signing out, for the next sign-
    in.
    """

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    user_id: UUID
    device_token: str


class ChangePassword(TypedDict):
    """One's own password."""

    current_password: str
    new_password: str


class CreateRegion(TypedDict):
    """A new region. Its code is what permissions and preferences call it, and never changes."""

    id: UUID | None
    code: str
    name: str
    description: str | None
    boundaries: dict[str, Any] | None


class Region(TypedDict):
    """A region. ``boundaries`` are null where it has none, and where a list was not asked for them.

    ``bbox`` is [west, south, east, north]; west over east crosses the antimeridian. ``is_reserved`` is
    true of one region, without boundaries, in which reports stand of which no region is known.
    """

    id: UUID
    code: str
    name: str
    description: str | None
    boundaries: Mapping[str, Any] | None
    bbox: Sequence[float] | None
    is_reserved: bool
    version: int
    created_at: datetime
    updated_at: datetime


class CreateRole(TypedDict):
    """A new role, with permissions as ``thing:verb`` or narrowed as ``thing:verb:REGION-CODE``."""

    id: UUID | None
    name: str
    description: str | None
    permissions: list[str]


class Role(TypedDict):
    """A role with its permissions."""

    id: UUID
    name: str
    description: str | None
    is_active: bool
    permissions: Sequence[str]
    version: int
    created_at: datetime


class UserId(TypedDict):
    """One account."""

    user_id: UUID


class User(TypedDict):
    """An account, with the names of its roles; ``role_id`` is the primary one. No password is shown."""

    id: UUID
    email: str
    first_name: str
    last_name: str
    phone: str | None
    role_id: UUID | None
    roles: Sequence[str]
    is_active: bool
    preferences: Mapping[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime


class PublicKey(TypedDict):
    """One Ed25519 key as RFC 8037 writes it."""

    kty: str
    crv: str
    x: str
    kid: str
    alg: str
    use: str


class PublicKeys(TypedDict):
    """A JSON Web Key Set (RFC 7517)."""

    keys: Sequence[PublicKey]


class Me(TypedDict):
    """One's own account. ``permissions`` map each permission to true, or to the ids of its regions."""

    id: UUID
    email: str
    first_name: str
    last_name: str
    phone: str | None
    role_id: UUID | None
    roles: Sequence[str]
    is_active: bool
    preferences: Mapping[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime
    permissions: Mapping[str, Any]


class GetRegion(TypedDict):
    """One region, by its id or its code."""

    region_id: NotRequired[UUID]
    code: NotRequired[str]


class RoleByName(TypedDict):
    """One role."""

    role: str


class GrantRole(TypedDict):
    """A role for an account; ``primary`` makes it the one that the account is shown with."""

    user_id: UUID
    role: str
    primary: bool


class Permission(TypedDict):
    """A permission that exists, and what it allows."""

    name: str
    meaning: str


class Permissions(TypedDict):
    """Every permission that exists."""

    items: Sequence[Permission]


class ListRegions(TypedDict):
    """Regions by code. ``bbox`` is [west, south, east, north]; west over east crosses the antimeridian.

    Boundaries can be large, so they are left out (null) unless ``include_boundaries`` asks for them, and
    then they are outlines with fewer positions: ``overview`` is off by at most 0.05 degrees and 1/200 of
    the region's extent and has up to 400 positions, ``medium`` by 0.01 and 1/1,000 with up to 2,000,
    ``fine`` by 0.001 and 1/5,000 with up to 8,000; ``full`` are the boundaries themselves. A page with
    boundaries ends where they have more than a megabyte, so it may have fewer regions than ``limit``.
    ``known_version`` is the ``version`` of a page that the caller has: where no region has changed since,
    the answer is ``unchanged`` and empty.
    """

    cursor: str | None
    limit: int
    codes: list[str] | None
    bbox: tuple[float, float, float, float] | None
    include_boundaries: bool
    detail: Detail
    known_version: str | None


class Regions(TypedDict):
    """A page of regions. ``version`` changes whenever a region does; see ``known_version``."""

    items: Sequence[Region]
    next_cursor: str | None
    version: str
    unchanged: bool


class ListRoles(TypedDict):
    """Roles by name."""

    cursor: str | None
    limit: int
    is_active: bool | None


class PageOfRole(TypedDict):
    items: Sequence[Role]
    next_cursor: str | None


class ListUsers(TypedDict):
    """Accounts, the newest first. ``text`` is looked for in names and the e-mail address."""

    cursor: str | None
    limit: int
    is_active: bool | None
    role: str | None
    text: str | None


class PageOfUser(TypedDict):
    items: Sequence[User]
    next_cursor: str | None


class LocateRegion(TypedDict):
    """A point, in degrees (WGS 84)."""

    lon: float
    lat: float


class Point(TypedDict):
    """A point, in degrees (WGS 84)."""

    lon: float
    lat: float


class LocateRegions(TypedDict):
    """Up to 500 points."""

    points: list[Point]


class LocatedRegions(TypedDict):
    """For every point in order the id of its region, or null."""

    region_ids: Sequence[UUID | None]


class Refresh(TypedDict):
    """A refresh token to be exchanged; ``id`` makes a repeat of this very call harmless."""

    refresh_token: str
    id: UUID | None


class Tokens(TypedDict):
    """What staying signed in gives. ``expires_in`` are seconds of the access token."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    user_id: UUID


class RegisterUser(TypedDict):
    """A new account. ``roles`` need the permission ``role:grant``; the first one becomes the primary role."""

    id: UUID | None
    email: str
    password: str
    first_name: str
    last_name: str
    phone: str | None
    preferences: dict[str, Any]
    roles: list[str] | None
    address: str | None


class ResetPassword(TypedDict):
    """Somebody else's password, for who has forgotten it."""

    user_id: UUID
    new_password: str


class RefreshToken(TypedDict):
    """A refresh token, as `authenticate` or `refresh` returned it."""

    refresh_token: str


class RevokeRole(TypedDict):
    """A role to be taken from an account."""

    user_id: UUID
    role: str


class SetRolePermissions(TypedDict):
    """All the permissions that the role shall have; those that are not named are taken away."""

    role: str
    version: int | None
    permissions: list[str]


class UpdateRegion(TypedDict):
    """What changes of a region; what is left out stays as it is."""

    region_id: UUID
    version: int
    name: NotRequired[str]
    description: NotRequired[str | None]
    boundaries: NotRequired[dict[str, Any] | None]


class UpdateRole(TypedDict):
    """What changes of a role; a role's name never does. An inactive role allows nothing."""

    role: str
    version: int | None
    description: NotRequired[str | None]
    is_active: NotRequired[bool]


class UpdateUser(TypedDict):
    """What changes of an account; what is left out stays as it is. Preferences are replaced as a whole.

    Whoever changes their own e-mail address, with which they sign in, gives their ``current_password``
    with it.
    """

    user_id: UUID
    version: int
    email: NotRequired[str]
    first_name: NotRequired[str]
    last_name: NotRequired[str]
    phone: NotRequired[str | None]
    preferences: NotRequired[dict[str, Any]]
    current_password: str | None

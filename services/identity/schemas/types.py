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
    """The credentials of a sign-in.

    ``address`` is the network address of the client as the gateway reports it. ``device_token`` is the
    token that an earlier sign-in on this device returned. With it, wrong passwords from other devices
    never make the owner wait.
    """

    email: str
    password: str
    address: str | None
    device_token: str | None


class SignedIn(TypedDict):
    """The tokens of a new session. Keep ``device_token`` on the device for the next sign-in, even after
    signing out.
    """

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    refresh_expires_in: int
    user_id: UUID
    device_token: str


class ChangePassword(TypedDict):
    """A change of the caller's password."""

    current_password: str
    new_password: str


class CreateRegion(TypedDict):
    """A new region. Its code, by which permissions and preferences name it, never changes."""

    id: UUID | None
    code: str
    name: str
    description: str | None
    boundaries: dict[str, Any] | None


class Region(TypedDict):
    """A region. ``boundaries`` are null if it has none, and in a list without ``include_boundaries``.

    ``bbox`` is [west, south, east, north]; west > east crosses the antimeridian. ``is_reserved`` is true
    for one region without boundaries, which contains the reports with an unknown region.
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
    """A new role. Its permissions are ``thing:verb``, or ``thing:verb:REGION-CODE`` for one region."""

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
    """The id of an account."""

    user_id: UUID


class User(TypedDict):
    """An account with the names of its roles; ``role_id`` is the primary role."""

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
    """An Ed25519 public key (RFC 8037)."""

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
    """The caller's account. ``permissions`` map each permission to true (every region) or to a list of region
    ids.
    """

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
    """A region, by its id or its code."""

    region_id: NotRequired[UUID]
    code: NotRequired[str]


class RoleByName(TypedDict):
    """The name of a role."""

    role: str


class GrantRole(TypedDict):
    """A role to grant to an account; ``primary`` makes it the primary role."""

    user_id: UUID
    role: str
    primary: bool


class Permission(TypedDict):
    """A permission and its meaning."""

    name: str
    meaning: str


class Permissions(TypedDict):
    """All permissions."""

    items: Sequence[Permission]


class ListRegions(TypedDict):
    """Filters for a list of regions. ``bbox`` is [west, south, east, north]; west > east crosses the
    antimeridian.

    Boundaries can be large, so they are null unless ``include_boundaries`` is true. By default they are
    simplified: ``overview`` differs by at most 0.05 degrees and 1/200 of the extent of the region and has
    up to 400 positions, ``medium`` by 0.01 and 1/1,000 with up to 2,000, ``fine`` by 0.001 and 1/5,000
    with up to 8,000. ``full`` are the complete boundaries. A page with boundaries ends before these exceed
    a megabyte, so it can have fewer regions than ``limit``. ``known_version`` is the ``version`` of a page
    that the caller has. If no region has changed since, the result is ``unchanged`` and has no items.
    """

    cursor: str | None
    limit: int
    codes: list[str] | None
    bbox: tuple[float, float, float, float] | None
    include_boundaries: bool
    detail: Detail
    known_version: str | None


class Regions(TypedDict):
    """A page of regions. ``version`` changes whenever a region changes; see ``known_version``."""

    items: Sequence[Region]
    next_cursor: str | None
    version: str
    unchanged: bool


class ListRoles(TypedDict):
    """Filters for a list of roles."""

    cursor: str | None
    limit: int
    is_active: bool | None


class PageOfRole(TypedDict):
    items: Sequence[Role]
    next_cursor: str | None


class ListUsers(TypedDict):
    """Filters for a list of accounts. ``text`` is searched in names and email addresses."""

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
    """A list of up to 500 points."""

    points: list[Point]


class LocatedRegions(TypedDict):
    """The id of the region of each point in the same order, or null."""

    region_ids: Sequence[UUID | None]


class Refresh(TypedDict):
    """A refresh token to exchange. With an ``id``, a repeat of this call returns the same tokens for 30
    seconds.
    """

    refresh_token: str
    id: UUID | None


class Tokens(TypedDict):
    """New tokens. ``expires_in`` and ``refresh_expires_in`` are their lifetimes in seconds."""

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
    """A new password for another account, whose owner has forgotten it."""

    user_id: UUID
    new_password: str


class RefreshToken(TypedDict):
    """A refresh token that `authenticate` or `refresh` has returned."""

    refresh_token: str


class RevokeRole(TypedDict):
    """A role to revoke from an account."""

    user_id: UUID
    role: str


class SetRolePermissions(TypedDict):
    """All permissions that a role will have. Others are removed."""

    role: str
    version: int | None
    permissions: list[str]


class UpdateRegion(TypedDict):
    """Changes of a region. Omitted fields keep their values."""

    region_id: UUID
    version: int
    name: NotRequired[str]
    description: NotRequired[str | None]
    boundaries: NotRequired[dict[str, Any] | None]


class UpdateRole(TypedDict):
    """Changes of a role; its name never changes. An inactive role grants nothing."""

    role: str
    version: int | None
    description: NotRequired[str | None]
    is_active: NotRequired[bool]


class UpdateUser(TypedDict):
    """Changes of an account. Omitted fields keep their values; preferences are replaced as a whole.

    Callers who change their own email address, with which they sign in, must give their
    ``current_password``.
    """

    user_id: UUID
    version: int
    email: NotRequired[str]
    first_name: NotRequired[str]
    last_name: NotRequired[str]
    phone: NotRequired[str | None]
    preferences: NotRequired[dict[str, Any]]
    current_password: str | None

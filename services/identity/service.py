"""The identity service as nameko runs it: every RPC method and the hourly clean-up."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Unpack

from nameko.extensions import DependencyProvider, SharedExtension

from services.identity import (
    authority,
    passwords,
    region_tree,
    regions,
    revocations,
    roles,
    schemas,
    sessions,
    users,
)
from services.identity.password_hashing import PasswordHasher
from services.identity.region_locator import RegionLocator
from services.identity.sessions import Secrets
from services.identity.tokens import signer_of
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Unauthenticated
from shared.domain.permissions import (
    REGION_WRITE,
    ROLE_GRANT,
    ROLE_READ,
    ROLE_WRITE,
    USER_DEACTIVATE,
    USER_READ,
    USER_UPDATE,
)
from shared.platform.db.provider import DatabasePool, DatabaseProvider
from shared.platform.outbox.relay import OutboxRelay
from shared.platform.rpc.operation import ANYONE, SIGNED_IN, operation
from shared.platform.rpc.verification import PAGE, OwnsKeys, Verification
from shared.platform.schemas import Empty
from shared.platform.timer import every

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from services.identity.schemas import types
    from shared.platform.db.engine import Database
    from shared.platform.rpc.context import Caller
    from shared.platform.settings import Settings

CLEAN_UP_SECONDS = 3600


class SecretsOfProcess(SharedExtension):
    """The signer and the hasher of a container, so that the limit of the hasher applies to all workers together."""

    def setup(self) -> None:
        """Called by nameko. A key that cannot be used stops the start, and not the first sign-in."""
        _ = self.secrets

    @cached_property
    def secrets(self) -> Secrets:
        """Created at the first access."""
        settings = self.container.config["SETTINGS"]
        return Secrets(
            signer=signer_of(settings),
            hasher=PasswordHasher(settings.bcrypt_cost),
            refresh_lifetime=settings.refresh_token_lifetime,
        )


class OwnAccounts(SharedExtension):
    """Lets this container verify tokens by its own accounts: it does not call itself."""

    verification = Verification()
    pool = DatabasePool()

    def setup(self) -> None:
        """Called by nameko."""
        self.verification.accounts = self

    def revocations(self, cursor: str | None) -> Mapping[str, Any]:
        """Return a page of the revocations, as `IdentityService.list_revocations` does."""
        lifetime = self.container.config["SETTINGS"].access_token_lifetime
        with self.pool.database.read() as connection:
            page = revocations.list_revocations(connection, lifetime, cursor=cursor, limit=PAGE)
        dumped: Mapping[str, Any] = schemas.Revocations().dump(page)
        return dumped

    def present(self, caller: Caller) -> Caller:
        """Return the caller with its permissions of this moment."""
        with self.pool.database.read() as connection:
            return authority.as_now(connection, caller)


class SecretsProvider(DependencyProvider):
    """Gives the methods of the service class a `Secrets`: ``secrets = SecretsProvider()``."""

    shared = SecretsOfProcess()
    accounts = OwnAccounts()

    def get_dependency(self, worker_ctx: Any) -> Secrets:
        """Called by nameko for each worker."""
        return self.shared.secrets


class IdentityService(OwnsKeys):
    """The RPC methods for accounts, sessions, roles and regions."""

    name = "identity"

    db: Database = DatabaseProvider()
    relay = OutboxRelay()
    secrets: Secrets = SecretsProvider()
    locator: ClassVar[RegionLocator] = RegionLocator()

    @staticmethod
    def own_keys(settings: Settings) -> types.PublicKeys:
        """Return the keys that identity verifies the tokens of its callers with."""
        return signer_of(settings).jwks()

    @operation(
        permission=ANYONE,
        arguments=schemas.Authenticate,
        result=schemas.SignedIn,
        errors=(
            Unauthenticated(
                "The email address is unknown, the password is wrong, or the account is deactivated."
            ),
            RateLimited("There are too many failures or sign-ins at the moment; wait `retry_after` seconds."),
        ),
    )
    def authenticate(self, _caller: Caller | None, **arguments: Unpack[types.Authenticate]) -> types.SignedIn:
        """Sign in with email address and password."""
        return sessions.authenticate(self.db, self.secrets, **arguments)

    @operation(
        permission=ANYONE,
        arguments=schemas.Refresh,
        result=schemas.Tokens,
        errors=(
            Unauthenticated(
                "The token is unknown, expired, revoked or already used, or the account is deactivated."
            ),
            Conflict("The id belongs to another call."),
        ),
        emits=("access_revoked",),
    )
    def refresh(self, _caller: Caller | None, **arguments: Unpack[types.Refresh]) -> types.Tokens:
        """Exchange a refresh token for new tokens."""
        return sessions.refresh(self.db, self.secrets, **arguments)

    @operation(permission=ANYONE, arguments=schemas.RefreshToken, emits=("access_revoked",))
    def revoke(self, _caller: Caller | None, refresh_token: str) -> None:
        """Close the session of a refresh token."""
        with self.db.autocommit() as connection:
            sessions.revoke(connection, refresh_token=refresh_token)

    @operation(permission=ANYONE, arguments=Empty, result=schemas.PublicKeys)
    def get_jwks(self, _caller: Caller | None) -> types.PublicKeys:
        """Return the public keys that access tokens are verified with."""
        return self.secrets.signer.jwks()

    @operation(permission=ANYONE, arguments=schemas.ListRevocations, result=schemas.Revocations)
    def list_revocations(
        self, _caller: Caller | None, **arguments: Unpack[types.ListRevocations]
    ) -> types.PageOfRevocation:
        """Return a page of the revocations of access tokens that have not expired, the newest first."""
        with self.db.read() as connection:
            return revocations.list_revocations(connection, self.secrets.signer.lifetime, **arguments)

    @operation(
        permission=SIGNED_IN,
        arguments=Empty,
        result=schemas.Authority,
        checks_present_state=True,
    )
    def get_authority(self, caller: Caller) -> types.Authority:
        """Return what the caller may do at this moment, which can be less or more than the token says."""
        return authority.described(caller)

    @operation(
        permission=ANYONE,
        arguments=schemas.RegisterUser,
        result=schemas.User,
        errors=(
            Invalid(
                "The password is the email address, or a preferred region or an active role does not exist."
            ),
            Conflict("The email address or the id is taken; `fields` names which."),
            Forbidden("The caller may not grant the roles."),
            Unauthenticated("The arguments name roles, and the account of the caller is deactivated."),
            RateLimited("There are too many registrations at the moment; wait `retry_after` seconds."),
        ),
        emits=("user_created", "role_granted"),
        checks_present_state=True,
    )
    def register_user(self, caller: Caller | None, **arguments: Unpack[types.RegisterUser]) -> types.User:
        """Create an account."""
        return users.register_user(self.db, caller, self.secrets.hasher, arguments)

    @operation(permission=SIGNED_IN, arguments=Empty, result=schemas.Me)
    def get_me(self, caller: Caller) -> types.Me:
        """Return the caller's account with its permissions."""
        with self.db.read() as connection:
            return users.get_me(connection, caller)

    @operation(permission=SIGNED_IN, arguments=schemas.UserId, result=schemas.User, errors=(NotFound,))
    def get_user(self, caller: Caller, user_id: UUID) -> types.User:
        """Return an account."""
        with self.db.read() as connection:
            return users.get_user(connection, caller, user_id)

    @operation(permission=USER_READ, arguments=schemas.ListUsers, result=schemas.Users)
    def list_users(self, _caller: Caller, **arguments: Unpack[types.ListUsers]) -> types.PageOfUser:
        """Return a page of accounts, the newest first."""
        with self.db.read() as connection:
            return users.list_users(connection, **arguments)

    @operation(
        permission=SIGNED_IN,
        arguments=schemas.UpdateUser,
        result=schemas.User,
        errors=(
            NotFound,
            Forbidden(
                "The caller may not change the account, or it has permissions that the caller does not have."
            ),
            Unauthenticated("The account of the caller is deactivated."),
            Invalid("A preferred region does not exist, or `current_password` is missing or wrong."),
            Conflict("The version is out of date, or the email address is taken."),
            RateLimited(
                "There were too many wrong passwords, or too many attempts with taken email addresses."
            ),
        ),
        emits=("user_updated", "access_revoked"),
        checks_present_state=True,
    )
    def update_user(self, caller: Caller, **arguments: Unpack[types.UpdateUser]) -> types.User:
        """Change the name, phone number, email address or preferences of an account."""
        user_id, version = arguments["user_id"], arguments["version"]
        return users.update_user(self.db, caller, self.secrets.hasher, user_id, version, arguments)

    @operation(
        permission=SIGNED_IN,
        arguments=schemas.ChangePassword,
        errors=(
            Unauthenticated("The account is deactivated."),
            Invalid(
                "The current password is wrong, or the new one is the email address or the current password."
            ),
            Conflict("Somebody has changed the password in the meantime."),
            RateLimited("There are too many failed attempts or password changes at the moment."),
        ),
        emits=("access_revoked",),
        checks_present_state=True,
    )
    def change_password(self, caller: Caller, **arguments: Unpack[types.ChangePassword]) -> None:
        """Change the caller's password and close all their sessions."""
        passwords.change_password(self.db, caller, self.secrets.hasher, **arguments)

    @operation(
        permission=USER_UPDATE,
        arguments=schemas.ResetPassword,
        errors=(
            NotFound,
            Forbidden("The account is the caller's own, or has permissions that the caller does not have."),
            Unauthenticated("The account of the caller is deactivated."),
            Invalid("The password equals the email address."),
            RateLimited("There are too many password changes at once."),
        ),
        emits=("access_revoked",),
        checks_present_state=True,
    )
    def reset_password(self, caller: Caller, user_id: UUID, new_password: str) -> None:
        """Set the password of another account and close all its sessions."""
        passwords.reset_password(self.db, caller, self.secrets.hasher, user_id, new_password)

    @operation(
        permission=USER_DEACTIVATE,
        arguments=schemas.UserId,
        result=schemas.User,
        errors=(
            NotFound,
            Forbidden("The account has permissions that the caller does not have."),
            Conflict("The account is the last administrator."),
        ),
        emits=("user_deactivated", "access_revoked"),
        checks_present_state=True,
    )
    def deactivate_user(self, caller: Caller, user_id: UUID) -> types.User:
        """Deactivate an account and close its sessions."""
        with self.db.write() as connection:
            return users.deactivate_user(connection, caller, user_id)

    @operation(
        permission=USER_DEACTIVATE,
        arguments=schemas.UserId,
        result=schemas.User,
        errors=(NotFound, Forbidden("The account has permissions that the caller does not have.")),
        emits=("user_updated",),
        checks_present_state=True,
    )
    def reactivate_user(self, caller: Caller, user_id: UUID) -> types.User:
        """Reactivate an account."""
        with self.db.write() as connection:
            return users.reactivate_user(connection, caller, user_id)

    @operation(
        permission=ROLE_WRITE,
        arguments=schemas.CreateRole,
        result=schemas.Role,
        errors=(
            Invalid("A permission or its region does not exist."),
            Forbidden("The caller does not have one of the permissions."),
            Conflict("The name or the id is taken."),
        ),
        checks_present_state=True,
    )
    def create_role(self, caller: Caller, **arguments: Unpack[types.CreateRole]) -> types.Role:
        """Create a role."""
        with self.db.write() as connection:
            return roles.create_role(connection, caller, arguments)

    @operation(
        permission=ROLE_WRITE,
        arguments=schemas.UpdateRole,
        result=schemas.Role,
        errors=(
            NotFound,
            Forbidden("The role has permissions that the caller does not have."),
            Conflict("The version is out of date, or the role is `administrator`, which is always active."),
        ),
        emits=("user_updated", "access_revoked"),
        checks_present_state=True,
    )
    def update_role(self, caller: Caller, **arguments: Unpack[types.UpdateRole]) -> types.Role:
        """Change the description of a role, activate it or deactivate it."""
        with self.db.write() as connection:
            return roles.update_role(connection, caller, arguments["role"], arguments["version"], arguments)

    @operation(permission=ROLE_READ, arguments=schemas.RoleByName, result=schemas.Role, errors=(NotFound,))
    def get_role(self, _caller: Caller, role: str) -> types.Role:
        """Return a role with its permissions."""
        with self.db.read() as connection:
            return roles.get_role(connection, role)

    @operation(permission=ROLE_READ, arguments=schemas.ListRoles, result=schemas.Roles)
    def list_roles(self, _caller: Caller, **arguments: Unpack[types.ListRoles]) -> types.PageOfRole:
        """Return a page of roles by name."""
        with self.db.read() as connection:
            return roles.list_roles(connection, **arguments)

    @operation(permission=ROLE_READ, arguments=Empty, result=schemas.Permissions)
    def list_permissions(self, _caller: Caller) -> types.Permissions:
        """Return all permissions with their meanings."""
        return roles.list_permissions()

    @operation(
        permission=ROLE_WRITE,
        arguments=schemas.SetRolePermissions,
        result=schemas.Role,
        errors=(
            NotFound,
            Invalid("A permission or its region does not exist."),
            Forbidden("The caller does not have a permission that would be added or removed."),
            Conflict(
                "The version is out of date, or the role is `administrator`, which always has every permission."
            ),
        ),
        emits=("access_revoked",),
        checks_present_state=True,
    )
    def set_role_permissions(
        self, caller: Caller, role: str, version: int | None, permissions: list[str]
    ) -> types.Role:
        """Replace the permissions of a role."""
        with self.db.write() as connection:
            return roles.set_role_permissions(connection, caller, role, version, permissions)

    @operation(
        permission=ROLE_GRANT,
        arguments=schemas.GrantRole,
        result=schemas.User,
        errors=(
            NotFound,
            Invalid("The role does not exist or is not active; `fields` names `role`."),
            Forbidden("The role or the account has permissions that the caller does not have."),
        ),
        emits=("role_granted", "user_updated"),
        checks_present_state=True,
    )
    def grant_role(self, caller: Caller, user_id: UUID, role: str, *, primary: bool) -> types.User:
        """Grant a role to an account."""
        with self.db.write() as connection:
            return roles.grant_role(connection, caller, user_id, role, primary=primary)

    @operation(
        permission=ROLE_GRANT,
        arguments=schemas.RevokeRole,
        result=schemas.User,
        errors=(
            NotFound,
            Invalid("The role does not exist; `fields` names `role`."),
            Forbidden("The role or the account has permissions that the caller does not have."),
            Conflict("The account is the last administrator."),
        ),
        emits=("role_revoked", "user_updated", "access_revoked"),
        checks_present_state=True,
    )
    def revoke_role(self, caller: Caller, user_id: UUID, role: str) -> types.User:
        """Revoke a role from an account."""
        with self.db.write() as connection:
            return roles.revoke_role(connection, caller, user_id, role)

    @operation(
        permission=REGION_WRITE,
        arguments=schemas.CreateRegion,
        result=schemas.Region,
        errors=(
            Invalid(
                "The boundaries intersect themselves; the message says where. Or the parent does not exist or is"
                " reserved; `fields` names `parent_id`."
            ),
            Conflict("The code or the id is taken."),
            Forbidden("The caller has `region:write` only for regions that do not contain it."),
        ),
        emits=("region_created", "region_updated"),
        checks_present_state=True,
    )
    def create_region(self, caller: Caller, **arguments: Unpack[types.CreateRegion]) -> types.Region:
        """Create a region, and find the region that contains it and those that it contains."""
        with self.db.write() as connection:
            return regions.create_region(connection, caller, self.locator, arguments)

    @operation(
        permission=REGION_WRITE,
        arguments=schemas.UpdateRegion,
        result=schemas.Region,
        errors=(
            NotFound,
            Forbidden(
                "The caller does not have `region:write` for this region, or to move it for both of its parents."
            ),
            Invalid(
                "The boundaries intersect themselves, or are for the reserved region, which has none. Or the"
                " parent does not exist, is reserved, or lies in the region; `fields` names `parent_id`."
            ),
            Conflict("The version is out of date."),
        ),
        emits=("region_updated",),
        checks_present_state=True,
    )
    def update_region(self, caller: Caller, **arguments: Unpack[types.UpdateRegion]) -> types.Region:
        """Change the name, description or boundaries of a region, or move it with everything below it."""
        region_id, version = arguments["region_id"], arguments["version"]
        with self.db.write() as connection:
            return regions.update_region(connection, caller, self.locator, region_id, version, arguments)

    @operation(
        permission=SIGNED_IN,
        arguments=schemas.GetRegion,
        result=schemas.Region,
        errors=(Invalid("Both or neither of `region_id` and `code` are given."), NotFound),
    )
    def get_region(self, _caller: Caller, **arguments: Unpack[types.GetRegion]) -> types.Region:
        """Return a region with its boundaries."""
        with self.db.read() as connection:
            return regions.get_region(connection, **arguments)

    @operation(permission=SIGNED_IN, arguments=schemas.ListRegions, result=schemas.Regions)
    def list_regions(self, _caller: Caller, **arguments: Unpack[types.ListRegions]) -> types.Regions:
        """Return a page of regions by code."""
        with self.db.read() as connection:
            page, without_outline = regions.list_regions(connection, self.locator, **arguments)
        if without_outline:
            regions.outline_regions(self.db, without_outline)
            with self.db.read() as connection:
                page, _ = regions.list_regions(connection, self.locator, **arguments)
        return page

    @operation(
        permission=SIGNED_IN,
        arguments=schemas.LocateRegion,
        result=schemas.Region,
        errors=(NotFound("No region contains the point."),),
    )
    def locate_region(self, _caller: Caller, lon: float, lat: float) -> types.Region:
        """Return the deepest region that contains a point, with all regions that contain that one."""
        with self.db.read() as connection:
            return regions.locate_region(connection, self.locator, lon=lon, lat=lat)

    @operation(permission=SIGNED_IN, arguments=schemas.LocateRegions, result=schemas.LocatedRegions)
    def locate_regions(
        self, _caller: Caller, points: list[types.Point], *, include_regions: bool
    ) -> types.LocatedRegions:
        """Return for each point the id of the deepest region that contains it, or null."""
        with self.db.read() as connection:
            return regions.locate_regions(
                connection, self.locator, points=points, include_regions=include_regions
            )

    @operation(
        permission=SIGNED_IN,
        arguments=schemas.GetRegionTree,
        result=schemas.RegionTree,
        errors=(NotFound, Invalid("There are too many regions up to this depth; `fields` names `depth`.")),
    )
    def get_region_tree(self, _caller: Caller, code: str, depth: int) -> types.RegionTree:
        """Return a region with the regions below it, each inside of its parent."""
        with self.db.read() as connection:
            return region_tree.get_region_tree(connection, code=code, depth=depth)

    @operation(permission=SIGNED_IN, arguments=schemas.ListRegionTree, result=schemas.RegionLinks)
    def list_region_tree(
        self, _caller: Caller, **arguments: Unpack[types.ListRegionTree]
    ) -> types.RegionLinks:
        """Return a page of all regions by code, each with the id of its parent."""
        with self.db.read() as connection:
            return region_tree.list_region_tree(connection, **arguments)

    @every(CLEAN_UP_SECONDS)
    def forget_expired(self) -> None:
        """Delete expired refresh tokens, counted failures and known addresses."""
        with self.db.write() as connection:
            sessions.forget_expired(connection, self.secrets.signer.lifetime)

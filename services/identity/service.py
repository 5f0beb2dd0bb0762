"""The identity service as nameko runs it: every RPC method and the hourly clean-up."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from nameko.extensions import DependencyProvider, SharedExtension

from services.identity import passwords, regions, roles, schemas, sessions, users
from services.identity.password_hashing import PasswordHasher
from services.identity.regions import RegionLocator
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
from shared.platform.db.provider import DatabaseProvider
from shared.platform.outbox.relay import OutboxRelay
from shared.platform.rpc.operation import ANYONE, SIGNED_IN, operation
from shared.platform.schemas import Empty
from shared.platform.timer import every

if TYPE_CHECKING:
    from uuid import UUID

    from shared.platform.rpc.context import Caller
    from shared.platform.settings import Settings

CLEAN_UP_SECONDS = 3600


class SecretsOfProcess(SharedExtension):
    """One signer and one hasher a container, so that the hasher's limit holds for all workers."""

    def setup(self) -> None:
        """Called by nameko; a key that cannot be used stops the start and not the first sign-in."""
        _ = self.secrets

    @cached_property
    def secrets(self) -> Secrets:
        """Made when it is first asked for."""
        settings = self.container.config["SETTINGS"]
        return Secrets(
            signer=signer_of(settings),
            hasher=PasswordHasher(settings.bcrypt_cost),
            refresh_lifetime=settings.refresh_token_lifetime,
        )


class SecretsProvider(DependencyProvider):
    """``secrets = SecretsProvider()`` in the service class gives its methods a `Secrets`."""

    shared = SecretsOfProcess()

    def get_dependency(self, worker_ctx: Any) -> Secrets:
        """Called by nameko for each worker."""
        return self.shared.secrets


class IdentityService:
    """Offers accounts, sessions, roles and regions by RPC."""

    name = "identity"

    db = DatabaseProvider()
    relay = OutboxRelay()
    secrets = SecretsProvider()
    locator: ClassVar[RegionLocator] = RegionLocator()

    @staticmethod
    def own_keys(settings: Settings) -> dict[str, Any]:
        """The keys that identity checks its own callers' tokens with."""
        return signer_of(settings).jwks()

    @operation(
        permission=ANYONE,
        arguments=schemas.Authenticate,
        result=schemas.SignedIn,
        errors=(
            Unauthenticated("The email address is unknown, the password is wrong, or the account is closed."),
            RateLimited("There are too many failures or sign-ins at the moment; wait `retry_after` seconds."),
        ),
    )
    def authenticate(self, _caller: Caller | None, **arguments: Any) -> Any:
        """Signs in with e-mail address and password."""
        return sessions.authenticate(self.db, self.secrets, **arguments)

    @operation(
        permission=ANYONE,
        arguments=schemas.Refresh,
        result=schemas.Tokens,
        errors=(
            Unauthenticated(
                "The token is unknown, expired, revoked or already used, or the account is closed."
            ),
            Conflict("The id belongs to another call."),
        ),
    )
    def refresh(self, _caller: Caller | None, **arguments: Any) -> Any:
        """Exchanges a refresh token for new tokens."""
        return sessions.refresh(self.db, self.secrets, **arguments)

    @operation(permission=ANYONE, arguments=schemas.RefreshToken)
    def revoke(self, _caller: Caller | None, refresh_token: str) -> None:
        """Closes the session of a refresh token."""
        with self.db.autocommit() as connection:
            sessions.revoke(connection, refresh_token=refresh_token)

    @operation(permission=ANYONE, arguments=Empty, result=schemas.PublicKeys)
    def get_jwks(self, _caller: Caller | None) -> Any:
        """Returns the public keys that access tokens are checked with."""
        return self.secrets.signer.jwks()

    @operation(
        permission=ANYONE,
        arguments=schemas.RegisterUser,
        result=schemas.User,
        errors=(
            Invalid(
                "The password is the email address, or a preferred region or an active role does not exist."
            ),
            Conflict("The email address or the id is taken; `fields` names `email` where it is the address."),
            Forbidden("The caller may not grant the roles."),
            Unauthenticated("Roles are given, and the account of the caller is closed."),
            RateLimited("There are too many registrations at the moment; wait `retry_after` seconds."),
        ),
        emits=("user_created", "role_granted"),
    )
    def register_user(self, caller: Caller | None, **arguments: Any) -> Any:
        """Makes an account."""
        return users.register_user(self.db, caller, self.secrets.hasher, **arguments)

    @operation(permission=SIGNED_IN, arguments=Empty, result=schemas.Me)
    def get_me(self, caller: Caller) -> Any:
        """Returns the caller's own account and what it may."""
        with self.db.read() as connection:
            return users.get_me(connection, caller)

    @operation(permission=SIGNED_IN, arguments=schemas.UserId, result=schemas.User, errors=(NotFound,))
    def get_user(self, caller: Caller, user_id: UUID) -> Any:
        """Returns one account."""
        with self.db.read() as connection:
            return users.get_user(connection, caller, user_id=user_id)

    @operation(permission=USER_READ, arguments=schemas.ListUsers, result=schemas.Users)
    def list_users(self, _caller: Caller, **arguments: Any) -> Any:
        """Returns a page of accounts, the newest first."""
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
            Unauthenticated("The account of the caller is closed."),
            Invalid("A preferred region does not exist, or `current_password` is missing or wrong."),
            Conflict("The version is out of date, or the email address is taken."),
            RateLimited(
                "There were too many wrong passwords, or too many attempts with taken email addresses."
            ),
        ),
        emits=("user_updated",),
    )
    def update_user(self, caller: Caller, **arguments: Any) -> Any:
        """Changes name, phone, e-mail address or preferences of an account."""
        return users.update_user(self.db, caller, self.secrets.hasher, **arguments)

    @operation(
        permission=SIGNED_IN,
        arguments=schemas.ChangePassword,
        errors=(
            Unauthenticated("The account is closed."),
            Invalid(
                "The current password is wrong, or the new one is the email address or the current password."
            ),
            Conflict("Somebody has changed the password in the meantime."),
            RateLimited("There are too many failed attempts or password changes at the moment."),
        ),
    )
    def change_password(self, caller: Caller, **arguments: Any) -> None:
        """Changes the caller's own password and closes all their sessions."""
        passwords.change_password(self.db, caller, self.secrets.hasher, **arguments)

    @operation(
        permission=USER_UPDATE,
        arguments=schemas.ResetPassword,
        errors=(
            NotFound,
            Forbidden("The account is the caller's own, or has permissions that the caller does not have."),
            Unauthenticated("The account of the caller is closed."),
            Invalid("The password equals the email address."),
            RateLimited("There are too many password changes at once."),
        ),
    )
    def reset_password(self, caller: Caller, **arguments: Any) -> None:
        """Sets somebody else's password and closes all their sessions."""
        passwords.reset_password(self.db, caller, self.secrets.hasher, **arguments)

    @operation(
        permission=USER_DEACTIVATE,
        arguments=schemas.UserId,
        result=schemas.User,
        errors=(
            NotFound,
            Forbidden("The account has permissions that the caller does not have."),
            Conflict("The account is the last administrator."),
        ),
        emits=("user_deactivated",),
    )
    def deactivate_user(self, caller: Caller, user_id: UUID) -> Any:
        """Closes an account and its sessions."""
        with self.db.write() as connection:
            return users.deactivate_user(connection, caller, user_id=user_id)

    @operation(
        permission=USER_DEACTIVATE,
        arguments=schemas.UserId,
        result=schemas.User,
        errors=(NotFound, Forbidden("The account has permissions that the caller does not have.")),
        emits=("user_updated",),
    )
    def reactivate_user(self, caller: Caller, user_id: UUID) -> Any:
        """Opens a closed account again."""
        with self.db.write() as connection:
            return users.reactivate_user(connection, caller, user_id=user_id)

    @operation(
        permission=ROLE_WRITE,
        arguments=schemas.CreateRole,
        result=schemas.Role,
        errors=(
            Invalid("A permission or its region does not exist."),
            Forbidden("The caller may not give one of the permissions."),
            Conflict("The name or the id is taken."),
        ),
    )
    def create_role(self, caller: Caller, **arguments: Any) -> Any:
        """Makes a role."""
        with self.db.write() as connection:
            return roles.create_role(connection, caller, **arguments)

    @operation(
        permission=ROLE_WRITE,
        arguments=schemas.UpdateRole,
        result=schemas.Role,
        errors=(
            NotFound,
            Forbidden("The role has permissions that the caller does not have."),
            Conflict("The version is out of date, or the role is `administrator`, which is always active."),
        ),
        emits=("user_updated",),
    )
    def update_role(self, caller: Caller, **arguments: Any) -> Any:
        """Describes a role, or switches it on or off."""
        with self.db.write() as connection:
            return roles.update_role(connection, caller, **arguments)

    @operation(permission=ROLE_READ, arguments=schemas.RoleByName, result=schemas.Role, errors=(NotFound,))
    def get_role(self, _caller: Caller, role: str) -> Any:
        """Returns one role with its permissions."""
        with self.db.read() as connection:
            return roles.get_role(connection, role=role)

    @operation(permission=ROLE_READ, arguments=schemas.ListRoles, result=schemas.Roles)
    def list_roles(self, _caller: Caller, **arguments: Any) -> Any:
        """Returns a page of roles by name."""
        with self.db.read() as connection:
            return roles.list_roles(connection, **arguments)

    @operation(permission=ROLE_READ, arguments=Empty, result=schemas.Permissions)
    def list_permissions(self, _caller: Caller) -> Any:
        """Returns every permission that exists, and what it allows."""
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
    )
    def set_role_permissions(self, caller: Caller, **arguments: Any) -> Any:
        """Gives a role exactly these permissions."""
        with self.db.write() as connection:
            return roles.set_role_permissions(connection, caller, **arguments)

    @operation(
        permission=ROLE_GRANT,
        arguments=schemas.GrantRole,
        result=schemas.User,
        errors=(
            NotFound,
            Invalid("There is no such role, or it is not active; `fields` names `role`."),
            Forbidden("The role or the account has permissions that the caller does not have."),
        ),
        emits=("role_granted", "user_updated"),
    )
    def grant_role(self, caller: Caller, **arguments: Any) -> Any:
        """Gives an account a role."""
        with self.db.write() as connection:
            return roles.grant_role(connection, caller, **arguments)

    @operation(
        permission=ROLE_GRANT,
        arguments=schemas.RevokeRole,
        result=schemas.User,
        errors=(
            NotFound,
            Invalid("There is no such role; `fields` names `role`."),
            Forbidden("The role or the account has permissions that the caller does not have."),
            Conflict("The account is the last administrator."),
        ),
        emits=("role_revoked", "user_updated"),
    )
    def revoke_role(self, caller: Caller, **arguments: Any) -> Any:
        """Takes a role from an account."""
        with self.db.write() as connection:
            return roles.revoke_role(connection, caller, **arguments)

    @operation(
        permission=REGION_WRITE,
        arguments=schemas.CreateRegion,
        result=schemas.Region,
        errors=(
            Invalid("The boundaries cross themselves; the message says where."),
            Conflict("The code or the id is taken."),
            Forbidden("The caller holds `region:write` for some regions only."),
        ),
        emits=("region_created",),
    )
    def create_region(self, caller: Caller, **arguments: Any) -> Any:
        """Makes a region."""
        with self.db.write() as connection:
            return regions.create_region(connection, caller, **arguments)

    @operation(
        permission=REGION_WRITE,
        arguments=schemas.UpdateRegion,
        result=schemas.Region,
        errors=(
            NotFound,
            Forbidden("The caller does not hold `region:write` in this region."),
            Invalid("The boundaries cross themselves, or the region is the reserved one, which has none."),
            Conflict("The version is out of date."),
        ),
        emits=("region_updated",),
    )
    def update_region(self, caller: Caller, **arguments: Any) -> Any:
        """Changes name, description or boundaries of a region."""
        with self.db.write() as connection:
            return regions.update_region(connection, caller, **arguments)

    @operation(
        permission=SIGNED_IN,
        arguments=schemas.GetRegion,
        result=schemas.Region,
        errors=(Invalid("Both or neither of `region_id` and `code` are given."), NotFound),
    )
    def get_region(self, _caller: Caller, **arguments: Any) -> Any:
        """Returns a region with its boundaries."""
        with self.db.read() as connection:
            return regions.get_region(connection, **arguments)

    @operation(permission=SIGNED_IN, arguments=schemas.ListRegions, result=schemas.Regions)
    def list_regions(self, _caller: Caller, **arguments: Any) -> Any:
        """Returns a page of regions by code."""
        with self.db.read() as connection:
            page = regions.list_regions(connection, self.locator, **arguments)
        if page.get("without_outline"):
            regions.outline_regions(self.db, page["without_outline"])
            with self.db.read() as connection:
                page = regions.list_regions(connection, self.locator, **arguments)
        return page

    @operation(
        permission=SIGNED_IN,
        arguments=schemas.LocateRegion,
        result=schemas.Region,
        errors=(NotFound("No region contains the point."),),
    )
    def locate_region(self, _caller: Caller, lon: float, lat: float) -> Any:
        """Returns the smallest region that contains a point."""
        with self.db.read() as connection:
            return regions.locate_region(connection, self.locator, lon=lon, lat=lat)

    @operation(permission=SIGNED_IN, arguments=schemas.LocateRegions, result=schemas.LocatedRegions)
    def locate_regions(self, _caller: Caller, points: list[dict[str, float]]) -> Any:
        """Returns the id of the smallest region that contains each point, or null."""
        with self.db.read() as connection:
            located = self.locator.locate(connection, [(point["lon"], point["lat"]) for point in points])
        return {"region_ids": located}

    @every(CLEAN_UP_SECONDS)
    def forget_expired(self) -> None:
        """Deletes refresh tokens and counted failures that mean nothing any more."""
        with self.db.write() as connection:
            sessions.forget_expired(connection)

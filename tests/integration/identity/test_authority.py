"""Nobody manages an account with permissions they lack, also not while those are out of force for the moment."""

import pytest

from services.identity import passwords, roles, schemas, users
from shared.client.errors import Conflict, Forbidden, Invalid
from tests.integration.identity.conftest import PASSWORD

HELPERS_PERMISSIONS = (
    "user:read",
    "user:update",
    "user:deactivate",
    "role:grant",
    "role:write",
    "report:create",
    "report:read_own",
    "report:update_own",
    "report:comment",
    "report:attach",
    "resource:read",
    "alert:read",
)


@pytest.fixture
def helper(world):
    """Somebody who manages the accounts of reporters."""
    return world.caller(world.role(*HELPERS_PERMISSIONS))


def switch(world, role, *, on):
    return world.write(roles.update_role, world.admin(), schemas.UpdateRole, role=role, is_active=on)


def reset_password(world, caller, user_id):
    passwords.reset_password(
        world.database, caller, world.secrets.hasher, user_id=user_id, new_password="a fresh password"
    )


def change(world, caller, user_id, **values):
    version = world.user(user_id)["version"]
    return world.update_user(caller, user_id=user_id, version=version, **values)


MANAGING = {
    "reset_password": reset_password,
    "update_user": lambda world, caller, user_id: change(world, caller, user_id, first_name="Mallory"),
    "change the e-mail address": lambda world, caller, user_id: change(
        world, caller, user_id, email=world.email()
    ),
    "deactivate_user": lambda world, caller, user_id: world.write(
        users.deactivate_user, caller, schemas.UserId, user_id=user_id
    ),
    "reactivate_user": lambda world, caller, user_id: world.write(
        users.reactivate_user, caller, schemas.UserId, user_id=user_id
    ),
    "grant_role": lambda world, caller, user_id: world.write(
        roles.grant_role, caller, schemas.GrantRole, user_id=user_id, role="reporter"
    ),
    "revoke_role": lambda world, caller, user_id: world.write(
        roles.revoke_role, caller, schemas.RevokeRole, user_id=user_id, role="reporter"
    ),
}


def role_switched_off(world):
    role = world.role("alert:issue")
    victim = world.register(world.admin(), roles=[role, "reporter"])
    switch(world, role, on=False)
    return victim


def account_closed(world):
    victim = world.register(world.admin(), roles=["coordinator"])
    world.write(users.deactivate_user, world.admin(), schemas.UserId, user_id=victim["id"])
    return victim


def only_the_primary_role(world):
    role = world.role("alert:issue")
    victim = world.register(world.admin(), roles=["reporter"])
    world.sql(
        "UPDATE identity.users SET role_id = (SELECT id FROM identity.roles WHERE name = %s) WHERE id = %s",
        role,
        victim["id"],
    )
    return victim


def region_that_is_not_there_yet(world):
    role = world.role()
    world.sql(
        "INSERT INTO identity.role_permissions (role_id, permission) "
        "SELECT id, 'alert:issue:LATER' FROM identity.roles WHERE name = %s",
        role,
    )
    return world.register(world.admin(), roles=[role])


def in_a_region(world):
    role = world.role(f"alert:issue:{world.region()['code']}")
    victim = world.register(world.admin(), roles=[role])
    switch(world, role, on=False)
    return victim


VICTIMS = [
    role_switched_off,
    account_closed,
    only_the_primary_role,
    region_that_is_not_there_yet,
    in_a_region,
]


@pytest.mark.parametrize("what", MANAGING)
@pytest.mark.parametrize("victim", VICTIMS, ids=lambda make: make.__name__)
def test_what_an_account_can_get_back_protects_it(world, helper, what, victim):
    account = victim(world)
    before = world.sql("SELECT * FROM identity.users WHERE id = %s", account["id"])
    with pytest.raises(Forbidden) as refusal:
        MANAGING[what](world, helper, account["id"])
    assert refusal.value.details["lacking"]
    assert world.sql("SELECT * FROM identity.users WHERE id = %s", account["id"]) == before


@pytest.mark.parametrize("what", MANAGING)
def test_an_account_with_less_is_managed(world, helper, what):
    role = world.role("report:create")
    victim = world.register(world.admin(), roles=[role])
    switch(world, role, on=False)
    MANAGING[what](world, helper, victim["id"])


def test_what_the_caller_could_get_back_does_not_help_them(world):
    role = world.role(*HELPERS_PERMISSIONS)
    caller = world.caller(role)
    victim = world.register()
    switch(world, role, on=False)
    with pytest.raises(Forbidden):
        reset_password(world, caller, victim["id"])


def test_a_role_that_is_switched_off_is_given_only_by_who_may_all_of_it(world, helper):
    role = world.role("alert:issue")
    switch(world, role, on=False)
    with pytest.raises(Forbidden):
        world.write(roles.update_role, helper, schemas.UpdateRole, role=role, is_active=True)
    with pytest.raises(Invalid) as refusal:
        world.register(world.admin(), roles=[role])
    assert list(refusal.value.fields) == ["roles"]


def set_permissions(world, role, *permissions, version=None):
    return world.write(
        roles.set_role_permissions,
        world.admin(),
        schemas.SetRolePermissions,
        role=role,
        permissions=permissions,
        version=version,
    )


def test_two_who_change_a_role_do_not_overwrite_each_other(world):
    role = world.role("report:read")
    seen = world.read(roles.get_role, role=role)["version"]
    changed = set_permissions(world, role, "report:read", "report:update", version=seen)
    assert changed["version"] == seen + 1
    with pytest.raises(Conflict) as refusal:
        set_permissions(world, role, "report:read", "alert:read", version=seen)
    assert refusal.value.details["version"] == seen + 1
    assert world.read(roles.get_role, role=role) == changed
    # the reply of the first change was lost
    assert set_permissions(world, role, "report:read", "report:update", version=seen) == changed
    with pytest.raises(Conflict):
        world.write(
            roles.update_role,
            world.admin(),
            schemas.UpdateRole,
            role=role,
            version=seen,
            description="Reads.",
        )


def test_an_older_client_that_sees_no_version_still_changes_a_role(world):
    role = world.role("report:read")
    assert set_permissions(world, role, "report:update")["permissions"] == ["report:update"]


def test_switching_a_role_on_again_gives_its_holder_everything_back(world):
    victim = role_switched_off(world)
    [role] = set(world.user(victim["id"])["roles"]) - {"reporter"}
    switch(world, role, on=True)
    assert world.verify(world.sign_in(victim["email"], PASSWORD)).may("alert:issue")

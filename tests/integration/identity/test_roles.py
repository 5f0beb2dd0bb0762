"""Roles: nobody gives what they lack, and there is always an administrator."""

from uuid import uuid4

import eventlet
import pytest
from uuid6 import uuid7

from services.identity import roles, schemas, seed, users
from shared.client.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from shared.domain.permissions import DEFAULT_ROLES, PERMISSIONS
from tests.integration.identity.conftest import ADMIN_EMAIL, PASSWORD


def create(world, caller, **arguments):
    return world.write(roles.create_role, caller, schemas.CreateRole, **arguments)


def set_permissions(world, caller, role, *permissions):
    return world.write(
        roles.set_role_permissions,
        caller,
        schemas.SetRolePermissions,
        role=role,
        permissions=permissions,
    )


def grant(world, caller, user_id, role, **more):
    return world.write(roles.grant_role, caller, schemas.GrantRole, user_id=user_id, role=role, **more)


def revoke(world, caller, user_id, role):
    return world.write(roles.revoke_role, caller, schemas.RevokeRole, user_id=user_id, role=role)


@pytest.fixture
def granter(world):
    """Somebody who may manage roles, and read and update reports, and nothing else."""
    return world.caller(world.role("role:read", "role:write", "role:grant", "report:read", "report:update"))


@pytest.fixture
def nobody(world):
    """An account without any role."""
    caller = world.caller()
    revoke(world, world.admin(), caller.user_id, "reporter")
    return caller


def test_the_default_roles_are_there_and_seeding_again_changes_nothing(world):
    before = world.sql("SELECT count(*) FROM identity.outbox")
    with world.database.write() as connection:
        seed.seed(connection, admin_email=ADMIN_EMAIL, admin_password="another password", bcrypt_cost=4)
    assert world.sql("SELECT count(*) FROM identity.outbox") == before
    world.sign_in(ADMIN_EMAIL)
    for name, default in DEFAULT_ROLES.items():
        assert set(world.read(roles.get_role, role=name)["permissions"]) == default.permissions


def test_seeding_refuses_a_bad_password(world):
    with pytest.raises(Invalid) as refusal, world.database.write() as connection:
        seed.seed(connection, admin_email="second@impactx.example", admin_password="short")
    assert list(refusal.value.fields) == ["password"]


def test_a_role_is_made_with_its_permissions(world, granter):
    role = create(world, granter, name="report-editor", description="Edits.", permissions=["report:update"])
    assert role["permissions"] == ["report:update"]
    assert schemas.Role().dump(role)["is_active"] is True
    assert world.read(roles.get_role, role="report-editor") == role


def test_a_repeat_with_the_same_id_returns_the_first_role(world, granter):
    given = {"id": uuid7(), "name": "repeated", "permissions": ["report:read"]}
    assert create(world, granter, **given) == create(world, granter, **given)
    with pytest.raises(Conflict) as refusal:
        create(world, granter, **{**given, "description": "Another."})
    assert list(refusal.value.fields) == ["id"]
    with pytest.raises(Conflict) as refusal:
        create(world, granter, name="repeated")
    assert list(refusal.value.fields) == ["name"]


@pytest.mark.parametrize("name", ["", "Capital", "two words", "x" * 101, "1st"])
def test_a_bad_name_is_refused(world, granter, name):
    with pytest.raises(Invalid) as refusal:
        create(world, granter, name=name)
    assert list(refusal.value.fields) == ["name"]


@pytest.mark.parametrize("permission", ["report:fly", "everything", "report:read:NOWHERE", "user:read:HT"])
def test_an_unknown_permission_or_region_is_refused(world, permission):
    for attempt in (
        lambda: create(world, world.admin(), name="bad", permissions=[permission]),
        lambda: set_permissions(world, world.admin(), "viewer", "report:read", permission),
    ):
        with pytest.raises(Invalid) as refusal:
            attempt()
        assert list(refusal.value.fields) == ["permissions"]
        assert permission in refusal.value.fields["permissions"][0]


def test_nobody_makes_a_role_that_allows_more_than_they_may(world, granter):
    region = world.region()
    assert create(world, granter, name="local", permissions=[f"report:read:{region['code']}"])
    for permission in ("*", "report:*", "report:create", "alert:issue", f"report:*:{region['code']}"):
        with pytest.raises(Forbidden) as refusal:
            create(world, granter, name="greedy", permissions=[permission])
        assert refusal.value.details["lacking"]


def test_who_holds_a_permission_in_one_region_gives_it_there_alone(world):
    north, south = world.region(), world.region()
    local = world.caller(world.role("role:write", f"report:read:{north['code']}"))
    create(world, local, name="north-reader", permissions=[f"report:read:{north['code']}"])
    for permission in (f"report:read:{south['code']}", "report:read"):
        with pytest.raises(Forbidden):
            create(world, local, name="south-reader", permissions=[permission])


def test_permissions_are_set_exactly(world):
    role = world.role("report:read", "report:update")
    assert set_permissions(world, world.admin(), role, "report:read", "alert:read", "alert:read")[
        "permissions"
    ] == ["alert:read", "report:read"]
    assert set_permissions(world, world.admin(), role)["permissions"] == []


def test_nobody_adds_or_takes_permissions_they_lack(world, granter):
    role = world.role("report:read", "alert:issue")
    assert set_permissions(world, granter, role, "report:update", "alert:issue")
    for permissions in (["report:update"], ["report:update", "alert:issue", "alert:cancel"]):
        with pytest.raises(Forbidden):
            set_permissions(world, granter, role, *permissions)


def test_the_administrators_role_stays_what_it_is(world):
    admin = world.admin()
    assert set_permissions(world, admin, "administrator", "*")["permissions"] == ["*"]
    with pytest.raises(Conflict):
        set_permissions(world, admin, "administrator", "report:read")
    with pytest.raises(Conflict):
        world.write(roles.update_role, admin, schemas.UpdateRole, role="administrator", is_active=False)


def test_a_role_is_described_and_switched_off_by_who_may_all_of_it(world, granter):
    role = world.role("report:read")
    changed = world.write(
        roles.update_role, granter, schemas.UpdateRole, role=role, description="Reads.", is_active=False
    )
    assert (changed["description"], changed["is_active"]) == ("Reads.", False)
    with pytest.raises(Forbidden):
        world.write(roles.update_role, granter, schemas.UpdateRole, role="viewer", is_active=False)


def test_switching_a_role_off_is_told_of_everybody_who_holds_it(world):
    role = world.role("report:read")
    caller = world.caller(role)
    world.write(roles.update_role, world.admin(), schemas.UpdateRole, role=role, is_active=False)
    event = world.events(caller.user_id)[-1]
    assert (event.type, event.data["changed"], event.data["roles"]) == ("user_updated", ["roles"], [])


def test_unknown_roles_are_not_found(world):
    for attempt in (
        lambda: world.read(roles.get_role, role="emperor"),
        lambda: set_permissions(world, world.admin(), "emperor"),
        lambda: world.write(roles.update_role, world.admin(), schemas.UpdateRole, role="emperor"),
    ):
        with pytest.raises(NotFound):
            attempt()
    for method in (grant, revoke):
        with pytest.raises(Invalid) as refusal:
            method(world, world.admin(), world.admin().user_id, "emperor")
        assert list(refusal.value.fields) == ["role"]


def test_a_role_is_given_and_taken_once(world):
    admin, caller = world.admin(), world.caller()
    first = grant(world, admin, caller.user_id, "responder")
    assert first["roles"] == ["reporter", "responder"]
    assert grant(world, admin, caller.user_id, "responder") == first
    taken = revoke(world, admin, caller.user_id, "responder")
    assert taken["roles"] == ["reporter"]
    assert revoke(world, admin, caller.user_id, "responder") == taken
    events = world.events(caller.user_id)[2:]
    assert [event.type for event in events] == ["role_granted", "role_revoked", "access_revoked"]
    assert events[0].data["assigned_by"] == str(admin.user_id)
    assert events[1].data["roles"] == ["reporter"]
    assert {event.correlation_id for event in events} == {"test"}


def test_the_primary_role_follows_what_is_given_and_taken(world):
    admin, caller = world.admin(), world.caller()

    def primary():
        return world.sql(
            "SELECT r.name FROM identity.users u LEFT JOIN identity.roles r ON r.id = u.role_id WHERE u.id = %s",
            caller.user_id,
        )[0][0]

    grant(world, admin, caller.user_id, "responder")
    assert primary() == "reporter"
    grant(world, admin, caller.user_id, "responder", primary=True)
    assert primary() == "responder"
    revoke(world, admin, caller.user_id, "responder")
    assert primary() == "reporter"
    revoke(world, admin, caller.user_id, "reporter")
    assert primary() is None
    grant(world, admin, caller.user_id, "viewer")
    assert primary() == "viewer"


def test_nobody_gives_a_role_that_allows_more_than_they_may(world, granter, nobody):
    role = world.role("report:read")
    assert grant(world, granter, nobody.user_id, role)["roles"] == [role]
    for stronger in ("administrator", "viewer"):
        for target in (nobody.user_id, granter.user_id):
            with pytest.raises(Forbidden):
                grant(world, granter, target, stronger)


def test_nobody_manages_the_roles_of_who_may_more(world, granter):
    role = world.role("report:read")
    coordinator = world.caller("coordinator", role)
    for method in (grant, revoke):
        with pytest.raises(Forbidden):
            method(world, granter, coordinator.user_id, role)


def test_an_inactive_role_is_not_given(world):
    role = world.role("report:read")
    world.write(roles.update_role, world.admin(), schemas.UpdateRole, role=role, is_active=False)
    with pytest.raises(Invalid):
        grant(world, world.admin(), world.caller().user_id, role)


def test_an_unknown_account_gets_no_role(world):
    for method in (grant, revoke):
        with pytest.raises(NotFound):
            method(world, world.admin(), uuid4(), "viewer")


def test_who_was_just_put_out_does_not_come_back_with_the_old_token(world):
    former = world.caller("administrator")
    revoke(world, world.admin(), former.user_id, "administrator")
    assert former.may("role:grant")  # so the token says
    for attempt in (
        lambda: grant(world, former, former.user_id, "administrator"),
        lambda: create(world, former, name="backdoor", permissions=["report:read"]),
        lambda: set_permissions(world, former, "viewer", "*"),
        lambda: world.register(former, roles=["administrator"]),
    ):
        with pytest.raises(Unauthenticated, match="permissions of this account have changed"):
            attempt()


def test_the_last_administrator_stays(world):
    admin = world.admin()
    for attempt in (
        lambda: revoke(world, admin, admin.user_id, "administrator"),
        lambda: world.write(users.deactivate_user, admin, schemas.UserId, user_id=admin.user_id),
    ):
        with pytest.raises(Conflict, match="last administrator"):
            attempt()
    second = world.caller("administrator")
    world.write(users.deactivate_user, admin, schemas.UserId, user_id=second.user_id)
    with pytest.raises(Conflict):
        revoke(world, admin, admin.user_id, "administrator")


def test_two_administrators_do_not_put_out_each_other(world):
    admin, second = world.admin(), world.caller("administrator")

    def put_out(actor, target):
        try:
            revoke(world, actor, target.user_id, "administrator")
        except (Conflict, Forbidden, Unauthenticated):
            return False
        return True

    attempts = [eventlet.spawn(put_out, admin, second), eventlet.spawn(put_out, second, admin)]
    assert sorted(attempt.wait() for attempt in attempts) == [False, True]
    rows = world.sql(
        "SELECT u.id FROM identity.users u JOIN identity.user_roles h ON h.user_id = u.id "
        "JOIN identity.roles r ON r.id = h.role_id WHERE r.name = 'administrator' AND u.is_active"
    )
    assert len(rows) == 1
    if rows != [(admin.user_id,)]:  # the other tests of this module sign in as the first one
        grant(world, second, admin.user_id, "administrator")


def test_roles_are_listed_by_name(world):
    names, cursor = [], None
    while True:
        page = world.read(roles.list_roles, schema=schemas.ListRoles, limit=3, cursor=cursor)
        names += [role["name"] for role in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert names == sorted(names)
    assert set(DEFAULT_ROLES) <= set(names)
    inactive = world.read(roles.list_roles, schema=schemas.ListRoles, is_active=False, limit=500)
    assert all(not role["is_active"] for role in inactive["items"])


def test_every_permission_is_listed_with_its_meaning():
    listed = {item["name"]: item["meaning"] for item in roles.list_permissions()["items"]}
    assert set(listed) == {*PERMISSIONS, "*"}
    assert all(listed.values())


def test_a_password_is_enough_for_the_seeded_administrator(world):
    assert world.verify(world.sign_in(ADMIN_EMAIL, PASSWORD)).roles == {"administrator"}

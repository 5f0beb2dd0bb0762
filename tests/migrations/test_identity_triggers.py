"""What the database says by itself when accounts, roles and regions change."""

import json

import pytest
from sqlalchemy import exc, text
from uuid6 import uuid7

from shared.domain.identity import UNKNOWN_REGION_ID
from shared.platform.db.migration import migrate
from tests.migrations.world import SYSTEM, types


def test_an_account_is_an_event_without_anything_personal(world):
    user_id = world.person("grace")
    (event,) = world.events("identity")
    assert (event["type"], event["subject"], event["sequence"]) == ("user_created", user_id, 1)
    assert not {"email", "password_hash", "first_name", "last_name", "phone"} & event["data"].keys()
    assert event["data"]["roles"] == []
    assert event["data"]["preferences"] is None


def test_only_the_preferences_that_alerts_need_leave(world):
    preferences = {"regions": ["N", "S"], "language": "ht"}
    world.run(
        "UPDATE identity.users SET preferences = CAST(:preferences AS jsonb) WHERE id = :id",
        id=world.user,
        preferences=json.dumps(preferences),
    )
    (event,) = world.events("identity")
    assert event["type"] == "user_updated"
    assert event["data"]["changed"] == ["preferences"]
    assert event["data"]["preferences"] == {"regions": ["N", "S"], "all_regions": False}


def test_a_password_that_is_hashed_anew_is_no_event(world):
    world.run("UPDATE identity.users SET password_hash = 'y' WHERE id = :id", id=world.user)
    assert world.events("identity") == []


def revoked(event):
    assert event["type"] == "access_revoked"
    return tuple(event["data"][name] for name in ("scope", "version", "reason"))


def test_a_new_password_revokes_the_access_that_there_was(world):
    world.run(
        "UPDATE identity.users SET password_hash = 'y', password_changed_at = clock_timestamp() WHERE id = :id",
        id=world.user,
    )
    (event,) = world.events("identity")
    assert revoked(event) == ("account", 2, "password_changed")
    assert event["subject"] == world.user


def test_a_permission_that_a_role_loses_revokes_the_access_of_all_its_holders_in_one_event(world):
    role_id = world.insert("identity.roles", name="medic")
    for permission in ("report:read", "alert:issue"):
        world.run(
            "INSERT INTO identity.role_permissions (role_id, permission) VALUES (:r, :p)",
            r=role_id,
            p=permission,
        )
    for name in ("bob", "eve"):
        world.run(
            "INSERT INTO identity.user_roles (user_id, role_id) VALUES (:u, :r)",
            u=world.person(name),
            r=role_id,
        )
    world.events("identity")
    world.run(
        "DELETE FROM identity.role_permissions WHERE role_id = :r AND permission = 'alert:issue'", r=role_id
    )
    (event,) = world.events("identity")
    assert revoked(event) == ("role", 2, "permissions_changed")
    assert (event["subject"], event["data"]["role"]) == (role_id, "medic")
    assert world.run("SELECT version FROM identity.roles WHERE id = :r", r=role_id).scalar_one() == 2


def test_an_account_that_is_revoked_again_has_one_row(world):
    for active in (False, True, False):
        world.run(
            "UPDATE identity.users SET is_active = :active WHERE id = :id", id=world.user, active=active
        )
    rows = world.run("SELECT version FROM identity.revocations WHERE subject_id = :id", id=world.user).all()
    assert [row.version for row in rows] == [4]


def test_closing_and_reopening_an_account(world):
    for active in (False, True):
        world.run(
            "UPDATE identity.users SET is_active = :active WHERE id = :id", id=world.user, active=active
        )
    found = world.events("identity")
    assert revoked(next(event for event in found if event["type"] == "access_revoked")) == (
        "account",
        2,
        "deactivated",
    )
    closed, reopened = (event for event in found if event["type"] != "access_revoked")
    assert (closed["type"], closed["data"]["is_active"]) == ("user_deactivated", False)
    assert (reopened["type"], reopened["data"]["changed"]) == ("user_updated", ["is_active"])


def test_roles_that_come_and_go_raise_the_version_of_the_account(world):
    role_id = world.insert("identity.roles", name="medic")
    world.run("INSERT INTO identity.user_roles (user_id, role_id) VALUES (:u, :r)", u=world.user, r=role_id)
    world.run("DELETE FROM identity.user_roles WHERE user_id = :u", u=world.user)
    granted, taken, access = world.events("identity")
    assert (granted["type"], granted["sequence"], granted["data"]["roles"]) == ("role_granted", 2, ["medic"])
    assert (taken["type"], taken["sequence"], taken["data"]["roles"]) == ("role_revoked", 3, [])
    assert granted["data"]["role"] == taken["data"]["role"] == "medic"
    assert revoked(access) == ("account", 3, "role_revoked")


def test_switching_a_role_off_is_told_of_everybody_who_holds_it(world):
    role_id = world.insert("identity.roles", name="medic")
    other = world.person("bob")
    world.run("INSERT INTO identity.user_roles (user_id, role_id) VALUES (:u, :r)", u=world.user, r=role_id)
    world.run("UPDATE identity.users SET role_id = :r WHERE id = :u", u=other, r=role_id)
    world.events("identity")
    world.run("UPDATE identity.roles SET description = 'heals' WHERE id = :r", r=role_id)
    assert world.events("identity") == []
    world.run("UPDATE identity.roles SET is_active = false WHERE id = :r", r=role_id)
    first, *events = world.events("identity")
    assert revoked(first) == ("role", 3, "permissions_changed")
    assert {event["subject"] for event in events} == {world.user, other}
    assert {(event["type"], *event["data"]["changed"], *event["data"]["roles"]) for event in events} == {
        ("user_updated", "roles")
    }


def test_regions_tell_what_changed_and_all_that_there_is_of_them(world):
    region_id = world.insert("identity.regions", name="South", code="S-1")
    world.run(
        """UPDATE identity.regions SET name = 'Sud', boundaries = '{"type": "Polygon"}' WHERE id = :id""",
        id=region_id,
    )
    created, updated = world.events("identity")
    assert types([created, updated]) == ["region_created", "region_updated"]
    assert updated["data"]["changed"] == ["name", "boundaries"]
    assert created["data"]["boundaries"] is None
    assert updated["data"]["boundaries"] == {"type": "Polygon"}


def test_addresses_are_unique_whatever_their_case(world):
    world.run("UPDATE identity.users SET email = 'ada@impactx.example' WHERE id = :id", id=world.user)
    with pytest.raises(exc.IntegrityError) as refused:
        world.insert(
            "identity.users", email="ADA@impactx.example", password_hash="x", first_name="A", last_name="B"
        )
    assert refused.value.orig.diag.constraint_name == "idx_users_email_lower"


def test_the_system_account_is_there_and_cannot_be_signed_in_with(world):
    row = world.row("identity.users", SYSTEM)
    assert not row["is_active"]
    assert not row["password_hash"].startswith("$")


def lineages(world, *region_ids):
    return [world.row("identity.regions", region_id)["lineage"] for region_id in region_ids]


def region_below(world, parent_id):
    return world.insert("identity.regions", name="Part", code=f"P-{uuid7()}", parent_id=parent_id)


def test_a_region_that_is_moved_takes_everything_below_it_along(world):
    country, other = world.region, region_below(world, None)
    department = region_below(world, country)
    commune = region_below(world, department)
    assert lineages(world, country, department, commune) == [
        [country],
        [country, department],
        [country, department, commune],
    ]
    world.events("identity")
    before = world.row("identity.regions", commune)

    world.run("UPDATE identity.regions SET parent_id = :other WHERE id = :id", other=other, id=department)

    assert lineages(world, department, commune) == [[other, department], [other, department, commune]]
    (event,) = world.events("identity")
    assert (event["type"], event["subject"]) == ("region_updated", department)
    assert (event["data"]["changed"], event["data"]["parent_id"]) == (["parent_id"], str(other))
    after = world.row("identity.regions", commune)
    assert (after["version"], after["updated_at"]) == (before["version"], before["updated_at"])


def test_regions_that_are_moved_by_one_statement_have_the_lineages_of_their_new_parents(world):
    country = region_below(world, None)
    first = region_below(world, None)
    second = region_below(world, first)
    third = region_below(world, second)
    world.run(
        "UPDATE identity.regions SET parent_id = CASE id WHEN :first THEN :country ELSE :first END"
        " WHERE id IN (:first, :third)",
        first=first,
        third=third,
        country=country,
    )
    assert lineages(world, first, second, third) == [
        [country, first],
        [country, first, second],
        [country, first, third],
    ]


def test_a_child_may_be_written_before_its_parent_by_the_same_statement(world):
    parent, child = uuid7(), uuid7()
    world.run(
        "INSERT INTO identity.regions (id, name, code, parent_id) VALUES (:c, 'C', 'C-1', :p), (:p, 'P', 'P-1', :up)",
        c=child,
        p=parent,
        up=world.region,
    )
    assert lineages(world, child) == [[world.region, parent, child]]


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_region_never_lies_in_itself_or_below_itself(world, depth):
    top = lowest = region_below(world, world.region)
    for _ in range(depth):
        lowest = region_below(world, lowest)
    with pytest.raises(exc.IntegrityError) as refused:
        world.run("UPDATE identity.regions SET parent_id = :below WHERE id = :id", below=lowest, id=top)
    assert refused.value.orig.diag.constraint_name == "regions_no_cycle"


@pytest.mark.parametrize("is_parent", [True, False])
def test_the_reserved_region_has_neither_parent_nor_children(world, is_parent):
    child, parent = (world.region, UNKNOWN_REGION_ID) if is_parent else (UNKNOWN_REGION_ID, world.region)
    with pytest.raises(exc.IntegrityError) as refused:
        world.run(
            "UPDATE identity.regions SET parent_id = :parent WHERE id = :child", parent=parent, child=child
        )
    assert refused.value.orig.diag.constraint_name == "regions_parent_check"


def test_the_regions_that_were_there_before_they_nested_are_roots_and_keep_their_versions(connect, migrated):
    migrate(migrated.admin_url, ["alerts", "resources", "reports"], "0001")
    migrate(migrated.admin_url, ["identity"], "0007")
    region_id = uuid7()
    with connect(migrated.admin_url) as connection:
        connection.execute(
            text("INSERT INTO identity.regions (id, name, code) VALUES (:id, 'North', 'N')"),
            {"id": region_id},
        )
        connection.execute(text("DELETE FROM identity.outbox"))
    migrate(migrated.admin_url, ["identity"])
    with connect(migrated.admin_url) as connection:
        row = connection.execute(
            text(
                "SELECT parent_id, parent_is_declared, lineage, version FROM identity.regions WHERE id = :id"
            ),
            {"id": region_id},
        ).one()
        events = connection.execute(text("SELECT count(*) FROM identity.outbox")).scalar_one()
    assert tuple(row) == (None, False, [region_id], 1)
    assert events == 0

"""What the database says by itself when accounts, roles and regions change."""

import json

import pytest
from sqlalchemy import exc

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


def test_a_new_password_is_no_event(world):
    world.run(
        "UPDATE identity.users SET password_hash = 'y', password_changed_at = now() WHERE id = :id",
        id=world.user,
    )
    assert world.events("identity") == []


def test_closing_and_reopening_an_account(world):
    for active in (False, True):
        world.run(
            "UPDATE identity.users SET is_active = :active WHERE id = :id", id=world.user, active=active
        )
    closed, reopened = world.events("identity")
    assert (closed["type"], closed["data"]["is_active"]) == ("user_deactivated", False)
    assert (reopened["type"], reopened["data"]["changed"]) == ("user_updated", ["is_active"])


def test_roles_that_come_and_go_raise_the_version_of_the_account(world):
    role_id = world.insert("identity.roles", name="medic")
    world.run("INSERT INTO identity.user_roles (user_id, role_id) VALUES (:u, :r)", u=world.user, r=role_id)
    world.run("DELETE FROM identity.user_roles WHERE user_id = :u", u=world.user)
    granted, revoked = world.events("identity")
    assert (granted["type"], granted["sequence"], granted["data"]["roles"]) == ("role_granted", 2, ["medic"])
    assert (revoked["type"], revoked["sequence"], revoked["data"]["roles"]) == ("role_revoked", 3, [])
    assert granted["data"]["role"] == revoked["data"]["role"] == "medic"


def test_switching_a_role_off_is_told_of_everybody_who_holds_it(world):
    role_id = world.insert("identity.roles", name="medic")
    other = world.person("bob")
    world.run("INSERT INTO identity.user_roles (user_id, role_id) VALUES (:u, :r)", u=world.user, r=role_id)
    world.run("UPDATE identity.users SET role_id = :r WHERE id = :u", u=other, r=role_id)
    world.events("identity")
    world.run("UPDATE identity.roles SET description = 'heals' WHERE id = :r", r=role_id)
    assert world.events("identity") == []
    world.run("UPDATE identity.roles SET is_active = false WHERE id = :r", r=role_id)
    events = world.events("identity")
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

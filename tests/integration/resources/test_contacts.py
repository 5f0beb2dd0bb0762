"""Contacts of resources are for those who may read contacts, in every way in which a resource is shown."""

import pytest

from shared.domain.permissions import DEFAULT_ROLES

STAFF = {"administrator", "coordinator", "responder", "system"}
CONTACTS = {
    "contact_person": "Grace Hopper",
    "contact_phone": "555-0100",
    "contact_email": "grace@impactx.example",
}
HIDDEN = dict.fromkeys(CONTACTS)


@pytest.fixture(scope="module")
def resource(world):
    return world.create(staff(world), name="Contactable pier", **CONTACTS)


def staff(world):
    return world.caller("coordinator")


def contacts_of(resource):
    return {name: resource[name] for name in CONTACTS}


def by_get(world, caller, resource):
    return world.get(caller, resource["id"])


def by_list(world, caller, resource):
    return _among(world.list(caller, limit=500)["items"], resource)


def by_search(world, caller, resource):
    return _among(world.list(caller, text="Contactable")["items"], resource)


def by_available(world, caller, resource):
    return _among(world.available(caller, text="Contactable"), resource)


def by_nearest(world, caller, resource):
    return _among(world.nearest(caller, lon=-82.5, lat=27.9, limit=500), resource)


def _among(items, resource):
    [found] = [item for item in items if item["id"] == resource["id"]]
    return found


WAYS = [by_get, by_list, by_search, by_available, by_nearest]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", DEFAULT_ROLES)
def test_contacts_are_shown_to_staff_alike_in_every_way(world, resource, way, name):
    expected = CONTACTS if name in STAFF else HIDDEN
    assert contacts_of(way(world, world.caller(name), resource)) == expected


@pytest.mark.parametrize("way", WAYS)
def test_staff_of_one_region_see_no_contacts_of_another(world, resource, way):
    readers = dict.fromkeys(["resource:read"])
    north, south = (
        world.caller_with({**readers, "resource:read_contacts": frozenset({world.regions[name]})})
        for name in ("north", "south")
    )
    assert contacts_of(way(world, north, resource)) == CONTACTS
    assert contacts_of(way(world, south, resource)) == HIDDEN


@pytest.mark.parametrize("text", CONTACTS.values())
def test_no_search_finds_by_a_contact(world, resource, text):
    for name in ("reporter", "administrator"):
        assert resource["id"] not in world.ids(world.caller(name), text=text)


def test_a_change_by_somebody_who_may_not_read_contacts_shows_none(world):
    permissions = ("resource:read", "resource:create", "resource:update", "resource:change_status")
    caller = world.caller_with(dict.fromkeys(permissions))
    made = world.create(caller, **CONTACTS)
    assert contacts_of(made) == HIDDEN
    updated = world.update(caller, made, contact_person="Ada Lovelace")
    assert contacts_of(updated) == HIDDEN
    assert world.update(caller, made, contact_person="Ada Lovelace")["version"] == updated["version"]
    assert contacts_of(world.change(caller, updated, "limited")) == HIDDEN
    assert world.get(staff(world), made["id"])["contact_person"] == "Ada Lovelace"

"""What the methods of resources refuse before anything is asked of the database."""

from __future__ import annotations

import pytest
from uuid6 import uuid7

from services.resources import schemas
from shared.client.errors import Invalid
from shared.platform.schemas import load

RESOURCE = {
    "resource_type_id": str(uuid7()),
    "name": "Harbour school",
    "location": {"type": "Point", "coordinates": [-82.5, 27.9]},
}


def refused(schema, arguments):
    with pytest.raises(Invalid) as caught:
        load(schema(), arguments)
    return caught.value.fields


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 256),
        ("contact_person", "x" * 256),
        ("contact_phone", "0" * 21),
        ("contact_email", "nobody"),
        ("capacity", -1),
        ("capacity", 2**31),
        ("capacity", 1.5),
        ("capacity", "10"),
        ("capacity", True),
        ("current_usage", -1),
        ("resource_type_id", "shelter"),
        ("status", "closed"),
        ("version", 7),
        ("created_by", str(uuid7())),
    ],
)
def test_a_create_names_the_field_at_fault(field, value):
    assert set(refused(schemas.CreateResource, RESOURCE | {field: value})) == {field}


def test_a_resource_does_not_begin_over_full():
    fields = refused(schemas.CreateResource, RESOURCE | {"capacity": 10, "current_usage": 11})
    assert fields == {"current_usage": ["Must not be more than the capacity."]}
    assert load(schemas.CreateResource(), RESOURCE | {"current_usage": 11})["current_usage"] == 11


def test_null_is_the_same_as_left_out():
    loaded = load(schemas.CreateResource(), RESOURCE | {"id": None, "capacity": None, "region_id": None})
    assert set(loaded) == set(RESOURCE)


@pytest.mark.parametrize(
    ("field", "value"),
    [("usage_change", 0), ("usage_change", 2**31), ("usage_change", 0.5), ("id", None), ("capacity", 3)],
)
def test_a_usage_change_names_the_field_at_fault(field, value):
    arguments = {"resource_id": str(uuid7()), "id": str(uuid7()), "usage_change": 1, field: value}
    assert set(refused(schemas.UpdateResourceUsage, arguments)) == {field}


def test_an_update_changes_something():
    assert set(refused(schemas.UpdateResource, {"resource_id": str(uuid7()), "version": 1})) == {"arguments"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lon", 181),
        ("lat", float("nan")),
        ("needed", -1),
        ("limit", 501),
        ("status", ["open"]),
        ("radius_m", -1),
    ],
)
def test_a_search_names_the_field_at_fault(field, value):
    assert set(refused(schemas.FindNearestResources, {"lon": 0, "lat": 0, field: value})) == {field}

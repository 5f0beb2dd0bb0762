"""What a caller may: wildcards, regions, and nothing by default."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.errors import Forbidden
from shared.platform.rpc.context import Caller

HERE, THERE = uuid4(), uuid4()
THINGS = ("report", "resource", "alert")
VERBS = ("read", "create", "change_status")
PERMISSIONS = [f"{thing}:{verb}" for thing in THINGS for verb in VERBS]
GRANTABLE = [*PERMISSIONS, *(f"{thing}:*" for thing in THINGS), "*"]
REGIONS = [UUID(int=number) for number in range(4)]

grants = st.dictionaries(
    st.sampled_from(GRANTABLE), st.none() | st.frozensets(st.sampled_from(REGIONS)), max_size=5
)


def caller(permissions):
    return Caller(uuid4(), frozenset(), permissions, token="", correlation_id="")


def covers(granted, permission):
    """The rule said the long way round, to compare with."""
    return granted in ("*", permission, f"{permission.split(':')[0]}:*")


@given(grants, st.sampled_from(PERMISSIONS), st.sampled_from(REGIONS))
def test_a_permission_in_a_region_is_held_iff_a_grant_covers_both(held, permission, region):
    expected = any(
        covers(name, permission) and (regions is None or region in regions) for name, regions in held.items()
    )
    regions = caller(held).regions(permission)
    assert (regions is None or region in regions) is expected


@given(grants, st.sampled_from(PERMISSIONS))
def test_anywhere_means_at_least_one_region(held, permission):
    one = caller(held)
    regions = one.regions(permission)
    assert one.may(permission) is (regions is None or bool(regions))


@given(grants, st.sampled_from(PERMISSIONS))
def test_require_refuses_exactly_what_may_denies(held, permission):
    one = caller(held)
    if one.may(permission):
        one.require(permission)
    else:
        with pytest.raises(Forbidden) as refusal:
            one.require(permission)
        assert refusal.value.details == {"permission": permission}
        assert permission in refusal.value.message


def test_nothing_is_allowed_by_default():
    assert not caller({}).may("report:read")
    assert caller({}).regions("report:read") == frozenset()


def test_a_grant_that_names_no_region_is_no_grant():
    assert not caller({"report:read": frozenset()}).may("report:read")


def test_grants_of_one_permission_add_up():
    held = {"report:read": frozenset({HERE}), "report:*": frozenset({THERE})}
    assert caller(held).regions("report:read") == {HERE, THERE}


def test_a_wider_grant_of_one_region_does_not_narrow_one_of_all():
    assert caller({"report:read": None, "report:*": frozenset({HERE})}).regions("report:read") is None


def test_a_prefix_is_not_a_wildcard():
    assert not caller({"report": None, "report:": None, "rep*": None}).may("report:read")

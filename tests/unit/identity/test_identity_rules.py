"""What permissions cover, which passwords are taken, how long a guesser waits."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity import policy
from shared.domain.permissions import DEFAULT_ROLES, PERMISSIONS, REGIONAL_THINGS
from shared.platform.rpc.context import Caller

NORTH, SOUTH = uuid4(), uuid4()
REGIONS = {"NORTH": NORTH, "SOUTH": SOUTH}

things = sorted({name.partition(":")[0] for name in PERMISSIONS})
names = st.sampled_from([*PERMISSIONS, *(f"{thing}:*" for thing in things)])
regional = names.filter(lambda name: name.partition(":")[0] in REGIONAL_THINGS)
texts = st.one_of(
    st.just("*"), names, st.builds("{}:{}".format, regional, st.sampled_from([*REGIONS, "GONE"]))
)
granted = st.lists(texts, max_size=8)


def caller(grants: policy.Grants) -> Caller:
    return Caller(
        user_id=UUID(int=1), roles=frozenset(), permissions=grants, token="", correlation_id="", session_id=""
    )


@pytest.mark.parametrize(
    ("text", "name", "code"),
    [
        ("*", "*", None),
        ("report:read", "report:read", None),
        ("report:*", "report:*", None),
        ("report:change_status:HT-OUEST", "report:change_status", "HT-OUEST"),
        ("report:*:HT.GR", "report:*", "HT.GR"),
    ],
)
def test_a_permission_is_read(text, name, code):
    assert policy.Permission.parse(text) == policy.Permission(name, code)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "report",
        "report:",
        "report:fly",
        "reports:read",
        "*:read",
        "*:*",
        "*:NORTH",
        "report:read:",
        "report:read:a b",
        "user:read:NORTH",
        "catalogue:*:NORTH",
        "report:read:a:b",
        "report:read:" + "x" * 51,
        "report:read\n",
    ],
)
def test_what_is_no_permission_is_refused(text):
    assert policy.Permission.parse(text) is None


@given(granted)
def test_everybody_covers_what_they_hold(permissions):
    held = policy.combine(permissions, REGIONS)
    assert policy.covers(held, held, {})


@given(granted, granted)
def test_who_covers_a_grant_may_do_all_of_it(mine, theirs):
    held, wanted = policy.combine(mine, REGIONS), policy.combine(theirs, REGIONS)
    if policy.covers(held, wanted, {}):
        giver, taker = caller(held), caller(wanted)
        for permission in PERMISSIONS:
            for region in (NORTH, SOUTH, uuid4()):
                assert held_in(giver, permission, region) >= held_in(taker, permission, region)


def held_in(one, permission, region):
    regions = one.regions(permission)
    return regions is None or region in regions


@given(granted, granted)
def test_holding_more_never_covers_less(mine, more):
    held = policy.combine(mine, REGIONS)
    assert policy.covers(policy.combine([*mine, *more], REGIONS), held, {})


def test_a_narrowed_permission_does_not_cover_the_whole():
    assert not policy.covers({"report:read": frozenset({NORTH})}, {"report:read": None}, {})
    assert not policy.covers({"report:read": frozenset({NORTH})}, {"report:read": frozenset({SOUTH})}, {})
    assert policy.covers({"report:*": frozenset({NORTH, SOUTH})}, {"report:read": frozenset({SOUTH})}, {})


def test_what_is_held_in_a_region_covers_what_lies_in_it_and_not_the_other_way_round():
    lineages = {NORTH: frozenset({NORTH}), SOUTH: frozenset({NORTH, SOUTH})}
    north, south = {"report:*": frozenset({NORTH})}, {"report:read": frozenset({SOUTH})}
    assert policy.covers(north, south, lineages)
    assert not policy.covers({"report:*": frozenset({SOUTH})}, {"report:read": frozenset({NORTH})}, lineages)


def test_every_verb_of_a_thing_is_less_than_the_thing_itself():
    held = dict.fromkeys(PERMISSIONS)
    assert not policy.covers(held, {"report:*": None}, {})
    assert not policy.covers({f"{thing}:*": None for thing in things}, {"*": None}, {})


def test_a_code_without_a_region_grants_nothing():
    assert policy.combine(["report:read:GONE"], REGIONS) == {}


def test_the_default_roles_hold_permissions_that_exist():
    for name, role in DEFAULT_ROLES.items():
        assert policy.ROLE_NAME.fullmatch(name)
        assert all(policy.Permission.parse(permission) for permission in role.permissions)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("short", "at least 10 characters"),
        ("é" * 37, "at most 72 bytes"),
        ("aaaabbbbcccc", "different characters"),
        ("Someone@Example.org", "email address"),
    ],
)
def test_a_bad_password_is_refused(password, says):
    [problem] = policy.password_problems(password, "someone@example.org")
    assert says in problem


@pytest.mark.parametrize("password", ["correct horse", "x1y2" * 18, "пароль-пароль"])
def test_a_good_password_is_taken(password):
    assert policy.password_problems(password, "someone@example.org") == []


def test_a_password_is_the_same_however_its_letters_are_composed():
    assert policy.encode_password("cafe\u0301") == policy.encode_password("caf\u00e9")


@given(st.integers(0, 10_000), st.integers(0, 100))
def test_the_wait_grows_and_is_capped(failures, free):
    limit = policy.Limit(free, max_wait=900)
    wait = limit.wait_after(failures)
    assert 0 <= wait <= 900
    assert (wait == 0) == (failures < free)
    assert limit.wait_after(failures + 1) >= wait


def test_an_address_is_compared_in_one_form():
    assert policy.normalise_email("  JOSE\u0301@Example.ORG ") == "josé@example.org"

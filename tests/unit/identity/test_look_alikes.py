"""E-mail addresses in one form, and which of them look alike."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from services.identity import policy
from services.identity.look_alikes import skeleton, skeleton_digest
from services.identity.schemas.fields import Email


@pytest.mark.parametrize(
    ("written", "taken"),
    [
        ("  ADA@Example.ORG ", "ada@example.org"),
        (
            "\uff41\uff44\uff41\uff20\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45\uff0e\uff4f\uff52\uff47",
            "ada@example.org",
        ),
        ("JOSE\u0301@example.org", "josé@example.org"),
        ("\ufb01ona@example.org", "fiona@example.org"),
        ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444", "ada@xn--e1afmkfd.xn--p1ai"),
        ("ad\u200ba@example.org", "ada@example.org"),
        ("\u202eada@example.org", "ada@example.org"),
    ],
)
def test_an_address_is_taken_in_one_form(written, taken):
    assert Email().deserialize(written) == taken
    assert Email().deserialize(taken) == taken


@pytest.mark.parametrize(
    "written",
    ["ada@exa\u2028mple", "ada@\u0301.example", "ada@ex ample.org", "a@@b.org", "@b.org"],
)
def test_what_is_no_address_is_refused(written):
    with pytest.raises(ValidationError):
        Email().deserialize(written)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("admin@example.org", "\u0430dmin@example.org"),  # Cyrillic
        ("admin@example.org", "adm\u0131n@example.org"),  # without the dot
        ("ada@example.org", "\u0251da@example.org"),
        ("ada@apple.example", "ada@\u0430\u0440\u0440\u04cf\u0435.example"),
        ("pat@scope.example", "\u0440\u0430t@\u0455\u0441\u043e\u0440\u0435.example"),
        ("modern@example.org", "m\u03bfdern@example.org"),  # Greek
    ],
)
def test_addresses_that_look_alike_have_one_skeleton(one, other):
    one, other = policy.normalise_email(one), policy.normalise_email(other)
    assert one != other
    if "apple" not in one:  # of the palochka, the table of Unicode says that it looks like an i
        assert skeleton_digest(one) == skeleton_digest(other)
    else:
        assert skeleton_digest("ada@appie.example") == skeleton_digest(other)


@pytest.mark.parametrize("other", ["jozef@example.org", "józef@exampie.org", "jósef@example.org"])
def test_addresses_that_look_different_have_other_skeletons(other):
    assert skeleton_digest("józef@example.org") != skeleton_digest(other)


@given(st.text(max_size=20))
def test_a_skeleton_is_its_own(text):
    assert skeleton(skeleton(text)) == skeleton(text)


def test_letters_and_digits_that_read_differently_stay_apart():
    kept = set(string.ascii_lowercase + string.digits) - set("m10")
    assert {character for character in kept if skeleton(character) != character} == set()

"""The fixed set of errors crosses the wire and back; nothing else does."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.client.errors import (
    BY_SLUG,
    Conflict,
    ImpactXError,
    Internal,
    Invalid,
    from_wire,
    to_wire,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FIELDS = st.dictionaries(TEXT, st.lists(TEXT, max_size=3), max_size=3)
NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(
    lambda name: name not in ("message", "fields", "self")
)
DETAILS = st.dictionaries(
    NAMES, st.none() | st.integers(-(2**53), 2**53) | TEXT | st.lists(TEXT, max_size=3), max_size=3
)


@given(kind=st.sampled_from(sorted(BY_SLUG)), message=TEXT, fields=FIELDS, details=DETAILS)
def test_an_error_survives_the_wire(kind, message, fields, details):
    sent = BY_SLUG[kind](message, fields=fields, **details)
    arrived = from_wire(orjson.loads(orjson.dumps(to_wire(sent))))
    assert type(arrived) is type(sent)
    assert (arrived.message, arrived.fields, arrived.details) == (sent.message, sent.fields, sent.details)


@pytest.mark.parametrize("kind", BY_SLUG.values())
def test_every_error_has_a_sentence_of_its_own(kind):
    assert kind().message == kind.__doc__
    assert kind().message.endswith(".")


@pytest.mark.parametrize("kind", BY_SLUG.values())
def test_a_plain_nameko_caller_finds_its_own_keys(kind):
    wire = to_wire(kind("What happened."))
    assert (wire["exc_type"], wire["exc_args"], wire["value"]) == (
        kind.__name__,
        ["What happened."],
        "What happened.",
    )


def test_the_text_shows_every_field():
    error = Invalid("Some input is wrong.", fields={"title": ["Missing."], "limit": ["Too small.", "Odd."]})
    assert str(error) == "Some input is wrong. (title: Missing.; limit: Too small. Odd.)"


def test_an_invalid_without_a_message_names_the_fields():
    assert (
        Invalid(fields={"title": ["Missing."], "limit": ["Odd."]}).message
        == "Some input is wrong: limit, title."
    )


def test_details_are_the_callers_to_read():
    assert Conflict("No.", legal=["confirmed"]).details == {"legal": ["confirmed"]}


@pytest.mark.parametrize(
    "foreign",
    [
        {},
        {"slug": "made_up", "exc_type": "Trouble"},
        {"exc_type": "KeyError", "exc_args": ["secret"], "value": "secret"},
        {"slug": None},
        {"slug": ["invalid"]},
    ],
)
def test_an_error_that_is_not_of_the_set_is_a_fault_and_tells_nothing(foreign):
    arrived = from_wire(foreign)
    assert type(arrived) is Internal
    assert "secret" not in str(arrived)


@pytest.mark.parametrize("wrong", ["fields", "details"])
@pytest.mark.parametrize("value", [None, {}])
def test_missing_parts_are_empty(wrong, value):
    arrived = from_wire({"slug": "conflict", "message": "No.", wrong: value})
    assert (arrived.fields, arrived.details) == ({}, {})


def test_details_named_like_our_own_parameters_do_not_break_the_caller():
    wire = {"slug": "conflict", "message": "No.", "details": {"message": "x", "fields": 1, "self": 2}}
    assert isinstance(from_wire(wire), ImpactXError)

"""Arguments are closed and bounded; the refusal of each names the field and says what to do."""

import datetime as dt
import math
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import fields

from shared.client.errors import Invalid
from shared.platform.schemas import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Arguments,
    BoundedInteger,
    Empty,
    Identifier,
    Latitude,
    Location,
    Longitude,
    Number,
    Page,
    Result,
    Text,
    Timestamp,
    load,
    page_of,
)


class Inner(Arguments):
    code = Text(max_length=3, required=True)


class Sample(Arguments):
    text = Text(max_length=5)
    note = Text(max_length=5, blank=True)
    lines = Text(max_length=20, lines=True)
    secret = Text(max_length=20, verbatim=True)
    identifier = Identifier()
    moment = Timestamp()
    whole = BoundedInteger(min_value=1, max_value=5)
    number = Number(min_value=0, max_value=1)
    location = Location()
    longitude = Longitude()
    latitude = Latitude()
    inner = fields.Nested(Inner)
    inners = fields.List(fields.Nested(Inner))


def loaded(**arguments):
    return load(Sample(), arguments)


def problems(**arguments):
    with pytest.raises(Invalid) as refusal:
        loaded(**arguments)
    return refusal.value.fields


def test_a_field_that_is_not_offered_is_refused():
    assert problems(is_active=True) == {"is_active": ["Unknown field."]}
    with pytest.raises(Invalid):
        load(Empty(), {"anything": 1})


def test_nested_problems_have_dotted_names():
    found = problems(inner={"code": "four", "x": 1}, inners=[{"code": "ok"}, {}])
    assert set(found) == {"inner.code", "inner.x", "inners.1.code"}


def test_every_problem_is_named_at_once():
    assert set(problems(text="longer than five", whole=0, identifier="no")) == {"text", "whole", "identifier"}


def test_texts_are_bounded_and_not_blank_unless_they_may():
    assert loaded(text="five!", note="  ") == {"text": "five!", "note": "  "}
    assert problems(text="sixsix") == {"text": ["Must be at most 5 characters long."]}
    assert problems(text=" \t\n") == {"text": ["Must not be empty."]}
    assert "text" in problems(text=7)


@pytest.mark.parametrize(
    "invisible",
    ["\u200b", "\ufeff", " \u200b \ufeff", "\u2060\u00ad", "\u200d\u200c", "\u2800", "\u3164", "\u115f\u1160",
     "\uffa0", "\u202e\u202c", "\u2066\u2069", "\x07\x1b", "\x85", "\u180e", "\ufe0f", "\u034f", "\U000e0041",
     "\u00a0\u2003\u3000", "\u2028", "\u061c", "\U0001d159"],
    ids=ascii,
)  # fmt: skip
def test_a_text_in_which_nothing_can_be_seen_is_empty(invisible):
    assert problems(text=invisible) == {"text": ["Must not be empty."]}
    assert problems(inner={"code": invisible[:3]}) == {"inner.code": ["Must not be empty."]}
    assert loaded(note=invisible[:5])["note"].strip() == ""


def test_a_text_has_no_characters_that_cannot_be_seen():
    assert loaded(text="\ufeffa\u202eb\x1b") == {"text": "ab"}
    assert loaded(note="\u200b") == {"note": ""}
    assert loaded(text="a\r\nb\t") == {"text": "a b "}
    assert loaded(lines="a\r\nb\tc\x00d\u2029e") == {"lines": "a\nb\tcd\ne"}
    place = {"type": "Point", "coordinates": [1, 2], "address": "\u202eRue\u200b 7\n"}
    assert loaded(location=place)["location"] == {**place, "address": "Rue 7 "}


def test_a_secret_stays_as_it_came():
    assert loaded(secret="\u200bp\u202e\x07") == {"secret": "\u200bp\u202e\x07"}


def test_a_text_is_measured_as_it_came_and_as_it_is_stored():
    assert problems(text="\u200b" * 6) == {"text": ["Must be at most 5 characters long."]}
    # U+0344 is two characters when it is composed.
    assert problems(text="\u0344" * 5) == {"text": ["Must be at most 5 characters long."]}


def test_an_identifier_is_the_hyphenated_form_alone():
    one = uuid4()
    assert loaded(identifier=str(one)) == {"identifier": one}
    for wrong in (one.hex, f"{{{one}}}", f"urn:uuid:{one}", 7, None, "", "x" * 36):
        assert "identifier" in problems(identifier=wrong)


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_a_moment_comes_back_as_the_same_moment(moment):
    assert loaded(moment=moment.isoformat()) == {"moment": moment}


def test_a_moment_is_read_in_its_own_offset_and_kept_in_utc():
    moment = loaded(moment="2026-01-31T12:00:00+02:00")["moment"]
    assert moment == dt.datetime(2026, 1, 31, 10, tzinfo=dt.UTC)
    assert moment.tzinfo is dt.UTC


@pytest.mark.parametrize(
    "written", ["2026-01-31t12:00:00z", "2026-01-31T12:00:00z", "2026-01-31 12:00:00.000z"]
)
def test_t_and_z_may_be_in_lower_case(written):
    assert loaded(moment=written) == {"moment": dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)}


@pytest.mark.parametrize("written", ["2026-01-31T12:00:00 02:00", "2026-01-31t12:00:00.5 0200"])
def test_a_plus_that_became_a_blank_is_recognised(written):
    assert "write %2B" in problems(moment=written)["moment"][0]


@pytest.mark.parametrize("naive", ["2026-01-31T12:00:00", "2026-01-31"])
def test_a_moment_without_an_offset_is_refused(naive):
    assert problems(moment=naive) == {"moment": ["Must include an offset from UTC, such as Z or +02:00."]}


@pytest.mark.parametrize(
    "wrong",
    ["yesterday", "", 1767225600, None, "2026-13-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9" * 400],
)
def test_what_is_no_moment_is_refused(wrong):
    assert "moment" in problems(moment=wrong)


@pytest.mark.parametrize("wrong", [0, 6, 1.0, "3", True, None, 10**30])
def test_a_whole_number_out_of_bounds_or_of_another_kind_is_refused(wrong):
    assert "whole" in problems(whole=wrong)


@pytest.mark.parametrize("wrong", [-0.1, 1.1, "0.5", True, None, math.nan, math.inf, 10**400])
def test_a_number_out_of_bounds_or_of_another_kind_is_refused(wrong):
    assert "number" in problems(number=wrong)


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_every_place_on_earth_is_a_location(longitude, latitude):
    place = {"type": "Point", "coordinates": [longitude, latitude]}
    assert loaded(location=place, longitude=longitude, latitude=latitude)["location"] == place


@pytest.mark.parametrize(
    ("coordinates", "says"),
    [
        ([181, 0], "Longitude"),
        ([180.00001, 0], "Longitude 180.00001 is"),
        ([0, -90.5], "Latitude"),
        ([0], "longitude, latitude"),
        ([0, 0, 0, 0], "longitude, latitude"),
        (["0", "0"], "finite"),
        ([True, False], "finite"),
        ([math.nan, 0], "finite"),
        ([0, math.inf], "finite"),
        ([0, 0, 10**400], "finite"),
        ({"lon": 0, "lat": 0}, "longitude, latitude"),
        (None, "longitude, latitude"),
    ],
)
def test_coordinates_out_of_range_are_refused_where_they_stand(coordinates, says):
    found = problems(location={"type": "Point", "coordinates": coordinates})
    assert list(found) == ["location.coordinates"]
    assert says in found["location.coordinates"][0]


@pytest.mark.parametrize(
    ("location", "field"),
    [
        ({"type": "LineString", "coordinates": [0, 0]}, "location.type"),
        ({"type": "Point", "coordinates": [0, 0], "altitude": 3}, "location.altitude"),
        ({"type": "Point", "coordinates": [0, 0], "address": "x" * 501}, "location.address"),
        ({"type": "Point", "coordinates": [0, 0], "address": 7}, "location.address"),
        ([0, 0], "location"),
        ("Point", "location"),
    ],
)
def test_what_is_no_location_is_refused(location, field):
    assert list(problems(location=location)) == [field]


def test_a_page_has_bounds_and_defaults():
    assert load(Page(), {}) == {"cursor": None, "limit": DEFAULT_LIMIT}
    for wrong in (0, MAX_LIMIT + 1, "50", None, 1.5):
        with pytest.raises(Invalid) as refusal:
            load(Page(), {"limit": wrong})
        assert list(refusal.value.fields) == ["limit"]
    with pytest.raises(Invalid):
        load(Page(), {"cursor": "x" * 2001})


def test_a_result_lets_out_exactly_what_is_declared():
    class Account(Result):
        id = Identifier()
        created_at = Timestamp()

    row = {
        "id": UUID(int=1),
        "created_at": dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        "password_hash": "hidden",
    }
    page = page_of(Account)().dump({"items": [row], "next_cursor": None, "total": 9})
    assert page == {
        "items": [{"id": UUID(int=1), "created_at": dt.datetime(2025, 12, 31, 23, tzinfo=dt.UTC)}],
        "next_cursor": None,
    }
